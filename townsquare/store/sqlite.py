"""SQLite: one writer, group commit, readers beside it.

Without a path it is a database in memory: the same SQL, so filters are compiled once and the
two cannot drift apart; readers then share the writer's connection under a lock.

Durability: WAL with synchronous=FULL, so an answered write survives a power cut.
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypeVar

from townsquare.model.change import Changed
from townsquare.model.errors import CannotStart, TownsquareError, Unavailable
from townsquare.store import (
    Committed,
    Find,
    Instance,
    Job,
    Key,
    LogEntry,
    Row,
    RowKind,
    at,
    micros,
    sqlite_history,
    sqlite_rollups,
    sqlite_schema,
    sqlite_series,
    tables,
)
from townsquare.store.census import Census
from townsquare.store.conditions import Conditions, PastConditions
from townsquare.store.past import Past, Span, Tally, Window
from townsquare.store.pending import Pending
from townsquare.store.sqlite_conditions import SqliteConditions, SqlitePastConditions
from townsquare.store.sqlite_functions import register
from townsquare.store.sqlite_reading import Reading
from townsquare.store.sqlite_series import hour_of

BATCH = 512  # jobs a commit; more only adds waiting (measured flat from 200 on)
LONGEST_WORK_S = 0.2  # of one kind of housekeeping at a time, since writes wait for it
LIVE_TRIMMED = "live-trimmed"  # mark: the last news of a live value that was dropped

Outcome = Committed | TownsquareError
Waiting = tuple[Job, "asyncio.Future[Committed]"]
T = TypeVar("T")


class SqliteStore:
    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.listener: Callable[[Sequence[Changed]], None] = lambda _: None
        self.conditions: Conditions = SqliteConditions()
        self._lock = _take_lock(path) if path else None
        self._shared = threading.Lock() if path is None else None
        self._connection = self._open()
        _prepare(self._connection, path)
        self._series = sqlite_series.Series()
        self._forgotten: dict[tuple[tuple[str, ...], bool], int] = {}  # how far it has come
        self._reading = Reading(self._open if path else lambda: self._connection, self._shared)
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._waiting: list[Waiting] = []
        self._committing = False
        self._most = BATCH  # jobs in the next commit

    async def ready(self) -> None:
        """It is since it was made: a file is opened at once, or CannotStart was raised."""

    # --- writing

    async def commit(self, job: Job) -> Committed:
        """Answers when the job is durable. Raises what `job.decide` raises, or Unavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Committed] = loop.create_future()
        self._waiting.append((job, future))
        if not self._committing:
            self._commit_next(loop)
        return await future

    def _commit_next(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._committing = bool(batch)
        if batch:
            self._submit(loop, batch)

    def _submit(self, loop: asyncio.AbstractEventLoop, batch: list[Waiting]) -> None:
        done = loop.run_in_executor(self._writer, self._commit, [job for job, _ in batch])
        done.add_done_callback(partial(self._settle, loop, batch))

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[Waiting],
        done: "asyncio.Future[tuple[list[Outcome], list[Changed]]]",
    ) -> None:
        error = done.exception()
        if error and len(batch) > 1:
            # One job that breaks must not take the others with it: by halves, until it is alone.
            self._waiting, self._most = batch + self._waiting, len(batch) // 2
        elif error:
            _answer(batch[0][1], _broken(error))
        else:
            self._most = min(2 * self._most, BATCH)
            outcomes, told = done.result()
            self.listener(told)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _answer(future, outcome)
        self._commit_next(loop)

    def _commit(self, jobs: list[Job]) -> tuple[list[Outcome], list[Changed]]:
        with self._exclusive() as db:
            rows = tables.load(db, {key for job in jobs for key in job.keys})
            pending = Pending(db, self._series, rows)
            outcomes = [self._one(db, job, pending) for job in jobs]
            pending.write()
        return outcomes, pending.told

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
                with _transaction(self._connection) as db:
                    yield db
                committed = True
            finally:
                if not committed:
                    self._series.unlearn()

    # --- reading

    async def get(self, key: Key) -> Row | None:
        """Microseconds, so it is not sent to another thread."""
        with self._reading.connection() as db:
            return tables.one(db, key)

    async def has_tenant(self, tenant: str) -> bool:
        with self._reading.connection() as db:
            return bool(db.execute("select 1 from tenant where name = ?", (tenant,)).fetchone())

    async def census(self, tenant: str) -> Census:
        return await self._reading.run(lambda db: tables.census(db, tenant))

    async def find(self, tenant: str, find: Find) -> list[Row]:
        sql = tables.rows(tenant, find)
        return await self._reading.run(
            lambda db: [tables.to_row(r) for r in db.execute(sql.text, sql.parameters)],
            sql.text,
            stranger=find.stranger,
        )

    async def count(self, tenant: str, find: Find) -> int:
        sql = tables.counted(tenant, find)
        return await self._reading.run(
            lambda db: int(db.execute(sql.text, sql.parameters).fetchone()[0]),
            sql.text,
            stranger=find.stranger,
        )

    async def listed(self, kind: RowKind, tenant: str | None = None) -> list[Row]:
        text = tables.ROW + " where e.kind = ? and (? is null or e.tenant = ?) order by e.row"
        parameters = (kind, tenant, tenant)
        return await self._reading.run(
            lambda db: [tables.to_row(r) for r in db.execute(text, parameters)], text
        )

    async def ending(self, until: datetime, limit: int) -> list[Key]:
        text = (
            "select e.tenant, e.kind, e.id from ending n join entity e on e.row = n.row"
            " where n.at <= ? order by n.at limit ?"
        )
        with self._reading.connection() as db:
            return [Key(*found) for found in db.execute(text, (micros(until), limit))]

    async def first_end(self) -> datetime | None:
        with self._reading.connection() as db:
            first = db.execute("select min(at) from ending").fetchone()[0]
            return None if first is None else at(first)

    def past_conditions(self, window: Window | None) -> PastConditions:
        return SqlitePastConditions(window)

    async def instances(self, tenant: str, past: Past) -> list[Instance]:
        return await self._reading.run(lambda db: sqlite_history.instances(db, tenant, past))

    async def span(self, tenant: str, past: Past) -> Span | None:
        return await self._reading.run(lambda db: sqlite_history.span(db, tenant, past))

    async def tallies(
        self, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
    ) -> list[Tally]:
        found, behind = await self._reading.run(
            lambda db: sqlite_rollups.tallies(db, tenant, past, edges, distinct)
        )
        self._series.touch(behind)
        return found

    async def after(self, seq: int, limit: int) -> list[Changed]:
        text = "select seq, body from outbox where seq > ? order by seq limit ?"
        found = await self._reading.run(lambda db: db.execute(text, (seq, limit)).fetchall())
        return [replace(tables.changed(body), seq=number) for number, body in found]

    async def changed_since(self, seq: int) -> list[tuple[str, str]] | None:
        text = "select tenant, id from outbox where seq > ? group by tenant, id order by min(seq)"

        def since(db: sqlite3.Connection) -> list[tuple[str, str]] | None:
            last = tables.last_seq(db)
            oldest = db.execute("select coalesce(min(seq), ? + 1) from outbox", (last,)).fetchone()
            # Values of the moment go earlier: a client may have missed one of those.
            reaches = max(oldest[0] - 1, tables.mark(db, LIVE_TRIMMED)) <= seq <= last
            return db.execute(text, (seq,)).fetchall() if reaches else None

        return await self._reading.run(since)

    async def last_seq(self) -> int:
        with self._reading.connection() as db:
            return tables.last_seq(db)

    async def cursor(self, reader: str) -> int | None:
        with self._reading.connection() as db:
            found = db.execute("select seq from reader where name = ?", (reader,)).fetchone()
            return int(found[0]) if found else None

    async def log(self, after: int, limit: int) -> list[LogEntry]:
        text = "select salt, coalesce(record, ''), leaf from log where row > ? order by row limit ?"
        found = await self._reading.run(lambda db: db.execute(text, (after, limit)).fetchall())
        return [LogEntry(salt, record.encode(), leaf) for salt, record, leaf in found]

    # --- keeping house

    async def trim(
        self, outbox_before: datetime, live_before: datetime, once_before: datetime
    ) -> None:
        """Drop news that every reader has seen and that is older; and old idempotency keys."""

        def work(db: sqlite3.Connection) -> None:
            seen = db.execute("select coalesce(min(seq), 1 << 62) from reader").fetchone()[0]
            old, live = micros(outbox_before), micros(live_before)
            gone = "from outbox where seq <= ? and live and at < ?"
            last = db.execute(f"select max(seq) {gone}", (seen, live)).fetchone()[0]
            if last is not None:
                tables.set_mark(db, LIVE_TRIMMED, last)
            db.execute(f"delete {gone}", (seen, live))
            db.execute("delete from outbox where seq <= ? and at < ?", (seen, old))
            db.execute("delete from applied where at < ?", (micros(once_before),))
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

    async def forget(self, types: Sequence[str], before: datetime, *, others: bool) -> int:
        """Goes on another time where it takes long."""
        which, end, rows = (tuple(types), others), monotonic() + LONGEST_WORK_S, 0
        while True:
            work = partial(self._forget, which=which, before=micros(before))
            gone, last = await self._write(work)
            rows += gone
            self._forgotten[which] = last
            if last == 0 or monotonic() > end:
                return rows

    def _forget(
        self, db: sqlite3.Connection, which: tuple[tuple[str, ...], bool], before: int
    ) -> tuple[int, int]:
        """Rows, and the last series that was looked at; 0 when there are no more."""
        types, others = which
        found = sqlite_series.outlived(db, types, others, self._forgotten.get(which, 0))
        rows = sum(sqlite_series.forget_before(db, series, before) for series in found)
        if rows:
            self._series.unlearn()
            self._series.touch(found)
        return rows, found[-1] if len(found) == sqlite_series.AT_ONCE else 0

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Between commits, in a transaction of its own."""

        def exclusively() -> T:
            with self._exclusive() as db:
                return work(db)

        return await asyncio.get_running_loop().run_in_executor(self._writer, exclusively)

    async def close(self) -> None:
        self._writer.shutdown()
        self._reading.close()
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(
                self.path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10
            )
            db.executescript(
                "pragma page_size=8192; pragma journal_mode=wal; pragma synchronous=full;"
                "pragma cache_size=-16384; pragma temp_store=memory; pragma busy_timeout=10000;"
            )
        except sqlite3.Error as error:
            raise CannotStart(f"cannot open the database {self.path}: {error}") from error
        register(db)
        return db


def _prepare(db: sqlite3.Connection, path: Path | None) -> None:
    """Raises CannotStart for a database that a newer program has changed."""
    with _transaction(db):
        if sqlite_schema.version(db) > sqlite_schema.SCHEMA:
            raise CannotStart(f"{path} was written by a newer townsquare; start that one")
        sqlite_schema.bring_up(db)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
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


def _answer(future: "asyncio.Future[Committed]", outcome: Outcome | BaseException) -> None:
    if future.cancelled():
        return
    if isinstance(outcome, Committed):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)


def _broken(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error):
        return Unavailable(f"the database could not write ({error}); is the disk full?")
    return error


def _take_lock(path: Path) -> int:
    """The lock of the one process that writes here; it ends with the process, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(
            f"cannot write to the data folder {path.parent}: {error.strerror};"
            " give write permission or choose another with --data"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(lock, 20).decode() or "unknown"
        os.close(lock)
        raise CannotStart(
            f"the data folder {path.parent} is in use by another townsquare (process {owner});"
            " end that one or choose another folder with --data"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
