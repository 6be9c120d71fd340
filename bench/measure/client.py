"""A load client in a process of its own: raw HTTP/1.1 over asyncio, standard library only.

Each connection is kept open and asks its next question when it has the answer, so the server is
as busy as it can be and a time is that of one request among `CONNECTIONS`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from os import sched_setaffinity

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """Requests as bytes. With `seconds` they are drawn at random for so long, else each is sent
    once, in order. `expected` is the status of a good answer.
    """

    port: int
    requests: Sequence[bytes]
    expected: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    times_ms: Sequence[float]
    seconds: float
    wrong: Mapping[int, int]  # unexpected statuses and how often
    bytes_answered: int  # of the last answer's body: shows that it was not an empty one

    @property
    def per_second(self) -> float:
        return len(self.times_ms) / self.seconds


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost:{{port}}\r\naccept: application/json\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


@contextmanager
def clients(cpu: int | None) -> Iterator[ProcessPoolExecutor]:
    """One child process, so that the load does not share the interpreter with the table."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        if cpu is not None:
            pool.submit(sched_setaffinity, 0, {cpu}).result()
        yield pool


def run(load: Load) -> Measured:
    return asyncio.run(_run(load))


async def _run(load: Load) -> Measured:
    port = str(load.port).encode()
    requests = [r.replace(b"{port}", port, 1) for r in load.requests]
    drawn = iter(requests) if load.seconds is None else _drawn(requests)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(_Connection, "127.0.0.1", load.port)
        for _ in range(CONNECTIONS)
    ]
    start = time.perf_counter()
    end = start + load.seconds if load.seconds is not None else None
    asked = [connection.ask(drawn, end) for _, connection in opened]
    await asyncio.gather(*asked)
    seconds = time.perf_counter() - start
    for transport, _ in opened:
        transport.close()
    answers = [connection for _, connection in opened]
    statuses = sum((c.statuses for c in answers), Counter[int]())
    wrong = {status: n for status, n in statuses.items() if status != load.expected}
    times = [t for c in answers for t in c.times_ms]
    return Measured(times, seconds, wrong, max(c.length for c in answers))


def _drawn(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield random.choice(requests)  # noqa: S311 - a load, not a secret


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.times_ms: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.length = 0
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - that is what TCP gives
        self._transport = transport

    def ask(self, requests: Iterator[bytes], end: float | None) -> "asyncio.Future[None]":
        """Until there is no request left or it is `end`."""
        self._requests, self._end = requests, end
        self._done = asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def _next(self) -> None:
        self._sent = time.perf_counter()
        over = self._end is not None and self._sent >= self._end
        following = None if over else next(self._requests, None)
        if following is None:
            self._done.set_result(None)
        else:
            self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._left += data
        head_end = self._left.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._left[:head_end].lower()
        place = head.find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place > 0 else 0
        if len(self._left) < head_end + 4 + length:
            return
        self.times_ms.append((time.perf_counter() - self._sent) * 1000)
        self.statuses[int(head[9:12])] += 1
        self.length, self._left = length, b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))
