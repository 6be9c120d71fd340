"""A vision worker without a house: its job is written and both its pipes are read here."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from townsquare.vision import observation, sandbox, wire
from townsquare.vision.child import command
from townsquare.vision.observation import Said
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Job, Order, Watched

ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Pipe:
    """What came out of one so far, byte by byte."""

    end: int
    content: bytearray = field(default_factory=bytearray)
    thread: threading.Thread | None = None

    def begin(self) -> None:
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        with os.fdopen(self.end, "rb", buffering=0) as pipe:
            while part := pipe.read(65_536):
                self.content += part


@dataclass(slots=True)
class Alone:
    child: "subprocess.Popen[bytes]"
    says: Pipe
    shows: Pipe
    numbers: tuple[int, int]  # of the pipes, in the worker

    def order(self, order: Order) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(wire.line(order))
        self.child.stdin.flush()

    def said(self) -> list[Said]:
        """Whole lines. Raises Invalid for what the gate refuses."""
        *lines, _ = bytes(self.says.content).split(b"\n")
        return [observation.read(line) for line in lines]

    def shown(self) -> list[tuple[str, bytes]]:
        """Whole packets: camera, JPEG or nothing."""
        return list(packets(bytes(self.shows.content)))

    def until(self, happened: Callable[[], object], for_s: float) -> None:
        end_s = time.monotonic() + for_s
        while not happened():
            assert self.child.poll() is None, "the worker ended"
            assert time.monotonic() < end_s, "it did not happen in time"
            time.sleep(0.05)

    def end(self) -> None:
        """As the house ends one: by closing its input. All that it said is here then."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        try:
            self.child.wait(10)
        finally:
            self.child.kill()
            for pipe in (self.says, self.shows):
                if pipe.thread is not None:
                    pipe.thread.join()


def packets(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A part of one at the end is left out."""
    at = 0
    while len(head := content[at : at + wire.HEADER_BYTES]) == wire.HEADER_BYTES:
        name, picture = wire.unpacked(head)
        begin = at + wire.HEADER_BYTES
        at = begin + name + picture
        if at <= len(content):
            yield content[begin : begin + name].decode(), content[begin + name : at]


@contextlib.contextmanager
def alone(
    cameras: Sequence[Watched],
    said: Path,
    program: Callable[[Sequence[str]], Sequence[str]] = lambda command: command,
) -> Iterator[Alone]:
    """`said` is the file for its standard output and error; `program` may put another before it."""
    settings = Settings()
    job = Job(tuple(cameras), settings.detections_per_second, settings.detector, "")
    (observations, says), (previews, shows) = os.pipe(), os.pipe()
    with said.open("wb") as out:
        child = subprocess.Popen(
            program(command(says, shows)),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            pass_fds=(says, shows),
            cwd=ROOT,
            env=sandbox.environment(),
        )
    os.close(says)
    os.close(shows)
    worker = Alone(child, Pipe(observations), Pipe(previews), (says, shows))
    worker.says.begin()
    worker.shows.begin()
    assert child.stdin is not None
    child.stdin.write(wire.line(job))
    child.stdin.flush()
    try:
        yield worker
    finally:
        worker.end()
