"""The statements of the PostgreSQL store: how rows become columns and columns rows.

Everything that the jobs of one commit write is gathered in a `Batch` and leaves as a single
statement, so that a commit is one journey to the server; what history loses goes before it, in
the same transaction. Its parts see the tables as they were
before it; so a key is either put or gone in it, never both, and what a later job takes back
never gets there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
from msgspec import structs

from townsquare.model.change import Changed
from townsquare.store import Find, Job, Key, Place, Row, Writes, micros, postgres_values
from townsquare.store.logged import Kind
from townsquare.store.outbox import Entry, entries
from townsquare.store.postgres_series import Pending, Rows
from townsquare.store.postgres_words import Part, across
from townsquare.store.queried import Queried
from townsquare.store.values import Rows as IndexRows

COLUMNS = "e.tenant, e.kind, e.id, e.version, e.body"
ROW = f"select {COLUMNS} from entity e"
# One look into the index for each key, whatever the planner believes of the table's size.
LOAD = (
    f"select {COLUMNS} from unnest(?::text[], ?::text[], ?::text[]) as k(tenant, kind, id)"
    " cross join lateral (select * from entity e where e.tenant = k.tenant and e.kind = k.kind"
    " and e.id = k.id limit 1) e"
)
ANSWERED = (
    "select a.tenant, a.key, a.answer from unnest(?::text[], ?::text[]) as k(tenant, key)"
    " cross join lateral (select * from applied a where a.tenant = k.tenant and a.key = k.key"
    " limit 1) a"
)
SET_MARK = "insert into mark values (?, ?) on conflict (name) do update set value = excluded.value"
SEEN = "(select coalesce(min(seq), 9223372036854775807) from reader)"
TRIM = (
    f"with live as (select max(seq) as seq from outbox where seq <= {SEEN} and live and at < ?),"
    " marked as (insert into mark select ?, seq from live where seq is not null"
    " on conflict (name) do update set value = excluded.value)"
    f" delete from outbox where (live and seq <= (select seq from live)) or"
    f" (seq <= {SEEN} and at < ?)"
)
OUTBOX = ("seq", "tenant", "id", "at", "live", "body")
SEQ = "seq"  # mark: the last number of the outbox, which trimming does not take back


def found(
    columns: str,
    tenant: str,
    find: Find,
    beside: Sequence[Part] = (),
    also: Sequence[Part] = (),
    start: Part | None = None,
) -> Part:
    """From an index that has the order of the answer, so that a page costs what it holds.

    `beside` are joins that bring more columns, `also` conditions that must hold too. An index of
    types has rows of kind context alone; what holds of its rows anyway is not said again, since
    a database that has not counted its rows yet would take it for selective. `start` are rows among
    which all are that are found.
    """
    where = [*also, Part(f"({find.where.text})", find.where.parameters)]
    if start:
        rows = f"select distinct row from ({start.text}) x"
        source = Part(f"({rows}) s join entity e on e.row = s.row", start.parameters)
        where = [*_typed(find), *where]
    elif find.types and not find.ids:
        source = _of_types(tenant, find.types)
    else:
        source = Part("entity e")
        where = [*_among(tenant, find), *where]
    parts = (source, *beside, *where)
    joined = " ".join(part.text for part in (source, *beside))
    text = f"select {columns} from {joined} where {' and '.join(part.text for part in where)}"
    return Part(text, tuple(value for part in parts for value in part.parameters))


def _of_types(tenant: str, types: Sequence[str]) -> Part:
    rows = "select row from entity_type where tenant = ? and type = ?"
    if len(types) == 1:
        return Part(f"({rows}) t join entity e on e.row = t.row", (tenant, types[0]))
    rows = "select distinct row from entity_type where tenant = ? and type = any(?::text[])"
    return Part(f"({rows}) t join entity e on e.row = t.row", (tenant, list(types)))


def _among(tenant: str, find: Find) -> Iterator[Part]:
    yield Part("e.tenant = ? and e.kind = 'context'", (tenant,))
    if find.ids:
        yield Part("e.id = any(?::text[])", (list(find.ids),))
    yield from _typed(find)


def _typed(find: Find) -> Iterator[Part]:
    if find.types:
        typed = "select 1 from entity_type t where t.row = e.row and t.type = any(?::text[])"
        yield Part(f"exists ({typed})", (list(find.types),))


def to_row(found: asyncpg.Record) -> Row:
    tenant, kind, id, version, body = found[:5]
    return Row(Key(tenant, kind, id), version, body)


def changed(seq: int, body: bytes) -> Changed:
    return structs.replace(msgspec.json.decode(body, type=Changed), seq=seq)


@dataclass(slots=True)
class Batch:
    """What is to be written, after the outbox's number `seq` and the log's leaf `leaves`."""

    seq: int
    leaves: int
    queried: Queried
    put: dict[Key, Row] = field(default_factory=dict)
    placed: dict[Key, Place] = field(default_factory=dict)
    gone: dict[Key, None] = field(default_factory=dict)
    touched: dict[tuple[Key, int], IndexRows] = field(default_factory=dict)
    past: Pending = field(default_factory=Pending)
    census: Counter[tuple[str, ...]] = field(default_factory=Counter)
    log: list[tuple[Any, ...]] = field(default_factory=list)
    counted: Counter[Kind] = field(default_factory=Counter)
    unlog: list[int] = field(default_factory=list)
    outbox: list[Entry] = field(default_factory=list)
    applied: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    readers: dict[str, int] = field(default_factory=dict)
    tenants: dict[str, None] = field(default_factory=dict)
    ended: dict[str, None] = field(default_factory=dict)  # tenants in which nothing came since
    told: list[Changed] = field(default_factory=list)

    def add(self, job: Job, writes: Writes, rows: dict[Key, Row]) -> None:
        """And bring `rows` up to date for the jobs that follow in the same commit."""
        self._tell(job.tenant, writes, rows)
        for row in writes.put:
            self._put(row)
            rows[row.key] = row
        for key in writes.delete:
            self._delete(key)
            rows.pop(key, None)
        for key in writes.forget:
            self.past.forget(key)
        for what in writes.erase:
            self.past.erase(job.tenant, what)
        self.past.add(job.tenant, writes.history)
        if writes.census:
            self.census.update({(job.tenant, *what): n for what, n in writes.census.items()})
        self._note(job, writes)

    def _note(self, job: Job, writes: Writes) -> None:
        for entry in writes.log:
            self.leaves += 1
            self.log.append((self.leaves, entry.salt, entry.record, entry.commitment))
        self.counted.update(entry.kind for entry in writes.log if entry.kind)
        self.unlog += writes.unlog
        if job.tenant and (writes.put or writes.history):
            self.tenants[job.tenant] = None
            self.ended.pop(job.tenant, None)
        if writes.ends_tenant and job.tenant not in self.tenants:
            self.ended[job.tenant] = None
        if job.once:
            self.applied[job.tenant, job.once] = (micros(job.at), writes.answer)
        if job.upto:
            self.readers[job.upto.reader] = job.upto.seq

    def revives(self, writes: Writes) -> bool:
        """Puts what is gone in it: a new row in the order of creation, so not in one statement."""
        return any(row.key in self.gone for row in writes.put)

    def _put(self, row: Row) -> None:
        self.put[row.key] = row
        if row.place:
            self.placed[row.key] = row.place

    def _delete(self, key: Key) -> None:
        self.put.pop(key, None)
        self.placed.pop(key, None)
        self.gone[key] = None

    def _tell(self, tenant: str, writes: Writes, rows: dict[Key, Row]) -> None:
        for news, entry in entries(tenant, writes, rows, self.seq):
            self.seq = news.seq
            self.told.append(news)
            self.outbox.append(entry)
            for path, now in self.queried.moved(news):
                key = Key(tenant, "context", news.subject.id)
                self.touched[key, self.queried.kept[path]] = now

    def statement(self, history: Rows) -> Part | None:
        """All of it but what is copied; None where nothing is to be written."""
        told = None if history.copied else _rows(TOLD, self.outbox)
        parts = [part for part in (*self._parts(), told, *history.parts()) if part]
        if not parts:
            return None
        text = f"with {', '.join(part.text for part in parts)} select 1"
        return Part(text, tuple(p for part in parts for p in part.parameters))

    def _parts(self) -> Iterator[Part | None]:
        yield _rows(PUT, [(*key, row.version, row.body) for key, row in self.put.items()])
        yield from self._places()
        there = {of: rows for of, rows in self.touched.items() if of[0] in self.put}
        yield from postgres_values.parts(there)
        yield _rows(GONE, list(self.gone))
        yield _rows(COUNTED, [(*what, number) for what, number in self.census.items() if number])
        yield _rows(LOGGED, self.log)
        yield _rows(ENTRIES_COUNTED, [(*kind, number) for kind, number in self.counted.items()])
        yield _rows(UNLOGGED, [(index + 1,) for index in self.unlog])
        yield Part(MARKED, (SEQ, self.seq)) if self.outbox else None
        yield _rows(APPLIED, [(*key, *answer) for key, answer in self.applied.items()])
        yield _rows(READ, list(self.readers.items()))
        yield _rows(TENANTS, [(name,) for name in self.tenants])
        yield _rows(ENDED, [(name,) for name in self.ended])

    def _places(self) -> Iterator[Part | None]:
        places = list(enumerate(self.placed.values(), 1))
        if not places:
            return
        yield _rows(PLACED, list(self.placed))
        types = [(number, type) for number, place in places for type in place.types]
        scopes = [(number, scope) for number, place in places for scope in place.scopes or ("",)]
        yield Part(TYPED, across(types, 2))
        yield Part(SCOPED, across(scopes, 2))
        bounds = [(number, *place.bounds) for number, place in places if place.bounds]
        yield Part(BOUND, across(bounds, 5))
        ends = [(number, micros(place.ends_at)) for number, place in places if place.ends_at]
        yield Part(ENDING, across(ends, 2))


def _rows(text: str, rows: Sequence[Sequence[Any]]) -> Part | None:
    return Part(text, across(rows, len(rows[0]))) if rows else None


PUT = """put as (
    insert into entity (tenant, kind, id, version, body, doc)
    select tenant, kind, id, version, body,
        case when kind = 'context' then town_doc(body) else 'null' end
    from unnest(?::text[], ?::text[], ?::text[], ?::int8[], ?::bytea[])
        as n(tenant, kind, id, version, body)
    on conflict (tenant, kind, id) do update
        set version = excluded.version, body = excluded.body, doc = excluded.doc
    returning row, tenant, kind, id)"""
PLACED = """placed as (
    select put.row, put.tenant, n.number
    from unnest(?::text[], ?::text[], ?::text[]) with ordinality as n(tenant, kind, id, number)
    join put using (tenant, kind, id))"""
_NAMED = """{0}s as (
    select p.tenant, n.name, p.row
    from unnest(?::int8[], ?::text[]) as n(number, name) join placed p using (number)),
