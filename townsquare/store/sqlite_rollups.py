"""Tallies of periods: whole hours from their sums, the rest from rows.

The sums hold plain numbers observed. Whatever else there is in a series, and whatever is asked
by another time, is tallied from its rows.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from townsquare.store import micros
from townsquare.store.past import Past, Tally
from townsquare.store.sqlite_history import TIMES, Series, series
from townsquare.store.sqlite_sealed import Part, SealedDays
from townsquare.store.sqlite_series import HOUR, YEAR_1, hour_of, start_of

MANY_ROWS = 20_000  # when so many are tallied, their hours are better summed up
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
LINKED = "('Relationship', 'ListRelationship')"


@dataclass(slots=True)
class Sum:
    """What is known so far of one period."""

    instances: int = 0
    distinct: int = 0
    numbers: int = 0
    total: float = 0.0
    squares: float = 0.0
    least: float | None = None
    greatest: float | None = None
    least_text: str | None = None
    greatest_text: str | None = None
    kinds: set[str] = field(default_factory=set)

    def add(self, found: Sequence[Any]) -> None:
        """instances, distinct, numbers, total, squares, least, greatest."""
        self.instances += found[0]
        self.distinct += found[1]
        self.numbers += found[2]
        self.total += found[3]
        self.squares += found[4]
        self.least = _least(self.least, found[5])
        self.greatest = _greatest(self.greatest, found[6])


def tallies(
    db: sqlite3.Connection,
    tenant: str,
    past: Past,
    edges: Sequence[datetime],
    distinct: bool,
    sealed: SealedDays,
) -> tuple[list[Tally], list[int]]:
    """And the series whose hours are better rolled up."""
    moments = [micros(edge) for edge in edges]
    range = (moments[0], moments[-1]) if past.of == "observedAt" else (None, None)
    asked = _Asked(db, past, moments, distinct, sealed, sealed.parts(db, tenant, *range))
    # Of this connection, which answers one question at a time.
    db.create_function("period", 1, lambda time: bisect_right(asked.moments, time) - 1)
    found: list[Tally] = []
    behind: list[int] = []
    for one in series(db, tenant, past):
        sums, rows = asked.of(one)
        found += [_tally(one, place, sum) for place, sum in sorted(sums.items())]
        if rows > MANY_ROWS:
            behind.append(one.id)
    return found, behind


def whole_hours(moments: list[int], rolled: int, dirty: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of hours, each whole within one period, whose sums are good."""
    first, last = moments[0], moments[-1]
    since, until = hour_of(first + HOUR - 1), min(hour_of(last), rolled)
    cut = {hour_of(edge) for edge in moments[1:-1] if start_of(hour_of(edge)) != edge}
    bad = sorted(hour for hour in cut.union(dirty) if since <= hour < until)
    runs = []
    for hour in [*bad, until]:
        if since < hour:
            runs.append((since, hour))
        since = hour + 1
    return runs


