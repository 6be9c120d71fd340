"""After each hour, publishes its counts as cells that never change again.

Always holds: a cell is created once, and cells of one spot oldest first; an hour that was missed
while the house was down is made up for later, from the same closed windows.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from townsquare.context import temporal
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.errors import AlreadyExists
from townsquare.register.cells import (
    COUNTED,
    FLOW,
    HOUR,
    OF_WINDOW,
    Spot,
    Window,
    cell,
    due,
    next_due,
    spots,
    to_entity,
    windows,
)

ROOM, WHY = room("register"), Why("public information")
DAY = 24  # hours, looked at together
LONGEST_BACK = timedelta(days=90)
LONGEST_SLEEP_S = 300.0  # the clock of a small machine may be set while we sleep
INSTANT = timedelta(microseconds=1)


async def run(broker: Broker) -> None:
    """Never returns."""
    looked: dict[str, datetime] = {}
    while True:
        await publish(broker, looked)
        left_s = (next_due(now := broker.clock()) - now).total_seconds()
        await asyncio.sleep(min(left_s, LONGEST_SLEEP_S))


async def publish(broker: Broker, looked: dict[str, datetime] | None = None) -> list[str]:
    """Ids of the cells that were published by this call.

    `looked` remembers from call to call when each spot was looked at, so that one which counts
    nothing is searched for a last cell only once.
    """
    looked = {} if looked is None else looked
    cameras = await broker.find(Query(types=("Camera",), limit=MOST), ROOM, WHY)
    published = []
    for spot in (spot for camera in cameras.entities for spot in spots(camera)):
        now = broker.clock()
        hours = due(now, _reach(broker, now, looked.get(spot.window)))
        for missing in await _missing(broker, spot, hours):
            published += await _publish(broker, spot, missing)
        looked[spot.window] = now
    return published


def _reach(broker: Broker, now: datetime, looked: datetime | None) -> int:
    """How many hours back one may be missing; without windows nothing can be made up for."""
    most = min(LONGEST_BACK, broker.policy.types[FLOW].retention) // HOUR
    return most if looked is None else min(most, DAY + max(0, (now - looked) // HOUR))


async def _missing(
    broker: Broker, spot: Spot, hours: Sequence[datetime]
) -> list[Sequence[datetime]]:
    """Day by day, oldest first, from the newest day of which anything was published."""
    days: list[Sequence[datetime]] = []
    for end in range(len(hours), 0, -DAY):
        day = hours[max(0, end - DAY) : end]
        missing = await unpublished(broker, spot, day)
        if missing:
            days.append(missing)
        if len(missing) < len(day):
            break
    return days[::-1]


async def _publish(broker: Broker, spot: Spot, missing: Sequence[datetime]) -> list[str]:
    closed = await counted(broker, spot, missing[0], missing[-1] + HOUR)
    made = [cell(spot.kind, closed, hour) for hour in missing]
    published = []
    for entity in (to_entity(spot, found) for found in made if found):
        with suppress(AlreadyExists):
            await broker.apply([Change("create", entity)], ROOM, WHY)
            published.append(entity.id)
    return published


async def unpublished(broker: Broker, spot: Spot, hours: Sequence[datetime]) -> list[datetime]:
    ids = tuple(spot.cell(hour) for hour in hours)
    page = await broker.find(Query(types=(FLOW,), ids=ids, limit=len(ids)), ROOM, WHY)
    there = {entity.id for entity in page.entities}
    return [hour for hour in hours if spot.cell(hour) not in there]


async def counted(broker: Broker, spot: Spot, since: datetime, until: datetime) -> list[Window]:
    """Closed windows that end after `since` and at the latest at `until`."""
    query = Query(types=(FLOW,), ids=(spot.window,), limit=1)
    names = (*COUNTED[spot.kind], *OF_WINDOW)
    when = temporal.Window(since=since + INSTANT, until=until + INSTANT)
    past = await broker.history(temporal.TemporalQuery(query, names, window=when), ROOM, WHY)
    return [window for entity in past for window in windows(spot.kind, entity)]
