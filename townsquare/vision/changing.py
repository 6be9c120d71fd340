"""Cameras that come, change and go while the house runs; the others are watched on.

Always holds: what a camera that is gone counted in closed windows stays, and nothing else of it.
"""

import asyncio

from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.vision import ledger as ledgers
from townsquare.vision.entities import unknown_health
from townsquare.vision.layouts import Layouts
from townsquare.vision.watching import (
    OPERATIONS,
    ROOM,
    Cameras,
    Room,
    admit,
    present,
    ready,
    watch,
)
from townsquare.vision.workers import Workers


async def keep_changed(
    cameras: Cameras, layouts: Layouts, workers: Workers, here: Room, tasks: asyncio.TaskGroup
) -> None:
    """Those that come together share workers."""
    while True:
        names = {await layouts.changed.get()}
        while not layouts.changed.empty():
            names.add(layouts.changed.get_nowait())
        for name in names - layouts.now.keys():
            await leave(name, workers, here)
        there = [layouts.now[name] for name in layouts.now if name in names]
        for camera in there:
            await change(camera, here)
        found = [await ready(cameras, camera, here) for camera in there]
        new = []
        for watched in (one for one in found if one):
            if watched.name in here.watched:
                here.watched[watched.name] = watched
                await workers.renew(watched.name)
            else:
                new.append(watched)
        watch(new, workers, here, tasks)


async def change(camera: Camera, here: Room) -> None:
    here.refused.pop(camera.name, None)
    if camera.name in here.books:
        await lay_out(camera, here)
    else:
        await admit(camera, await present(here.broker), here)


async def leave(name: str, workers: Workers, here: Room) -> None:
    if name not in here.books:
        return
    for group in here.groups:
        if name in group:
            group.remove(name)
    here.watched.pop(name, None)
    await workers.renew(name)
    book, now = here.books.pop(name), here.broker.clock()
    here.evaluations.lose(name)
    gone = [book.entity(), unknown_health(name, now), *book.live(now)]
    there = await present(here.broker)
    changes = [Change("delete", entity) for entity in gone if entity.id in there]
    if changes:
        await here.broker.apply(changes, ROOM, OPERATIONS)


async def lay_out(camera: Camera, here: Room) -> None:
    """The live entities of what is not there any more go; what stayed as it is counts on."""
    now, before = here.broker.clock(), await present(here.broker)
    old = here.books[camera.name]
    gone = {entity.id: entity for entity in old.live(now)}
    here.books[camera.name] = new = ledgers.laid_out(old, camera, now, before)
    here.evaluations.lose(camera.name)
    await here.keep(camera.name, [*new.live(now), new.entity()])
    kept = {entity.id for entity in new.live(now)}
    changes = [Change("delete", entity) for id, entity in gone.items() if id not in kept]
    if changes:
        await here.broker.apply(changes, ROOM, OPERATIONS)
