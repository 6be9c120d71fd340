"""The one writer of a PostgreSQL database: what waits together is committed together.

Always holds: the session that writes is the session that holds the advisory lock, so whoever
has lost the lock cannot write any more, and rows that were written here need not be read again
as long as it has it; the outbox is numbered without a gap in commit order;
and the listener is told every commit once and in order, also one whose answer was lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from typing import Any, TypeVar

from asyncpg import exceptions

from townsquare.model.change import Changed
from townsquare.model.errors import TownsquareError, Unavailable
from townsquare.store import Committed, Job, Key, Row, postgres_values
from townsquare.store import postgres_tables as tables
from townsquare.store.memory import Memory
from townsquare.store.postgres_link import LOST, Address, Connection, unavailable
from townsquare.store.postgres_schema import prepare
from townsquare.store.postgres_series import COLUMNS, Rows, Series
from townsquare.store.postgres_words import numbered
from townsquare.store.queried import Queried
from townsquare.store.waiting import Outcome

LOCK = 0x746F776E  # "town": one number for all, since the lock holds for one database
MOST_PRESENT = 16 * 2**20  # bytes of rows that are remembered
LOCK_S = 1  # a server that has just died may hold it for a moment
BREATH = 50  # rows to decide on before other work of the process gets its turn
# For the few statements that are known: a plan must not depend on how full the tables were.
KNOWN_PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
SETTINGS = {
    "synchronous_commit": "on",
    "statement_timeout": "60s",
    "lock_timeout": "10s",
    "client_min_messages": "warning",
    **KNOWN_PLANS,
}
# Bodies over 2 kB are compressed; this takes a fifth of the time, where the server has it.
QUICKER = (
    "select set_config(name, 'lz4', false) from pg_settings"
    " where name = 'default_toast_compression' and 'lz4' = any(enumvals)"
)
HOLDER = (
    "select a.application_name, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
    " where l.locktype = 'advisory' and l.granted and l.objid = $1::int8"
    " and l.database = (select oid from pg_database where datname = current_database())"
)

T = TypeVar("T")
Loaded = dict[Key, Row]
Answers = dict[tuple[str, str], bytes]  # by tenant and idempotency key


class Writer:
    def __init__(self, address: Address, queried: Queried) -> None:
        self.address = address
        self.queried = queried
        self.listener: Callable[[Sequence[Changed]], None] = lambda _: None
        self._connection: Connection | None = None
        self._seq: int | None = None
        self._leaves = 0
        self.series = Series()
        self._present: Memory[Key, Row] = Memory(MOST_PRESENT)  # as they are now
        self._telling = False  # whether the commit at hand would move `_seq`
        self._turn = asyncio.Lock()

    async def ready(self) -> None:
        """Raises Unavailable or CannotStart."""
        async with self._turn:
            await self._connected()

    async def last_seq(self) -> int:
        await self.ready()
        return self._seq or 0

    async def commit(self, jobs: Sequence[Job]) -> list[Outcome]:
        """All that are not refused in one commit. Raises what the database does.

        There may be fewer outcomes than jobs: the others want a commit after this one.
        """
        async with self._turn:
            await self._connected()
            before = self._seq or 0
            try:
                return await self._commit(jobs)
            except LOST:
                # Who has the lock again knows what became of it: news that were written count.
                await self._connected()
                if (self._seq or 0) > before or not self._telling:
                    raise
            return await self._commit(jobs)

    async def _commit(self, jobs: Sequence[Job]) -> list[Outcome]:
        self._telling = True
        db, rows, answers = await self._loaded(jobs)
        batch = tables.Batch(self._seq or 0, self._leaves, self.queried)
        outcomes = await _decided(jobs, batch, rows, answers)
        self._telling = bool(batch.outbox)
        with ExitStack() as failing:
            failing.callback(self.series.unlearn)
            await self._write(db, batch)
            failing.pop_all()
        self._seq, self._leaves = batch.seq, batch.leaves
        self._remember(batch, rows)
        self._tell(batch.told)
        return outcomes

    def _tell(self, news: Sequence[Changed]) -> None:
        """Before the answers, but no part of the commit: it is made, whatever becomes of them."""
        asyncio.get_running_loop().call_soon(self.listener, news)

    def _remember(self, batch: tables.Batch, rows: Loaded) -> None:
        for key, row in rows.items():
            self._present.put(key, row, len(row.body))
        for key in batch.gone:
            self._present.drop(key)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """In a transaction between two commits. Raises Unavailable."""
        async with self._turn:
            try:
                db = await self._connected()
                async with db.transaction():
                    return await work(db)
            except LOST as error:
                raise unavailable("write", error) from error

    async def close(self) -> None:
        async with self._turn:
            if self._connection:
                with suppress(*LOST):  # it may be gone already
                    await self._connection.close()

    async def _loaded(self, jobs: Sequence[Job]) -> tuple[Connection, Loaded, Answers]:
        """The rows that the jobs want to see, and answers that were given before."""
        db = await self._connected()
        keys = {key for job in jobs for key in job.keys}
        rows = {key: row for key in keys if (row := self._present.get(key))}
        if missing := keys - rows.keys():
            found = await db.fetch(*_asked(tables.LOAD, missing))
            rows.update((row.key, row) for row in map(tables.to_row, found))
        answers: Answers = {}
        if onces := {(job.tenant, job.once) for job in jobs if job.once}:
            found = await db.fetch(*_asked(tables.ANSWERED, onces))
            answers = {(tenant, key): answer for tenant, key, answer in found}
        return db, rows, answers

    async def _write(self, db: Connection, batch: tables.Batch) -> None:
        """In a transaction of its own where it is more than one statement."""
        ends = list(batch.past.ends())
        rows = None if ends else await self.series.rows(db, batch.past)
        several = rows is None or rows.copied
        async with db.transaction() if several else nullcontext():
            for part in ends:
                await self._fetch(db, part.text, part.parameters)
            await self._put(db, batch, rows or await self.series.rows(db, batch.past))

    async def _put(self, db: Connection, batch: tables.Batch, history: Rows) -> None:
        if statement := batch.statement(history):
            await self._fetch(db, statement.text, statement.parameters)
        if history.copied:
            await db.copy_records_to_table("history", records=history.kept, columns=COLUMNS)
            await db.copy_records_to_table("outbox", records=batch.outbox, columns=tables.OUTBOX)

    async def _fetch(self, db: Connection, text: str, parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(found) for found in await db.fetch(*numbered(text, parameters))]

    async def _connected(self) -> Connection:
        """The session that writes; a new one where the last has ended."""
        if self._connection and not self._connection.is_closed():
            return self._connection
        try:
            db = await self.address.connect(**SETTINGS)
        except (*LOST, exceptions.PostgresError) as error:
            raise Unavailable(
                f"the database {self.address.shown} cannot be reached: {error}"
            ) from error
        with ExitStack() as failing:
            failing.callback(db.terminate)
            await self._take_over(db)
            failing.pop_all()
        self._connection = db
        return db

    async def _take_over(self, db: Connection) -> None:
        await _lock(db, self.address)
        await prepare(db, self.address.shown)
        await db.execute(QUICKER)
        seq = await db.fetchval("select value from mark where name = $1", tables.SEQ) or 0
        self._leaves = await db.fetchval("select coalesce(max(row), 0) from log")
        await self.series.begin(db)
        await postgres_values.learn(db, self.queried)
        self._present = Memory(MOST_PRESENT)  # others may have written meanwhile
        if self._seq is not None and seq > self._seq:
            text = "select seq, body from outbox where seq > $1 order by seq"
            missed = await db.fetch(text, self._seq)
            self._tell([tables.changed(*found) for found in missed])
        self._seq = seq


async def _lock(db: Connection, address: Address) -> None:
    """The lock of the one server that writes here; it ends with its session."""
    try:
        await db.execute(f"set lock_timeout = '{LOCK_S}s'")
        await db.execute(f"select pg_advisory_lock({LOCK})")
        await db.execute(f"set lock_timeout = '{SETTINGS['lock_timeout']}'")
    except exceptions.LockNotAvailableError as error:
        owner = await db.fetchrow(HOLDER, LOCK)
        who = f"{owner[0]} since {owner[1]:%Y-%m-%d %H:%M} UTC" if owner else "another program"
        raise Unavailable(
            f"the database {address.shown} is in use by {who};"
            " end that one or choose another database in [store]"
        ) from error


def _asked(text: str, keys: set[Any]) -> Iterator[Any]:
    return numbered(text, tuple(map(list, zip(*keys, strict=True))))


async def _decided(
    jobs: Sequence[Job], batch: tables.Batch, rows: Loaded, answers: Answers
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    decided = 0
    for job in jobs:
        outcome = _outcome(job, batch, rows, answers)
        if outcome is None:
            break
        outcomes.append(outcome)
        decided += len(job.keys)
        if decided >= BREATH:
            decided = 0
            await asyncio.sleep(0)
    return outcomes


def _outcome(job: Job, batch: tables.Batch, rows: Loaded, answers: Answers) -> Outcome | None:
    """None where it cannot be in this batch."""
    once = (job.tenant, job.once or "")
    if once in answers:
        return Committed(answers[once], repeated=True)
    try:
        writes = job.decide(rows)
    except TownsquareError as refused:
        return refused
    if batch.revives(writes):
        return None
    batch.add(job, writes, rows)
    if job.once:
        answers[once] = writes.answer
    return Committed(writes.answer, repeated=False)
