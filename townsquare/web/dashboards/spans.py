"""Which steps of time a chart has, and with which steps of before they are compared. Pure.

Always holds: steps are in UTC and follow each other without a gap; days are the town's, so that
one has 23 to 25 hours. A step is compared with the one that had the same time on the town's clock
and the same weekday; where that hour was skipped in spring, with nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from townsquare.model.errors import Invalid
from townsquare.model.town import Town

Name = Literal["hour", "day", "week", "year"]
NAMES: tuple[Name, ...] = get_args(Name)
MINUTES, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
WEEK, YEAR = timedelta(weeks=1), timedelta(weeks=52)  # so that weekdays meet each other
STEPS: Mapping[Name, tuple[timedelta, int]] = {
    "hour": (MINUTES, 12),
    "day": (HOUR, 24),
    "week": (HOUR, 168),
    "year": (DAY, 364),
}


class Step(NamedTuple):
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Span:
    name: Name
    steps: tuple[Step, ...]
    before: tuple[Step | None, ...]  # of each step

    @property
    def since(self) -> datetime:
        return self.steps[0].since

    @property
    def until(self) -> datetime:
        return self.steps[-1].until


class Run(NamedTuple):
    """Steps of one length behind each other."""

    since: datetime
    until: datetime
    length: timedelta


def read(name: str) -> Name:
    """Raises Invalid."""
    if name not in NAMES:
        raise Invalid(f"span {name[:40]!r} is none of {', '.join(NAMES)}; write one such as day")
    return name


def span(name: Name, until: datetime, town: Town) -> Span:
    """The one that `until` is in the last step of, or at its end."""
    length, number = STEPS[name]
    steps = _days(until, number, town) if name == "year" else _equal(until, length, number)
    back = YEAR if name == "year" else WEEK
    return Span(name, steps, tuple(_before(step, back, ZoneInfo(town.timezone)) for step in steps))


def runs(steps: Iterable[Step | None]) -> list[Run]:
    found: list[Run] = []
    for since, until in sorted({step for step in steps if step}):
        last = found[-1] if found else None
        if last and last.until == since and last.length == until - since:
            found[-1] = last._replace(until=until)
        else:
            found.append(Run(since, until, until - since))
    return found


def _equal(until: datetime, length: timedelta, number: int) -> tuple[Step, ...]:
    end = until.astimezone(UTC)
    if rest := (end - datetime(1970, 1, 1, tzinfo=UTC)) % length:
        end += length - rest
    edges = [end - length * back for back in range(number, -1, -1)]
    return _between(edges)


def _days(until: datetime, number: int, town: Town) -> tuple[Step, ...]:
    midnight = town.midnight(until)
    end = midnight if midnight == until else town.day_end(until)
    edges = [end]
    for _ in range(number):
        edges.append(town.midnight(edges[-1] - HOUR))
    return _between(edges[::-1])


def _between(edges: Sequence[datetime]) -> tuple[Step, ...]:
    return tuple(Step(*both) for both in pairwise(edges))


def _before(step: Step, back: timedelta, zone: ZoneInfo) -> Step | None:
    since = _earlier(step.since, back, zone)
    if since is None:
        return None
    if step.until - step.since <= HOUR:
        return Step(since, since + (step.until - step.since))
    until = _earlier(step.until, back, zone)
    return Step(since, until) if until else None


def _earlier(at: datetime, back: timedelta, zone: ZoneInfo) -> datetime | None:
    """None where the town's clock skipped it."""
    wall = at.astimezone(zone) - back  # on the clock
    found = wall.astimezone(UTC)
    same = found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)
    return found if same else None
