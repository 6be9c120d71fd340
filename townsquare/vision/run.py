"""Keeps the cameras watched, and writes what they count into the city.

Always holds: a camera that fails shows as failing, since when and why, and its live values are
gone; it is tried again while the others go on. One that does not say what it is for is not watched,
and shows as failing. Live entities exist from the first moment on.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec import structs

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Entity, urn
from townsquare.model.errors import CannotStart, Invalid, TownsquareError
from townsquare.model.town import Town
from townsquare.trust import secret
from townsquare.trust.purposes import Purposes
from townsquare.vision import ledger as ledgers
from townsquare.vision import permit, wire
from townsquare.vision.address import is_file
from townsquare.vision.entities import (
    CAMERA,
    CROWD,
    HEALTH,
    TRAFFIC,
    WORKER,
    unknown_health,
    worker_entity,
)
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.event_entities import EVENT
from townsquare.vision.inbox import STEADY_S, waits_s
from townsquare.vision.layouts import Layouts
from townsquare.vision.ledger import Ledger
from townsquare.vision.settings import Settings as Settings
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

ROOM = room("vision")
OPERATIONS = Why("operations")
log = logging.getLogger(__name__)
TURN_S = 1.0  # how long after its end a window may be closed, for what is still on its way


@dataclass(frozen=True, slots=True)
class Cameras:
    """As set. Files are relative to `beside`, logins are secrets of `data`."""

    set: Sequence[Camera]
    beside: Path
    data: Path

    def watched(self, camera: Camera, timezone: str) -> Watched:
        """Raises Invalid when its login is missing, CannotStart when others can read that."""
        watched = wire.watched(camera, partial(secret.resolve, folder=self.data), timezone)
        url = camera.counted_url
        return structs.replace(watched, url=str(self.beside / url)) if is_file(url) else watched


@dataclass(frozen=True, slots=True)
class Room:
    """What its tasks share. `refused` says of cameras that may not go live why."""

    broker: Broker
    town: Town
    books: dict[str, Ledger]
    refused: Mapping[str, str]
    evaluations: Evaluations
    watched: dict[str, Watched] = field(default_factory=dict)  # as workers are given them

    async def keep(self, name: str, found: Iterable[Entity]) -> None:
        changes = [change(entity) for entity in found]
        if changes:
            await self.broker.apply(changes, ROOM, self.why(self.books[name].camera))

    def why(self, camera: Camera) -> Why:
        """What it was put up for; of one that does not say so there is only news of its state."""
        return OPERATIONS if camera.name in self.refused else Why(camera.purposes[0])

    def midnight(self) -> datetime:
        return self.town.midnight(self.broker.clock())

    def today(self) -> date:
        return self.town.local(self.broker.clock()).date()


def change(found: Entity) -> Change:
    """Live and declared values are written whole, windows are added to what was."""
    whole = LIVE in found.scope or CAMERA in found.types
    return Change("replace" if whole else "merge", found, upsert=True)


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
    here.watched.update({watched.name: watched for watched in found if watched})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_time(here))
        tasks.create_task(keep_laid_out(cameras, layouts, workers, here))
        for n, group in enumerate(workers.groups([*here.watched.values()]), 1):
            names = [one.name for one in group]
            tasks.create_task(keep_watching(urn(WORKER, str(n)), names, workers, here))


async def keep_laid_out(cameras: Cameras, layouts: Layouts, workers: Workers, here: Room) -> None:
    """Cameras that were laid out anew count so from then on."""
    while True:
        name = await layouts.changed.get()
        await lay_out(layouts.now[name], here)
        if name in here.watched:
            here.watched[name] = cameras.watched(layouts.now[name], here.town.timezone)
            await workers.renew(name)


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


async def opened(
    cameras: Sequence[Camera], broker: Broker, town: Town, evaluations: Evaluations | None = None
) -> Room:
    """The live entities come first into the city, so that they are first in its answers."""
    now = broker.clock()
    evaluations = evaluations or Evaluations(broker, {})
    await evaluations.load()
    before = await present(broker)
    books = {camera.name: ledgers.opened(camera, now, before) for camera in cameras}
    here = Room(
        broker,
        town,
        books,
        refusals(cameras, broker.policy.purposes, town.local(now).date()),
        evaluations,
    )
    for name, book in books.items():
        book.measured = evaluations.of(name)
        turned = book.elapse(now, here.midnight())
        book.review(permit.overdue(book.camera, here.today()))
        await here.keep(name, [*book.live(now), *turned])
        await here.keep(name, [book.entity(), unknown_health(name, now)])
    await drop_undeclared(broker, books, before)
    return here


def refusals(cameras: Sequence[Camera], known: Purposes, today: date) -> Mapping[str, str]:
    """Of the cameras that may not go live, by name."""
    found = {camera.name: permit.refusal(camera, known, today) for camera in cameras}
    return {name: refusal for name, refusal in found.items() if refusal}


async def present(broker: Broker) -> dict[str, Entity]:
    """Cameras and live values as the house left them."""
    found: dict[str, Entity] = {}
    for type in (CAMERA, WORKER, HEALTH, CROWD, TRAFFIC, EVENT):
        scope = "" if type in (CAMERA, WORKER) else LIVE
        query = Query(types=(type,), scope=scope, limit=MOST)
        page = await broker.find(query, ROOM, OPERATIONS)
        found |= {entity.id: entity for entity in page.entities}
    return found


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


async def ready(cameras: Cameras, camera: Camera, here: Room) -> Watched | None:
    """Where its login is kept is for the log only: everyone reads what a camera's trouble is."""
    if refusal := here.refused.get(camera.name):
        log.error("camera %s: %s; then start the house again", camera.name, refusal)
        await here.keep(camera.name, here.books[camera.name].fail(refusal, here.broker.clock()))
        return None
    try:
        return cameras.watched(camera, here.town.timezone)
    except (Invalid, CannotStart) as error:
        log.warning("camera %s: %s; then start the house again", camera.name, error)
        trouble = "its login is missing" if isinstance(error, Invalid) else "its login is not safe"
        await here.keep(camera.name, here.books[camera.name].fail(trouble, here.broker.clock()))
        return None


