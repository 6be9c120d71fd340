"""Statements of the SQLite store on what was."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from townsquare.store import Instance, at, micros
from townsquare.store.conditions import Sql
from townsquare.store.past import Erase, Past, Span, Tally, TimeProperty, Whose, Window

# Of one instance; createdAt of old rows may be that of the attribute, never later than it changed.
TIMES: dict[TimeProperty, str] = {
    "observedAt": "h.observed_at",
    "createdAt": "h.created_at",
    "modifiedAt": "h.modified_at",
    "deletedAt": "h.deleted_at",
}
KINDS = {
    "integer": "number",
    "real": "number",
    "true": "truth",
    "false": "truth",
    "text": "text",
    "array": "array",
    "object": "object",
    "null": "object",
}
COLUMNS = (
    "h.entity, h.type, h.attribute, h.dataset_id, h.instance_id, h.observed_at, h.created_at,"
    " h.modified_at, h.deleted_at, h.number, h.json"
)


def add(db: sqlite3.Connection, tenant: str, instances: Sequence[Instance]) -> None:
    db.executemany(
        "insert into history (tenant, entity, type, attribute, dataset_id, instance_id,"
        " observed_at, created_at, modified_at, deleted_at, number, json)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(tenant, *_columns(instance)) for instance in instances],
    )


def _columns(i: Instance) -> tuple[str | int | float | None, ...]:
    times = (i.observed_at, i.created_at, i.modified_at, i.deleted_at)
    moments = [micros(t) if t else None for t in times]
    text = i.json.decode() if i.json else None
    return (i.entity, i.type, i.attribute, i.dataset_id, i.instance_id, *moments, i.number, text)


def erase(db: sqlite3.Connection, tenant: str, what: Erase) -> None:
    of = (tenant, what.entity, what.attribute)
    parts = [Sql("tenant = ? and entity = ? and attribute = ?", of)]
    if what.datasets is not None:
        parts.append(_datasets("dataset_id", what.datasets))
    if what.instance_id:
        parts.append(Sql("instance_id = ?", (what.instance_id,)))
    if what.observed:
        parts.append(among("observed_at", [micros(t) for t in what.observed]))
    where = every(parts)
    db.execute(f"delete from history where {where.text}", where.parameters)


def instances(db: sqlite3.Connection, tenant: str, past: Past) -> list[Instance]:
    where = selected(tenant, past)
    time = _time(past)
    text = f"select {COLUMNS}, {time} as time, h.row as row from history h where {where.text}"
    parameters: list[Any] = list(where.parameters)
    if past.last is not None:
        newest = f"partition by h.entity, h.attribute order by {time} desc, h.row desc"
        back = f" as row, row_number() over ({newest}) as back from"
        text = f"select * from ({text.replace(' as row from', back)}) where back <= ?"
        parameters.append(past.last)
    newest_first = "desc" if past.last is not None else ""
    text += f" order by time {newest_first}, row {newest_first} limit ?"
    found = db.execute(text, (*parameters, -1 if past.most is None else past.most)).fetchall()
    oldest_first = reversed(found) if past.last is not None else found
    return [_instance(row) for row in oldest_first]


def _instance(found: tuple[Any, ...]) -> Instance:
    entity, type, attribute, dataset_id, instance_id, observed, *others = found
    created, modified, deleted, number, text = others[:5]
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
        json=text.encode() if text else None,
    )


def span(db: sqlite3.Connection, tenant: str, past: Past) -> Span | None:
    where, time = selected(tenant, past), _time(past)
    text = f"select min({time}), max({time}) from history h where {where.text}"
    first, last = db.execute(text, where.parameters).fetchone()
    return None if first is None else Span(at(first), at(last))


def tallies(
    db: sqlite3.Connection, tenant: str, past: Past, edges: Sequence[datetime]
) -> list[Tally]:
    where = selected(tenant, past)
    time = TIMES[past.of]
    text = f"""
    with period as (
        select key as place, value as low, lead(value) over (order by key) as high
        from json_each(?)
    ), one as (
        select h.entity, h.attribute, h.dataset_id, {time} as time, h.row,
               coalesce(json_extract(h.json, '$.type'), 'Property') as kind,
               coalesce(json_type(h.json, '$.value'), 'real') as type,
               coalesce(h.number, json_extract(h.json, '$.value')) as value
        from history h where {where.text} and h.deleted_at is null
    ), measured as (
        select *, case when kind in ('Relationship', 'ListRelationship') then null
                       when type in ('integer', 'real', 'true', 'false') then value
                       when type = 'array' then json_array_length(value) end as number,
               case when type = 'text' and kind = 'Property' then value end as text
        from one
    )
    select entity, attribute, dataset_id, place, count(*), count(distinct value), count(number),
           total(number), total(number * number), min(number), max(number), min(text), max(text),
           group_concat(distinct type), max(kind in ('Relationship', 'ListRelationship'))
    from period join measured on time >= low and time < high
    group by entity, attribute, dataset_id, place order by place
    """
    moments = json.dumps([micros(edge) for edge in edges])
    return [_tally(row) for row in db.execute(text, (moments, *where.parameters))]


def _tally(found: tuple[Any, ...]) -> Tally:
    least_text, greatest_text, types, linked = found[11:]
    texts = None if least_text is None else (least_text, greatest_text)
    kinds = {"relationship"} if linked else {KINDS[type] for type in types.split(",")}
    return Tally._make((*found[:11], texts, frozenset(kinds)))


def selected(tenant: str, past: Past) -> Sql:
    """Condition on table history (h)."""
    parts = [Sql("h.tenant = ?", (tenant,)), some(_whose(w) for w in past.whose)]
    if past.window:
        parts.append(within(past.window))
    if past.datasets:
        parts.append(_datasets("h.dataset_id", past.datasets))
    if past.instance_id:
        parts.append(Sql("h.instance_id = ?", (past.instance_id,)))
    return every(parts)


def within(window: Window) -> Sql:
    time = TIMES[window.of]
    parts = [Sql(f"{time} is not null")]
    if window.since:
        parts.append(Sql(f"{time} >= ?", (micros(window.since),)))
    if window.until:
        parts.append(Sql(f"{time} < ?", (micros(window.until),)))
    return every(parts)


def _time(past: Past) -> str:
    return TIMES[past.of] if past.of != "observedAt" else "coalesce(h.observed_at, h.created_at)"


def _whose(whose: Whose) -> Sql:
    parts = [among("h.entity", whose.entities), among("h.type", whose.types)]
    if whose.attributes is not None:
        parts.append(among("h.attribute", sorted(whose.attributes)))
    if whose.hidden:
        hidden = among("h.attribute", sorted(whose.hidden))
        parts.append(Sql(f"not ({hidden.text})", hidden.parameters))
    return every(parts)


def _datasets(column: str, datasets: Sequence[str | None]) -> Sql:
    named = among(column, [dataset for dataset in datasets if dataset is not None])
    return some([named, Sql(f"{column} is null")]) if None in datasets else named


def among(column: str, values: Sequence[str | int]) -> Sql:
    return Sql(f"{column} in (select value from json_each(?))", (json.dumps(list(values)),))


def every(parts: Sequence[Sql]) -> Sql:
    return _joined(" and ", parts)


def some(parts: Any) -> Sql:
    return _joined(" or ", list(parts))


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    text = word.join(f"({part.text})" for part in parts)
    return Sql(text or "0", sum((part.parameters for part in parts), ()))
