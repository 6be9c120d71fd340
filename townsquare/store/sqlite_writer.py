"""The single writer of the SQLite store: one thread, one transaction for the jobs that wait.

Always holds: jobs are decided in the order in which they came, each on what those before it
wrote; a job is answered after the commit that has it, and the news of a commit are told before
anything of the next one is decided.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from townsquare.model.change import Changed
from townsquare.model.errors import TownsquareError, Unavailable
from townsquare.store import Committed, Job, Key, Row, micros, tables
from townsquare.store.memory import Memory
from townsquare.store.pending import Pending
from townsquare.store.waiting import Outcome, Waiting, answer

MOST_PRESENT = 16 * 2**20  # bytes of rows that are remembered
BATCH = 512  # jobs a commit; more only adds waiting (measured flat from 200 on)

T = TypeVar("T")


class Written(NamedTuple):
    """What became of one commit."""

    outcomes: list[Outcome]
    rows: Mapping[Key, Row]  # that were looked at or written, as they are now
    gone: Set[Key]
    told: list[Changed]


class Writer:
    """`present` has rows as they are after the commits that were told of: by `tell`, on the loop.

    No row is written but by this writer, so what is remembered of one is right until then.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        shared: "threading.Lock | None",
        pending: Callable[[sqlite3.Connection, Mapping[Key, Row | None]], Pending],
        unlearn: Callable[[], None],
        tell: Callable[[Sequence[Changed]], None],
    ) -> None:
        """With `shared` readers have the same connection, and one at a time uses it. `unlearn` is
        called where a transaction was rolled back.
        """
        self.present: Memory[Key, Row] = Memory(MOST_PRESENT)
        self._db = db
        self._shared = shared
        self._pending = pending
        self._unlearn = unlearn
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "store-writer")
        self._waiting: list[Waiting] = []
        self._committing = False
        self._most = BATCH  # jobs in the next commit

    async def commit(self, job: Job) -> Committed:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Committed] = loop.create_future()
        self._waiting.append((job, future))
        if not self._committing:
            self._commit_next(loop)
        return await future

    @property
    def settled(self) -> bool:
        """Nothing is being committed: what `present` has is what the database has. Asked on the
        loop, it stays so until that goes on.
        """
        return not self._committing

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Between commits, in a transaction of its own."""

        def exclusively() -> T:
            with self._exclusive() as db:
                return work(db)

        return await asyncio.get_running_loop().run_in_executor(self._thread, exclusively)

    def close(self) -> None:
        self._thread.shutdown()

    def _commit_next(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._committing = bool(batch)
        if batch:
            # Not `run_in_executor`: its chain of futures costs more than a small commit decides.
            done = self._thread.submit(self._commit, [job for job, _ in batch])
            settle = partial(self._settle, loop, batch)
            done.add_done_callback(lambda done: loop.call_soon_threadsafe(settle, done))

    def _settle(
        self, loop: asyncio.AbstractEventLoop, batch: list[Waiting], done: "Future[Written]"
    ) -> None:
        error = done.exception()
        if error and len(batch) > 1:
            # One job that breaks must not take the others with it: by halves, until it is alone.
            self._waiting, self._most = batch + self._waiting, len(batch) // 2
        elif error:
            answer(batch[0][1], _broken(error))
        else:
            self._most = min(2 * self._most, BATCH)
            written = done.result()
            self._remember(written)
            # Not called here: what is committed is answered, whatever becomes of the news.
            loop.call_soon(self._tell, written.told)
            for (_, future), outcome in zip(batch, written.outcomes, strict=True):
                answer(future, outcome)
        self._commit_next(loop)

    def _remember(self, written: Written) -> None:
        for key, row in written.rows.items():
            self.present.put(key, row, len(row.body))
        for key in written.gone:
            self.present.drop(key)

    def _commit(self, jobs: list[Job]) -> Written:
        keys = {key for job in jobs for key in job.keys}
        with self._exclusive() as db:
            rows = {key: self.present.get(key) or tables.one(db, key) for key in keys}
            pending = self._pending(db, rows)
            outcomes = [self._one(db, job, pending) for job in jobs]
            pending.write()
        return Written(outcomes, pending.rows, pending.gone, pending.told)

    def _one(self, db: sqlite3.Connection, job: Job, pending: Pending) -> Outcome:
        if job.once and (answer := tables.answered(db, job.tenant, job.once)) is not None:
            return Committed(answer, repeated=True)
        try:
            writes = job.decide(pending.rows)
        except TownsquareError as refused:
            return refused
        pending.take(job.tenant, writes)
        if job.once:
            row = (job.tenant, job.once, micros(job.at), writes.answer.decode())
            db.execute("insert into applied values (?, ?, ?, ?)", row)
        if job.upto:
            db.execute("insert or replace into reader values (?, ?)", job.upto)
        return Committed(writes.answer, repeated=False)

    @contextmanager
    def _exclusive(self) -> Iterator[sqlite3.Connection]:
        with self._shared or _nothing():
            committed = False
            try:
                with transaction(self._db) as db:
                    yield db
                committed = True
            finally:
                if not committed:
                    self._unlearn()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("begin immediate")
    try:
        yield db
        db.execute("commit")
    finally:
        if db.in_transaction:
            db.execute("rollback")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _broken(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error):
        return Unavailable(f"the database could not write ({error}); is the disk full?")
    return error
