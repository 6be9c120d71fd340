"""Keeps cameras recorded, and writes what lies on the shelf into the city.

Always holds: footage never passes through this process; each hour of each camera is an entry of the
log every five minutes and at its end, with all that is missing of it and why; recording stops while
there is still room for the log.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from townsquare.context.broker import Broker
from townsquare.model.actor import Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.errors import CannotStart, Invalid, TownsquareError
from townsquare.model.town import Town
from townsquare.trust import secret
from townsquare.trust.seal.keys import SealingKey
from townsquare.vision import permit
from townsquare.vision.address import is_file, with_login
from townsquare.vision.inbox import STEADY_S, waits_s
from townsquare.vision.sealed import footage, recorded, recorders
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.books import Books
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.hours import HOUR, hour_of
from townsquare.vision.sealed.recorded import Kept, Lost, Renew, Said, Source, State, Task
from townsquare.vision.sealed.recorders import Recorder
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.sizes import class_of
from townsquare.vision.sealed.types import OWNER

ROOM, WHY = room(OWNER), Why("operations")
TOGETHER = 16  # cameras of one recorder: sealing them takes a fraction of a core
TICK_S = 5.0
TOLD_EVERY = timedelta(minutes=5)
AGAIN = 1.1  # times the room that it stopped at, so that it does not go on and off
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where things lie. `free` tells bytes of free disk; under `floor` of them recording stops, and
    over `most` of footage.
    """

    data: Path
    beside: Path
    free: Callable[[], int]
    floor: int
    most: int

    def source(self, camera: Camera, least: int) -> Source:
        """Raises Invalid when its login is missing, CannotStart when others can read that."""
        login = secret.resolve(camera.login, self.data) if camera.login else ""
        url = with_login(camera.url, login)
        where = str(self.beside / url) if is_file(url) else url
        return Source(camera.name, where, camera.transport, least)


