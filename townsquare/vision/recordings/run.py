"""Count recordings side by side, a process each, and go on where an earlier try ended.

Always holds: what a journal keeps was counted with the very same lines, zones, rate, detector and
file; anything else begins anew. A recording whose process dies takes no other with it.
"""

import asyncio
import contextlib
import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from townsquare.model.errors import Invalid
from townsquare.vision.child import piped
from townsquare.vision.recordings import parts
from townsquare.vision.recordings.parts import Done, Failed, Order, Part
from townsquare.vision.recordings.sheet import Sheet
from townsquare.vision.sandbox import environment

LONGEST_LINE = 1_000_000


class Kept(msgspec.Struct, frozen=True):
    """A line of the journal."""

    key: str
    part: Part


@dataclass(slots=True)
class Journal:
    """Parts that were counted, by recording; `file` is None where none is kept."""

    file: Path | None = None
    known: dict[str, list[Part]] = field(default_factory=dict)

    def load(self) -> None:
        """A last line that was cut off is not taken."""
        if self.file is None or not self.file.exists():
            return
        for line in self.file.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                kept = msgspec.json.decode(line, type=Kept)
                self.known.setdefault(kept.key, []).append(kept.part)

    def add(self, key: str, part: Part) -> None:
        if self.file is not None:
            with self.file.open("ab") as out:
                out.write(msgspec.json.encode(Kept(key, part)) + b"\n")

    def done(self) -> None:
        if self.file is not None:
            self.file.unlink(missing_ok=True)


@dataclass(slots=True)
class Recording:
    """What is to be counted, and what came of it. `trouble` says why it could not be read on."""

    order: Order
    sheet: Sheet
    length_s: float = 0.0
    trouble: str = ""

    @property
    def key(self) -> str:
        """Of this file as it is now, counted in this way."""
        file = Path(self.order.url).stat()
        told = (msgspec.json.encode(self.order), file.st_size, file.st_mtime_ns)
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def take(self, part: Part) -> None:
        self.sheet.add(part)
        self.length_s = part.length_s


Told = Callable[[Recording], None]  # there is something new of it


async def count_all(
    recordings: Sequence[Recording], journal: Journal, at_once: int, told: Told
) -> None:
    """Returns when each was counted as far as it can be read."""
    journal.load()
    free = asyncio.Semaphore(at_once)

    async def one(recording: Recording) -> None:
        async with free:
            await _count(recording, journal, told)

    async with asyncio.TaskGroup() as tasks:
        for recording in recordings:
            tasks.create_task(one(recording))


async def _count(recording: Recording, journal: Journal, told: Told) -> None:
    key = recording.key
    for part in journal.known.get(key, []):
        recording.take(part)
    order = msgspec.structs.replace(recording.order, since_s=recording.sheet.upto_s)
    recording.trouble = "its process ended before all was counted"
    async for said in _said(order):
        if isinstance(said, Part):
            recording.take(said)
            journal.add(key, said)
        else:
            recording.trouble = said.why if isinstance(said, Failed) else ""
        told(recording)


async def _said(order: Order) -> AsyncIterator[Part | Failed | Done]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "townsquare.vision.recordings.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
        env=environment(),
    )
    try:
        wants, told = piped(child.stdin), piped(child.stdout)
        wants.write(parts.line(order))
        wants.close()
        async for line in told:
            yield parts.said(line)
        await child.wait()
    except ValueError as error:
        raise Invalid("a process that counts a recording said too much at once") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
