"""Queries over many rows, and what of them PostgreSQL cannot say: geometry and the order of text.

Bounds narrow a geometry in the database, and what they let through is checked exactly here, row
by row as it comes, up to the rows that are asked for. Nothing here holds more than MOST_SORTED.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from time import monotonic
from typing import Protocol

import asyncpg
import msgspec

from townsquare.model import geometry
from townsquare.model.errors import TooComplex
from townsquare.store import Find, Row
from townsquare.store import postgres_order as order
from townsquare.store import postgres_tables as tables
from townsquare.store.conditions import Near, Sql
from townsquare.store.postgres_conditions import PostgresConditions
from townsquare.store.postgres_link import Pooled, too_long
from townsquare.store.postgres_values import Starts
from townsquare.store.postgres_words import Part, numbered
from townsquare.store.queried import Queried

CHUNK = 200  # rows that come at a time
MOST_SORTED = 100_000
FEW = 5000
PLACED = "from place where bounds && box(point(?, ?), point(?, ?))"
BY_ROW = f"select {tables.COLUMNS}, e.row from entity e where e.row = any(?::int8[])"


class Reading(Protocol):
    """A connection for questions, and how long one may take."""

    def __call__(self, *, stranger: bool) -> AbstractAsyncContextManager[tuple[Pooled, float]]: ...


class Search:
    def __init__(self, reading: Reading, queried: Queried) -> None:
        self._reading = reading
        self._starts = Starts(queried, self._counted)

    async def find(self, tenant: str, find: Find) -> list[Row]:
        if find.order:
            return await self._in_order(tenant, find)
        if find.near:
            return await self._near(tenant, find)
        start = await self._starts.of(tenant, find)
        asked = tables.found(tables.COLUMNS, tenant, find, start=start)
        found = await self._fetch(_paged(asked, "e.row", find), find)
        return [tables.to_row(row) for row in found]

    async def count(self, tenant: str, find: Find) -> int:
        if find.near:
            async with aclosing(self._each(tenant, find, "1")) as rows:
                return sum([1 async for _ in rows])
        start = await self._starts.of(tenant, find)
        counted = await self._fetch(tables.found("count(*)", tenant, find, start=start), find)
        return int(counted[0][0])

    async def _near(self, tenant: str, find: Find) -> list[Row]:
        wanted = find.offset + find.limit
        found: list[asyncpg.Record] = []
        async with aclosing(self._each(tenant, find, tables.COLUMNS)) as rows:
            async for row in rows:
                if len(found) >= wanted:
                    break
                found.append(row)
        return [tables.to_row(row) for row in found[find.offset :]]

    async def _in_order(self, tenant: str, find: Find) -> list[Row]:
        if find.near is None and all(term.order.reference is None for term in find.order):
            columns = f"{tables.COLUMNS}, {order.ranks(find.order)}"
            beside, start = order.beside(find.order), await self._starts.of(tenant, find)
            asked = tables.found(columns, tenant, find, beside, start=start)
            page = await self._fetch(_paged(asked, order.by_kind(find.order), find), find)
            if order.is_sure(page, find.order):
                return [tables.to_row(row) for row in page]
        return await self._sorted(tenant, find)

    async def _sorted(self, tenant: str, find: Find) -> list[Row]:
        columns = f"e.row, {order.columns(find.order)}"
        found: list[asyncpg.Record] = []
        async with aclosing(self._each(tenant, find, columns)) as rows:
            async for row in rows:
                if len(found) == MOST_SORTED:
                    raise TooComplex(f"more than {MOST_SORTED} entities to sort; add a filter")
                found.append(row)
        page = order.in_order(found, find.order)[find.offset : find.offset + find.limit]
        numbers = [row["row"] for row in page]
        kept = await self._fetch(Part(BY_ROW, (numbers,)), find)
        of_row = {row["row"]: tables.to_row(row) for row in kept}
        return [of_row[number] for number in numbers if number in of_row]

    async def _each(self, tenant: str, find: Find, columns: str) -> AsyncGenerator[asyncpg.Record]:
        """All rows that fulfil the query, exactly, in the order of their creation."""
        places = _places(find)
        columns = f"{columns}, ({places.text})::text as places"
        beside, also = order.beside(find.order), await self._within(find)
        start = await self._starts.of(tenant, find)
        asked = tables.found(columns, tenant, find, beside, also, start)
        text, values = f"{asked.text} order by e.row", (*places.parameters, *asked.parameters)
        async with self._reading(stranger=find.stranger) as (db, longest_s):
            end = monotonic() + longest_s
            async with db.transaction(readonly=True):
                async for row in db.cursor(*numbered(text, values), prefetch=CHUNK):
                    if monotonic() > end:
                        raise too_long(longest_s)
                    if find.near is None or _fits(row["places"], find.near):
                        yield row

    async def _within(self, find: Find) -> list[Part]:
        """Few places are named one by one: the database cannot know how few they are."""
        bounds = _words(find).bounds(find.near) if find.near else None
        if bounds is None:
            return []
        found = await self._fetch(Part(f"select row {PLACED} limit ?", (*bounds, FEW + 1)), find)
        if len(found) <= FEW:
            return [Part("e.row = any(?::int8[])", ([row[0] for row in found],))]
        return [Part(f"e.row in (select row {PLACED})", bounds)]

    async def _counted(self, rows: Part, most: int, *, stranger: bool) -> int:
        text = f"select count(*) from ({rows.text} limit ?) x"
        async with self._reading(stranger=stranger) as (db, _):
            return int(await db.fetchval(*numbered(text, (*rows.parameters, most))))

    async def _fetch(self, asked: Part, find: Find) -> list[asyncpg.Record]:
        async with self._reading(stranger=find.stranger) as (db, _):
            return await db.fetch(*numbered(asked.text, asked.parameters))


def _paged(asked: Part, by: str, find: Find) -> Part:
    text = f"{asked.text} order by {by} limit ? offset ?"
    return Part(text, (*asked.parameters, find.limit, find.offset))


def _places(find: Find) -> Sql:
    """Geometries that are to be checked, as an array."""
    return _words(find).places(find.near) if find.near else Sql("null")


def _words(find: Find) -> PostgresConditions:
    return find.words if isinstance(find.words, PostgresConditions) else PostgresConditions()


def _fits(places: str, near: Near) -> bool:
    return any(
        geometry.matches(place, near.relation, near.reference, near.distance_m)
        for place in map(_text, msgspec.json.decode(places))
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
