"""Questions about entities that are in no store: that are gone, or put together of parts.

So that `q`, a place or a scope means the same for them as for all others, they are put for a
moment into a store of its own in memory and asked for there. What they are linked with is not
there: `q` that follows links finds nothing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import msgspec
from msgspec import structs

from townsquare.bus.memory import MemoryBus
from townsquare.context.broker import Broker
from townsquare.context.commit import place_of
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.store import Job, Key, Row, Writes, open_store
from townsquare.trust.policy import Act


class Scratch:
    def __init__(self, broker: Broker) -> None:
        store = open_store("memory:", Path(), queried=None)
        self._for = broker
        self._broker = Broker(store, MemoryBus(), broker.policy, broker.clock)
        self._broker.looks = broker.looks  # who looks here is in the town's log too

    @asynccontextmanager
    async def holding(self, entities: Sequence[Entity]) -> AsyncIterator["Held"]:
        """For as long as several questions about them are asked."""
        if self._broker.policy is not self._for.policy:
            self._broker.adopt(self._for.policy)
        tenant = uuid4().hex  # others may ask at the same time
        rows = [_row(tenant, entity) for entity in entities]
        try:
            await self._write(tenant, Writes(put=rows))
            yield Held(self._broker, tenant)
        finally:
            await self._write(tenant, Writes(delete=[row.key for row in rows]))

    async def matching(
        self, query: Query, entities: Sequence[Entity], by: Actor, why: Why, act: Act
    ) -> set[str]:
        """Ids of the entities that match, as `by` may see them."""
        async with self.holding(entities) as held:
            return await held.matching(query, by, why, act)

    async def _write(self, tenant: str, writes: Writes) -> None:
        await self._broker.store.commit(Job(self._broker.clock(), tenant, (), lambda _: writes))

    async def close(self) -> None:
        await self._broker.store.close()


@dataclass(frozen=True, slots=True)
class Held:
    broker: Broker
    tenant: str

    async def matching(self, query: Query, by: Actor, why: Why, act: Act) -> set[str]:
        """Ids of the entities that match, as `by` may see them."""
        found: set[str] = set()
        more, offset = True, 0
        while more:
            part = replace(query, limit=MOST, offset=offset)
            page = await self.broker.find(part, by, why, tenant=self.tenant, act=act)
            found |= {entity.id for entity in page.entities}
            more, offset = page.more, offset + MOST
        return found


def _row(tenant: str, entity: Entity) -> Row:
    """One that ended by itself is not ended again."""
    place = structs.replace(place_of(entity), ends_at=None)
    return Row(Key(tenant, "context", entity.id), 1, msgspec.json.encode(entity), place)
