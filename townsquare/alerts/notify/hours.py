"""Quiet hours by the town's clock, and time that does not pass in them. Pure.

Always holds: instants are compared, never readings of the clock, so that a night is an hour
shorter or longer where the clocks are changed, and nothing happens twice in the hour that is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from townsquare.model.errors import Invalid

DAY = timedelta(days=1)
MOST_DAYS = 400  # looked ahead: a chain of 20 days, with an hour and more of each to call in


@dataclass(frozen=True, slots=True)
class Quiet:
    """No alarm of these severities calls anybody from `since` until `until`, over midnight too."""

    severities: frozenset[str]
    since: time
    until: time

    def __post_init__(self) -> None:
        if self.since == self.until:
            raise Invalid(
                f"quiet hours from {self.since:%H:%M} until {self.until:%H:%M} leave no time to"
                " call anybody; give two different times"
            )

    def covers(self, at: time) -> bool:
        if self.since < self.until:
            return self.since <= at < self.until
        return at >= self.since or at < self.until


def never_ends(quiet: Collection[Quiet]) -> bool:
    """Is there no moment of a day when it is not quiet?"""
    return bool(quiet) and all(any(q.covers(end.until) for q in quiet) for end in quiet)


@dataclass(frozen=True, slots=True)
class Night:
    since: datetime
    until: datetime


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """UTC. The first of two where the clock shows it twice; where it never does, the moment it
    would have shown it, had nobody changed it.
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def day_of(moment: datetime, begins: time, zone: ZoneInfo) -> date:
    """The latest day of the town that has begun, where days begin at `begins`."""
    day = moment.astimezone(zone).date()
    return day if instant(day, begins, zone) <= moment else day - DAY


def awake(
    since: datetime, wait: timedelta, severity: str, quiet: Sequence[Quiet], zone: ZoneInfo
) -> datetime:
    """When `wait` has passed since then, not counting quiet hours, and they are over."""
    mine = [q for q in quiet if severity in q.severities]
    if not mine:  # as usual, and in a flood thousands ask
        return since + wait
    at = since
    for night in _nights(since, mine, zone):
        if at + wait < night.since:
            break
        if at < night.until:
            wait -= max(night.since - at, timedelta(0))
            at = night.until
    return at + wait


def _nights(since: datetime, quiet: Collection[Quiet], zone: ZoneInfo) -> Iterator[Night]:
    """From the one that lasts then, in their order."""
    first = since.astimezone(zone).date() - DAY
    for n in range(MOST_DAYS if quiet else 0):
        nights = [_night(first + n * DAY, q, zone) for q in quiet]
        yield from sorted((n for n in nights if n.until > since), key=lambda night: night.since)


def _night(day: date, quiet: Quiet, zone: ZoneInfo) -> Night:
    end = day if quiet.since < quiet.until else day + DAY
    return Night(instant(day, quiet.since, zone), instant(end, quiet.until, zone))