@dataclass(slots=True)
class Recording:
    """The room. `short` is why nothing is recorded now."""

    broker: Broker
    town: Town
    cameras: Sequence[Camera]
    place: Place
    shelf: Shelf
    keys: HourKeys
    agreed: Agreed
    alive: list[Recorder] = field(default_factory=list)
    used: int = 0
    short: str = ""
    states: dict[str, object] = field(default_factory=dict)  # as told
    hours: tuple[str, ...] = ()  # whose keys the recorders have
    may: asyncio.Event = field(default_factory=asyncio.Event)
    books: Books = field(init=False)

    def __post_init__(self) -> None:
        self.books = Books(self.broker, self.shelf, self.keys, self.agreed)

    async def run(self) -> None:
        """Never returns, but where nothing is to be recorded."""
        await self.agreed.open()
        names = [camera.name for camera in self.cameras]
        await asyncio.to_thread(self._prepare)
        await self.books.open(names)
        if self.agreed.now is None or not names:
            await asyncio.Event().wait()
        await self._look_at_disk()
        ready = [one for camera in self.cameras if (one := await self._ready(camera))]
        groups = [ready[n : n + TOGETHER] for n in range(0, len(ready), TOGETHER)]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_time())
                for group in groups:
                    tasks.create_task(self._keep(group))
        finally:
            for recorder in self.alive:
                await recorder.end()

    async def settle(self) -> None:
        """Writes what is recorded up to now, for who is to prove it."""
        await self.books.settle()

    def _prepare(self) -> None:
        self.shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.used = self.shelf.size()

    async def _ready(self, camera: Camera) -> Source | None:
        """What it lacks is for everyone; where its login is kept is for the log only."""
        today = self.town.local(self.broker.clock()).date()
        refused = permit.refusal(camera, self.broker.policy.purposes, today)
        try:
            least = await asyncio.to_thread(self._least, camera.name)
            found = self.place.source(camera, least)
        except (Invalid, CannotStart) as error:
            log.warning("camera %s: %s; then start the house again", camera.name, error)
            refused = refused or "its login is missing, or not safe"
        if refused:
            await self._tell(State(camera.name, False, "none", "off"), refused)
            return None
        return found

    def _least(self, camera: str) -> int:
        """The largest size class of the last day, by what lies on the shelf."""
        since = hour_of(self.broker.clock() - timedelta(days=1))
        return max(
            (
                class_of(file.stat().st_size)
                for hour in self.shelf.hours(camera)
                if hour >= since
                for file in self.shelf.at(camera, hour).glob("*.seal")
            ),
            default=0,
        )

    # --- recorders

    def _task(self, group: Sequence[Source]) -> Task:
        terms = self.agreed.require()
        return Task(
            tuple(group),
            str(self.shelf.folder.absolute()),
            tuple(one.key for one in terms.custodians),
            terms.hash,
            self.broker.policy.hash,
            recorded.told(self._keys()),
        )

    def _keys(self) -> Mapping[str, SealingKey]:
        """Public halves of this hour and the next one, and of the one before: a segment belongs to
        the hour that it began in, and some of the last are still being put together.
        """
        now = self.broker.clock()
        self.hours, before = (hour_of(now), hour_of(now + HOUR)), hour_of(now - HOUR)
        usable = [before, *self.hours] if self.keys.has(before) else self.hours
        return {hour: self.keys.public(hour) for hour in usable}

    async def _keep(self, group: Sequence[Source]) -> None:
        """A recorder that ends is started again, later each time."""
        waits = waits_s()
        while True:
            await self.may.wait()
            began = self.broker.clock()
            try:
                await self._heard(group)
            except TownsquareError as error:
                if (self.broker.clock() - began).total_seconds() > STEADY_S:
                    waits = waits_s()
                wait_s = next(waits)
                log.warning("%s; it is started again in %.0f s", error, wait_s)
                for source in group:
                    await self._tell(State(source.name, False, "none", "off"))
                await asyncio.sleep(wait_s)

    async def _heard(self, group: Sequence[Source]) -> None:
        names = {source.name for source in group}
        recorder = await recorders.started(self._task(group))
        self.alive.append(recorder)
        try:
            async for said in recorders.said(recorder, names):
                await self._hear(said)
        finally:
            self.alive.remove(recorder)
            await recorder.end()

    async def _hear(self, said: Said) -> None:
        match said:
            case Kept():
                self.used += said.size
            case Lost():
                self.books.lose(said)
            case State():
                await self._tell(said)

    def free(self, bytes: int) -> None:
        """So much footage went."""
        self.used -= bytes

    async def renew(self) -> None:
        """Begins anew: other terms are in force."""
        for recorder in [*self.alive]:
            await recorder.end()

    async def _tell(self, said: State, refused: str = "") -> None:
        now = (said, refused)
        if self.states.get(said.camera) != now:
            self.states[said.camera] = now
            told = footage.state(said, refused, self.broker.clock())
            await self.broker.apply([Change("replace", told, upsert=True)], ROOM, WHY)

    # --- time and room

    async def _keep_time(self) -> None:
        told = self.broker.clock()
        policy = self.broker.policy.hash
        while True:
            await asyncio.sleep(TICK_S)
            now = self.broker.clock()
            await self._look_at_disk()
            if hour_of(now) not in self.hours[:1] or policy != self.broker.policy.hash:
                policy = self.broker.policy.hash
                self._renew_keys()
            if now - told >= TOLD_EVERY:
                told = now
                await self.books.tell(now)
            await self.books.seal(now)

    def _renew_keys(self) -> None:
        order = Renew(self.broker.policy.hash, recorded.told(self._keys()))
        for recorder in self.alive:
            recorder.renew(order)

    async def _look_at_disk(self) -> None:
        """Recording stops, and goes on, for all."""
        before, self.short = self.short, self._shortage()
        if self.short != before or not self.states.get(footage.DISK):
            self.states[footage.DISK] = True
            told = footage.disk(self.short, self.broker.clock())
            await self.broker.apply([Change("replace", told, upsert=True)], ROOM, WHY)
        if self.short and not before:
            self.may.clear()
            log.error("nothing is recorded: %s", self.short)
            at = self.broker.clock()
            for recorder in [*self.alive]:
                await recorder.end()
            for camera in self.cameras:
                self.books.stop(camera.name, "disk full", at)
                await self._tell(State(camera.name, False, "none", "disk full"))
        elif not self.short:
            self.books.go_on(self.broker.clock())
            self.may.set()

    def _shortage(self) -> str:
        times = AGAIN if self.short else 1.0
        if self.place.free() < times * self.place.floor:
            return f"under {self.place.floor // 1_000_000} MB of the disk are free"
        if self.used * times > self.place.most:
            return f"sealed footage has over {self.place.most // 1_000_000_000} GB"
        return ""
