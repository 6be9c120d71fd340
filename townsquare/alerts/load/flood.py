"""How dense annunciations are: by the clock, and in any ten minutes. Pure.

Always holds: ten minutes before a moment have that moment in them and not their own beginning;
each annunciation belongs to one bucket, and at most to one flood.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

TEN_MINUTES = timedelta(minutes=10)
FLOOD_ABOVE = 10  # annunciations in any ten minutes: a flood begins
FLOOD_BELOW = 5  # then it is over (ISA-18.2's example)


class Span(NamedTuple):
    since: datetime
    until: datetime


def without(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of it; holes in the order of their beginnings."""
    found, since = [], span.since
    for hole in holes:
        if since < hole.since < span.until:
            found.append(Span(since, hole.since))
        since = max(since, hole.until)
    return [*found, Span(since, span.until)] if since < span.until else found


class Bucket(NamedTuple):
    """`number` None: nobody watched, so it is unknown."""

    since: datetime
    until: datetime
    number: int | None

    @property
    def whole(self) -> bool:
        return self.until - self.since == TEN_MINUTES


class Flood(Struct, frozen=True, rename="camel"):
    """`total` are the annunciations in it, with those that began it; `peak` the most in any ten
    minutes, `at_first` how many came in the ten minutes after the first, `rows` how many rows of
    the queue they stood in. `until` None: it lasts.
    """

    since: datetime
    until: datetime | None
    total: int
    peak: int
    at_first: int
    rows: int | None = None


def buckets(
    times: Iterable[datetime], since: datetime, until: datetime, watched: Sequence[Span]
) -> list[Bucket]:
    """All of them, with the empty ones; the last may be shorter. What rang was watched."""
    rang = Counter((at - since) // TEN_MINUTES for at in times if since <= at < until)
    found, spans = [], deque(sorted(watched))
    for place in range(-((since - until) // TEN_MINUTES)):
        begin = since + place * TEN_MINUTES
        end = min(begin + TEN_MINUTES, until)
        while spans and spans[0].until < end:
            spans.popleft()
        known = bool(rang[place] or (spans and spans[0].since <= begin))
        found.append(Bucket(begin, end, rang[place] if known else None))
    return found


def most_within(times: Iterable[datetime], span: timedelta) -> int:
    """The most that ever fell in so long a time; times in their order."""
    last: deque[datetime] = deque()
    most = 0
    for at in times:
        last.append(at)
        while last[0] <= at - span:
            last.popleft()
        most = max(most, len(last))
    return most


class Tide:
    """Annunciations as they come: how many there were in the last ten minutes, and the floods."""

    def __init__(self) -> None:
        self.floods: list[Flood] = []  # that are over
        self._last: deque[datetime] = deque()
        self._spent = 0  # of the last ones, those that belong to a flood already
        self._flood: list[datetime] = []
        self._since: datetime | None = None
        self._peak = 0

    @property
    def number(self) -> int:
        return len(self._last)

    @property
    def flooded(self) -> bool:
        return self._since is not None

    def rise(self, at: datetime) -> None:
        """Times in their order."""
        self.fall(at)
        self._last.append(at)
        if self._since is not None:
            self._flood.append(at)
        elif self.number > FLOOD_ABOVE:
            self._since, self._flood = at, list(self._last)[self._spent :]
        self._peak = max(self._peak, self.number)
        if self._since is not None:
            self._spent = self.number

    def fall(self, now: datetime) -> None:
        """Time passes."""
        while self._last and self._last[0] + TEN_MINUTES <= now:
            left = self._last.popleft() + TEN_MINUTES
            self._spent = max(0, self._spent - 1)
            if self._since is not None and self.number < FLOOD_BELOW:
                self.floods.append(self._told(self._since, left))
                self._since = None
            if self._since is None:
                self._peak = self.number

    def lasting(self) -> list[Flood]:
        return [] if self._since is None else [self._told(self._since, None)]

    def _told(self, since: datetime, until: datetime | None) -> Flood:
        first = self._flood[0]
        at_first = sum(at < first + TEN_MINUTES for at in self._flood)
        return Flood(since, until, len(self._flood), self._peak, at_first)


def floods(times: Iterable[datetime], now: datetime) -> list[Flood]:
    """In their order, up to `now`; the last one may last."""
    tide = Tide()
    for at in times:
        tide.rise(at)
    tide.fall(now)
    return [*tide.floods, *tide.lasting()]
