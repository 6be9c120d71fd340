"""Tallies of the SQLite store: whole hours from their sums, the rest from rows."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from townsquare.store import micros, stays
from townsquare.store.conditions import Sql
from townsquare.store.past import Past, Tally
from townsquare.store.periods import MANY_ROWS, Sum, between, hours_during, whole_hours
from townsquare.store.series import HOUR, YEAR_1, Series
from townsquare.store.sqlite_history import during, series
from townsquare.store.sqlite_sealed import COLUMNS, TIMES, Files, SealedDays

ROWS_AT_ONCE = 20_000  # of files
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
    asked = _Asked(db, past, moments, distinct, sealed.files(db, tenant, *range))
    # Of this connection, which answers one question at a time.
    db.create_function("period", 1, lambda time: bisect_right(asked.moments, time) - 1)
    found: list[Tally] = []
    behind: list[int] = []
    for one in series(db, tenant, past):
        sums, rows = asked.of(one)
        found += [sum.tally(one, place) for place, sum in sorted(sums.items())]
        if rows > MANY_ROWS:
            behind.append(one.id)
    return found, behind


@dataclass(frozen=True, slots=True)
class _Asked:
    db: sqlite3.Connection
    past: Past
    moments: list[int]  # edges of the periods
    distinct: bool
    files: Files

    def of(self, one: Series) -> tuple[dict[int, Sum], int]:
        """By period, and how many rows had to be read."""
        hours: list[tuple[int, int]] = []
        sums: dict[int, Sum] = {}
        if self.past.of == "observedAt" and not self.distinct:
            dirty = self.db.execute("select hour from dirty where series = ?", (one.id,)).fetchall()
            hours = whole_hours(self.moments, one.rolled, [hour for (hour,) in dirty])
            hours = hours_during(hours, stays.times(self.past, one.entity))
            if not self._of_hours(one.id, hours, sums):
                hours, sums = [], {}
        left = between(self.moments, hours)
        return sums, sum(self._of_rows(one, range, sums) for range in left)

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
                sums.setdefault(place, Sum()).add(found, ("number",))
        return True

    def _of_rows(self, one: Series, range: tuple[int, int], sums: dict[int, Sum]) -> int:
        """Number of rows."""
        table = Sql("select * from history where series = ?", (one.id,))
        rows, told = 0, self._told(one.id, range)
        if self.distinct:
            # Different values are counted where all are seen together.
            sealed = _listed(next(told))
            table = Sql(f"{table.text} union all {sealed.text}", (one.id, *sealed.parameters))
        staying = during(self.past, one.entity)
        for source in (table, *map(_listed, told)):
            rows += self._tallied(source, range, staying, sums)
        return rows

    def _tallied(
        self, source: Sql, range: tuple[int, int], staying: Sql, sums: dict[int, Sum]
    ) -> int:
        observed = self.past.of == "observedAt"
        time = "h.at" if observed else TIMES[self.past.of]
        text = _ROWS.format(
            source=f"({source.text}) h",
            time=time,
            has_time="h.observed" if observed else f"{time} is not null",
            distinct="count(distinct value)" if self.distinct else "0",
            staying=staying.text,
        )
        rows, parameters = 0, (*source.parameters, *range, *staying.parameters)
        for place, *found, types, linked in self.db.execute(text, parameters):
            kinds = {"relationship"} if linked else {KINDS[t] for t in types.split(",")}
            sums.setdefault(place, Sum()).add(found, kinds)
            rows += found[0]
        return rows

    def _told(self, id: int, range: tuple[int, int]) -> Iterator[list[Any]]:
        """Rows of one series in files that may matter, some at a time; all, where it must be."""
        since, until = range if self.past.of == "observedAt" else (None, None)
        parts = self.files.of([id], since, until)
        where = "" if since is None else f" and h.at >= {since} and h.at < {until}"
        question = Sql(f"select {COLUMNS} from h where h.series = {id}{where}")
        if self.distinct:
            yield self.files.some(question, parts)
            return
        found = self.files.ask(question, parts)
        while some := list(islice(found, ROWS_AT_ONCE)):
            yield some


def _listed(rows: Sequence[Any]) -> Sql:
    """Rows as a table."""
    columns = ", ".join(
        f"json_extract(value, '$[{place}]') as {name.removeprefix('h.')}"
        for place, name in enumerate(COLUMNS.split(", "))
    )
    text = f"select 0 as series, {columns} from json_each(?)"
    return Sql(text, (msgspec.json.encode(rows).decode(),))


_ROWS = f"""
with one as (
    select {{time}} as time, case when h.json is null then 'Property'
               else coalesce(json_extract(h.json, '$.type'), 'Property') end as kind,
           case when h.number is null then json_type(h.json, '$.value') else 'real' end as type,
           case when h.number is null then json_extract(h.json, '$.value')
               else h.number end as value
    from {{source}} where {{has_time}} and {{time}} >= ? and {{time}} < ?
        and h.deleted is null and {{staying}}
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
