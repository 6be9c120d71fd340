"""All subscriptions, compiled and in memory, and how each has been told.

What is kept in the store comes first: a subscription is put here once it is durable, and read
from there when the server starts.
"""

import asyncio
from collections.abc import Callable, Iterable
from uuid import uuid4

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.once import Once
from townsquare.context.subscriptions.kept import Kept, Tally, tally_key
from townsquare.context.subscriptions.matching import Compiled, Index, compiled
from townsquare.context.subscriptions.underway import UnderWay
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import NotFound, TooComplex
from townsquare.store import Cursor, Key

READER = "subscriptions"
MOST_EACH = 1000  # subscriptions of one actor


class Book:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.index = Index()
        self.altered = asyncio.Event()  # set when a subscription comes, changes or goes
        self.listeners: list[Callable[[Key], None]] = []  # told of the same
        self._all: dict[Key, Compiled] = {}
        self._tallies: dict[Key, Tally] = {}
        self._unsaved: set[Key] = set()
        self.under_way = UnderWay()
        self.load = Once(self._load)  # everything else here expects it

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("subscription", None):
            self._put(compiled(msgspec.json.decode(row.body, type=Kept)))
        tallies = {tally_key(key): key for key in self._all}
        for row in await self.broker.documents.listed("private", None):
            if row.key in tallies:
                self._tallies[tallies[row.key]] = msgspec.json.decode(row.body, type=Tally)

    def _put(self, one: Compiled) -> None:
        if before := self._all.get(one.key):
            self.index.drop(before)
        self._all[one.key] = one
        self.index.put(one)
        self._tell(one.key)

    def _tell(self, key: Key) -> None:
        self.altered.set()
        for listener in self.listeners:
            listener(key)

    # --- reading

    def get(self, key: Key) -> Compiled | None:
        return self._all.get(key)

    def own(self, key: Key, by: Actor, why: Why) -> Compiled:
        """Raises NotFound, also for the subscription of somebody else."""
        one = self._all.get(key)
        if one is None or not self.broker.owners.may(one.kept.by, by, why):
            raise NotFound(f"{key.id} does not exist")
        return one

    def everybody(self) -> Iterable[Compiled]:
        return list(self._all.values())

    def of(self, by: Actor, why: Why, tenant: str) -> list[Compiled]:
        """Those that are open to them, oldest first."""
        there = [one for one in self._all.values() if one.kept.tenant == tenant]
        return [one for one in there if self.broker.owners.may(one.kept.by, by, why)]

    def is_active(self, one: Compiled) -> bool:
        kept, owners = one.kept, self.broker.owners
        return kept.status(self.broker.clock()) == "active" and not owners.stopped(kept.by)

    def periodic(self) -> Iterable[Compiled]:
        return (one for one in self._all.values() if one.subscription.time_interval)

    def tally(self, key: Key) -> Tally:
        return self._tallies.get(key) or Tally()

    # --- changing

    async def create(self, kept: Kept) -> str:
        """Raises AlreadyExists, or TooComplex for one too many."""
        whose = kept.by.id, kept.tenant
        mine = (o for o in self._all.values() if (o.kept.by.id, o.kept.tenant) == whose)
        if sum(1 for _ in mine) >= MOST_EACH:
            raise TooComplex(f"you have {MOST_EACH} subscriptions; delete one first")
        # What happened before it was there is not its business.
        before = await self.broker.last_seq()
        await self.broker.documents.keep(
            kept.key, msgspec.json.encode(kept), kept.by, kept.why, new=True
        )
        self._tallies[kept.key] = Tally(told=before)
        self._unsaved.add(kept.key)
        self._put(compiled(kept))
        return kept.id

    async def amend(self, key: Key, by: Actor, why: Why, change: Callable[[Kept], Kept]) -> None:
        """Raises NotFound, and what `change` raises."""

        def changed(body: bytes) -> bytes:
            return msgspec.json.encode(change(msgspec.json.decode(body, type=Kept)))

        self.own(key, by, why)
        body = await self.broker.documents.amend(key, changed, by, why)
        self._put(compiled(msgspec.json.decode(body, type=Kept)))

    async def drop(self, key: Key, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        await self._drop(self.own(key, by, why), by, why)

    async def reconsider(self, actor: str) -> None:
        """Those of an actor who may not go on as they were."""
        await self.load()
        for key in [key for key, one in self._all.items() if one.kept.by.id == actor]:
            self._tell(key)

    async def _drop(self, one: Compiled, by: Actor, why: Why) -> None:
        await self.broker.documents.drop(one.key, by, why)
        self._all.pop(one.key, None)
        self.index.drop(one)
        self._tallies.pop(one.key, None)
        self._unsaved.add(one.key)
        self._tell(one.key)

    def tallied(self, key: Key) -> Tally:
        """To change; it is saved soon."""
        self._unsaved.add(key)
        return self._tallies.setdefault(key, Tally())

    async def save(self, upto: int) -> None:
        """Tallies, and how far the reader has come, in one transaction."""
        unsaved, self._unsaved = self._unsaved, set()
        rows = {
            tally_key(key): msgspec.json.encode(self._tallies[key]) if key in self._all else None
            for key in unsaved
        }
        await self.broker.documents.note(rows, Cursor(READER, upto))


def fresh_id() -> str:
    return f"urn:ngsi-ld:Subscription:{uuid4()}"
