"""What a source depends on, by the Relationships of the entities.

`dependsOn` is said of anything (of a camera its box, of a device its gateway); `refDevice` and
`refCamera` lead from what is observed to the device that observes it.
"""

from collections.abc import Iterator
from contextlib import suppress

from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.model.entity import Entity
from townsquare.model.errors import NotFound

DEVICE = ("refDevice", "refCamera")
DEPENDS_ON = "dependsOn"
MOST = 32  # things on the way up; a town has a box, a switch and a supply above a camera


def asset(source: Entity) -> str:
    """The device it is about: itself, or the one that observes it."""
    return next((id for name in DEVICE for id in targets(source, name)), source.id)


async def upstream(broker: Broker, source: Entity) -> list[str]:
    """Everything it depends on, nearest first, each once, also where they depend on each other."""
    found: dict[str, None] = {}
    ahead = _above(source)
    while ahead and len(found) < MOST:
        id = ahead.pop(0)
        if id in found or id == source.id:
            continue
        found[id] = None
        with suppress(NotFound):
            ahead += _above(await broker.read(id, ROOM, WHY))
    return list(found)


def _above(entity: Entity) -> list[str]:
    return [id for name in (DEPENDS_ON, *DEVICE) for id in targets(entity, name)]


def targets(entity: Entity, name: str) -> Iterator[str]:
    """Ids alone: whoever may write the entity may have put in anything else."""
    for one in entity.attributes.get(name, ()):
        named = one.value if isinstance(one.value, list | tuple) else [one.value]
        yield from (id for id in named if isinstance(id, str))
