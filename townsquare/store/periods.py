"""Periods: which of their hours are told from sums, and what comes of sums and rows together. Pure.

The sums hold plain numbers observed. Whatever else there is in a series, and whatever is asked
by another time, is tallied from its rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self

from townsquare.store.past import Tally
from townsquare.store.series import HOUR, Series, hour_of, start_of

MANY_ROWS = 20_000  # when so many are tallied, their hours are better summed up


@dataclass(slots=True)
class Sum:
    """What is known so far of one series in one period."""

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

    def add(self, found: Sequence[Any], kinds: Iterable[str]) -> Self:
        """instances, distinct, numbers, total, squares, least, greatest; of rows also the texts."""
        instances, distinct, numbers, total, squares, least, greatest, *texts = found
        self.instances += instances
        self.distinct += distinct
        self.numbers += numbers
        self.total += total
        self.squares += squares
        self.least = _least(self.least, least)
        self.greatest = _greatest(self.greatest, greatest)
        if texts:
            self.least_text = _least(self.least_text, texts[0])
            self.greatest_text = _greatest(self.greatest_text, texts[1])
        self.kinds.update(kinds)
        return self

    def tally(self, of: Series, period: int) -> Tally:
        texts = None
        if self.least_text is not None and self.greatest_text is not None:
            texts = (self.least_text, self.greatest_text)
        return Tally(
            of.entity,
            of.attribute,
            of.dataset or None,
            period,
            self.instances,
            self.distinct,
            self.numbers,
            self.total,
            self.squares,
            self.least,
            self.greatest,
            texts,
            frozenset(self.kinds),
        )


def whole_hours(moments: list[int], rolled: int, dirty: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of hours whose sums are good, each whole within one period between two moments."""
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


def hours_during(
    hours: list[tuple[int, int]], stays: list[tuple[int, int]] | None
) -> list[tuple[int, int]]:
    """Those that lie whole in stays, which are times; all of them where stays are None."""
    if stays is None:
        return hours
    whole = [(hour_of(since + HOUR - 1), hour_of(until)) for since, until in stays]
    return during(hours, [(first, behind) for first, behind in whole if first < behind])


def during(
    ranges: list[tuple[int, int]], stays: list[tuple[int, int]] | None
) -> list[tuple[int, int]]:
    """What of the ranges lies in stays, both in order; all of it where stays are None."""
    if stays is None:
        return ranges
    found, place = [], 0
    for since, until in ranges:
        while place < len(stays) and stays[place][1] <= since:
            place += 1
        for first, behind in islice(stays, place, None):
            if first >= until:
                break
            found.append((max(since, first), min(until, behind)))
    return found


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


def _least(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else min(a, b)


def _greatest(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else max(a, b)
