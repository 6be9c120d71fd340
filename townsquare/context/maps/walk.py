"""Pages of what a map has, with the question asked anew (clause 5.5.9.3)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from townsquare.context.query import MOST, Query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looked(Generic[T]):
    """What was found of some ids; of those `unsure` it could not be told."""

    found: Mapping[str, T]
    unsure: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Walked(Generic[T]):
    """A page that begins at `offset`; `gone` are those that shall be taken out of the map."""

    found: list[T]
    gone: frozenset[str]
    more: bool
    offset: int


async def walk(
    ids: Sequence[str],
    query: Query,
    look: Callable[[Sequence[str]], Awaitable[Looked[T]]],
    *,
    same: bool,
) -> Walked[T]:
    """A page in the order of the map. Filled as long as there is something to fill it with.

    To the `same` question that the map was made for, the offset is a place in the map, and behind
    its end is the last one; what no longer fits is found only behind that place, so that taking it
    out moves no page that was told. To another one it is the number of those that fit.
    """
    begin = min(query.offset, max(0, len(ids) - 1)) if same else 0
    enough = query.limit + (0 if same else query.offset)
    found: list[T] = []
    gone: set[str] = set()
    at, size = begin, min(enough + 1, MOST)
    while query.limit and len(found) <= enough and at < len(ids):
        part = ids[at : at + size]
        seen = await look(part)
        found += [seen.found[id] for id in part if id in seen.found]
        gone |= set(part) - seen.found.keys() - seen.unsure
        at, size = at + size, min(2 * size, MOST)
    return Walked(
        found[enough - query.limit : enough],
        frozenset(gone) if same else frozenset(),
        len(found) > enough,
        begin if same else query.offset,
    )
