"""One process that sees, as the house has it: started, heard through the gate, ended.

Always holds: what is not exactly an observation of its own cameras, of now and of what they have,
is refused; so is what is no preview.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from townsquare.model.errors import Invalid, Unavailable
from townsquare.vision import observation, wire
from townsquare.vision.inbox import now
from townsquare.vision.observation import Observation, Said, Tried
from townsquare.vision.sandbox import environment
from townsquare.vision.wire import Job, Order, Watched

LONGEST_LINE = 65_536
LEAVES_S = 3.0  # for a worker whose input was closed

T = TypeVar("T")


class Outlet(asyncio.StreamReader):
    """What a process writes into a pipe, which closes by itself once all of it was read."""

    pipe: asyncio.ReadTransport

    def close(self) -> None:
        """What was not read is lost."""
        self.pipe.close()


@dataclass(slots=True)
class Worker:
    """One child process, while it lives."""

    child: asyncio.subprocess.Process
    observations: Outlet
    previews: Outlet
    renewed: bool = False  # ended to begin anew with another job

    def say(self, order: Order) -> None:
        if self.child.stdin is not None and not self.child.stdin.is_closing():
            self.child.stdin.write(wire.line(order))


async def start(job: Job) -> Worker:
    """A new process. Two pipes lead out of it, and its input in."""
    (observations, says), (previews, shows) = os.pipe(), os.pipe()
    child = await spawned(command(says, shows), says, shows)
    try:
        worker = Worker(child, await reader(observations), await reader(previews))
    except asyncio.CancelledError:
        await left(child)
        raise
    piped(child.stdin).write(wire.line(job))
    return worker


def piped(end: T | None) -> T:
    """One end of a pipe to a process that was started with it. Raises Unavailable."""
    if end is None:
        raise Unavailable("a process was started without the pipe that leads to it")
    return end


async def spawned(command: Sequence[str], *pipes: int) -> asyncio.subprocess.Process:
    """With nothing of the house's but these pipes, which are closed here, and an input."""
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,  # a library that prints must not reach a pipe of ours
            pass_fds=pipes,
            # Ctrl-C in a terminal is for the house; it ends its workers in order.
            start_new_session=True,
            env=environment(),
        )
    finally:
        for pipe in pipes:
            os.close(pipe)


def command(says: int, shows: int) -> list[str]:
    """-B: not even modules that were compiled on the way are written."""
    return [sys.executable, "-B", "-m", "townsquare.vision.worker", str(says), str(shows)]


async def reader(pipe: int) -> Outlet:
    outlet = Outlet(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    outlet.pipe, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(outlet), os.fdopen(pipe, "rb", buffering=0)
    )
    return outlet


async def said(worker: Worker, given: Mapping[str, Watched]) -> AsyncIterator[Said]:
    """Raises Invalid for what the gate refuses. `given` are the cameras of the worker."""
    while True:
        try:
            line = await worker.observations.readuntil()
        except asyncio.IncompleteReadError:
            return
        except asyncio.LimitOverrunError as error:
            raise Invalid("a vision worker said something longer than any observation") from error
        seen = observation.read(line)
        if seen.camera not in given:
            raise Invalid("a vision worker spoke of a camera that is not its own")
        if isinstance(seen, Tried):  # has neither
            yield seen
            continue
        if not named(seen) <= places(given[seen.camera]):
            raise Invalid("a vision worker spoke of a line or zone that is not its camera's")
        if not observation.of_its_time(seen, now()):
            raise Invalid("a vision worker spoke of another time than now")
        yield seen


def named(seen: Observation) -> set[str]:
    """Lines and zones that it speaks of."""
    return {
        getattr(seen, name) for name in ("line", "zone", "entry", "exit") if hasattr(seen, name)
    }


def places(camera: Watched) -> set[str]:
    """What may be spoken of; "" is the camera itself."""
    return {"", *(line.name for line in camera.lines), *(zone.name for zone in camera.zones)}


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
    await left(worker.child)


async def left(child: asyncio.subprocess.Process) -> None:
    """Closes its input, which ends it; kills it if that does not, or if nobody can wait for it."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), LEAVES_S)
    except (TimeoutError, asyncio.CancelledError) as error:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


async def over(task: asyncio.Task[None]) -> None:
    """When a task that was cancelled is over, whatever came of it. Whoever waits can be cancelled
    meanwhile all the same: to catch that as well would make a house that is to end go on.
    """
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
