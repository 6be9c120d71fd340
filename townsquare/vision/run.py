"""Keeps the cameras watched, and writes what they count into the city.

Always holds: a camera that fails shows as failing, since when and why, and its live values are
gone; it is tried again while the others go on. One that does not say what it is for is not watched,
and shows as failing. Live entities exist from the first moment on.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from townsquare.context.broker import Broker
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Entity
from townsquare.model.town import Town
from townsquare.vision import changing, permit
from townsquare.vision.entities import unknown_health
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.layouts import Layouts
from townsquare.vision.ledger import Ledger
from townsquare.vision.settings import Settings as Settings
from townsquare.vision.watching import OPERATIONS as OPERATIONS
from townsquare.vision.watching import ROOM as ROOM
from townsquare.vision.watching import Cameras as Cameras
from townsquare.vision.watching import Room as Room
from townsquare.vision.watching import admit, present, ready, watch
from townsquare.vision.workers import Workers

TURN_S = 1.0  # how long after its end a window may be closed, for what is still on its way


async def run(
    cameras: Cameras,
    workers: Workers,
    broker: Broker,
    town: Town,
    evaluations: Evaluations,
    layouts: Layouts | None = None,
) -> None:
    """Never returns."""
    layouts = layouts or Layouts(broker, {camera.name: camera for camera in cameras.set})
    await layouts.load()
    here = await opened([*layouts.now.values()], broker, town, evaluations)
    found = [await ready(cameras, camera, here) for camera in layouts.now.values()]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_time(here))
        tasks.create_task(changing.keep_changed(cameras, layouts, workers, here, tasks))
        watch([watched for watched in found if watched], workers, here, tasks)


async def opened(
    cameras: Sequence[Camera], broker: Broker, town: Town, evaluations: Evaluations | None = None
) -> Room:
    """The live entities come first into the city, so that they are first in its answers."""
    evaluations = evaluations or Evaluations(broker, {})
    await evaluations.load()
    before = await present(broker)
    here = Room(broker, town, evaluations)
    for camera in cameras:
        await admit(camera, before, here)
    await drop_undeclared(broker, here.books, before)
    return here


async def drop_undeclared(
    broker: Broker, books: dict[str, Ledger], before: dict[str, Entity]
) -> None:
    """Cameras that were taken out of the settings. Their closed windows stay."""
    now = broker.clock()
    kept = {entity.id for book in books.values() for entity in (book.entity(), *book.live(now))}
    kept |= {unknown_health(name, now).id for name in books}
    gone = [Change("delete", entity) for id, entity in before.items() if id not in kept]
    if gone:
        await broker.apply(gone, ROOM, OPERATIONS)


async def keep_time(here: Room) -> None:
    while True:
        await asyncio.sleep(TURN_S)
        at = here.broker.clock() - timedelta(seconds=TURN_S)
        for name, book in [*here.books.items()]:
            book.measured = here.evaluations.of(name)
            reviewed = book.review(permit.overdue(book.camera, here.today()))
            await here.keep(name, [*reviewed, *book.elapse(at, here.midnight())])
