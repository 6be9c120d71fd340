"""What was, read by the SQLite store."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from townsquare.store import Instance, at
from townsquare.store import stays as scoped
from townsquare.store.conditions import Sql
from townsquare.store.past import Past, Span, Stays, Whose, instance_id, instance_number
from townsquare.store.series import Series
from townsquare.store.sqlite_sealed import (
    COLUMNS,
    TIMES,
    Files,
    Part,
    SealedDays,
    by_days,
    of_series,
    ranged,
    within,
)


def series(db: sqlite3.Connection, tenant: str, past: Past) -> list[Series]:
    where = _of(tenant, past)
    text = (
        "select s.id, s.entity, s.type, s.attribute, s.dataset, s.rolled from series s"
        f" where {where.text}"
    )
    return [Series(*found) for found in db.execute(text, where.parameters)]


def _of(tenant: str, past: Past) -> Sql:
    where = every([Sql("s.tenant = ?", (tenant,)), some(_whose(w) for w in past.whose)])
    return every([where, of_datasets(past.datasets)]) if past.datasets else where


def _whose(whose: Whose) -> Sql:
    seen = attributes(whose.attributes, whose.hidden)
    return every([among("s.entity", whose.entities), among("s.type", whose.types), seen])


def attributes(shown: Collection[str] | None, hidden: Collection[str]) -> Sql:
    """Condition on table series (s)."""
    parts = [Sql("1")] if shown is None else [among("s.attribute", sorted(shown))]
    if hidden:
        not_seen = among("s.attribute", sorted(hidden))
        parts.append(Sql(f"not ({not_seen.text})", not_seen.parameters))
    return every(parts)


def of_datasets(datasets: Sequence[str | None]) -> Sql:
    return among("s.dataset", [dataset or "" for dataset in datasets])


def instances(
    db: sqlite3.Connection, tenant: str, past: Past, sealed: SealedDays
) -> list[Instance]:
    every = {one.id: one for one in series(db, tenant, past)}
    found = [_found(one, row) for one in every.values() for row in _kept(db, one, past)]
    range = ranged(past.window)
    files = sealed.files(db, tenant, *range)
    for parts in _batches(files.of(every.keys(), *range), past, every, found):
        found += [_found(every[row[0]], row) for row in files.some(_sealed(every, past), parts)]
    if past.last is not None:
        found = _last(found, past.last)
    found.sort(key=itemgetter(0))
    if past.most is not None:
        found = found[-past.most :] if past.last is not None else found[: past.most]
    return [instance_of(one, row) for _, one, row in found]


def _kept(db: sqlite3.Connection, one: Series, past: Past) -> Iterable[Sequence[Any]]:
    read = _rows("history h", "h.series = ?", past, during(past, one.entity))
    return db.execute(read.text, (one.id, *read.parameters))


Found = tuple[tuple[int, int, int], Series, Sequence[Any]]


def _found(one: Series, row: Sequence[Any]) -> Found:
    """`row` is series, time and COLUMNS."""
    return (row[1], row[2], row[3]), one, row[2:]


def _batches(
    parts: Sequence[Part], past: Past, every: Mapping[int, Series], found: Sequence[Found]
) -> Iterator[Sequence[Part]]:
    """Files in the order of the answer, until `found`, which grows, cannot get any better."""
    if past.of != "observedAt":
        yield parts
        return
    newest_first = past.last is not None
    for border, batch in by_days(parts, newest_first=newest_first):
        if _enough(past, every, [one for one in found if (one[0][0] >= border) == newest_first]):
            return
        yield batch


def _enough(past: Past, every: Mapping[int, Series], found: Sequence[Found]) -> bool:
    """Whether these, before which no other comes any more, are all that is asked for."""
    if past.most is not None and len(found) >= past.most:
        return True
    if past.last is None:
        return False
    counts = Counter((one.entity, one.attribute) for _, one, _ in found)
    return all(counts[one.entity, one.attribute] >= past.last for one in every.values())


def _rows(source: str, whose: str, past: Past, during: Sql, each: str = "") -> Sql:
    """With series and time before the columns, in order; no more than can be wanted."""
    where = every([within(past.window), during])
    if past.instance_id:
        where = every([where, Sql("h.instance = ?", (instance_number(past.instance_id),))])
    limits = [n for n in (None if each else past.last, past.most) if n is not None]
    text = (
        f"select h.series, {_time(past)}, {COLUMNS} from {source} where {whose} and {where.text}"
        f" {each} order by {_order(past)}{f' limit {min(limits)}' if limits else ''}"
    )
    return Sql(text, where.parameters)


def _sealed(series: Collection[int], past: Past) -> Sql:
    each = ""
    if past.last is not None:
        order = f"partition by h.series order by {_order(past)}"
        each = f"qualify row_number() over ({order}) <= {past.last}"
    return _rows("h", of_series(series), past, _during_in_files(past), each)


def during(past: Past, entity: str) -> Sql:
    """Condition on rows (h) of this entity."""
    stays = scoped.times(past, entity)
    if stays is None:
        return Sql("true")
    since, until = "json_extract(v.value, '$[0]')", "json_extract(v.value, '$[1]')"
    test = f"{_time(past)} >= {since} and {_time(past)} < {until}"
    return Sql(f"exists (select 1 from json_each(?) v where {test})", (json.dumps(stays),))


def _during_in_files(past: Past) -> Sql:
    """In the words of DuckDB, of rows of whichever entity."""
    if past.stays is None:
        return Sql("true")
    each = [(id, *stay) for id in past.stays for stay in scoped.times(past, id) or ()]
    told = json.dumps([dict(zip(("entity", "since", "until"), one, strict=True)) for one in each])
    shape = '[{"entity": "VARCHAR", "since": "BIGINT", "until": "BIGINT"}]'
    stays = f"select unnest(from_json(?::json, '{shape}'), recursive := true)"
    test = f"v.entity = h.entity and {_time(past)} >= v.since and {_time(past)} < v.until"
    return Sql(f"exists (select 1 from ({stays}) v where {test})", (told,))


def stays(db: sqlite3.Connection, tenant: str, past: Past, fits: Sql) -> Stays:
    of = _of(tenant, past)
    found = scoped.of_each(of.text, past.window, fits)
    return scoped.by_entity(db.execute(found.text, (*of.parameters, *found.parameters)))


def _order(past: Past) -> str:
    back = " desc" if past.last is not None else ""
    return f"{_time(past)}{back}, h.at{back}, h.instance{back}"


def _time(past: Past) -> str:
    return "h.at" if past.of == "observedAt" else TIMES[past.of]


def _last(found: Iterable[Found], last: int) -> list[Found]:
    """The last of each attribute of each entity, whatever their datasets are."""

    def attribute(one: Found) -> tuple[str, str]:
        return one[1].entity, one[1].attribute

    ordered = sorted(found, key=lambda one: (attribute(one), one[0]))
    return [one for _, group in groupby(ordered, attribute) for one in [*group][-last:]]


def instance_of(one: Series, row: Sequence[Any]) -> Instance:
    time, number, observed, recorded, modified, deleted, value, text = row
    created = at(time + recorded)
    return Instance(
        one.entity,
        one.type,
        one.attribute,
        one.dataset or None,
        instance_id(number),
        observed_at=at(time) if observed else None,
        created_at=created,
        modified_at=created if modified is None else at(modified),
        deleted_at=None if deleted is None else at(deleted),
        number=value,
        json=text.encode() if text else None,
    )


def span(db: sqlite3.Connection, tenant: str, past: Past, sealed: SealedDays) -> Span | None:
    every = series(db, tenant, past)
    ends = [end for one in every for end in _ends(db, one, past)]
    files = sealed.files(db, tenant, *ranged(past.window))
    times = ends + _sealed_ends(files, [one.id for one in every], past)
    return Span(at(min(times)), at(max(times))) if times else None


def _ends(db: sqlite3.Connection, one: Series, past: Past) -> Iterator[int]:
    where = every([within(past.window), during(past, one.entity)])
    text = f"select {_time(past)} from history h where h.series = ? and {where.text} order by 1"
    for back in ("", " desc"):
        for (end,) in db.execute(f"{text}{back} limit 1", (one.id, *where.parameters)):
            yield end


def _sealed_ends(files: Files, series: Collection[int], past: Past) -> list[int]:
    """Of sealed days the first and the last tell it all, where it is asked by `at`."""
    where, time = every([within(past.window), _during_in_files(past)]), _time(past)
    text = f"select min({time}), max({time}) from h where {of_series(series)} and {where.text}"
    question = Sql(text, where.parameters)

    def ends(parts: Sequence[Part]) -> list[int]:
        return [end for row in files.ask(question, parts) for end in row if end is not None]

    parts = files.of(series, *ranged(past.window))
    if past.of != "observedAt":
        return ends(parts)
    found: list[int] = []
    for newest_first in (False, True):
        batches = by_days(parts, newest_first=newest_first)
        found += next((some for _, batch in batches if (some := ends(batch))), [])
    return found


def among(column: str, values: Sequence[str | int]) -> Sql:
    return Sql(f"{column} in (select value from json_each(?))", (json.dumps(list(values)),))


def every(parts: Sequence[Sql]) -> Sql:
    return _joined(" and ", parts)


def some(parts: Iterable[Sql]) -> Sql:
    return _joined(" or ", list(parts))


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    text = word.join(f"({part.text})" for part in parts)
    return Sql(text or "0", sum((part.parameters for part in parts), ()))
