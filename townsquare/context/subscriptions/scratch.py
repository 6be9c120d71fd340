"""Questions about entities that are there no more.

A deleted entity can be selected by `q`, a place or a scope only by how it last was. So that this
means the same as for all others, it is put for a moment into a store of its own in memory and
asked for there. What it was linked with is not there: `q` that follows links finds nothing.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec

from townsquare.bus.memory import MemoryBus
from townsquare.context.broker import Broker
from townsquare.context.commit import place_of
from townsquare.context.query import MOST, Query
from townsquare.context.subscriptions.kept import Kept
from townsquare.model.entity import Entity
from townsquare.store import Job, Key, Row, Writes, open_store


class Scratch:
    def __init__(self, broker: Broker) -> None:
        store = open_store("memory:", Path())
        self._broker = Broker(store, MemoryBus(), broker.policy, broker.clock)

    async def matching(self, kept: Kept, query: Query, entities: Sequence[Entity]) -> set[str]:
        """Ids of the entities that match, as the subscriber may see them."""
        tenant = uuid4().hex  # others may ask at the same time
        rows = [_row(tenant, entity) for entity in entities]
        try:
            await self._write(tenant, Writes(put=rows))
            return {entity.id async for entity in self._found(kept, query, tenant)}
        finally:
            await self._write(tenant, Writes(delete=[row.key for row in rows]))

    async def _found(self, kept: Kept, query: Query, tenant: str) -> AsyncIterator[Entity]:
        more, offset = True, 0
        while more:
            part = replace(query, limit=MOST, offset=offset)
            page = await self._broker.find(part, kept.by, kept.why, tenant=tenant, act="watch")
            for entity in page.entities:
                yield entity
            more, offset = page.more, offset + MOST

    async def _write(self, tenant: str, writes: Writes) -> None:
        await self._broker.store.commit(Job(self._broker.clock(), tenant, (), lambda _: writes))

    async def close(self) -> None:
        await self._broker.store.close()


def _row(tenant: str, entity: Entity) -> Row:
    """One that ended by itself is not ended again."""
    place = replace(place_of(entity), ends_at=None)
    return Row(Key(tenant, "context", entity.id), 1, msgspec.json.encode(entity), place)
