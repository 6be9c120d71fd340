"""Entities and their past, copied into the tenant of a snapshot and taken out again.

A copy is no act in the city: nobody is told of it, and nothing ends by itself in it. Values of
this moment (scope LIVE) are never copied: they are not to be kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from msgspec import structs

from townsquare.context import temporal
from townsquare.context.broker import Broker
from townsquare.context.commit import place_of
from townsquare.context.http import APART
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Entity
from townsquare.model.errors import TooManyResults
from townsquare.store import Find, Instance, Job, Key, Row, Writes
from townsquare.store.census import Census, difference, together
from townsquare.store.conditions import Sql
from townsquare.store.past import Past, Whose

AT_ONCE = 500  # entities of a transaction
MOST_PAST = 100_000  # instances of a transaction
EVERYTHING = Sql("true")


class Copies:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.store = broker.store

    async def put(
        self, tenant: str, entities: Sequence[Entity], past: Sequence[Instance] = ()
    ) -> None:
        """What is there already stays as it is."""
        lasting = [entity for entity in entities if LIVE not in entity.scope]
        for start in range(0, len(lasting), AT_ONCE):
            await self._put(tenant, lasting[start : start + AT_ONCE], past if not start else ())

    async def _put(self, tenant: str, entities: Sequence[Entity], past: Sequence[Instance]) -> None:
        now = self.broker.clock()
        keys = {Key(tenant, "context", entity.id): entity for entity in entities}

        def decided(rows: Mapping[Key, Row]) -> Writes:
            fresh = [_alone(entity, now) for key, entity in keys.items() if key not in rows]
            census = together(*(difference(None, entity) for entity in fresh))
            return Writes(put=[_row(tenant, e) for e in fresh], history=past, census=census)

        await self.store.commit(Job(now, tenant, tuple(keys), decided))

    async def put_past(
        self, tenant: str, into: str, entities: Sequence[Entity], past: Past
    ) -> None:
        """What another question has brought already comes no second time. Raises TooManyResults."""
        found = await self._then(tenant, past)
        if len(found) > MOST_PAST:
            raise TooManyResults("the query finds too much for a snapshot; narrow it")
        there = await self._then(into, replace(past, last=None, most=None))
        known = {_name(instance) for instance in there}
        await self.put(into, entities, [i for i in found if _name(i) not in known])

    async def _then(self, tenant: str, past: Past) -> list[Instance]:
        """With the scopes that are asked for, so that they can be asked for in the copy."""
        found = await self.store.instances(tenant, past)
        return [*await temporal.set_before(self.store, tenant, past, found), *found]

    async def clone(self, tenant: str, into: str) -> None:
        offset = 0
        while entities := await self._page(tenant, offset):
            await self._clone(tenant, into, entities)
            offset += AT_ONCE

    async def _clone(self, tenant: str, into: str, entities: Sequence[Entity]) -> None:
        """All their past, by halves where it is too much for a transaction."""
        several = len(entities) > 1
        whole = Past(tuple(map(_whole, entities)), most=MOST_PAST + 1 if several else None)
        past = await self.store.instances(tenant, whole)
        if several and len(past) > MOST_PAST:
            middle = len(entities) // 2
            await self._clone(tenant, into, entities[:middle])
            await self._clone(tenant, into, entities[middle:])
        else:
            await self.put(into, entities, past)

    async def wipe(self, tenant: str) -> None:
        while entities := await self._page(tenant, 0):
            keys = tuple(Key(tenant, "context", entity.id) for entity in entities)
            await self.store.commit(Job(self.broker.clock(), tenant, keys, _wiped))
        ended = Writes(ends_tenant=True)
        await self.store.commit(Job(self.broker.clock(), tenant, (), lambda _: ended))

    async def places(self) -> list[str]:
        """Tenants of snapshots, also of some that have ended."""
        return [tenant for tenant in await self.store.tenants() if APART in tenant]

    async def _page(self, tenant: str, offset: int) -> list[Entity]:
        rows = await self.store.find(tenant, Find(EVERYTHING, AT_ONCE, offset))
        return [_entity(row) for row in rows]


def _wiped(rows: Mapping[Key, Row]) -> Writes:
    census: Census = together(*(difference(_entity(row), None) for row in rows.values()))
    return Writes(delete=tuple(rows), forget=tuple(rows), census=census)


def _name(instance: Instance) -> tuple[str, str, str]:
    return instance.entity, instance.attribute, instance.instance_id


def _alone(entity: Entity, now: datetime) -> Entity:
    created, modified = entity.created_at or now, entity.modified_at or now
    return msgspec.structs.replace(entity, version=1, created_at=created, modified_at=modified)


def _row(tenant: str, entity: Entity) -> Row:
    place = structs.replace(place_of(entity), ends_at=None)
    return Row(Key(tenant, "context", entity.id), 1, msgspec.json.encode(entity), place)


def _entity(row: Row) -> Entity:
    return msgspec.json.decode(row.body, type=Entity)


def _whole(entity: Entity) -> Whose:
    return Whose((entity.id,), entity.types)
