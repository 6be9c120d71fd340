"""A program outside that is told: a real HTTP server on loopback that keeps what it gets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from townsquare.context.api.app import Api


@dataclass(frozen=True)
class Told:
    headers: Mapping[str, str]  # names as they were sent
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.body["data"]


class Receiver:
    """`status` is what it answers; while `held` is not set it does not answer at all."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.status = 200
        self.held = asyncio.Event()
        self.held.set()
        self.url = ""
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def next(self) -> Told:
        return await asyncio.wait_for(self.told.get(), 5)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = self._open[writer] = asyncio.Event()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")[1:-2]
                headers = dict(line.split(": ", 1) for line in lines)
                lengths = [v for k, v in headers.items() if k.lower() == "content-length"]
                body = await reader.readexactly(int(lengths[0]))
                self.told.put_nowait(Told(headers, json.loads(body)))
                await self.held.wait()
                writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            ended.set()

    async def end(self) -> None:
        self.held.set()
        for writer, ended in self._open.items():
            writer.close()
            await ended.wait()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/notify"
    async with server:
        try:
            yield receiver
        finally:
            await receiver.end()


@asynccontextmanager
async def telling(api: Api) -> AsyncIterator[None]:
    """The room that tells, from its first word to its end."""
    task = asyncio.create_task(api.subscriptions.run())
    for _ in range(1000):  # until it reads, so that nothing is before its time
        if task.done() or await api.broker.cursor("subscriptions") is not None:
            break
        await asyncio.sleep(0.001)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
