"""Counts for a demo that has just begun: made up, plausible, the same every time, marked.

Always holds: a sample never stands where something was really counted, and every one says
`sample: true`. Only the demo calls this.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zlib import crc32

from townsquare.context.broker import Broker
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso, relationship, urn
from townsquare.model.town import Town
from townsquare.register.cells import (
    COUNTED,
    FLOW,
    HOUR,
    Cell,
    Spot,
    Values,
    declared,
    hour_of,
    to_entity,
)
from townsquare.register.publish import ROOM, WHY, counted, unpublished

# Share of the busiest hour, by the hour of the town's day: a square between shops and a station.
DAY = (3, 2, 1, 1, 1, 4, 12, 30, 48, 45, 50, 62, 80, 76, 64, 68, 85, 100, 88, 64, 42, 28, 16, 7)
CLIP = 85  # the demo's clip, which shows the same busy minute at every hour
BUSIEST_ACROSS = 620  # people an hour in one direction of a line
BUSIEST_INSIDE = 6.0  # people at once in a zone
WINDOW = timedelta(minutes=5)
HOURS = 24


async def fill(broker: Broker, cameras: Sequence[Camera], town: Town) -> list[str]:
    """Cells for the 24 hours before this one. Ids of those that were made."""
    end = hour_of(broker.clock())
    hours = [end - HOUR * back for back in range(HOURS, 0, -1)]
    made: list[Entity] = []
    for spot in (spot for camera in cameras for spot in declared(camera)):
        real = [w for w in await counted(broker, spot, hours[0], end) if not w.sample]
        busy = {hour_of(window.since) for window in real}
        missing = await unpublished(broker, spot, hours)
        made += [to_entity(spot, cell(spot, h, town)) for h in missing if h not in busy]
    await broker.apply([Change("create", entity) for entity in made], ROOM, WHY)
    return [entity.id for entity in made]


def cell(spot: Spot, hour: datetime, town: Town) -> Cell:
    return Cell(
        hour,
        hour + HOUR,
        _values(spot, hour, HOUR, DAY[town.local(hour).hour]),
        coverage=1.0,
        sample=True,
    )


def windows(camera: Camera, until: datetime) -> list[Entity]:
    """Closed windows of the hour before `until`, oldest first, as their room would write them."""
    end = hour_of(until) + (until - hour_of(until)) // WINDOW * WINDOW
    starts = [end - WINDOW * back for back in range(HOUR // WINDOW, 0, -1)]
    return [_window(spot, start) for start in starts for spot in declared(camera)]


def _window(spot: Spot, since: datetime) -> Entity:
    until = since + WINDOW
    first, second = _values(spot, since, WINDOW, CLIP)
    values = {
        "name": spot.name,
        "dateObservedFrom": iso(since),
        "dateObservedTo": iso(until),
        COUNTED[spot.kind][0]: first,
        COUNTED[spot.kind][1]: second,
        "coverage": 1.0,
        "sample": True,
    }
    attributes = {name: (Attribute(v, observed_at=until),) for name, v in values.items()}
    camera = relationship(urn("Camera", spot.camera), until)
    return Entity(spot.window, (FLOW,), {**attributes, "refDevice": (camera,)})


def _values(spot: Spot, since: datetime, long: timedelta, busy: int) -> Values:
    share = busy / 100
    first, second = (_chance(f"{spot.window} {column} {since}") for column in spot.columns)
    if spot.kind == "line":
        people = BUSIEST_ACROSS * share * (long / HOUR)
        return round(people * first), round(people * second)
    mean = round(BUSIEST_INSIDE * share * first, 1)
    return mean, round(mean * 1.5 + 2 * second)


def _chance(name: str) -> float:
    """From 0.85 to 1.15, always the same for the same name."""
    return 0.85 + 0.3 * crc32(name.encode()) / 2**32
