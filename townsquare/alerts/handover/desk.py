"""Where a shift is handed over, and where hand-overs are read.

Always holds: the report that is signed is made here at that moment, and sent by nobody.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from townsquare.alerts.handover.gathering import Gathering
from townsquare.alerts.handover.handover import (
    Handover,
    accepted,
    handover,
    withdrawn,
    written,
)
from townsquare.alerts.handover.shift import begun
from townsquare.alerts.handover.types import HANDOVER
from townsquare.alerts.incidents.desk import Visitor
from townsquare.context.query import Order, Path, Query
from townsquare.model.entity import Entity, urn
from townsquare.model.errors import NotFound
from townsquare.trust.policy import require

MOST_LISTED = 50
NEWEST = (Order(Path("writtenAt"), descending=True),)


class Writing(Struct, frozen=True, forbid_unknown_fields=True):
    """`since` is when the shift began."""

    since: Annotated[datetime, Meta(tz=True)]
    notes: str = ""
    openPoints: tuple[str, ...] = ()


class Accepting(Struct, frozen=True, forbid_unknown_fields=True):
    remark: str = ""


class Withdrawing(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


@dataclass(frozen=True, slots=True)
class HandoverDesk:
    gathering: Gathering

    async def write(self, wish: Writing, who: Visitor) -> str:
        """Its id. Raises Denied, Invalid."""
        broker = self.gathering.broker
        require(broker.grant(who.by, who.why, "write", HANDOVER))
        now = broker.clock()
        report = await self.gathering.report(begun(wish.since, now), who)
        id = urn(HANDOVER, f"{now:%Y%m%d}-{secrets.token_hex(4)}")
        change = written(id, report, wish.notes, wish.openPoints, who.by, now)
        await broker.apply([change], who.by, who.why)
        return id

    async def accept(self, id: str, wish: Accepting, who: Visitor) -> None:
        """Raises Conflict, Denied, Invalid, NotFound."""
        broker, found = self.gathering.broker, await self._found(id, who)
        await broker.apply([accepted(found, wish.remark, who.by, broker.clock())], who.by, who.why)

    async def withdraw(self, id: str, wish: Withdrawing, who: Visitor) -> None:
        """Raises Conflict, Denied, Invalid, NotFound."""
        broker, found = self.gathering.broker, await self._found(id, who)
        change = withdrawn(found, wish.reason, who.by, broker.clock())
        await broker.apply([change], who.by, who.why)

    async def one(self, id: str, who: Visitor) -> Handover:
        """Raises NotFound."""
        return handover(await self._found(id, who))

    async def _found(self, id: str, who: Visitor) -> Entity:
        found = await self.gathering.broker.read(id, who.by, who.why)
        if HANDOVER not in found.types:
            raise NotFound(f"{id} is no hand-over")
        return found

    async def latest(self, who: Visitor) -> list[Handover]:
        """Newest first."""
        query = Query((HANDOVER,), order=NEWEST, limit=MOST_LISTED)
        page = await self.gathering.broker.find(query, who.by, who.why)
        return [handover(one) for one in page.entities]
