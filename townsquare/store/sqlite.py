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
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from townsquare.model.change import Changed
from townsquare.model.errors import CannotStart
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
    logged,
    micros,
    sqlite_history,
    sqlite_rollups,
    sqlite_schema,
    sqlite_soundness,
    tables,
)
from townsquare.store.archive import Archive
from townsquare.store.census import Census
from townsquare.store.conditions import Conditions, PastConditions, Sql
from townsquare.store.logged import LogCount, Logged, LogSearch
from townsquare.store.past import Past, Span, Stays, Tally, Window
from townsquare.store.pending import Pending
from townsquare.store.soundness import Soundness
from townsquare.store.sqlite_conditions import SqliteConditions, SqlitePastConditions
from townsquare.store.sqlite_functions import register
from townsquare.store.sqlite_reading import LONGEST_READ_S, LONGEST_STRANGER_S, Reading
from townsquare.store.sqlite_recall import Recall
from townsquare.store.sqlite_sealed import SealedDays, Then, ranged, snapshot
from townsquare.store.sqlite_sealing import Sealing
from townsquare.store.sqlite_series import Series
from townsquare.store.sqlite_upkeep import LIVE_TRIMMED, Upkeep
from townsquare.store.sqlite_values import Values
from townsquare.store.sqlite_writer import Writer, transaction

ARCHIVE = "history"  # folder beside the database
FIELD = "json_extract(record, '$.{}')"  # of a record in the log, as its index says it
SECOND = "substr(json_extract(record, '$.at'), 1, 19)"

T = TypeVar("T")


