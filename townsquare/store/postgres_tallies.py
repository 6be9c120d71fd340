"""Tallies of the PostgreSQL store: whole hours from their sums, the rest from rows.

All that one answer is made of is read in one transaction, from one state of the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from townsquare.store import micros, stays
from townsquare.store import postgres_history as history
from townsquare.store.past import Past, Tally
from townsquare.store.periods import MANY_ROWS, Sum, between, during, hours_during, whole_hours
from townsquare.store.postgres_link import Pooled
from townsquare.store.postgres_words import across, numbered
from townsquare.store.series import HOUR, YEAR_1, Series

KINDS = {
    "number": "number",
    "boolean": "truth",
    "string": "text",
    "array": "array",
    "object": "object",
    "null": "object",
}
LINKS = "('Relationship', 'ListRelationship')"
Ranges = list[tuple[int, int, int]]  # series, from one hour or time until before another
Sums = dict[tuple[int, int], Sum]  # by series and period


async def tallies(
    db: Pooled, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
) -> tuple[list[Tally], list[int]]:
    """And the series whose hours are better rolled up."""
    asked = _Asked(db, past, [micros(edge) for edge in edges], distinct)
    async with db.transaction(isolation="repeatable_read", readonly=True):
        return await asked.answer(tenant)


@dataclass(frozen=True, slots=True)
class _Asked:
    db: Pooled
    past: Past
    moments: list[int]  # edges of the periods
    distinct: bool

    async def answer(self, tenant: str) -> tuple[list[Tally], list[int]]:
        sums: Sums = {}
        where = history.series(tenant, self.past)
        found = await self._fetch(SERIES + where.text, where.parameters)
        series = {row[0]: Series(*row[:6]) for row in found}
        hours = await self._of_hours({row[0]: row[6] for row in found}, series, sums)
        behind = await self._of_rows(self._left(series, hours), sums)
        told = sorted(sums.items(), key=lambda one: one[0][1])
        return [sum.tally(series[id], place) for (id, place), sum in told], behind

    def _left(
        self, series: Mapping[int, Series], hours: Mapping[int, list[tuple[int, int]]]
    ) -> Ranges:
        """What is not told from the sums of those hours."""
        return [
            (id, *range)
            for id, one in series.items()
            for range in during(
                between(self.moments, hours.get(id, [])), stays.times(self.past, one.entity)
            )
        ]

    async def _of_hours(
        self, dirty: Mapping[int, Sequence[int]], series: Mapping[int, Series], sums: Sums
    ) -> dict[int, list[tuple[int, int]]]:
        """The hours that were told from their sums. Those do not tell enough of a series which
        has not only numbers in them.
        """
        if self.past.of != "observedAt" or self.distinct:
            return {}
        hours = {id: self._whole(one, dirty[id]) for id, one in series.items()}
        ranges = [(id, *range) for id, of_one in hours.items() for range in of_one]
        if not ranges:
            return {}
        rows = await self._fetch(HOURS, (self.moments, *across(ranges, 3)))
        mixed = {row[0] for row in rows if row[2] != row[4]}
        for id, place, *found in rows:
            if id not in mixed:
                sums.setdefault((id, place), Sum()).add(found, ("number",))
        return {id: of_one for id, of_one in hours.items() if id not in mixed}

    def _whole(self, one: Series, dirty: Sequence[int]) -> list[tuple[int, int]]:
        hours = whole_hours(self.moments, one.rolled, dirty)
        return hours_during(hours, stays.times(self.past, one.entity))

    async def _of_rows(self, ranges: Ranges, sums: Sums) -> list[int]:
        """The series of which there were many."""
        if not ranges:
            return []
        count = "count(distinct {})" if self.distinct else "0::int8"
        observed = self.past.of == "observedAt"
        time = history.time(self.past)
        text = ROWS.format(
            time=time,
            has_time=f"{'h.recorded' if observed else time} is not null",
            distinct_numbers=count.format("number"),
            distinct_values=count.format("value"),
        )
        many: dict[int, int] = {}
        for id, place, *found, types, linked in await self._fetch(
            text, (self.moments, *across(ranges, 3))
        ):
            kinds = {"relationship"} if linked else {KINDS[type] for type in types.split(",")}
            sums.setdefault((id, place), Sum()).add(found, kinds)
            many[id] = many.get(id, 0) + found[0]
        return [id for id, rows in many.items() if rows > MANY_ROWS]

    async def _fetch(self, text: str, parameters: Sequence[Any]) -> list[Any]:
        return await self.db.fetch(*numbered(text, parameters))


SERIES = (
    "select s.id, s.entity, s.type, s.attribute, s.dataset, s.rolled,"
    " array(select hour from dirty d where d.series = s.id) from series s where "
)
HOURS = f"""
select k.series, h.place, sum(h.instances)::int8, 0::int8, sum(h.numbers)::int8, sum(h.total),
    sum(h.squares), min(h.least), max(h.greatest)
from (select ?::int8[] as edges) e,
    unnest(?::int8[], ?::int8[], ?::int8[]) as k(series, since, until)
cross join lateral (
    select r.*, width_bucket(r.hour * {HOUR} - {YEAR_1}, e.edges) - 1 as place
    from rollup r where r.series = k.series and r.hour >= k.since and r.hour < k.until) h
group by k.series, h.place"""
# Plain numbers are nearly all there is, and need no look at a document.
ROWS = f"""
with one as (
    select k.series, h.number, h.json, width_bucket({{time}}, e.edges) - 1 as place
    from (select ?::int8[] as edges) e,
        unnest(?::int8[], ?::int8[], ?::int8[]) as k(series, since, until)
    cross join lateral (
        select * from history h where h.series = k.series and {{has_time}}
        and {{time}} >= k.since and {{time}} < k.until and h.deleted is null) h
), other as (
    select *, jsonb_typeof(value) as kind_of_value, kind in {LINKS} as linked,
        case when kind in {LINKS} then null when jsonb_typeof(value) = 'array'
            then jsonb_array_length(value) else town_float(value) end as measure,
        case when jsonb_typeof(value) = 'string' and kind = 'Property'
            then value #>> '{{{{}}}}' end collate "C" as text
    from (
        select series, place, coalesce(doc ->> 'type', 'Property') as kind, doc -> 'value' as value
        from (select *, town_doc(json) as doc from one where number is null offset 0) d
    ) v
)
select series, place, count(*), {{distinct_numbers}}, count(*), sum(number), sum(number * number),
    min(number), max(number), null, null, 'number', false
from one where number is not null group by series, place
union all
select series, place, count(*), {{distinct_values}}, count(measure), coalesce(sum(measure), 0),
    coalesce(sum(measure * measure), 0), min(measure), max(measure), min(text), max(text),
    string_agg(distinct kind_of_value, ','), bool_or(linked)
from other group by series, place"""
