"""The order of answers, also where PostgreSQL does not know it: text for people, and distances.

Each term of an order is a row beside the entity, `k0`, `k1` ...: the rank of the value's kind, its
number, its text, and its place if the order is by distance. By rank and number PostgreSQL sorts
as it is meant. It does not know the order of text that is no time, so a page that holds such
text was sorted wrongly, and one that holds none was not: any two rows of which one has no text
are told apart before their texts are looked at.
"""

from collections.abc import Callable, Iterator, Sequence

import asyncpg

from townsquare.model import geometry
from townsquare.model.collation import sort_key
from townsquare.store.conditions import Sorted
from townsquare.store.postgres_conditions import default, default_kind
from townsquare.store.postgres_words import Part

TEXT = 1  # the rank of text that is no time
Key = Callable[[asyncpg.Record], float | str | None]


def beside(terms: Sequence[Sorted]) -> list[Part]:
    """Joins that bring `k0`, `k1` ..."""
    return [_beside(f"k{number}", term) for number, term in enumerate(terms)]


def _beside(name: str, term: Sorted) -> Part:
    path, order = "jsonb_path_query_first(e.doc, ?::jsonpath, '{}', true)", term.order
    shown, seen = (term.shown.text, term.shown.parameters) if term.shown else ("true", ())
    # Without `offset 0` each of the columns would look the value up again.
    text = (
        "cross join lateral (select town_rank(x.value) as rank, town_number(x.value) as number,"
        " town_text(x.value) as text,"
        " case when x.kind = '\"GeoProperty\"' then x.value end as place"
        f" from (select case when {shown} then {path} end as value, {path} as kind offset 0) x"
        f" offset 0) {name}"
    )
    return Part(text, (*seen, default(order.path), default_kind(order.path)))


def ranks(terms: Sequence[Sorted]) -> str:
    return ", ".join(f"k{n}.rank as rank{n}" for n in range(len(terms)))


def columns(terms: Sequence[Sorted]) -> str:
    named = ("rank", "number", "text", "place")
    return ", ".join(f"k{n}.{name} as {name}{n}" for n in range(len(terms)) for name in named)


def by_kind(terms: Sequence[Sorted]) -> str:
    """Of an `order by`: right where no text is compared."""
    keys = []
    for n, term in enumerate(terms):
        way = f"{'desc' if term.order.descending else 'asc'} nulls last"
        keys += [f"k{n}.rank {way}", f"k{n}.number {way}", f'k{n}.text collate "C" {way}']
    return ", ".join((*keys, "e.row"))


def is_sure(page: Sequence[asyncpg.Record], terms: Sequence[Sorted]) -> bool:
    return not any(row[f"rank{n}"] == TEXT for row in page for n in range(len(terms)))


def in_order(rows: Sequence[asyncpg.Record], terms: Sequence[Sorted]) -> list[asyncpg.Record]:
    """Rows with `columns`, which came in the order of their creation."""
    found = list(rows)
    # The last key first: each sort keeps what the one before it did where it sees no difference.
    for key, descending in reversed([k for n, term in enumerate(terms) for k in _keys(n, term)]):
        found.sort(key=_last_where_missing(key, first=descending), reverse=descending)
    return found


def _keys(n: int, term: Sorted) -> Iterator[tuple[Key, bool]]:
    order = term.order
    if order.reference is not None:
        reference = order.reference
        yield lambda row: _distance(row[f"place{n}"], reference), order.descending
    yield lambda row: row[f"rank{n}"], order.descending
    yield lambda row: row[f"number{n}"], order.descending
    yield lambda row: _text(row[f"rank{n}"], row[f"text{n}"], term), order.descending


def _distance(place: str | None, reference: str) -> float | None:
    return None if place is None else geometry.apart_m(place, reference)


def _text(rank: int | None, text: str | None, term: Sorted) -> str | None:
    return sort_key(text, term.order.collation) if rank == TEXT and text is not None else text


def _last_where_missing(
    key: Key, *, first: bool
) -> Callable[[asyncpg.Record], tuple[bool, object]]:
    """`first` where the order is turned around afterwards."""

    def known(row: asyncpg.Record) -> tuple[bool, object]:
        value = key(row)
        return ((value is None) != first, value)

    return known
