"""The house's side of the gate: keeps the processes that see, and hands on what they say.

Always holds: what the gate refuses ends the worker that said it; the newest preview of a camera is
kept only while one is wanted, in memory, and of no camera that nobody asked for.
"""

import asyncio
import itertools
import logging
import os
from collections.abc import AsyncGenerator, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from msgspec import structs

from townsquare.model.camera import Point
from townsquare.model.errors import Invalid, TownsquareError, Unavailable
from townsquare.model.mask import Size
from townsquare.vision import wire
from townsquare.vision.budget import share
from townsquare.vision.child import Worker, end, over, said, shown, start
from townsquare.vision.compiled import kept
from townsquare.vision.inbox import now
from townsquare.vision.observation import Health, Observation, Tried
from townsquare.vision.settings import Settings
from townsquare.vision.wire import NONE, Compiled, Job, Show, Try, Watched

log = logging.getLogger(__name__)
STALE = timedelta(seconds=10)  # a preview that is older says nothing of what is there now
ANSWERS_S = 8.0  # a worker that looks at several cameras has something else to do first


@dataclass(frozen=True, slots=True)
class Preview:
    """`jpeg` is None while the background is not ready."""

    jpeg: bytes | None
    at: datetime


Asked = tuple[str, "asyncio.Future[Tried]"]  # of which camera


