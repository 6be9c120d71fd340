"""How devices are heard: which told nothing for a day, which flood, which nobody accepted yet, and
which ways in are cut.

A device is what observations name as their `refDevice`; without one, the entity that has them. Only
types of no room count: rooms say of their own things how they are. One that was refused may be
silent, and one that was accepted is expected from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Condition, Query
from townsquare.devices.types import DEVICE, SOURCE, STATUS
from townsquare.model.entity import Entity
from townsquare.web.doctor.facts import Devices, Ways
from townsquare.web.health import WEB, WHY

SILENT = timedelta(days=1)
MOST_LOOKED_AT = 20_000  # entities
PAGE = 250  # are read at once: some 20 ms in which nobody else is served
REFERENCE = "refDevice"


async def devices(broker: Broker) -> Devices:
    """Raises Unavailable or TooComplex."""
    last: dict[str, datetime] = {}
    states: dict[str, str] = {}
    async for one in entities(broker, (DEVICE,)):
        states[one.id] = str(one.value("deviceState"))
        if accepted := one.value("acceptedAt"):
            last[one.id] = datetime.fromisoformat(accepted)
    looked = 0
    async for one in entities(broker, await _types(broker)):
        looked += 1
        for at in _observed(one):
            last[_device(one)] = max(at, last.get(_device(one), at))
    now = broker.clock()
    expected = {id: at for id, at in last.items() if states.get(id) != "refused"}
    return Devices(
        len(expected),
        {id: at for id, at in expected.items() if now - at > SILENT},
        looked < MOST_LOOKED_AT,
        sum(state == "undeclared" for state in states.values()),
    )


async def ways(broker: Broker) -> Ways:
    """Raises Unavailable or TooComplex."""
    flood, cut = parse("quarantined==true"), parse("connected==false")
    return Ways(
        [_named(one) async for one in entities(broker, (STATUS,), flood)],
        [_named(one) async for one in entities(broker, (SOURCE,), cut)],
    )


async def entities(
    broker: Broker, types: tuple[str, ...], q: Condition | None = None
) -> AsyncIterator[Entity]:
    """None where there are no types, since a query without any asks for all."""
    for offset in range(0, MOST_LOOKED_AT if types else 0, PAGE):
        query = Query(types=types, q=q, limit=PAGE, offset=offset)
        found = (await broker.find(query, WEB, WHY)).entities
        for one in found:
            yield one
        if len(found) < PAGE:
            return
        await asyncio.sleep(0)


async def _types(broker: Broker) -> tuple[str, ...]:
    told = await broker.census(WEB, WHY)
    found = {type for what in told for type in what.types.split()}
    return tuple(sorted(found - broker.policy.types.keys()))


def _observed(one: Entity) -> Iterator[datetime]:
    for instances in one.attributes.values():
        for each in instances:
            if each.observed_at:
                yield each.observed_at


def _device(one: Entity) -> str:
    there = one.attributes.get(REFERENCE)
    value = there[0].value if there else None
    return value if isinstance(value, str) else one.id


def _named(one: Entity) -> str:
    """Without what its id begins with, as all of its type have it."""
    return one.id.split(":", 3)[-1]