async def keep_time(here: Room) -> None:
    while True:
        await asyncio.sleep(TURN_S)
        at = here.broker.clock() - timedelta(seconds=TURN_S)
        for name, book in here.books.items():
            book.measured = here.evaluations.of(name)
            reviewed = book.review(permit.overdue(book.camera, here.today()))
            await here.keep(name, [*reviewed, *book.elapse(at, here.midnight())])


async def keep_watching(worker: str, names: Sequence[str], workers: Workers, here: Room) -> None:
    """A worker that ends is started again, later each time. `worker` is its entity."""
    clock: Callable[[], datetime] = here.broker.clock
    waits = waits_s()
    dead = False
    await tell_worker(worker, names, here, dead=dead)
    for name in names:
        here.books[name].worker = worker
        await here.keep(name, [here.books[name].entity()])
    while True:
        began = clock()
        try:
            async for seen in workers.observed([here.watched[name] for name in names]):
                here.evaluations.hear(seen)
                if dead:
                    dead = False
                    await tell_worker(worker, names, here, dead=dead)
                book = here.books[seen.camera]
                await here.keep(seen.camera, book.read(seen, clock(), here.midnight()))
        except TownsquareError as error:
            if (clock() - began).total_seconds() > STEADY_S:
                waits = waits_s()
            wait_s = next(waits)
            log.warning("%s; it is started again in %.0f s", error, wait_s)
            dead = True
            await tell_worker(worker, names, here, dead=dead)
            trouble = f"nobody watches it now; it is tried again in {wait_s:.0f} s"
            for name in names:
                here.evaluations.lose(name)
                await here.keep(name, here.books[name].fail(trouble, clock()))
            await asyncio.sleep(wait_s)


async def tell_worker(worker: str, names: Sequence[str], here: Room, *, dead: bool) -> None:
    found = worker_entity(worker, names, dead, here.broker.clock())
    await here.broker.apply([Change("merge", found, upsert=True)], ROOM, OPERATIONS)
