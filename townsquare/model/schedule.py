"""Days and hours on the town's clocks, such as `Mon-Fri 08:00-18:00, Sat 22:00-02:00`. Pure.

Always holds: windows are in UTC, in order and apart, and one that passes midnight, or a change of
the clocks, is one window.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from townsquare.model.errors import Invalid

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXAMPLE = "Mon-Fri 08:00-18:00, Sat 22:00-02:00"
LONGEST = 400  # characters
DAY_MIN = 24 * 60
BEFORE, AHEAD = timedelta(days=9), timedelta(days=17)  # a window is shorter than a week
_PART = re.compile(r"\s*(\w{3})(?:\s*-\s*(\w{3}))?\s+(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)\s*")


class Window(NamedTuple):
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Hours:
    """From `since_min` of these days (0 is Monday) to `until_min`, minutes after its midnight."""

    days: tuple[int, ...]
    since_min: int
    until_min: int


@lru_cache(maxsize=256)
def read_schedule(text: str) -> tuple[Hours, ...]:
    """Raises Invalid with the place."""
    if len(text) > LONGEST:
        raise Invalid(f"a schedule has at most {LONGEST} characters")
    found, at = [], 0
    for part in text.split(","):
        found.append(_hours(part, at + 1))
        at += len(part) + 1
    if len(_minutes(found)) == 7 * DAY_MIN:
        raise Invalid("it is always; leave the schedule empty for that")
    return tuple(found)


def _hours(part: str, place: int) -> Hours:
    match = _PART.fullmatch(part)
    if not match:
        raise Invalid(f"character {place}: {part.strip()!r} is not days and hours")
    first, last = match[1].title(), (match[2] or match[1]).title()
    for day in (first, last):
        if day not in DAYS:
            raise Invalid(f"character {place}: {day!r} is not one of {', '.join(DAYS)}")
    since, until = (_clock(match[h], match[h + 1], place) for h in (3, 5))
    begin, end = DAYS.index(first), DAYS.index(last)
    days = tuple((begin + n) % 7 for n in range((end - begin) % 7 + 1))
    return Hours(days, since, until if until > since else until + DAY_MIN)


def _clock(hour: str, minute: str, place: int) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > DAY_MIN:
        raise Invalid(f"character {place}: {hour}:{minute} is not between 00:00 and 24:00")
    return minutes


def _minutes(all_hours: list[Hours]) -> set[int]:
    """Of the week that are covered."""
    return {
        (day * DAY_MIN + minute) % (7 * DAY_MIN)
        for hours in all_hours
        for day in hours.days
        for minute in range(hours.since_min, hours.until_min)
    }


def windows(schedule: str, zone: ZoneInfo, at: datetime) -> Iterator[Window]:
    """The one that `at` is in, and those of the next fortnight."""
    day = at.astimezone(zone).date()
    return (window for window in _around(schedule, zone, day) if window.until > at)


@lru_cache(maxsize=1024)
def _around(schedule: str, zone: ZoneInfo, day: date) -> tuple[Window, ...]:
    """Without what may go on behind either end."""
    every = sorted(
        window
        for n in range(-BEFORE.days, AHEAD.days)
        for hours in read_schedule(schedule)
        if (window := _window(hours, zone, day + timedelta(days=n)))
    )
    joined: list[Window] = []
    for window in every:
        if joined and window.since <= joined[-1].until:
            window = Window(joined[-1].since, max(window.until, joined.pop().until))
        joined.append(window)
    return tuple(joined[:-1])


def _window(hours: Hours, zone: ZoneInfo, day: date) -> Window | None:
    if day.weekday() not in hours.days:
        return None
    since, until = (_moment(day, m, zone) for m in (hours.since_min, hours.until_min))
    return Window(since, until) if since < until else None


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    over, minute = divmod(minute, DAY_MIN)
    clock = time(minute // 60, minute % 60)
    local = datetime.combine(day + timedelta(days=over), clock, zone)
    return local.astimezone(UTC)
