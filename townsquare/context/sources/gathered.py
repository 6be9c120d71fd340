"""Questions about a past that is in no store, since several brokers have a part of it.

So that they mean the same as always, the parts are put for a moment into a store of its own in
memory and asked for there: filters, lastN, aggregates, pages.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import structs

from townsquare.bus.memory import MemoryBus
from townsquare.context import history
from townsquare.context.aggregate import Aggregation
from townsquare.context.broker import Broker
from townsquare.context.chronicle import Chronicle
from townsquare.context.commit import place_of
from townsquare.context.past import new_instance
from townsquare.context.sources.evolved import cut_off
from townsquare.context.temporal import Aggregates, Evolution, TemporalQuery
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.entity import Attribute, Entity
from townsquare.store import Instance, Job, Key, Row, Writes, open_store
from townsquare.store.past import SCOPE


@asynccontextmanager
async def gathered(
    broker: Broker, entities: Sequence[Entity], cut: datetime | None = None
) -> AsyncIterator["Gathered"]:
    """Entities with all instances in time as instances of their attributes; with `cut` all up to
    then, or with `lastN` from then on.
    """
    store = open_store("memory:", Path(), queried=None)
    apart = Broker(store, MemoryBus(), broker.policy, broker.clock)
    apart.looks = broker.looks  # who looks here is in the town's log too
    try:
        found = Gathered(apart.chronicle, cut)
        rows = [_row(entity) for entity in entities]
        past = list(found.named(entities, broker.clock()))
        written = Writes(put=rows, history=past)
        await store.commit(Job(broker.clock(), "", (), lambda _: written))
        yield found
    finally:
        await store.close()


class Gathered:
    """Asked like a chronicle. Other brokers name instances as they like: here they are named anew,
    and told by their own names.
    """

    def __init__(self, chronicle: Chronicle, cut: datetime | None) -> None:
        self.chronicle = chronicle
        self.cut = cut
        self._names: dict[str, str | None] = {}

    def named(self, entities: Sequence[Entity], now: datetime) -> Iterator[Instance]:
        for entity in entities:
            for name, instances in entity.attributes.items():
                for instance in instances:
                    id = new_instance()
                    self._names[id] = instance.instance_id
                    yield _instance(entity, name, structs.replace(instance, instance_id=id), now)

    async def evolution(
        self, ask: TemporalQuery, by: Actor, why: Why, *, tenant: str = ""
    ) -> Evolution:
        found = await self.chronicle.evolution(ask, by, why, tenant=tenant)
        found = replace(found, entities=[self._as_told(entity) for entity in found.entities])
        return cut_off(found, ask, self.cut) if self.cut else found

    async def aggregates(
        self, ask: TemporalQuery, how: Aggregation, by: Actor, why: Why, *, tenant: str = ""
    ) -> Aggregates:
        return await self.chronicle.aggregates(ask, how, by, why, tenant=tenant)

    def _as_told(self, entity: Entity) -> Entity:
        attributes = {
            name: tuple(self._told(i) for i in instances)
            for name, instances in entity.attributes.items()
        }
        return msgspec.structs.replace(entity, attributes=attributes)

    def _told(self, instance: Attribute) -> Attribute:
        id = self._names.get(instance.instance_id or "")
        return structs.replace(instance, instance_id=id or instance.instance_id)


def _row(entity: Entity) -> Row:
    last: Mapping[str, tuple[Attribute, ...]] = {
        name: instances[-1:] for name, instances in entity.attributes.items() if name != SCOPE
    }
    now = msgspec.structs.replace(entity, attributes=last, version=1)
    place = structs.replace(place_of(now), ends_at=None)
    return Row(Key("", "context", entity.id), 1, msgspec.json.encode(now), place)


def _instance(entity: Entity, name: str, a: Attribute, now: datetime) -> Instance:
    at = a.modified_at or a.created_at or a.observed_at or a.deleted_at or now
    news = Changed(0, at, "", "", None, entity, frozenset())
    row = history.row(news, name, a, a.created_at or at)
    return structs.replace(row, deleted_at=a.deleted_at)
