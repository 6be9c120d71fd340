"""One change to many screens: server-sent events to as many clients, timed from the request."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

SETTLED_S = 0.05  # between two changes: it is the way of one that is timed


@dataclass(frozen=True, slots=True)
class Screens:
    """Each of `changes` makes one event with `mark` in it for every one of `number` clients."""

    port: int
    number: int
    events: bytes
    changes: Sequence[bytes]
    mark: bytes


def run(screens: Screens) -> list[float]:
    """Milliseconds from the request to the event, for each change and client."""
    return asyncio.run(_run(screens))


async def _run(screens: Screens) -> list[float]:
    port = str(screens.port).encode()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Screen(screens.mark), "127.0.0.1", screens.port)
        for _ in range(screens.number)
    ]
    for transport, _ in opened:
        transport.write(screens.events.replace(b"{port}", port, 1))
    await asyncio.sleep(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", screens.port)
    times: list[float] = []
    for change in screens.changes:
        waiting = [screen.next() for _, screen in opened]
        start = time.perf_counter()
        writer.write(change.replace(b"{port}", port, 1))
        times += [(at - start) * 1000 for at in await asyncio.gather(*waiting)]
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(SETTLED_S)
    writer.close()
    for transport, _ in opened:
        transport.close()
    return times


class _Screen(asyncio.Protocol):
    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._came: asyncio.Future[float] | None = None

    def next(self) -> "asyncio.Future[float]":
        """When the next event with the mark arrives."""
        self._came = asyncio.get_running_loop().create_future()
        return self._came

    def data_received(self, data: bytes) -> None:
        if self._came and not self._came.done() and self._mark in data:
            self._came.set_result(time.perf_counter())
