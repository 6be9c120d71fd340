"""A town that records, without its recorders: people with passkeys, footage, and its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import structs

from tests import footage
from tests.footage import TEN, Custodian
from tests.town_hall import Member, TownHall
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.entity import Entity, Json
from townsquare.trust import approvals
from townsquare.trust.approvals import Approval
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.books import Books
from townsquare.vision.sealed.holds import Holds, Wish
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.retention import Retention
from townsquare.vision.sealed.types import FOOTAGE, HOLD, OWNER
from townsquare.web.approvals import sealed, warnings
from townsquare.web.approvals.book import Book

LOOK = (room(OWNER), Why("operations"))


@dataclass
class Vault(TownHall):
    data: Path = Path()
    of: list[Custodian] = field(default_factory=footage.custodians)
    passed: datetime | None = None  # else the town's clock is right
    renewed: int = 0

    async def open(self, told: Terms | None = None) -> "Vault":
        """Again is as a restart, with these terms in the settings."""
        self.town = footage.Town(self.data, self.of)
        self.shelf, self.keys = self.town.shelf, self.town.keys
        self.agreed = Agreed(self.broker, told or footage.terms(self.of))
        self.holds = Holds(self.broker, self.shelf, self.keys, warnings.asking(lambda: self.book))
        self.retention = Retention(
            self.broker, self.shelf, self.keys, self.agreed, self.holds, self.sure
        )
        acts = sealed.acts(self.agreed, self.holds, lambda: self.book, self.renew)
        self.book = Book(self.broker, self.people, {act.name: act for act in acts})
        await self.agreed.open()
        self.books = Books(self.broker, self.shelf, self.keys, self.agreed)
        return self

    def sure(self) -> datetime:
        return self.passed or self.now

    async def renew(self) -> None:
        self.renewed += 1

    async def record(
        self, camera: str, number: int = 1, since: datetime | None = None
    ) -> list[Line]:
        """Ten seconds each, from then on, with what is written of their hours."""
        at = since or self.now
        lines = [self.town.record(camera, at + n * TEN, b"clip %d" % n) for n in range(number)]
        await self.told(camera, at, at + number * TEN)
        return lines

    async def told(self, camera: str, since: datetime, until: datetime) -> None:
        before = self.now
        if camera not in self.books.since:
            self.now = since
            await self.books.open([camera])
        self.now = until + timedelta(minutes=1)
        await self.books.seal(self.now)
        await self.books.tell(self.now)
        self.now = before

    async def later(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        await self.retention.step()

    async def hour(self, camera: str, at: datetime) -> Entity:
        return await self.broker.read(f"urn:ngsi-ld:{FOOTAGE}:{camera}:{hour_of(at)}", *LOOK)

    async def entities(self, type: str = HOLD) -> Sequence[Entity]:
        return (await self.broker.find(Query(types=(type,), limit=MOST), *LOOK)).entities

    # --- people

    async def staff(self) -> Mapping[str, Member]:
        """Three custodians, a prosecutor, a defender, and those who agree to terms."""
        roles = {
            "police": ("Police", "custodian"),
            "privacy": ("Data Protection", "custodian"),
            "court": ("Court", "custodian"),
            "prosecutor": ("Prosecution", "investigator"),
            "defender": ("Chambers", "investigator"),
            "mayor": ("Town Hall", "administrator"),
            "security": ("Court of Audit", "security"),
        }
        return {name: await self.member(name, *told) for name, told in roles.items()}

    async def agree(self, one: Approval | str, who: Member) -> None:
        found = await self.book.of(one) if isinstance(one, str) else one
        told = approvals.digest(found.request)
        await self.book.approve(found.id, who.key.signed(told), who.actor)

    def wish(self, since: datetime, minutes: float = 1, **more: Json) -> Wish:
        until = self.now + timedelta(days=100)
        told = Wish("market", since, since + timedelta(minutes=minutes), "defence", "12 Js", until)
        return structs.replace(told, **more)

    async def held(self, since: datetime, by: Actor, agrees: Member) -> str:
        id, approval = await self.holds.ask(self.wish(since), by)
        await self.agree(approval, agrees)
        return id
