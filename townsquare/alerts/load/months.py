"""Months and last hours of a town, by its own clock. Pure."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from townsquare.alerts.load.period import Period
from townsquare.model.errors import Invalid
from townsquare.model.town import Town

# The platform has one position; alarms are not yet shared out among several.
POSITION = "control room"


def month(text: str, town: Town) -> Period:
    """Such as 2026-10: from the town's midnight to its midnight, with 23 to 25 hours in a day.

    Raises Invalid.
    """
    found = re.fullmatch(r"(\d{4})-(\d\d)", text)
    if not found or not 1970 < int(found[1]) < 9999 or not 1 <= int(found[2]) <= 12:
        raise Invalid(f"month {text[:20]!r} is not one such as 2026-10")
    year, number = int(found[1]), int(found[2])
    zone = ZoneInfo(town.timezone)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    length = (after - datetime(year, number, 1, tzinfo=UTC)).days
    days = [datetime(year, number, day + 1, tzinfo=zone).astimezone(UTC) for day in range(length)]
    end = datetime(after.year, after.month, 1, tzinfo=zone).astimezone(UTC)
    return Period(days[0], end, (*days, end), POSITION)


def until(period: Period, now: datetime) -> Period:
    """As far as it has passed. Raises Invalid where it has not begun."""
    if now >= period.until:
        return period
    if now <= period.since:
        raise Invalid(f"what begins at {period.since:%Y-%m-%d %H:%M} UTC has no figures yet")
    days = (*(day for day in period.days if day < now), now)
    return Period(period.since, now, days, period.position)


def last(length: timedelta, now: datetime, town: Town) -> Period:
    """So long until now, from ten minutes by the clock on."""
    since = now - length
    since -= timedelta(minutes=since.minute % 10, seconds=since.second)
    return between(since.replace(microsecond=0), now, town)


def between(since: datetime, until: datetime, town: Town) -> Period:
    noon = [since + timedelta(days=n) for n in range((until - since).days + 2)]
    midnights = sorted({town.midnight(at) for at in noon})
    days = (since, *(day for day in midnights if since < day < until), until)
    return Period(since, until, days, POSITION)


def names(first: datetime, now: datetime, town: Town) -> list[str]:
    """The town's months that are over, newest first."""
    found: list[str] = []
    at = town.local(now)
    while True:
        year, number = (at.year, at.month - 1) if at.month > 1 else (at.year - 1, 12)
        name = f"{year:04}-{number:02}"
        if month(name, town).until <= first:
            return found
        found.append(name)
        at = datetime(year, number, 1, tzinfo=at.tzinfo)