un{0}d as (
    delete from entity_{0} e where e.row = any(array(select row from placed))
    and (e.row, e.{0}) not in (select row, name from {0}s)),
re{0}d as (insert into entity_{0} select * from {0}s on conflict do nothing)"""
TYPED, SCOPED = _NAMED.format("type"), _NAMED.format("scope")
BOUND = """bound as (
    select p.row, box(point(n.east, n.north), point(n.west, n.south)) as bounds
    from unnest(?::int8[], ?::float8[], ?::float8[], ?::float8[], ?::float8[])
        as n(number, west, east, south, north) join placed p using (number)),
unbound as (
    delete from place p where p.row = any(array(select row from placed))
    and p.row not in (select row from bound)),
rebound as (
    insert into place select * from bound
    on conflict (row) do update set bounds = excluded.bounds
    where not place.bounds ~= excluded.bounds)"""
ENDING = """ending_now as (
    select p.row, n.at from unnest(?::int8[], ?::int8[]) as n(number, at)
    join placed p using (number)),
unending as (
    delete from ending e where e.row = any(array(select row from placed))
    and e.row not in (select row from ending_now)),
ending_new as (
    insert into ending select * from ending_now
    on conflict (row) do update set at = excluded.at where ending.at <> excluded.at)"""
GONE = """gone as (
    delete from entity where row = any(array(
        select e.row from unnest(?::text[], ?::text[], ?::text[]) as k(tenant, kind, id)
        cross join lateral (select row from entity e where e.tenant = k.tenant
            and e.kind = k.kind and e.id = k.id limit 1) e)) returning row),
