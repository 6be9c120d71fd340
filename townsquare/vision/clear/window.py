"""The house's side of clear views: one process for each, its newest picture, and its end.

Always holds: a picture is held only while its view runs; when the time is over, or somebody ends
it, the process is gone and everyone who looks is cut off in mid-connection.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from townsquare.model.errors import Invalid
from townsquare.vision import wire
from townsquare.vision.child import left, over, piped, reader
from townsquare.vision.clear.job import Job
from townsquare.vision.sandbox import environment

QUIET_S = 1.0  # how late somebody whose right has ended may be cut off where no picture comes


@dataclass(slots=True)
class Window:
    """Of one view, while it runs."""

    camera: str
    child: asyncio.subprocess.Process
    pictures: asyncio.StreamReader
    newest: bytes = b""
    number: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    reading: "asyncio.Task[None] | None" = None

    async def read(self) -> None:
        """Until the process ends. Raises Invalid for what is no picture of this camera."""
        try:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    jpeg = await self._one()
                    async with self.changed:
                        self.newest, self.number = jpeg, self.number + 1
                        self.changed.notify_all()
        finally:
            await self.close()

    async def _one(self) -> bytes:
        header = await self.pictures.readexactly(wire.HEADER_BYTES)
        name_bytes, jpeg_bytes = wire.unpacked(header)
        name = await self.pictures.readexactly(name_bytes)
        jpeg = await self.pictures.readexactly(jpeg_bytes)
        if name.decode(errors="replace") != self.camera or not jpeg.startswith(b"\xff\xd8\xff"):
            raise Invalid("a clear view showed something that is no picture of its camera")
        return jpeg

    async def shown(self) -> AsyncIterator[bytes]:
        """Each picture as it comes; who is slow misses some, and nothing for a while is told as
        no bytes. Ends with the view.
        """
        seen = 0
        while not self.closed.is_set():
            if self.number == seen:
                await self._news()
            jpeg = self.newest if self.number > seen else b""
            seen = self.number
            if not self.closed.is_set():
                yield jpeg

    async def _news(self) -> None:
        async with self.changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), QUIET_S)

    async def close(self) -> None:
        """The last picture goes with it."""
        self.closed.set()
        self.newest = b""
        async with self.changed:
            self.changed.notify_all()
        await left(self.child)


async def opened(job: Job) -> Window:
    pictures, shows = os.pipe()
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-m", "townsquare.vision.clear.viewer", str(shows)),
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,  # a library that prints must not reach a pipe of ours
            pass_fds=(shows,),
            start_new_session=True,
            env=environment(),
        )
    finally:
        os.close(shows)
    window = Window(job.camera.name, child, await reader(pictures))
    piped(child.stdin).write(msgspec.json.encode(job) + b"\n")
    window.reading = asyncio.create_task(window.read())
    return window


async def shut(window: Window) -> None:
    await window.close()
    if window.reading:
        window.reading.cancel()
        await over(window.reading)