def between(moments: list[int], hours: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the periods lies outside those hours."""
    left, since = [], moments[0]
    for first, behind in hours:
        if since < start_of(first):
            left.append((since, start_of(first)))
        since = start_of(behind)
    if since < moments[-1]:
        left.append((since, moments[-1]))
    return left


@dataclass(frozen=True, slots=True)
class _Asked:
    db: sqlite3.Connection
    past: Past
    moments: list[int]  # edges of the periods
    distinct: bool
    sealed: SealedDays
    parts: list[Part]

    def of(self, one: Series) -> tuple[dict[int, Sum], int]:
        """By period, and how many rows had to be read."""
        hours: list[tuple[int, int]] = []
        sums: dict[int, Sum] = {}
        if self.past.of == "observedAt" and not self.distinct:
            dirty = self.db.execute("select hour from dirty where series = ?", (one.id,)).fetchall()
            hours = whole_hours(self.moments, one.rolled, [hour for (hour,) in dirty])
            if not self._of_hours(one.id, hours, sums):
                hours, sums = [], {}
        left = between(self.moments, hours)
        return sums, sum(self._of_rows(one.id, range, sums) for range in left)

    def _of_hours(self, id: int, hours: list[tuple[int, int]], sums: dict[int, Sum]) -> bool:
        """False where there are not only numbers: sums do not tell enough of the others."""
        text = (
            f"select period(hour * {HOUR} - {YEAR_1}) as place, sum(instances), 0, sum(numbers),"
            " total(total), total(squares), min(least), max(greatest) from rollup"
            " where series = ? and hour >= ? and hour < ? group by place"
        )
        for since, until in hours:
            for place, *found in self.db.execute(text, (id, since, until)):
                if found[0] != found[2]:
                    return False
                sums.setdefault(place, Sum()).add(found)
                sums[place].kinds.add("number")
        return True

    def _of_rows(self, id: int, range: tuple[int, int], sums: dict[int, Sum]) -> int:
        """Number of rows."""
        observed = self.past.of == "observedAt"
        time = "h.at" if observed else TIMES[self.past.of]
        source, given = self._source(id, range)
        text = _ROWS.format(
            source=source,
            time=time,
            has_time="h.observed" if observed else f"{time} is not null",
            distinct="count(distinct value)" if self.distinct else "0",
        )
        rows = 0
        for place, *found in self.db.execute(text, (*given, *range)):
            one = sums.setdefault(place, Sum())
            one.add(found[:7])
            one.least_text = _least(one.least_text, found[7])
            one.greatest_text = _greatest(one.greatest_text, found[8])
            linked = found[10]
            one.kinds |= {"relationship"} if linked else {KINDS[t] for t in found[9].split(",")}
            rows += found[0]
        return rows

    def _source(self, id: int, range: tuple[int, int]) -> tuple[str, tuple[int | str, ...]]:
        """Rows of one series, with those from files that may matter."""
        live = "(select * from history where series = ?"
        since, until = range if self.past.of == "observedAt" else (None, None)
        found = self.sealed.rows(self.db, self.parts, [id], since, until) if self.parts else []
        if not found:
            return f"{live}) h", (id,)
        columns = ", ".join(
            f"json_extract(value, '$[{place}]') as {name}" for place, name in enumerate(COLUMNS)
        )
        told = msgspec.json.encode([row[5:] for row in found]).decode()
        both = f"{live} union all select 0 as series, {columns} from json_each(?)) h"
        return both, (id, told)


COLUMNS = ("at", "instance", "observed", "recorded", "modified", "deleted", "number", "json")
_ROWS = f"""
with one as (
    select {{time}} as time, case when h.json is null then 'Property'
               else coalesce(json_extract(h.json, '$.type'), 'Property') end as kind,
           case when h.number is null then json_type(h.json, '$.value') else 'real' end as type,
           case when h.number is null then json_extract(h.json, '$.value')
               else h.number end as value
    from {{source}} where {{has_time}} and {{time}} >= ? and {{time}} < ?
        and h.deleted is null
), measured as (
    select *, case when kind in {LINKED} then null
                   when type in ('integer', 'real', 'true', 'false') then value
                   when type = 'array' then json_array_length(value) end as number,
           case when type = 'text' and kind = 'Property' then value end as text
    from one
)
select period(time) as place, count(*), {{distinct}}, count(number), total(number),
       total(number * number), min(number), max(number), min(text), max(text),
       group_concat(distinct type), max(kind in {LINKED})
from measured group by place
"""


def _tally(one: Series, place: int, sum: Sum) -> Tally:
    texts = None
    if sum.least_text is not None and sum.greatest_text is not None:
        texts = (sum.least_text, sum.greatest_text)
    return Tally(
        one.entity,
        one.attribute,
        one.dataset or None,
        place,
        sum.instances,
        sum.distinct,
        sum.numbers,
        sum.total,
        sum.squares,
        sum.least,
        sum.greatest,
        texts,
        frozenset(sum.kinds),
    )


def _least(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else min(a, b)


def _greatest(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else max(a, b)
