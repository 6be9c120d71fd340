"""Statements of the PostgreSQL store on what was."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from townsquare.store import Instance, at, micros
from townsquare.store.past import Erase, Past, Span, Tally, TimeProperty, Whose, Window
from townsquare.store.postgres_words import Part, every, some

# Of one instance.
TIMES: dict[TimeProperty, str] = {
    "observedAt": "h.observed_at",
    "createdAt": "h.created_at",
    "modifiedAt": "h.modified_at",
    "deletedAt": "h.deleted_at",
}
KINDS = {
    "number": "number",
    "boolean": "truth",
    "string": "text",
    "array": "array",
    "object": "object",
    "null": "object",
}
COLUMNS = (
    "h.entity, h.type, h.attribute, h.dataset_id, h.instance_id, h.observed_at, h.created_at,"
    " h.modified_at, h.deleted_at, h.number, h.json"
)
# The JSON of one instance, for conditions.
DOCUMENT = (
    "case when h.number is null then town_doc(h.json) else coalesce(town_doc(h.json), '{}')"
    " || jsonb_build_object('value', h.number) end || case when h.observed_at is null then '{}'"
    " else jsonb_build_object('observedAt', to_char(to_timestamp(h.observed_at / 1e6)"
    """ at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) end"""
)
LINKS = "('Relationship', 'ListRelationship')"
# Plain numbers are nearly all there is, and need no look at a document.
TALLIES = f"""
with one as (
    select h.entity, h.attribute, h.dataset_id, h.number, h.json,
        width_bucket({{time}}, ?::int8[]) - 1 as place
    from history h where {{where}} and h.deleted_at is null
), other as (
    select *, jsonb_typeof(value) as kind_of_value, kind in {LINKS} as linked,
        case when kind in {LINKS} then null when jsonb_typeof(value) = 'array'
            then jsonb_array_length(value) else town_float(value) end as measure,
        case when jsonb_typeof(value) = 'string' and kind = 'Property'
            then value #>> '{{{{}}}}' end collate "C" as text
    from (
        select entity, attribute, dataset_id, place, coalesce(doc ->> 'type', 'Property') as kind,
            doc -> 'value' as value
        from (select *, town_doc(json) as doc from one where number is null offset 0) d
    ) v
), part as (
    select entity, attribute, dataset_id, place, count(*) as instances,
        {{distinct_numbers}} as distincts, count(*) as numbers, sum(number) as total,
        sum(number * number) as squares, min(number) as least, max(number) as greatest,
        null as least_text, null as greatest_text, 'number' as types, false as linked
    from one where number is not null group by entity, attribute, dataset_id, place
    union all
    select entity, attribute, dataset_id, place, count(*), {{distinct_values}}, count(measure),
        sum(measure), sum(measure * measure), min(measure), max(measure), min(text), max(text),
        string_agg(distinct kind_of_value, ','), bool_or(linked)
    from other group by entity, attribute, dataset_id, place
)
select entity, attribute, dataset_id, place, sum(instances)::int8, sum(distincts)::int8,
    sum(numbers)::int8, coalesce(sum(total), 0), coalesce(sum(squares), 0), min(least),
    max(greatest), min(least_text), max(greatest_text), string_agg(types, ','), bool_or(linked)
