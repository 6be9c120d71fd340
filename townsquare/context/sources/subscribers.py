"""Subscriptions to registrations, kept in the store and in memory (clauses 5.11.2 to 5.11.6)."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.once import Once
from townsquare.context.sources.interest import Interested, interested
from townsquare.context.subscriptions.book import MOST_EACH
from townsquare.context.subscriptions.kept import Kept, Tally
from townsquare.context.subscriptions.underway import UnderWay
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import AlreadyExists, NotFound, TooComplex
from townsquare.store import Key

ROW = "source subscription "  # begins the id of its row


class Subscribers:
    """How each has been told is remembered as long as the server runs."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.under_way = UnderWay()
        self.altered: asyncio.Queue[Key] = asyncio.Queue()  # came, changed or went
        self._all: dict[Key, Interested] = {}
        self._tallies: dict[Key, Tally] = {}
        self.load = Once(self._load)

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("document", None):
            if row.key.id.startswith(ROW):
                one = interested(msgspec.json.decode(row.body, type=Kept))
                self._all[one.key] = one

    def get(self, key: Key) -> Interested | None:
        return self._all.get(key)

    def own(self, key: Key, by: Actor, why: Why) -> Interested:
        """Raises NotFound, also for the subscription of somebody else."""
        one = self._all.get(key)
        if one is None or not self.broker.owners.may(one.kept.by, by, why):
            raise NotFound(f"{key.id} does not exist")
        return one

    def of(self, by: Actor, why: Why, tenant: str) -> list[Interested]:
        """Those that are open to them, oldest first."""
        there = self.in_tenant(tenant)
        return [one for one in there if self.broker.owners.may(one.kept.by, by, why)]

    def in_tenant(self, tenant: str) -> Sequence[Interested]:
        return [one for one in self._all.values() if one.kept.tenant == tenant]

    def everybody(self) -> Sequence[Interested]:
        return list(self._all.values())

    def tally(self, key: Key) -> Tally:
        """To read and to count in; of what is not there any more nothing is remembered."""
        return self._tallies.setdefault(key, Tally()) if key in self._all else Tally()

    async def create(self, kept: Kept) -> str:
        """Raises AlreadyExists, Invalid, or TooComplex for one too many."""
        mine = (one for one in self.in_tenant(kept.tenant) if one.kept.by.id == kept.by.id)
        if sum(1 for _ in mine) >= MOST_EACH:
            raise TooComplex(f"you have {MOST_EACH} of these subscriptions; delete one first")
        one = interested(kept)
        if one.key in self._all:
            raise AlreadyExists(f"{kept.id} exists already")
        body = msgspec.json.encode(kept)
        await self.broker.documents.keep(_row(one.key), body, kept.by, kept.why, new=True)
        self._all[one.key] = one
        self.altered.put_nowait(one.key)
        return kept.id

    async def amend(self, key: Key, by: Actor, why: Why, change: Callable[[Kept], Kept]) -> None:
        """Raises NotFound, and what `change` raises."""
        changed: list[Interested] = []

        def decided(body: bytes) -> bytes:
            kept = change(msgspec.json.decode(body, type=Kept))
            changed[:] = [interested(kept)]
            return msgspec.json.encode(kept)

        self.own(key, by, why)
        await self.broker.documents.amend(_row(key), decided, by, why)
        [self._all[key]] = changed
        self.altered.put_nowait(key)

    async def drop(self, key: Key, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        await self._drop(self.own(key, by, why).key, by, why)

    async def _drop(self, key: Key, by: Actor, why: Why) -> None:
        await self.broker.documents.drop(_row(key), by, why)
        self._all.pop(key, None)
        self._tallies.pop(key, None)
        self.altered.put_nowait(key)


def _row(key: Key) -> Key:
    return Key(key.tenant, "document", ROW + key.id)
