"""How devices are heard: which told nothing for a day, which flood, which nobody accepted yet, and
which ways in are cut.

A device is what observations name as their `refDevice`; without one, the entity that has them. Only
types of no room count: rooms say of their own things how they are. One that was refused may be
silent, and one that was accepted is expected from then on.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.devices.types import DEVICE, SOURCE, STATUS
from townsquare.model.entity import Entity
from townsquare.web.doctor.facts import Devices
from townsquare.web.health import WEB, WHY

SILENT = timedelta(days=1)
MOST_LOOKED_AT = 20_000  # entities of a type
REFERENCE = "refDevice"


async def devices(broker: Broker) -> Devices:
    """Raises Unavailable or TooComplex."""
    last: dict[str, datetime] = {}
    states: dict[str, str] = {}
    async for one in entities(broker, DEVICE):
        states[one.id] = str(one.value("deviceState"))
        if accepted := one.value("acceptedAt"):
            last[one.id] = datetime.fromisoformat(accepted)
    looked = 0
    for type in await _types(broker):
        async for one in entities(broker, type):
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
        [_named(one) async for one in entities(broker, STATUS) if one.value("quarantined")],
        [_named(one) async for one in entities(broker, SOURCE) if one.value("connected") is False],
    )


async def entities(broker: Broker, type: str) -> AsyncIterator[Entity]:
    for offset in range(0, MOST_LOOKED_AT, MOST):
        query = Query(types=(type,), limit=MOST, offset=offset)
        found = (await broker.find(query, WEB, WHY)).entities
        for one in found:
            yield one
        if len(found) < MOST:
            return


async def _types(broker: Broker) -> list[str]:
    told = await broker.census(WEB, WHY)
    found = {type for what in told for type in what.types.split()}
    return sorted(found - broker.policy.types.keys())


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
