"""Which devices told nothing for a day.

A device is what observations name as their `refDevice`; without one, the entity that has them. Only
types of no room count: rooms say of their own things how they are.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity
from townsquare.web.doctor.facts import Devices
from townsquare.web.health import WEB, WHY

SILENT = timedelta(days=1)
MOST_LOOKED_AT = 20_000  # entities
REFERENCE = "refDevice"


async def devices(broker: Broker) -> Devices:
    """Raises Unavailable or TooComplex."""
    last: dict[str, datetime] = {}
    looked = 0
    for type in await _types(broker):
        offset = 0
        while looked < MOST_LOOKED_AT:
            query = Query(types=(type,), limit=MOST, offset=offset)
            found = (await broker.find(query, WEB, WHY)).entities
            for one in found:
                for at in _observed(one):
                    last[_device(one)] = max(at, last.get(_device(one), at))
            looked, offset = looked + len(found), offset + MOST
            if len(found) < MOST:
                break
    now = broker.clock()
    silent = {id: at for id, at in last.items() if now - at > SILENT}
    return Devices(len(last), silent, looked < MOST_LOOKED_AT)


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
