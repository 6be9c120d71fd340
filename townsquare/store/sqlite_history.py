"""What was, read by the SQLite store."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from townsquare.store import Instance, at, micros
from townsquare.store.archive import Sealed
from townsquare.store.conditions import Sql
from townsquare.store.past import (
    Past,
    Span,
    TimeProperty,
    Whose,
    Window,
    instance_id,
    instance_number,
)
from townsquare.store.series import Series
from townsquare.store.sqlite_sealed import Part, SealedDays, by_days, ranged, time_of
from townsquare.store.sqlite_sealed import within as within_window

TIMES: dict[TimeProperty, str] = {
    "observedAt": "case when h.observed then h.at end",
    "createdAt": "(h.at + h.recorded)",
    "modifiedAt": "coalesce(h.modified, h.at + h.recorded)",
    "deletedAt": "h.deleted",
}
COLUMNS = "h.at, h.instance, h.observed, h.recorded, h.modified, h.deleted, h.number, h.json"


def series(db: sqlite3.Connection, tenant: str, past: Past) -> list[Series]:
    where = every([Sql("s.tenant = ?", (tenant,)), some(_whose(w) for w in past.whose)])
    if past.datasets:
        where = every([where, of_datasets(past.datasets)])
    text = (
        "select s.id, s.entity, s.type, s.attribute, s.dataset, s.rolled from series s"
        f" where {where.text}"
    )
    return [Series(*found) for found in db.execute(text, where.parameters)]


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


def within(window: Window | None) -> Sql:
    """Condition on table history (h)."""
    if window is None:
        return Sql("1")
    time = "h.at" if window.of == "observedAt" else TIMES[window.of]
    parts = [Sql("h.observed" if window.of == "observedAt" else f"{time} is not null")]
    if window.since:
        parts.append(Sql(f"{time} >= ?", (micros(window.since),)))
    if window.until:
        parts.append(Sql(f"{time} < ?", (micros(window.until),)))
    return every(parts)


def instances(
    db: sqlite3.Connection, tenant: str, past: Past, sealed: SealedDays
) -> list[Instance]:
    read = _reading(past)
    every = {one.id: one for one in series(db, tenant, past)}
    found = [
        ((time, row[0], row[1]), one, row)
        for one in every.values()
        for time, *row in db.execute(read.text, (one.id, *read.parameters))
    ]
    for parts in _batches(sealed.parts(db, tenant, *ranged(past.window)), past, every, found):
        for row in sealed.rows(db, parts, every.keys(), *ranged(past.window)):
            time = time_of(row[5:], past.window)
            if time is not None and within_window(row, past.window) and _wanted(row, past):
                found.append(((time, row.at, row.instance), every[row.series], list(row[5:])))
    if past.last is not None:
        found = _last(found, past.last)
    found.sort(key=itemgetter(0))
    if past.most is not None:
        found = found[-past.most :] if past.last is not None else found[: past.most]
    return [_instance(one, row) for _, one, row in found]


Found = tuple[tuple[int, int, int], Series, list[Any]]


def _wanted(row: Sealed, past: Past) -> bool:
    return not past.instance_id or row.instance == instance_number(past.instance_id)


def _batches(
    parts: Sequence[Part], past: Past, every: Mapping[int, Series], found: Sequence[Found]
) -> Iterator[list[Part]]:
    """Files in the order of the answer, until `found`, which grows, cannot get any better."""
    if past.of != "observedAt":
        yield list(parts)
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


def _reading(past: Past) -> Sql:
    """Rows of one series, with their time before the columns; no more than can be wanted."""
    time = "h.at" if past.of == "observedAt" else TIMES[past.of]
    where = within(past.window)
    if past.instance_id:
        where = every([where, Sql("h.instance = ?", (instance_number(past.instance_id),))])
    back = "desc" if past.last is not None else ""
    order = f"{time} {back}, h.at {back}, h.instance {back}"
    limits = [limit for limit in (past.last, past.most) if limit is not None]
    text = (
        f"select {time}, {COLUMNS} from history h where h.series = ? and {where.text}"
        f" order by {order} limit ?"
    )
    return Sql(text, (*where.parameters, min(limits, default=-1)))


def _last(found: Iterable[Found], last: int) -> list[Found]:
    """The last of each attribute of each entity, whatever their datasets are."""

    def attribute(one: Found) -> tuple[str, str]:
        return one[1].entity, one[1].attribute

    ordered = sorted(found, key=lambda one: (attribute(one), one[0]))
    return [one for _, group in groupby(ordered, attribute) for one in [*group][-last:]]


def _instance(one: Series, row: list[Any]) -> Instance:
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
    """Of sealed days the first and the last tell it all, where it is asked by `at`."""
    where = within(past.window)
    time = "h.at" if past.of == "observedAt" else TIMES[past.of]
    one = f"select {time} from history h where h.series = ? and {where.text} order by 1"
    ends = [
        end
        for found in series(db, tenant, past)
        for back in ("", " desc")
        for end in db.execute(f"{one}{back} limit 1", (found.id, *where.parameters))
    ]
    times = [time for (time,) in ends]
    times += _sealed_ends(db, tenant, past, sealed)
    return Span(at(min(times)), at(max(times))) if times else None


def _sealed_ends(db: sqlite3.Connection, tenant: str, past: Past, sealed: SealedDays) -> list[int]:
    ids = [one.id for one in series(db, tenant, past)]
    parts = sealed.parts(db, tenant, *ranged(past.window))

    def times(some: Iterable[Part]) -> list[int]:
        rows = sealed.rows(db, some, ids, *ranged(past.window))
        found = (time_of(row[5:], past.window) for row in rows if within_window(row, past.window))
        return [time for time in found if time is not None]

    if past.of != "observedAt":
        return times(parts)
    found: list[int] = []
    for newest_first in (False, True):
        batches = by_days(parts, newest_first=newest_first)
        found += next((some for _, batch in batches if (some := times(batch))), [])
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
