"""What the tasks of this room share: its cameras, their books, and the workers that watch them.

Always holds: a camera that fails shows as failing, since when and why, and its live values are
gone; it is tried again while the others go on.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime
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
from townsquare.vision.ledger import Ledger
from townsquare.vision.observation import Observation
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

ROOM = room("vision")
OPERATIONS = Why("operations")
log = logging.getLogger(__name__)


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
    """What its tasks share. `refused` says of cameras that may not go live why; `groups` are the
    names that a worker watches together.
    """

    broker: Broker
    town: Town
    evaluations: Evaluations
    books: dict[str, Ledger] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)  # as workers are given them
    groups: list[list[str]] = field(default_factory=list)

    async def keep(self, name: str, found: Iterable[Entity]) -> None:
        changes = [change(entity) for entity in found]
        if changes:
            await self.broker.apply(changes, ROOM, self.why(self.books[name].camera))

    async def hear(self, seen: Observation) -> None:
        self.evaluations.hear(seen)
        found = self.books[seen.camera].read(seen, self.broker.clock(), self.midnight())
        await self.keep(seen.camera, found)

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


async def admit(camera: Camera, before: Mapping[str, Entity], here: Room) -> None:
    """Its book is opened, with what was counted `before`, and its live values are there."""
    now, name = here.broker.clock(), camera.name
    if refusal := permit.refusal(camera, here.broker.policy.purposes, here.today()):
        here.refused[name] = refusal
    here.books[name] = book = ledgers.opened(camera, now, before)
    book.measured = here.evaluations.of(name)
    turned = book.elapse(now, here.midnight())
    book.review(permit.overdue(camera, here.today()))
    await here.keep(name, [*book.live(now), *turned])
    await here.keep(name, [book.entity(), unknown_health(name, now)])


async def present(broker: Broker) -> dict[str, Entity]:
    """Cameras and live values as the house left them."""
    found: dict[str, Entity] = {}
    for type in (CAMERA, WORKER, HEALTH, CROWD, TRAFFIC, EVENT):
        scope = "" if type in (CAMERA, WORKER) else LIVE
        query = Query(types=(type,), scope=scope, limit=MOST)
        page = await broker.find(query, ROOM, OPERATIONS)
        found |= {entity.id: entity for entity in page.entities}
    return found


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


def watch(
    cameras: Sequence[Watched], workers: Workers, here: Room, tasks: asyncio.TaskGroup
) -> None:
    """In processes of their own, beside those that run."""
    here.watched.update({camera.name: camera for camera in cameras})
    for group in workers.groups(cameras):
        here.groups.append(names := [camera.name for camera in group])
        worker = urn(WORKER, str(len(here.groups)))
        tasks.create_task(keep_watching(worker, names, workers, here))
    workers.watched = len(here.watched)


async def keep_watching(worker: str, names: Sequence[str], workers: Workers, here: Room) -> None:
    """A worker that ends is started again, later each time, until it has no cameras. `worker` is
    its entity.
    """
    clock: Callable[[], datetime] = here.broker.clock
    waits = waits_s()
    dead = False
    await tell_worker(worker, names, here, dead=dead)
    for name in names:
        here.books[name].worker = worker
        await here.keep(name, [here.books[name].entity()])
    while names:
        began = clock()
        try:
            watched = [here.watched[name] for name in names]
            # Closed also where this task is cancelled: else the worker would go on for a while.
            async with aclosing(workers.observed(watched)) as told:
                async for seen in told:
                    if dead:
                        dead = False
                        await tell_worker(worker, names, here, dead=dead)
                    if seen.camera in names:  # and was not taken away this moment
                        await here.hear(seen)
        except TownsquareError as error:
            if (clock() - began).total_seconds() > STEADY_S:
                waits = waits_s()
            wait_s = next(waits)
            log.warning("%s; it is started again in %.0f s", error, wait_s)
            dead = True
            await tell_worker(worker, names, here, dead=dead)
            trouble = f"nobody watches it now; it is tried again in {wait_s:.0f} s"
            await fail(names, trouble, here)
            await asyncio.sleep(wait_s)
    gone = Change("delete", worker_entity(worker, names, dead, clock()))
    await here.broker.apply([gone], ROOM, OPERATIONS)


async def fail(names: Sequence[str], trouble: str, here: Room) -> None:
    for name in names:
        here.evaluations.lose(name)
        await here.keep(name, here.books[name].fail(trouble, here.broker.clock()))


async def tell_worker(worker: str, names: Sequence[str], here: Room, *, dead: bool) -> None:
    found = worker_entity(worker, names, dead, here.broker.clock())
    await here.broker.apply([Change("merge", found, upsert=True)], ROOM, OPERATIONS)