@dataclass(slots=True)
class Workers:
    """All of them. Leaving the context ends them."""

    settings: Settings
    models: Path | None = None  # the town's folder of them
    watched: int = 0  # cameras of all workers
    alive: dict[str, Worker] = field(default_factory=dict)  # by camera
    wanted: dict[str, datetime] = field(default_factory=dict)
    previews: dict[str, Preview] = field(default_factory=dict)
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # end what is wanted
    backgrounds: dict[str, float] = field(default_factory=dict)  # share that is ready
    compiling: asyncio.Lock = field(default_factory=asyncio.Lock)
    sizes: dict[str, Size] = field(default_factory=dict)  # of pictures
    asked: dict[int, Asked] = field(default_factory=dict)  # what no worker has answered yet
    ids: Iterator[int] = field(default_factory=itertools.count)

    async def __aenter__(self) -> "Workers":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self.timers.values():
            timer.cancel()
        self.previews.clear()
        for worker in {id(w): w for w in self.alive.values()}.values():
            await end(worker)

    def pids(self) -> set[int]:
        return {worker.child.pid for worker in self.alive.values()}

    def groups(self, cameras: Sequence[Watched]) -> list[Sequence[Watched]]:
        """The cameras of each worker: as many for each, since they share what it gets."""
        number = -(-len(cameras) // self.settings.cameras_per_worker)
        self.watched = len(cameras)
        ends = [len(cameras) * n // number for n in range(number + 1)] if number else [0]
        return [cameras[a:b] for a, b in itertools.pairwise(ends)]

    def job(self, group: Sequence[Watched]) -> Job:
        settings = self.settings
        return Job(
            tuple(group),
            settings.detections_per_second,
            settings.detector,
            str(self.models or ""),
            settings.hardware_decoding,
            share(cores(), len(group), max(self.watched, len(group))),
        )

    def show(self, camera: str, until: datetime) -> None:
        """Previews of this camera are wanted until then, by one more person."""
        self.wanted[camera] = max(until, self.wanted.get(camera, until))
        if worker := self.alive.get(camera):
            worker.say(Show(camera, self.wanted[camera]))
        self._drop_in_time(camera)

    def _drop_in_time(self, camera: str) -> None:
        """The preview, as soon as nobody wants it."""
        if timer := self.timers.pop(camera, None):
            timer.cancel()
        left_s = (self.wanted[camera] - now()).total_seconds()
        if left_s > 0:
            loop = asyncio.get_running_loop()
            self.timers[camera] = loop.call_later(left_s, self._drop_in_time, camera)
        else:
            self.wanted.pop(camera)
            self.previews.pop(camera, None)

    def preview(self, camera: str) -> bytes | None:
        """The newest, if it is of now; None while the background is not ready."""
        preview = self.previews.get(camera)
        if preview is None or now() - preview.at > STALE:
            self.previews.pop(camera, None)
            return None
        return preview.jpeg

    async def try_out(self, camera: str, lines: Sequence[tuple[Point, Point]]) -> Tried:
        """How often lines would have been crossed. Raises Unavailable where nobody answers."""
        worker = self.alive.get(camera)
        if worker is None:
            raise Unavailable("nobody watches this camera now; try again when it works")
        id = next(self.ids)
        answer: asyncio.Future[Tried] = asyncio.get_running_loop().create_future()
        self.asked[id] = camera, answer
        worker.say(Try(camera, id, tuple(lines)))
        try:
            return await asyncio.wait_for(answer, ANSWERS_S)
        except TimeoutError as error:
            raise Unavailable("the process that watches it did not answer; try again") from error

    async def renew(self, camera: str) -> None:
        """Ends the worker of this camera, so that it is started with what is set now."""
        if worker := self.alive.get(camera):
            worker.renewed = True
            await end(worker)

    def _answered(self, answer: Tried) -> None:
        """Raises Invalid for what nobody asked."""
        camera, waiting = self.asked.pop(answer.id, ("", None))
        if waiting is None or camera != answer.camera:
            raise Invalid("a vision worker answered what nobody asked")
        if not waiting.done():
            waiting.set_result(answer)

    async def observed(self, group: Sequence[Watched]) -> AsyncGenerator[Observation, None]:
        """Starts a worker and gives what it says, until it ends.

        Ends where it is renewed. Raises Unavailable when it ended by itself, Invalid when the gate
        refused it.
        """
        worker = await start(structs.replace(self.job(group), compiled=await self._compiled()))
        names = {camera.name for camera in group}
        self.alive |= dict.fromkeys(names, worker)
        may_show = wire.shown(group)
        for name in may_show & self.wanted.keys():
            worker.say(Show(name, self.wanted[name]))
        showing = asyncio.create_task(self._keep_previews(worker, may_show))
        try:
            async for seen in said(worker, {camera.name: camera for camera in group}):
                if isinstance(seen, Tried):
                    self._answered(seen)
                    continue
                if isinstance(seen, Health):
                    self.backgrounds[seen.camera] = seen.background
                    if seen.size:
                        self.sizes[seen.camera] = seen.size
                yield seen
            await end(worker)
            await showing  # what it showed may be why it was ended
            if worker.renewed:
                return
            code = worker.child.returncode
            raise Unavailable(f"the process that watches {listed(names)} ended ({code})")
        finally:
            showing.cancel()
            for name in names:
                self.previews.pop(name, None)
            self.alive = {name: w for name, w in self.alive.items() if w is not worker}
            self.asked = {id: one for id, one in self.asked.items() if one[0] not in names}
            try:
                await end(worker)
            finally:
                worker.observations.close()
                worker.previews.close()
            await over(showing)

    async def _compiled(self) -> Compiled:
        """The model, compiled once for all workers and for the next start of the house."""
        if self.models is None:
            return NONE
        async with self.compiling:
            try:
                return await asyncio.to_thread(kept, self.settings.detector, self.models)
            except (TownsquareError, OSError) as error:
                # A worker compiles it itself, or says what is wrong with it.
                log.warning("%s; each worker that starts compiles it anew", error)
                return NONE

    async def _keep_previews(self, worker: Worker, may_show: Set[str]) -> None:
        """A breach of the gate here ends the worker, which `observed` then tells."""
        try:
            async for camera, jpeg in shown(worker):
                if camera not in may_show:
                    raise Invalid(
                        "a vision worker showed a camera that is not its own or only counts"
                    )
                if now() < self.wanted.get(camera, now()):
                    self.previews[camera] = Preview(jpeg, now())
                else:
                    self.previews.pop(camera, None)
        finally:
            await end(worker)


def cores() -> int:
    """That this process may use, and so its workers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
