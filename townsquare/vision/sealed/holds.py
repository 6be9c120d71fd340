"""Legal holds: footage that prosecution, defence or a court need is kept openable for longer.

Always holds: a hold is of some segments of one camera, for one case, for a year at most, and agreed
to by a custodian of another organisation, or by three where it is of many; their shares are sealed
to a key of its own before it is said to run, and that key is destroyed when it ends. How many run
is public; of which camera and which case is not.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, iso, relationship, urn
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.trust.identity.organisation import folded
from townsquare.trust.policy import require
from townsquare.trust.seal import segment
from townsquare.trust.seal.listing import Line
from townsquare.vision.entities import CAMERA
from townsquare.vision.sealed import footage
from townsquare.vision.sealed.hour_keys import HOLD as NAMED
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.hours import footage_id
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.types import HOLD, OWNER
from townsquare.vision.sealed.unwrapping import Unwrapping

ROOM, WHY = room(OWNER), Why("operations")
ONE, THREE = "hold", "holdOfMany"  # acts: how many custodians agree
INVESTIGATION = "investigation"
LONGEST = timedelta(days=366)
MOST_RUNNING = 20  # of one organisation
FEW, SHARE = 360, 0.001  # an hour of segments; and of all that exist
ANSWERED = timedelta(minutes=20)  # a request ends after 15
OPEN = parse('status=="asked"|status=="running"')
Found = list[tuple[str, Line]]
# The id of a request for approval; what is wrong with the approvals of this, used where nothing is.
Ask = Callable[[str, str, Mapping[str, Json], Actor], Awaitable[str]]
Wrong = Callable[[str, str, Mapping[str, Json]], Awaitable[Sequence[str]]]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be held, for which party and case, and until when."""

    camera: str
    since: datetime = field(name="from")
    until_at: datetime = field(name="to")
    party: Literal["prosecution", "defence", "court"]
    case: str
    until: datetime


@dataclass(slots=True)
class Holds:
    broker: Broker
    shelf: Shelf
    keys: HourKeys
    asked: Ask

    # --- asking

    async def ask(self, wish: Wish, by: Actor) -> tuple[str, str]:
        """Ids of the hold and of the request that custodians answer. Raises Denied, Invalid,
        Conflict, or NotFound where nothing of that time can be opened any more.
        """
        why = Why(INVESTIGATION, wish.case.strip())
        require(self.broker.grant(by.through(OWNER), why, "write", HOLD))
        _require(wish, self.broker.clock())
        await self._require_quota(by)
        found = await asyncio.to_thread(self._openable, wish.camera, wish.since, wish.until_at)
        if not found:
            raise NotFound("nothing of that camera and time can be opened: there is none, or over")
        id = urn(HOLD, secrets.token_hex(8))
        told = _asked(wish, len(found), by, self.broker.clock())
        many = await asyncio.to_thread(self._many, len(found))
        made = _entity(id, wish.camera, {**told, "act": THREE if many else ONE})
        await self.broker.apply([Change("create", made)], by.through(OWNER), why)
        return id, await self.asked(THREE if many else ONE, id, _detail(made), by)

    async def _require_quota(self, by: Actor) -> None:
        own = [one for one in await self._open() if _same(one.value("organisation"), by)]
        if len(own) >= MOST_RUNNING:
            raise Conflict(
                f"{MOST_RUNNING} holds of {by.organisation or 'no organisation'} run or wait; end"
                " one first"
            )

    def _openable(self, camera: str, since: datetime, until: datetime) -> Found:
        covering = self.shelf.covering(camera, since, until)
        return [one for one in covering if self._keyed(camera, *one)]

    def _keyed(self, camera: str, hour: str, line: Line) -> bool:
        if self.keys.has(hour):
            return self.shelf.file(camera, hour, line.file).exists()
        return any(map(self.keys.has, self.shelf.held(camera, hour, line.file)))

    def _many(self, number: int) -> bool:
        return number > FEW and number > SHARE * self.shelf.count()

    # --- running

    async def agree(self, id: str, wrong: Wrong) -> None:
        """Once custodians agreed. Raises Denied with what is wrong, NotFound if it is too late."""
        kept = await self._of(id)
        if kept.value("status") != "asked":
            raise Conflict(f"this hold is {kept.value('status')} already")
        act = str(kept.value("act"))
        camera, since, until = _span(kept)
        found = await asyncio.to_thread(self._openable, camera, since, until)
        if act == ONE and await asyncio.to_thread(self._many, len(found)):
            raise Denied("this holds more by now than one custodian may agree to; ask anew")
        if objections := await wrong(act, id, _detail(kept)):
            raise Denied(f"this hold is not approved: {'; '.join(objections)}")
        name = name_of(id)
        held = await asyncio.to_thread(self._rewrap, name, camera, found)
        if not held:
            self.keys.destroy(name)
            raise NotFound("nothing of that time can be opened any more")
        hours = sorted({hour for hour, _ in held})
        told: dict[str, Json] = {
            "status": "running",
            "since": iso(self.broker.clock()),
            "segmentCount": len(held),
            "minutes": _minutes(held),
            "holds": hours,
            "keyThumbprint": self.keys.public(name).thumbprint,
        }
        changes = [Change("merge", _entity(id, camera, told))]
        await self.broker.apply([*changes, *self._counted(camera, hours)], ROOM, WHY)

    def _rewrap(self, name: str, camera: str, found: Found) -> Found:
        """The shares of each, sealed to the key of this hold too. Those that hold."""
        key, unwrapping = self.keys.public(name), Unwrapping(self.shelf, self.keys)
        held: Found = []
        for hour, line in found:
            try:
                shares = unwrapping.sealed_shares(camera, hour, line)
                head = self.shelf.head(camera, hour, line.file)
            except (NotFound, Invalid):
                continue  # its time ended meanwhile, or it was changed
            envelope = segment.enveloped(head, shares, key).envelope
            self.shelf.hold(camera, hour, line.file, name, envelope)
            held.append((hour, line))
        return held

    def on(self, camera: str, hour: str) -> set[str]:
        """Names of the holds that run on something of this hour."""
        there = self.shelf.at(camera, hour).glob(f"*.{NAMED}*")
        names = {file.name.rsplit(".", 1)[1] for file in there}
        return {name for name in names if self.keys.has(name)}

    def _counted(self, camera: str, hours: Sequence[str]) -> list[Change]:
        return [
            footage.merged(footage_id(camera, hour), camera, {"held": len(self.on(camera, hour))})
            for hour in hours
        ]

    # --- the end

    async def end(self, id: str, by: Actor) -> None:
        """By who asked, before its time. Raises Denied, NotFound or Conflict."""
        kept = await self._of(id)
        if kept.value("askedBy") != by.id:
            raise Denied("a hold is ended by who asked for it, or by its time")
        if kept.value("status") != "running":
            raise Conflict(f"this hold is {kept.value('status')}")
        await self._over(kept, self.broker.clock())

    async def sweep(self, now: datetime) -> None:
        """Those whose time is over, and requests that nobody agreed to."""
        for kept in await self._open():
            status = kept.value("status")
            if status == "running" and _at(kept, "validUntil") <= now:
                await self._over(kept, now)
            elif status == "asked" and _at(kept, "askedAt") + ANSWERED <= now:
                await self._say(kept, {"status": "refused", "endedAt": iso(now)})

    async def _over(self, kept: Entity, now: datetime) -> None:
        """The key first."""
        camera, _, _ = _span(kept)
        name, hours = name_of(kept.id), [str(hour) for hour in kept.value("holds") or ()]
        await asyncio.to_thread(self.keys.destroy, name)
        for hour in hours:
            await asyncio.to_thread(self.shelf.release, camera, hour, name)
        told = _entity(kept.id, camera, {"status": "ended", "endedAt": iso(now)})
        changes = [Change("merge", told), *self._counted(camera, hours)]
        await self.broker.apply(changes, ROOM, WHY)

    async def _say(self, kept: Entity, told: Mapping[str, Json]) -> None:
        camera, _, _ = _span(kept)
        await self.broker.apply([Change("merge", _entity(kept.id, camera, told))], ROOM, WHY)

    async def _open(self) -> list[Entity]:
        found = await self.broker.find(Query(types=(HOLD,), q=OPEN, limit=MOST), ROOM, WHY)
        return found.entities

    async def _of(self, id: str) -> Entity:
        found = await self.broker.read(id, ROOM, WHY)
        if HOLD not in found.types:
            raise NotFound(f"{id} is no legal hold")
        return found