goners as materialized (select array(select row from gone) as rows),
gone_type as (delete from entity_type where row = any((select rows from goners)::int8[])),
gone_scope as (delete from entity_scope where row = any((select rows from goners)::int8[])),
gone_place as (delete from place where row = any((select rows from goners)::int8[])),
gone_ending as (delete from ending where row = any((select rows from goners)::int8[])),
gone_value as (delete from attribute_value where row = any((select rows from goners)::int8[]))"""
COUNTED = """counted as (
    insert into census
    select * from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int8[])
    on conflict (tenant, types, marks, attribute, kind) do update
        set number = census.number + excluded.number)"""
LOGGED = """logged as (
    insert into log (row, salt, record, commitment)
    select * from unnest(?::int8[], ?::bytea[], ?::bytea[], ?::bytea[]))"""
ENTRIES_COUNTED = """entries_counted as (
    insert into log_count select * from unnest(?::text[], ?::text[], ?::text[], ?::int8[])
    on conflict (month, purpose, verb) do update
        set number = log_count.number + excluded.number)"""
UNLOGGED = """unlogged as (
    update log set salt = '', record = null where row = any(?::int8[]))"""
TOLD = """told as (
    insert into outbox (seq, tenant, id, at, live, body)
    select * from unnest(?::int8[], ?::text[], ?::text[], ?::int8[], ?::bool[], ?::bytea[]))"""
MARKED = """marked as (
    insert into mark values (?::text, ?::int8)
    on conflict (name) do update set value = excluded.value)"""
APPLIED = """once as (
    insert into applied (tenant, key, at, answer)
    select * from unnest(?::text[], ?::text[], ?::int8[], ?::bytea[]))"""
READ = """read_by as (
    insert into reader select * from unnest(?::text[], ?::int8[])
    on conflict (name) do update set seq = excluded.seq)"""
TENANTS = """tenants as (
    insert into tenant select * from unnest(?::text[]) on conflict do nothing)"""
ENDED = """ended as (
    delete from tenant where name = any(?::text[]) and not exists
        (select 1 from entity e where e.tenant = name and e.kind = 'context'))"""
