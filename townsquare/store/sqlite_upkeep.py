"""What is done to a SQLite store between commits: old things go, sums are made, days are sealed.

No piece of work keeps writes waiting long; what is not done is done the next time.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Protocol, TypeVar

from townsquare.store import micros, sqlite_series, tables
from townsquare.store.series import LONGEST_WORK_S, Sweep, hour_of
from townsquare.store.sqlite_series import Series

LIVE_TRIMMED = "live-trimmed"  # mark: the last news of a live value that was dropped

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Runs(Protocol):
    """Runs something on the writer's connection in a transaction, or on a reader's."""

    def __call__(self, work: Work[T], /) -> Awaitable[T]: ...


class Upkeep:
    def __init__(self, write: Runs, series: Series) -> None:
        self._write = write
        self._series = series
        self._sweep = Sweep()

    async def trim(self, outbox_before: datetime, live_before: datetime, once: datetime) -> None:
        def work(db: sqlite3.Connection) -> None:
            seen = db.execute("select coalesce(min(seq), 1 << 62) from reader").fetchone()[0]
            old, live = micros(outbox_before), micros(live_before)
            gone = "from outbox where seq <= ? and live and at < ?"
            last = db.execute(f"select max(seq) {gone}", (seen, live)).fetchone()[0]
            if last is not None:
                tables.set_mark(db, LIVE_TRIMMED, last)
            db.execute(f"delete {gone}", (seen, live))
            db.execute("delete from outbox where seq <= ? and at < ?", (seen, old))
            db.execute("delete from applied where at < ?", (micros(once),))
            db.execute("delete from census where number = 0")

        await self._write(work)

    async def roll_up(self, until: datetime) -> None:
        hour, end = hour_of(micros(until)), monotonic() + LONGEST_WORK_S
        while monotonic() < end and await self._write(partial(self._roll_up, hour=hour)):
            pass

    def _roll_up(self, db: sqlite3.Connection, hour: int) -> bool:
        due = self._series.due()
        self._series.roll_up(db, due, hour)
        return bool(due)

    async def forget(self, types: Sequence[str], before: datetime, others: bool) -> int:
        which = (tuple(types), others)

        async def step(after: int) -> tuple[int, int]:
            return await self._write(partial(self._forget, which, micros(before), after))

        return await self._sweep.go(which, step)

    def _forget(
        self, which: tuple[tuple[str, ...], bool], before: int, after: int, db: sqlite3.Connection
    ) -> tuple[int, int]:
        """Rows, and the last series that was looked at; 0 when there are no more."""
        found = sqlite_series.outlived(db, *which, after)
        rows = sum(sqlite_series.forget_before(db, series, before) for series in found)
        if rows:
            self._series.unlearn()
            self._series.touch(found)
        return rows, found[-1] if len(found) == sqlite_series.AT_ONCE else 0
