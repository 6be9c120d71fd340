"""A series is one attribute and dataset of one entity in time. What both databases know of them.

Always holds: sums of the hours before a series' `rolled` are kept and tell what its rows tell, but
of those hours that are noted as dirty until their sums are made anew. So the usual write costs
nothing but its row.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import lru_cache
from time import monotonic
from typing import NamedTuple

from townsquare.store import Instance, micros

HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
YEAR_1 = 62_135_596_800_000_000  # before 1970, so that no hour has a negative number
ROLLED_EVERY = 6  # hours; so long the youngest are summed up from their rows when asked for
MOST_KNOWN = 100_000  # entities whose series are remembered
MOST_TOUCHED = 1_000_000  # series to roll up; others wait until they are written to again
LONGEST_WORK_S = 0.2  # of one kind of housekeeping at a time, since writes wait for it

Numbered = tuple[int, int]  # id and rolled
Of = tuple[str, str, str]  # attribute, dataset ('' is the default one) and type


class Series(NamedTuple):
    id: int
    entity: str
    type: str
    attribute: str
    dataset: str
    rolled: int


recorded = lru_cache(maxsize=64)(micros)  # a commit has few times, each in many instances


def time_of(i: Instance) -> int:
    """observedAt, else createdAt; microseconds since 1970."""
    return recorded(i.created_at) if i.observed_at is None else micros(i.observed_at)


def hour_of(at: int) -> int:
    return (at + YEAR_1) // HOUR


def start_of(hour: int) -> int:
    return hour * HOUR - YEAR_1


def day_of(at: int) -> int:
    return (at + YEAR_1) // DAY


def start_of_day(day: int) -> int:
    return day * DAY - YEAR_1


class Known:
    """The numbers of series, all of an entity or none. What is not in the database, in the end,
    must not stay here.
    """

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], dict[Of, Numbered]] = {}

    def of(self, tenant: str, entity: str) -> dict[Of, Numbered] | None:
        return self._of.get((tenant, entity))

    def make_room(self, entities: int) -> None:
        if len(self._of) + entities > MOST_KNOWN:
            self._of.clear()

    def begin(self, tenant: str, entity: str) -> dict[Of, Numbered]:
        """Where there is room."""
        return self._of.setdefault((tenant, entity), {})

    def forget(self, tenant: str, entity: str) -> None:
        self._of.pop((tenant, entity), None)

    def clear(self) -> None:
        self._of.clear()


class Touched:
    """Series that were written to, and have hours to roll up."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._series: set[int] = set()

    def add(self, series: Iterable[int]) -> None:
        self._series.update(series)
        if len(self._series) > MOST_TOUCHED:
            self._series.clear()

    def due(self) -> list[int]:
        """Some of them."""
        return [self._series.pop() for _ in range(min(self._at_once, len(self._series)))]


class Sweep:
    """Goes through series by their numbers, some at a time, and on from there another time."""

    def __init__(self) -> None:
        self._come: dict[Hashable, int] = {}

    async def go(self, what: Hashable, step: Callable[[int], Awaitable[tuple[int, int]]]) -> int:
        """`step` is told the last number that it had, and tells how much it did and the last
        number, 0 where there are no more. The sum of what it did.
        """
        end, done = monotonic() + LONGEST_WORK_S, 0
        while True:
            more, self._come[what] = await step(self._come.get(what, 0))
            done += more
            if self._come[what] == 0 or monotonic() > end:
                return done
