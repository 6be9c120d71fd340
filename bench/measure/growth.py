"""Memory of a server and of the page that shows what it tells, while both go on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page
from rich.table import Table

from measure.process import private_mb, resident_mb

FIRST_S = 60.0
PARTS = 10  # of the run, each with a line
# How often an entity changed on the page, since it was loaded.
CHANGES = """
() => [...document.querySelector("control-room").store.changes.values()]
  .reduce((sum, n) => sum + n, 0)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """`changes`: that the page has taken since the first load."""

    at_s: float
    changes: int
    server_mb: float
    page_mb: float


@dataclass(frozen=True, slots=True)
class Watched:
    page: Page
    system: CDPSession
    server: int  # pid

    def changes(self) -> int:
        return int(self.page.evaluate(CHANGES))

    def sample(self, at_s: float, changes: int) -> Sample:
        """`changes` is how many there were at the beginning."""
        found = self.system.send("SystemInfo.getProcessInfo")["processInfo"]
        # Of all renderers: the page, its worker and the live connection.
        page_mb = sum(private_mb(one["id"]) for one in found if one["type"] == "renderer")
        return Sample(at_s, self.changes() - changes, resident_mb(self.server), page_mb)


def moments(seconds: float) -> list[float]:
    """At the first minute, or half of a shorter run; then at each tenth of it."""
    first = min(FIRST_S, seconds / 2)
    tenths = (seconds * n / PARTS for n in range(1, PARTS + 1))
    return [first, *(at for at in tenths if at > first)]


def followed(watched: Watched, seconds: float, over: Callable[[], bool]) -> Iterator[Sample]:
    """One sample a moment; the last one when it is over."""
    begun, changes = time.monotonic(), watched.changes()
    *before, last = moments(seconds)
    for at_s in before:
        watched.page.wait_for_timeout(max(0.0, begun + at_s - time.monotonic()) * 1000)
        yield watched.sample(at_s, changes)
    while not over():
        watched.page.wait_for_timeout(500)
    yield watched.sample(last, changes)


def table(samples: list[Sample]) -> Table:
    shown = Table(
        "after, min", "changes that the page took", "server, MB", "page, MB", title="Memory"
    )
    for one in samples:
        numbers = (f"{one.changes:,}", f"{one.server_mb:.0f}", f"{one.page_mb:.0f}")
        shown.add_row(f"{one.at_s / 60:.1f}", *numbers)
    return shown