def name_of(id: str) -> str:
    """Of its key."""
    return NAMED + id.rsplit(":", 1)[1]


def _require(wish: Wish, now: datetime) -> None:
    """Raises Invalid."""
    times = (wish.since, wish.until_at, wish.until)
    if any(at.tzinfo is None for at in times):
        raise Invalid("from, to and until need a time zone, such as 2026-11-23T09:00:00Z")
    if not wish.since < wish.until_at:
        raise Invalid("a hold is of a time that ends after it begins: from, to")
    if not now < wish.until <= now + LONGEST:
        raise Invalid(f"until must be after now and within a year; it is {iso(wish.until)}")


def _asked(wish: Wish, number: int, by: Actor, now: datetime) -> dict[str, Json]:
    return {
        "status": "asked",
        "askedAt": iso(now),
        "party": wish.party,
        "validUntil": iso(wish.until),
        "minutes": round((wish.until_at - wish.since).total_seconds() / 60),
        "segmentCount": number,
        "dateObservedFrom": iso(wish.since),
        "dateObservedTo": iso(wish.until_at),
        "caseNumber": wish.case.strip(),
        "organisation": by.organisation,
        "askedBy": by.id,
    }


def _entity(id: str, camera: str, told: Mapping[str, Json]) -> Entity:
    attributes = {name: (Attribute(value),) for name, value in told.items()}
    attributes["refCamera"] = (relationship(urn(CAMERA, camera)),)
    return Entity(id, (HOLD,), attributes)


def _detail(kept: Entity) -> dict[str, Json]:
    """What custodians sign."""
    told = {
        "camera": kept.value("refCamera").rsplit(":", 1)[1],
        "from": kept.value("dateObservedFrom"),
        "to": kept.value("dateObservedTo"),
        "party": kept.value("party"),
        "case": kept.value("caseNumber"),
        "until": kept.value("validUntil"),
        "segments": kept.value("segmentCount"),
    }
    return {name: str(value) for name, value in told.items()}


def _span(kept: Entity) -> tuple[str, datetime, datetime]:
    camera = kept.value("refCamera").rsplit(":", 1)[1]
    return camera, _at(kept, "dateObservedFrom"), _at(kept, "dateObservedTo")


def _at(kept: Entity, name: str) -> datetime:
    return datetime.fromisoformat(kept.value(name))


def _minutes(held: Found) -> int:
    return round(sum((line.until - line.since).total_seconds() for _, line in held) / 60)


def _same(organisation: Json, by: Actor) -> bool:
    return folded(str(organisation or "")) == folded(by.organisation)
