"""PostgreSQL: one writer with group commit, and readers beside it in their own connections.

Connections are made when they are needed and made again when they were lost. A write that got
no answer raises Unavailable, and may or may not have been done: a caller that repeats it with
its idempotency key learns which, and nothing is done twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Literal

import asyncpg

from townsquare.model.change import Changed
from townsquare.model.errors import CannotStart, Unavailable
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
)
from townsquare.store import postgres_history as history
from townsquare.store import postgres_tables as tables
from townsquare.store.census import Census, Counted
from townsquare.store.conditions import Conditions, PastConditions, Sql
from townsquare.store.logged import LogCount, Logged, LogSearch
from townsquare.store.past import Past, Span, Stays, Tally, Window
from townsquare.store.postgres_conditions import PostgresConditions, PostgresPastConditions
from townsquare.store.postgres_link import Connection, Pool, Pooled, address, reading, refused
from townsquare.store.postgres_lookup import Lookup
from townsquare.store.postgres_search import Search
from townsquare.store.postgres_tallies import tallies as in_periods
from townsquare.store.postgres_values import Making
from townsquare.store.postgres_words import numbered
from townsquare.store.postgres_writer import KNOWN_PLANS, Writer
from townsquare.store.queried import Queried
from townsquare.store.series import LONGEST_WORK_S, Sweep, hour_of
from townsquare.store.soundness import Soundness
from townsquare.store.waiting import Outcome, Waiting, answer

JOBS, KEYS = 512, 500  # a commit; with more, nobody works while the server writes
Asker = Literal["key", "reader", "stranger"]
CONNECTIONS: Mapping[Asker, int] = {"key": 1, "reader": 8, "stranger": 2}
LONGEST_READ_S, LONGEST_STRANGER_S = 5.0, 1.0
FREE_S = 10.0  # how long a read waits for a free connection
LIVE_TRIMMED = "live-trimmed"  # mark: the last news of a live value that was dropped
FIELD = "town_field(record, '{}')"  # of a record in the log, as its index says it
SECOND = "substr(town_field(record, 'at'), 1, 19)"
READ_ONLY = {"default_transaction_read_only": "on", "jit": "off"}


class PostgresStore:
    def __init__(self, url: str, password: str = "", queried: Collection[str] = ()) -> None:
        self._queried = Queried(queried)
        self.conditions: Conditions = PostgresConditions(self._queried)
        self._address = address(url, password)
        self._writer = Writer(self._address, self._queried)
        self._making = Making(self._writer.run)
        self._search = Search(self._reading, self._queried)
        self._lookup = Lookup(lambda: self._asking("key", LONGEST_READ_S))
        self._sweep = Sweep()
        self._pools: dict[Asker, Pool] = {}
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    @property
    def listener(self) -> Callable[[Sequence[Changed]], None]:
        return self._writer.listener

    @listener.setter
    def listener(self, listener: Callable[[Sequence[Changed]], None]) -> None:
        self._writer.listener = listener

    async def ready(self) -> None:
        """Raises CannotStart, saying what is wrong with the database or who else writes there."""
        try:
            await self._writer.ready()
        except Unavailable as error:
            raise CannotStart(str(error)) from error
        self._queried.build(self._making)

    # --- writing

    async def commit(self, job: Job) -> Committed:
        """Answers when the job is durable. Raises what `job.decide` raises, or Unavailable."""
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="store-writer")
        return await future

    async def _write(self) -> None:
        while batch := self._next():
            outcomes = await self._outcomes([job for job, _ in batch])
            self._waiting[:0] = batch[len(outcomes) :]
            for (_, future), outcome in zip(batch, outcomes, strict=False):
                answer(future, outcome)

    def _next(self) -> list[Waiting]:
        end = keys = 0
        while end < min(len(self._waiting), JOBS) and (keys < KEYS or not end):
            keys += len(self._waiting[end][0].keys)
            end += 1
        batch, self._waiting = self._waiting[:end], self._waiting[end:]
        return batch

    async def _outcomes(self, jobs: list[Job]) -> Sequence[Outcome | BaseException]:
        (done,) = await asyncio.gather(self._writer.commit(jobs), return_exceptions=True)
        if not isinstance(done, BaseException):
            return done
        told = refused(done)
        if len(jobs) == 1 or isinstance(told, Unavailable):
            return [told] * len(jobs)
        # One job that breaks must not take the others with it: each is committed alone.
        return [outcome for job in jobs for outcome in await self._outcomes([job])]

    # --- reading

    async def get(self, key: Key) -> Row | None:
        return await self._lookup.get(key)

    async def has_tenant(self, tenant: str) -> bool:
        return bool(await self._fetch("select 1 from tenant where name = ?", (tenant,)))

    async def tenants(self) -> list[str]:
        return [name for (name,) in await self._fetch("select name from tenant", ())]

    async def census(self, tenant: str) -> Census:
        text = (
            "select types, marks, attribute, kind, number from census"
            " where tenant = ? and number > 0"
        )
        found = await self._fetch(text, (tenant,))
        return {Counted(*what): number for *what, number in found}

    async def find(self, tenant: str, find: Find) -> list[Row]:
        self._asked_for(find)
        return await self._search.find(tenant, find)

    async def count(self, tenant: str, find: Find) -> int:
        self._asked_for(find)
        return await self._search.count(tenant, find)

    def _asked_for(self, find: Find) -> None:
        """What strangers often ask makes no index rows."""
        if not find.stranger:
            self._queried.asked(find.compared.paths, self._making)

    async def listed(self, kind: RowKind, tenant: str | None = None) -> list[Row]:
        text = (
            f"{tables.ROW} where e.kind = ? and e.kind <> 'context'"  # as the index of them says
            " and coalesce(e.tenant = ?::text, true) order by e.row"
        )
        return [tables.to_row(row) for row in await self._fetch(text, (kind, tenant))]

    async def ending(self, until: datetime, limit: int) -> list[Key]:
        text = (
            "select e.tenant, e.kind, e.id from ending n join entity e on e.row = n.row"
            " where n.at <= ? order by n.at limit ?"
        )
        return [Key(*found) for found in await self._fetch(text, (micros(until), limit))]

    async def first_end(self) -> datetime | None:
        found = await self._fetch("select min(at) from ending", ())
        return None if found[0][0] is None else at(found[0][0])

    def past_conditions(self, window: Window | None) -> PastConditions:
        return PostgresPastConditions(window)

    async def instances(self, tenant: str, past: Past) -> list[Instance]:
        asked = history.instances(tenant, past)
        return history.oldest_first(await self._fetch(asked.text, asked.parameters), past)

    async def span(self, tenant: str, past: Past) -> Span | None:
        asked = history.span(tenant, past)
        return history.to_span((await self._fetch(asked.text, asked.parameters))[0])

    async def stays(self, tenant: str, past: Past, fits: Sql) -> Stays:
        asked = history.stays(tenant, past, fits)
        return history.to_stays(await self._fetch(asked.text, asked.parameters))

    async def tallies(
        self, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
    ) -> list[Tally]:
        async with self._reading(stranger=False) as (db, _):
            found, behind = await in_periods(db, tenant, past, edges, distinct=distinct)
        self._writer.series.touch(behind)
        return found

    async def after(self, seq: int, limit: int) -> list[Changed]:
        text = "select seq, body from outbox where seq > ? order by seq limit ?"
        return [tables.changed(*row) for row in await self._fetch(text, (seq, limit))]

    async def changed_since(self, seq: int) -> list[tuple[str, str]] | None:
        last = await self.last_seq()
        oldest = await self._fetch("select coalesce(min(seq), ? + 1) from outbox", (last,))
        # Values of the moment go earlier: a client may have missed one of those.
        reaches = max(oldest[0][0] - 1, await self._mark(LIVE_TRIMMED)) <= seq <= last
        text = "select tenant, id from outbox where seq > ? group by tenant, id order by min(seq)"
        return [(r[0], r[1]) for r in await self._fetch(text, (seq,))] if reaches else None

    async def last_seq(self) -> int:
        return await self._writer.last_seq()

    async def cursor(self, reader: str) -> int | None:
        found = await self._fetch("select seq from reader where name = ?", (reader,))
        return int(found[0][0]) if found else None

    async def log(self, after: int, limit: int) -> list[LogEntry]:
        text = (
            "select salt, coalesce(record, ''), commitment from log"
            " where row > ? order by row limit ?"
        )
        return [LogEntry(*entry) for entry in await self._fetch(text, (after, limit))]

    async def log_size(self) -> int:
        found = await self._fetch("select coalesce(max(row), 0) from log", ())
        return int(found[0][0])

    async def log_found(self, search: LogSearch) -> list[Logged]:
        sql = logged.found(search, _field)
        found = await self._fetch(sql.text, sql.parameters)
        return [logged.to_logged(tuple(row)) for row in found]

    async def log_span(self, search: LogSearch) -> tuple[int, int] | None:
        sql = logged.span(search, _field)
        ((first, last),) = await self._fetch(sql.text, sql.parameters)
        return None if first is None else (first - 1, last - 1)

    async def log_before(self, at: datetime, kept: Collection[str], limit: int) -> list[int]:
        sql = logged.before(at, kept, limit, _field)
        return [row - 1 for (row,) in await self._fetch(sql.text, sql.parameters)]

    async def log_counts(self) -> list[LogCount]:
        found = await self._fetch("select * from log_count order by month, purpose, verb", ())
        return [LogCount(logged.Kind(*kind), number) for *kind, number in found]

    async def _mark(self, name: str) -> int:
        found = await self._fetch("select value from mark where name = ?", (name,))
        return int(found[0][0]) if found else 0

    async def _fetch(self, text: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        async with self._reading(stranger=False) as (db, _):
            return await db.fetch(*numbered(text, parameters))

    @asynccontextmanager
    async def _reading(self, *, stranger: bool) -> AsyncIterator[tuple[Pooled, float]]:
        """A connection for questions, and how long one may take."""
        longest_s = LONGEST_STRANGER_S if stranger else LONGEST_READ_S
        async with self._asking("stranger" if stranger else "reader", longest_s) as db:
            yield db, longest_s

    @asynccontextmanager
    async def _asking(self, who: Asker, longest_s: float) -> AsyncIterator[Pooled]:
        with reading(longest_s):
            async with (await self._pool(who, longest_s)).acquire(timeout=FREE_S) as db:
                yield db

    async def _pool(self, who: Asker, longest_s: float) -> Pool:
        if who not in self._pools:
            await self._writer.ready()  # it makes the tables
            limits = {"statement_timeout": f"{longest_s * 1000:.0f}ms"}
            settings = {**READ_ONLY, **limits, **(KNOWN_PLANS if who == "key" else {})}
            self._pools.setdefault(who, self._address.pool(CONNECTIONS[who], **settings))
        return await self._pools[who]

    # --- keeping house

    async def trim(
        self, outbox_before: datetime, live_before: datetime, once_before: datetime
    ) -> None:
        """Drop news that every reader has seen and that is older; and old idempotency keys."""
        old, live = micros(outbox_before), micros(live_before)

        async def work(db: Connection) -> None:
            for text, *parameters in (
                (tables.TRIM, live, LIVE_TRIMMED, old),
                ("delete from applied where at < ?", micros(once_before)),
                ("delete from census where number = 0",),
            ):
                await db.execute(*numbered(text, parameters))

        await self._writer.run(work)
        self._queried.build(self._making)

    async def roll_up(self, until: datetime) -> None:
        hour, end = hour_of(micros(until)), monotonic() + LONGEST_WORK_S
        roll_up = partial(self._writer.series.roll_up, until=hour)
        while monotonic() < end and await self._writer.run(roll_up):
            pass

    async def seal(self, before: datetime) -> None:
        """All days stay here; the operator may partition them."""

    def unreadable(self) -> str:
        return ""

    async def soundness(self) -> Soundness:
        """That it answers; its own operator looks after its pages."""
        text = "select pg_database_size(current_database())"
        return Soundness("PostgreSQL", (await self._fetch(text, ()))[0][0])

    async def forget(self, types: Sequence[str], before: datetime, *, others: bool) -> int:
        which = (tuple(types), others)

        async def step(after: int) -> tuple[int, int]:
            forget = self._writer.series.forget
            return await self._writer.run(
                partial(forget, which=which, before=micros(before), after=after)
            )

        return await self._sweep.go(which, step)

    async def close(self) -> None:
        await self._queried.stop()
        if self._writing:
            await self._writing
        for pool in self._pools.values():
            await pool.close()
        await self._writer.close()


def _field(name: str) -> str:
    return SECOND if name == "at" else FIELD.format(name)
