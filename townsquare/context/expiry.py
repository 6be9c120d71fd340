"""What has ended goes before anything is answered, so that no reader ever meets it (clause 4.22).

Costs nothing while nothing is due: the next end is known, from the store at first and then from
the changes that are told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from townsquare.context.commit import Order, ended
from townsquare.context.decoded import Decoded
from townsquare.context.grants import Rights
from townsquare.context.transient import ends_at
from townsquare.model.actor import Why, room
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Entity
from townsquare.store import Job, Store
from townsquare.trust.policy import Policy

NEVER = datetime.max.replace(tzinfo=UTC)
MOST = 500  # entities in one transaction
ROOM, OPERATIONS = room("context"), Why("operations")


class Expiry:
    def __init__(self, store: Store, policy: Policy) -> None:
        self.store = store
        self.policy = policy
        self._next: datetime | None = None  # not known yet
        self._told = NEVER  # the first end of changes that were told while something ends
        self._one = asyncio.Lock()

    async def due(self, clock: Callable[[], datetime]) -> None:
        """Ends what is due, and returns when it is gone."""
        if self._next is NEVER or (self._next and self._next > clock()):
            return
        async with self._one:
            if self._next is None or self._next <= clock():
                await self._end(clock())

    def expect(self, news: Iterable[Changed]) -> None:
        for changed in news:
            end = ends_at(changed.after) if changed.after else None
            if end is not None:
                self._told = min(self._told, end)
                self._next = self._next and min(self._next, end)

    async def _end(self, now: datetime) -> None:
        self._told, found = NEVER, MOST
        while found == MOST:
            found = await self._end_some(now)
        first = await self.store.first_end()
        self._next = min(first or NEVER, self._told)

    async def _end_some(self, now: datetime) -> int:
        keys = await self.store.ending(now, MOST)
        due: defaultdict[str, list[Change]] = defaultdict(list)
        for key in keys:
            due[key.tenant].append(Change("delete", Entity(key.id, ())))
        for tenant, changes in due.items():
            order = self._order(changes, tenant, now)
            await self.store.commit(Job(now, tenant, order.keys(), partial(ended, order)))
        return len(keys)

    def _order(self, changes: Sequence[Change], tenant: str, now: datetime) -> Order:
        rights = Rights(self.policy, ROOM, OPERATIONS, now)
        return Order(changes, ROOM, OPERATIONS, tenant, now, self.policy, rights, Decoded())
