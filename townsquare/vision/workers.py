"""The house's side of the gate: starts the processes that see, and lets through what they say.

Always holds: what is not exactly an observation ends the worker that said it; the newest preview
of a camera is kept only while one is wanted, in memory, and of no camera that nobody asked for.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from townsquare.model.errors import Invalid, Unavailable
from townsquare.vision import observation, wire
from townsquare.vision.inbox import now
from townsquare.vision.observation import Health, Observation
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Job, Show, Watched

LONGEST_LINE = 65_536
STALE = timedelta(seconds=10)  # a preview that is older says nothing of what is there now
LEAVES_S = 3.0  # for a worker whose input was closed
NEEDED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True, slots=True)
class Preview:
    """`jpeg` is None while the background is not ready."""

    jpeg: bytes | None
    at: datetime


@dataclass(slots=True)
class Worker:
    """One child process, while it lives."""

    child: asyncio.subprocess.Process
    observations: asyncio.StreamReader
    previews: asyncio.StreamReader

    def say(self, order: Show) -> None:
        if self.child.stdin is not None and not self.child.stdin.is_closing():
            self.child.stdin.write(wire.line(order))


@dataclass(slots=True)
class Workers:
    """All of them. Leaving the context ends them."""

    settings: Settings
    models: Path | None = None  # the town's folder of them
    alive: dict[str, Worker] = field(default_factory=dict)  # by camera
    wanted: dict[str, datetime] = field(default_factory=dict)
    previews: dict[str, Preview] = field(default_factory=dict)
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # end what is wanted
    backgrounds: dict[str, float] = field(default_factory=dict)  # share that is ready

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
        """The cameras of each worker."""
        size = self.settings.cameras_per_worker
        return [cameras[n : n + size] for n in range(0, len(cameras), size)]

    def job(self, group: Sequence[Watched]) -> Job:
        settings = self.settings
        return Job(
            tuple(group),
            settings.detections_per_second,
            settings.detector,
            str(self.models or ""),
            settings.hardware_decoding,
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

    async def observed(self, group: Sequence[Watched]) -> AsyncIterator[Observation]:
        """Starts a worker and gives what it says, until it ends.

        Raises Unavailable when it ended by itself, Invalid when the gate refused it.
        """
        worker = await start(self.job(group))
        names = {camera.name for camera in group}
        self.alive |= dict.fromkeys(names, worker)
        for name in names & self.wanted.keys():
            worker.say(Show(name, self.wanted[name]))
        showing = asyncio.create_task(self._keep_previews(worker, names))
        try:
            async for seen in said(worker, names):
                if isinstance(seen, Health):
                    self.backgrounds[seen.camera] = seen.background
                yield seen
            await end(worker)
            await showing  # what it showed may be why it was ended
            code = worker.child.returncode
            raise Unavailable(f"the process that watches {listed(names)} ended ({code})")
        finally:
            showing.cancel()
            for name in names:
                self.previews.pop(name, None)
            self.alive = {name: w for name, w in self.alive.items() if w is not worker}
            await end(worker)
            with contextlib.suppress(asyncio.CancelledError, Invalid):
                await showing

    async def _keep_previews(self, worker: Worker, names: set[str]) -> None:
        """A breach of the gate here ends the worker, which `observed` then tells."""
        try:
            async for camera, jpeg in shown(worker):
                if camera not in names:
                    raise Invalid("a vision worker showed a camera that is not its own")
                if now() < self.wanted.get(camera, now()):
                    self.previews[camera] = Preview(jpeg, now())
                else:
                    self.previews.pop(camera, None)
        finally:
            await end(worker)


async def start(job: Job) -> Worker:
    """A new process. Two pipes lead out of it, and its input in."""
    (observations, says), (previews, shows) = os.pipe(), os.pipe()
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "townsquare.vision.worker",
            str(says),
            str(shows),
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,  # a library that prints must not reach a pipe of ours
            pass_fds=(says, shows),
            # Ctrl-C in a terminal is for the house; it ends its workers in order.
            start_new_session=True,
            env=environment(),
        )
    finally:
        os.close(says)
        os.close(shows)
    worker = Worker(child, await reader(observations), await reader(previews))
    assert child.stdin is not None  # noqa: S101 - asked for above
    child.stdin.write(wire.line(job))
    return worker


def environment() -> dict[str, str]:
    """Nothing of the house's but what Python needs to start: who knows what else is a secret."""
    kept = {name: os.environ[name] for name in NEEDED if name in os.environ}
    # Each reading thread would otherwise get heaps of its own, 100 MB for a few cameras.
    return kept | {"MALLOC_ARENA_MAX": "2"}


async def reader(pipe: int) -> asyncio.StreamReader:
    stream = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb", buffering=0)
    )
    return stream


async def said(worker: Worker, names: set[str]) -> AsyncIterator[Observation]:
    """Raises Invalid for what the gate refuses."""
    while True:
        try:
            line = await worker.observations.readuntil()
        except asyncio.IncompleteReadError:
            return
        except asyncio.LimitOverrunError as error:
            raise Invalid("a vision worker said something longer than any observation") from error
        seen = observation.read(line)
        if seen.camera not in names:
            raise Invalid("a vision worker spoke of a camera that is not its own")
        if not observation.of_its_time(seen, now()):
            raise Invalid("a vision worker spoke of another time than now")
        yield seen


async def shown(worker: Worker) -> AsyncIterator[tuple[str, bytes | None]]:
    """Raises Invalid for what is no preview."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            header = await worker.previews.readexactly(wire.HEADER_BYTES)
            name_bytes, jpeg_bytes = wire.unpacked(header)
            name = await worker.previews.readexactly(name_bytes)
            jpeg = await worker.previews.readexactly(jpeg_bytes)
            if jpeg and not jpeg.startswith(b"\xff\xd8\xff"):
                raise Invalid("a vision worker showed something that is no JPEG")
            yield name.decode(errors="replace"), jpeg or None


async def end(worker: Worker) -> None:
    """Closes its input, which ends it; kills it if that does not."""
    child = worker.child
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), LEAVES_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
