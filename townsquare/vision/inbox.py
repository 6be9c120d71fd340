"""Where the threads that read cameras leave their pictures for the one that analyses them.

Of each camera there is at most one picture, the newest: a worker that is late drops pictures,
says how many, and is never later than one.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from townsquare.vision.read import Picture
from townsquare.vision.trouble import Size, Trouble

STEADY_S = 60.0  # a stream that lasted so long was no flicker: it may be tried again at once
LONGEST_WAIT_S = 60.0  # between tries; a camera that is repaired is seen within a minute


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture, or why there is none."""

    camera: str
    at: datetime
    picture: Picture | None = None
    trouble: Trouble = ""
    size: Size | None = None  # of pictures, where that is the trouble


@dataclass(slots=True)
class Tally:
    """Of one camera since the last health was told."""

    read: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Inbox:
    """`waiting` keeps the order of arrival, so that every camera has its turn."""

    waiting: dict[str, Taken] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self, camera: str, lost: int = 0) -> None:
        """One picture more, before which so many were damaged."""
        with self.changed:
            tally = self.tallies.setdefault(camera, Tally())
            tally.read += 1
            tally.dropped += lost

    def put(self, taken: Taken) -> None:
        with self.changed:
            before = self.waiting.get(taken.camera)
            tally = self.tallies.setdefault(taken.camera, Tally())
            tally.dropped += before is not None and before.picture is not None
            self.waiting[taken.camera] = taken
            self.changed.notify()

    def take(self, patience_s: float) -> Taken | None:
        """The longest waiting; None when nothing came in that time."""
        with self.changed:
            self.changed.wait_for(lambda: bool(self.waiting), patience_s)
            name = next(iter(self.waiting), None)
            return self.waiting.pop(name) if name is not None else None

    def tally(self, camera: str) -> Tally:
        with self.changed:
            return self.tallies.pop(camera, Tally())


def waits_s() -> Iterator[float]:
    """How long to wait before each next try."""
    wait_s = 1.0
    while True:
        yield wait_s
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def now() -> datetime:
    return datetime.now(UTC)
