"""What was, read by the PostgreSQL store."""

from collections.abc import Collection, Iterable, Sequence

import asyncpg

from townsquare.store import Instance, at, micros
from townsquare.store import stays as scoped
from townsquare.store.conditions import Sql
from townsquare.store.past import (
    Past,
    Span,
    Stays,
    TimeProperty,
    Whose,
    Window,
    instance_id,
    instance_number,
)
from townsquare.store.postgres_words import Part, every, some

# Of one instance (h).
TIMES: dict[TimeProperty, str] = {
    "observedAt": "case when h.recorded is not null then h.at end",
    "createdAt": "(h.at + coalesce(h.recorded, 0))",
    "modifiedAt": "coalesce(h.modified, h.at + coalesce(h.recorded, 0))",
    "deletedAt": "h.deleted",
}
COLUMNS = (
    "s.entity, s.type, s.attribute, s.dataset, h.instance, h.at, h.recorded, h.modified,"
    " h.deleted, h.number, h.json"
)
DOCUMENT = (
    "case when h.number is null then town_doc(h.json) else coalesce(town_doc(h.json), '{}')"
    " || jsonb_build_object('value', h.number) end"
)


def document(member: str) -> str:
    """The JSON of one instance, for conditions on its value or on one of its times."""
    time = next((sql for name, sql in TIMES.items() if name == member), None)
    if time is None:
        return DOCUMENT
    told = f"""to_char(to_timestamp({time} / 1e6) at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return f"jsonb_strip_nulls(jsonb_build_object('{member}', {told}))"


def instances(tenant: str, past: Past) -> Part:
    """In the order of `oldest_first`, or the other way round where the last are asked for.

    No more of each series is read than can be wanted, from the index where `at` is the time.
    """
    of, where, way = series(tenant, past), _within(past), "asc"
    if past.instance_id:
        where = every([where, Part("h.instance = ?", (instance_number(past.instance_id) or 0,))])
    if past.last is not None:
        way = "desc"
    limit = min((n for n in (past.last, past.most) if n is not None), default=None)
    of_one = (
        f"select h.*, {time(past)} as time from history h where h.series = s.id and {where.text}"
        f" order by time {way}, h.at {way}, h.instance {way} limit ?::int8"
    )
    newest = "partition by s.entity, s.attribute order by h.time desc, h.at desc, h.instance desc"
    text = (
        f"select {COLUMNS}, h.time, row_number() over ({newest}) as back"
        f" from series s cross join lateral ({of_one}) h where {of.text}"
    )
    return Part(
        f"select * from ({text}) x where back <= coalesce(?::int8, back)"
        f" order by time {way}, at {way}, instance {way} limit ?::int8",
        (*where.parameters, limit, *of.parameters, past.last, past.most),
    )


def oldest_first(found: Sequence[asyncpg.Record], past: Past) -> list[Instance]:
    return [instance_of(row) for row in (found if past.last is None else reversed(found))]


def instance_of(found: asyncpg.Record) -> Instance:
    entity, type, attribute, dataset, number, time, recorded, modified, deleted, *value = found[:11]
    created = at(time + (recorded or 0))
    return Instance(
        entity,
        type,
        attribute,
        dataset or None,
        instance_id(number),
        observed_at=None if recorded is None else at(time),
        created_at=created,
        modified_at=created if modified is None else at(modified),
        deleted_at=None if deleted is None else at(deleted),
        number=value[0],
        json=value[1],
    )


def span(tenant: str, past: Past) -> Part:
    of, where = series(tenant, past), _within(past)
    ends = f"select min({time(past)}) as first, max({time(past)}) as last from history h"
    return Part(
        f"select min(h.first), max(h.last) from series s"
        f" cross join lateral ({ends} where h.series = s.id and {where.text}) h where {of.text}",
        (*where.parameters, *of.parameters),
    )


def to_span(found: asyncpg.Record) -> Span | None:
    first, last = found
    return None if first is None else Span(at(first), at(last))


def stays(tenant: str, past: Past, fits: Sql) -> Part:
    of = series(tenant, past)
    found = scoped.of_each(of.text, past.window, fits)
    return Part(found.text, (*of.parameters, *found.parameters))


def to_stays(found: Sequence[asyncpg.Record]) -> Stays:
    return scoped.by_entity((entity, since, until) for entity, since, until in found)


def time(past: Past) -> str:
    return "h.at" if past.of == "observedAt" else TIMES[past.of]


def series(tenant: str, past: Past) -> Part:
    """Condition on table series (s)."""
    parts = [Part("s.tenant = ?", (tenant,)), some(_whose(w) for w in past.whose)]
    if past.datasets:
        parts.append(of_datasets(past.datasets))
    return every(parts)


def _within(past: Past) -> Part:
    """Condition on tables history (h) and series (s)."""
    where = within(past.window)
    if past.stays is None:
        return where
    test = f"{time(past)} >= (v ->> 0)::int8 and {time(past)} < (v ->> 1)::int8"
    stays = "jsonb_array_elements(?::jsonb -> s.entity) v"
    return every(
        [where, Part(f"exists (select 1 from {stays} where {test})", (scoped.told(past),))]
    )


def within(window: Window | None) -> Part:
    """Condition on table history (h)."""
    if window is None:
        return Part("true")
    time = "h.at" if window.of == "observedAt" else TIMES[window.of]
    there = "h.recorded" if window.of == "observedAt" else time
    parts = [Part(f"{there} is not null")]
    if window.since:
        parts.append(Part(f"{time} >= ?", (micros(window.since),)))
    if window.until:
        parts.append(Part(f"{time} < ?", (micros(window.until),)))
    return every(parts)


def among(column: str, values: Iterable[str]) -> Part:
    return Part(f"{column} = any(?::text[])", (sorted(values),))


def _whose(whose: Whose) -> Part:
    seen = attributes(whose.attributes, whose.hidden)
    return every([among("s.entity", whose.entities), among("s.type", whose.types), seen])


def attributes(shown: Collection[str] | None, hidden: Collection[str]) -> Part:
    """Condition on table series (s)."""
    parts = [Part("true")] if shown is None else [among("s.attribute", shown)]
    if hidden:
        not_seen = among("s.attribute", hidden)
        parts.append(Part(f"not ({not_seen.text})", not_seen.parameters))
    return every(parts)


def of_datasets(datasets: Sequence[str | None]) -> Part:
    return among("s.dataset", (dataset or "" for dataset in datasets))