from part where place >= 0 and place < ?
group by entity, attribute, dataset_id, place order by place"""


def columns(i: Instance) -> tuple[Any, ...]:
    times = (i.observed_at, i.created_at, i.modified_at, i.deleted_at)
    moments = [micros(t) if t else None for t in times]
    return (i.entity, i.type, i.attribute, i.dataset_id, i.instance_id, *moments, i.number, i.json)


def instances(tenant: str, past: Past) -> Part:
    """In the order of `oldest_first`, or the other way round where the last are asked for."""
    where, time = selected(tenant, past), _time(past)
    text = f"select {COLUMNS}, {time} as time, h.row as row from history h where {where.text}"
    parameters = where.parameters
    if past.last is not None:
        newest = f"partition by h.entity, h.attribute order by {time} desc, h.row desc"
        back = f" as row, row_number() over ({newest}) as back from"
        text = f"select * from ({text.replace(' as row from', back)}) x where back <= ?"
        parameters = (*parameters, past.last)
    way = "desc" if past.last is not None else "asc"
    return Part(f"{text} order by time {way}, row {way} limit ?::int8", (*parameters, past.most))


def oldest_first(found: Sequence[asyncpg.Record], past: Past) -> list[Instance]:
    return [_instance(row) for row in (found if past.last is None else reversed(found))]


def _instance(found: asyncpg.Record) -> Instance:
    entity, type, attribute, dataset_id, instance_id, observed, *others = found
    created, modified, deleted, number, json = others[:5]
    return Instance(
        entity,
        type,
        attribute,
        dataset_id,
        instance_id,
        observed_at=None if observed is None else at(observed),
        created_at=at(created),
        modified_at=at(modified),
        deleted_at=None if deleted is None else at(deleted),
        number=number,
        json=json,
    )


def span(tenant: str, past: Past) -> Part:
    where, time = selected(tenant, past), _time(past)
    return Part(
        f"select min({time}), max({time}) from history h where {where.text}", where.parameters
    )


def to_span(found: asyncpg.Record) -> Span | None:
    first, last = found
    return None if first is None else Span(at(first), at(last))


def tallies(tenant: str, past: Past, edges: Sequence[datetime], distinct: bool) -> Part:
    where = selected(tenant, past)
    moments = [micros(edge) for edge in edges]
    count = "count(distinct {})" if distinct else "0::int8"
    text = TALLIES.format(
        time=TIMES[past.of],
        where=where.text,
        distinct_numbers=count.format("number"),
        distinct_values=count.format("value"),
    )
    return Part(text, (moments, *where.parameters, len(edges) - 1))


def to_tally(found: asyncpg.Record) -> Tally:
    least_text, greatest_text, types, linked = found[11:]
    texts = None if least_text is None else (least_text, greatest_text)
    kinds = {"relationship"} if linked else {KINDS[type] for type in types.split(",")}
    return Tally._make((*found[:11], texts, frozenset(kinds)))


def selected(tenant: str, past: Past) -> Part:
    """Condition on table history (h)."""
    parts = [Part("h.tenant = ?", (tenant,)), some(_whose(w) for w in past.whose)]
    if past.window:
        parts.append(within(past.window))
    if past.datasets:
        parts.append(of_datasets(past.datasets))
    if past.instance_id:
        parts.append(Part("h.instance_id = ?", (past.instance_id,)))
    return every(parts)


def within(window: Window) -> Part:
    time = TIMES[window.of]
    parts = [Part(f"{time} is not null")]
    if window.since:
        parts.append(Part(f"{time} >= ?", (micros(window.since),)))
    if window.until:
        parts.append(Part(f"{time} < ?", (micros(window.until),)))
    return every(parts)


def erased(tenant: str, what: Erase) -> Part:
    """Condition on table history (h)."""
    of = (tenant, what.entity, what.attribute)
    parts = [Part("h.tenant = ? and h.entity = ? and h.attribute = ?", of)]
    if what.datasets is not None:
        parts.append(of_datasets(what.datasets))
    if what.instance_id:
        parts.append(Part("h.instance_id = ?", (what.instance_id,)))
    if what.observed:
        parts.append(Part("h.observed_at = any(?::int8[])", ([micros(t) for t in what.observed],)))
    return every(parts)


def is_erased(row: tuple[Any, ...], tenant: str, what: Erase) -> bool:
    """The same on columns that were not written yet."""
    of, entity, _, attribute, dataset_id, instance_id, observed, *_ = row
    return (
        (of, entity, attribute) == (tenant, what.entity, what.attribute)
        and (what.datasets is None or dataset_id in what.datasets)
        and (not what.instance_id or instance_id == what.instance_id)
        and (not what.observed or observed in map(micros, what.observed))
    )


def among(column: str, values: Iterable[str]) -> Part:
    return Part(f"{column} = any(?::text[])", (sorted(values),))


def _time(past: Past) -> str:
    return TIMES[past.of] if past.of != "observedAt" else "coalesce(h.observed_at, h.created_at)"


def _whose(whose: Whose) -> Part:
    parts = [among("h.entity", whose.entities), among("h.type", whose.types)]
    if whose.attributes is not None:
        parts.append(among("h.attribute", whose.attributes))
    if whose.hidden:
        hidden = among("h.attribute", whose.hidden)
        parts.append(Part(f"not ({hidden.text})", hidden.parameters))
    return every(parts)


def of_datasets(datasets: Sequence[str | None]) -> Part:
    named = among("h.dataset_id", (dataset for dataset in datasets if dataset is not None))
    return some([named, Part("h.dataset_id is null")]) if None in datasets else named
