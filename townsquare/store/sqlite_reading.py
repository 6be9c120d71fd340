"""Reading SQLite beside its writer: at once what takes a moment, in threads what takes longer.

A read on the loop's own thread is counted in steps of SQLite's machine and broken off where it
needs more than `STEPS`; it is then read again by a thread, and so is the next one of its kind.
Handing a small read to a thread would cost more than the read (measured 100 of 300 µs).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

from townsquare.model.errors import TooComplex

READERS = 2
STEPS = 5000  # to twice as many: 1 to 2 ms, 100 entities or more with a condition on their JSON
MOST_LONG = 1000  # statements that are known to take longer; then it begins anew
LONGEST_READ_S = 5.0  # a longer one would keep the write-ahead log from being folded in
LONGEST_STRANGER_S = 1.0
LONGEST_WORK_S = 120.0
# What SQLite says of a statement that is beyond what it can read (sqlite.org/limits.html).
LIMITS = ("parser stack overflow", "Expression tree is too large", "too many SQL variables")

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Reading:
    def __init__(
        self, opened: Callable[[], sqlite3.Connection], shared: "threading.Lock | None"
    ) -> None:
        """With `shared` there is one connection, the writer's own, and one at a time has it."""
        self._opened = opened
        self._shared = shared
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._strangers = ThreadPoolExecutor(1, "store-stranger")
        self._long: set[str] = set()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Of this thread."""
        if self._shared:
            with self._shared:
                yield self._opened()
            return
        if not hasattr(self._local, "connection"):
            self._local.connection = self._opened()
            self._local.connection.execute("pragma query_only=on")
        yield self._local.connection

    async def run(self, work: Work[T], statement: str = "", *, stranger: bool = False) -> T:
        """`work` may be done twice. Strangers wait for strangers, with less time.

        Raises TooComplex. Without a `statement` it is not tried at once.
        """
        if statement and not stranger and (found := self.at_once(work, statement)) is not None:
            return found
        loop = asyncio.get_running_loop()
        longest_s = LONGEST_STRANGER_S if stranger else LONGEST_READ_S
        readers = self._strangers if stranger else self._readers
        return await loop.run_in_executor(readers, self._timed, work, longest_s)

    def at_once(self, work: Work[T], statement: str) -> T | None:
        """None where that takes longer than a moment. Raises TooComplex."""
        if statement in self._long:
            return None
        try:
            return self._counted(work)
        except sqlite3.OperationalError as error:
            _require_interrupted(error)
            self._remember(statement)
            return None

    async def at_leisure(self, work: Work[T]) -> T:
        """For work that nobody waits for, in statements of which none takes long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._timed, work, LONGEST_WORK_S)

    def close(self) -> None:
        self._readers.shutdown()
        self._strangers.shutdown()

    def _remember(self, statement: str) -> None:
        if len(self._long) >= MOST_LONG:
            self._long.clear()
        self._long.add(statement)

    def _counted(self, work: Work[T]) -> T:
        # SQLite counts on from what the statement did before: the first call may come at once.
        calls = iter((False, True))
        with self.connection() as db:
            db.set_progress_handler(lambda: next(calls, True), STEPS)
            try:
                return work(db)
            finally:
                db.set_progress_handler(None, 0)

    def _timed(self, work: Work[T], longest_s: float) -> T:
        end = monotonic() + longest_s
        with self.connection() as db:
            db.set_progress_handler(lambda: monotonic() > end, 100_000)
            try:
                return work(db)
            except sqlite3.OperationalError as error:
                _require_interrupted(error)
                raise TooComplex(
                    f"the query took over {longest_s:.0f} s; add a filter or ask for less"
                ) from error
            finally:
                db.set_progress_handler(None, 0)


def _require_interrupted(error: sqlite3.OperationalError) -> None:
    """Raises TooComplex for a statement that SQLite cannot even read."""
    if any(limit in str(error) for limit in LIMITS):
        raise TooComplex(f"the query is too long or nests too deeply ({error})") from error
    if "interrupted" not in str(error):
        raise error