class SqliteStore:
    def __init__(self, path: Path | None, queried: Collection[str] | None = ()) -> None:
        self.path = path
        self.listener: Callable[[Sequence[Changed]], None] = lambda _: None
        self._lock = _take_lock(path) if path else None
        self._shared = threading.Lock() if path is None else None
        self._connection = self._open()
        with ExitStack() as failing:
            failing.callback(self._let_go)
            _prepare(self._connection, path)
            failing.pop_all()
        self._series = Series()
        self._writer = Writer(
            self._connection,
            self._shared,
            lambda db, rows: Pending(db, self._series, self._values, rows),
            self._series.unlearn,
            lambda told: self.listener(told),
        )
        self._recall = Recall(self._writer)
        self._values = Values(self._connection, self._writer.run, queried or ())
        self._indexes = queried is not None
        self.conditions: Conditions = SqliteConditions(self._values.queried)
        archive = Archive((path.parent / ARCHIVE).absolute()) if path else None
        self._sealed = SealedDays(archive)
        self._reading = Reading(self._open if path else lambda: self._connection, self._shared)
        self._upkeep = Upkeep(self._writer.run, self._series)
        self._sealing: Sealing | None = None
        if archive:
            run, leisure = self._writer.run, self._reading.at_leisure
            self._sealing = Sealing(run, leisure, self._series, archive)
            self._sealing.begin(self._connection)

    async def ready(self) -> None:
        """It is since it was made: a file is opened at once, or CannotStart was raised."""
        self._values.build()

    async def commit(self, job: Job) -> Committed:
        """Answers when the job is durable. Raises what `job.decide` raises, or Unavailable."""
        return await self._writer.commit(job)

    # --- reading

    async def get(self, key: Key) -> Row | None:
        """Microseconds, so it is not sent to another thread."""
        row = self._writer.present.get(key)
        if row is None:
            with self._reading.connection() as db:
                row = tables.one(db, key)
            if row:
                self._writer.present.put(key, row, len(row.body))
        return row

    async def has_tenant(self, tenant: str) -> bool:
        with self._reading.connection() as db:
            return bool(db.execute("select 1 from tenant where name = ?", (tenant,)).fetchone())

    async def tenants(self) -> list[str]:
        text = "select name from tenant"
        return await self._reading.run(lambda db: [name for (name,) in db.execute(text)], text)

    async def census(self, tenant: str) -> Census:
        return await self._reading.run(lambda db: tables.census(db, tenant))

    async def find(self, tenant: str, find: Find) -> list[Row]:
        start = self._start(tenant, find, page=True)
        if self._recall.worth(find):
            ids = tables.rows(tenant, find, start, "e.id")
            found = self._reading.at_once(lambda db: self._recall.rows(db, tenant, ids), ids.text)
            if found is not None:
                return found
        sql = tables.rows(tenant, find, start)

        def rows(db: sqlite3.Connection) -> list[Row]:
            return tables.to_found(tenant, db.execute(sql.text, sql.parameters))

        return await self._asked(tenant, find, rows, sql.text)

    async def count(self, tenant: str, find: Find) -> int:
        sql = tables.counted(tenant, find, self._start(tenant, find, page=False))

        def number(db: sqlite3.Connection) -> int:
            return int(db.execute(sql.text, sql.parameters).fetchone()[0])

        return await self._asked(tenant, find, number, sql.text)

    def _start(self, tenant: str, find: Find, *, page: bool) -> Sql | None:
        """By index rows, where that is best. What strangers often ask makes none."""
        if self._indexes and not find.stranger:
            self._values.asked(find.compared.paths)
        if find.ids or not self._values.may_start(find.compared.certain):
            return None
        with self._reading.connection() as db:
            return self._values.start(db, tenant, find, page=page)

    async def _asked(
        self, tenant: str, find: Find, work: Callable[[sqlite3.Connection], T], statement: str
    ) -> T:
        """Where it asks for what was, with what lies in files."""
        then = find.words
        if not isinstance(then, SqlitePastConditions) or not then.sealed:
            return await self._reading.run(work, statement, stranger=find.stranger)

        def with_files(db: sqlite3.Connection) -> T:
            with snapshot(db):
                files = self._sealed.files(db, tenant, *ranged(then.window), longest_s)
                with Then(files, then.window, find.ids).asked():
                    return work(db)

        longest_s = LONGEST_STRANGER_S if find.stranger else LONGEST_READ_S
        return await self._reading.run(with_files, stranger=find.stranger)

    async def listed(self, kind: RowKind, tenant: str | None = None) -> list[Row]:
        beside = (
            "e.kind = ? and e.kind <> 'context'"  # said twice, since the index is of these alone
        )
        text = f"{tables.ROW} where {beside} and (? is null or e.tenant = ?) order by e.row"
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
        return SqlitePastConditions(window, sealed=self._sealed.archive is not None)

    async def instances(self, tenant: str, past: Past) -> list[Instance]:
        return await self._then(lambda db: sqlite_history.instances(db, tenant, past, self._sealed))

    async def span(self, tenant: str, past: Past) -> Span | None:
        return await self._then(lambda db: sqlite_history.span(db, tenant, past, self._sealed))

    async def stays(self, tenant: str, past: Past, fits: Sql) -> Stays:
        return await self._reading.run(lambda db: sqlite_history.stays(db, tenant, past, fits))

    async def tallies(
        self, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
    ) -> list[Tally]:
        found, behind = await self._then(
            lambda db: sqlite_rollups.tallies(db, tenant, past, edges, distinct, self._sealed)
        )
        self._series.touch(behind)
        return found

    async def _then(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Rows and files as they are at one moment."""
        if self._sealed.archive is None:
            return await self._reading.run(work)

        def at_once(db: sqlite3.Connection) -> T:
            with snapshot(db):
                return work(db)

        return await self._reading.run(at_once)

    async def after(self, seq: int, limit: int) -> list[Changed]:
        text = "select seq, body from outbox where seq > ? order by seq limit ?"
        found = await self._reading.run(lambda db: db.execute(text, (seq, limit)).fetchall())
        return [structs.replace(tables.changed(body), seq=number) for number, body in found]

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
        text = (
            "select salt, coalesce(record, ''), commitment from log"
            " where row > ? order by row limit ?"
        )
        found = await self._reading.run(lambda db: db.execute(text, (after, limit)).fetchall())
        return [LogEntry(salt, record.encode(), committed) for salt, record, committed in found]

    async def log_size(self) -> int:
        with self._reading.connection() as db:
            return int(db.execute("select coalesce(max(row), 0) from log").fetchone()[0])

    async def log_found(self, search: LogSearch) -> list[Logged]:
        sql = logged.found(search, _field)

        def rows(db: sqlite3.Connection) -> list[Logged]:
            return [logged.to_logged(row) for row in db.execute(sql.text, sql.parameters)]

        return await self._reading.run(rows, sql.text)

    async def log_span(self, search: LogSearch) -> tuple[int, int] | None:
        sql = logged.span(search, _field)

        def ends(db: sqlite3.Connection) -> tuple[int, int] | None:
            first, last = db.execute(sql.text, sql.parameters).fetchone()
            return None if first is None else (first - 1, last - 1)

        return await self._reading.run(ends, sql.text)

    async def log_before(self, at: datetime, kept: Collection[str], limit: int) -> list[int]:
        sql = logged.before(at, kept, limit, _field)

        def indexes(db: sqlite3.Connection) -> list[int]:
            return [row - 1 for (row,) in db.execute(sql.text, sql.parameters)]

        return await self._reading.run(indexes, sql.text)

    async def log_counts(self) -> list[LogCount]:
        with self._reading.connection() as db:
            found = db.execute("select * from log_count order by month, purpose, verb").fetchall()
        return [LogCount(logged.Kind(*kind), number) for *kind, number in found]

    # --- keeping house

    async def trim(
        self, outbox_before: datetime, live_before: datetime, once_before: datetime
    ) -> None:
        """Drop news that every reader has seen and that is older; and old idempotency keys."""
        await self._upkeep.trim(outbox_before, live_before, once_before)
        self._values.build()

    async def roll_up(self, until: datetime) -> None:
        await self._upkeep.roll_up(until)

    async def forget(self, types: Sequence[str], before: datetime, *, others: bool) -> int:
        rows = await self._upkeep.forget(types, before, others)
        if self._sealing:
            await self._sealing.forget(types, before, others=others)
        return rows

    def unreadable(self) -> str:
        return self._sealing.unreadable if self._sealing else ""

    async def soundness(self) -> Soundness:
        if self.path is None:
            return Soundness("SQLite")
        return await asyncio.to_thread(sqlite_soundness.of_file, self.path)

    async def seal(self, before: datetime) -> None:
        if self._sealing:
            await self._sealing.seal(before)

    async def close(self) -> None:
        await self._values.queried.stop()
        self._writer.close()
        self._reading.close()
        if self._sealed.archive:
            self._sealed.archive.close()
        self._let_go()

    def _let_go(self) -> None:
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


def _field(name: str) -> str:
    return SECOND if name == "at" else FIELD.format(name)


def _prepare(db: sqlite3.Connection, path: Path | None) -> None:
    """All of it or nothing. Raises CannotStart, also for a database that a newer program has
    changed.
    """
    try:
        with transaction(db):
            if sqlite_schema.version(db) > sqlite_schema.SCHEMA:
                raise CannotStart(f"{path} was written by a newer townsquare; start that one")
            sqlite_schema.bring_up(db)
    except sqlite3.Error as error:
        raise CannotStart(
            f"{path} could not be brought up to this version ({error}) and is as it was: the"
            " version before still runs on it; make room, or restore a backup, and try again"
        ) from error


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
