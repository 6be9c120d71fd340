"""Which time a hand-over is about. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.model.errors import Invalid

USUAL_H = 8
CHOICES_H = (4, 6, 8, 12, 24)
LONGEST = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Shift:
    since: datetime
    until: datetime


def last(hours: str, now: datetime) -> Shift:
    """So many hours until now; "" is a usual shift. Raises Invalid."""
    if hours and not (hours.isascii() and hours.isdigit() and 1 <= int(hours) <= 72):
        raise Invalid(f"hours {hours[:20]!r}: a shift has 1 to 72 whole hours, such as {USUAL_H}")
    return Shift(now - timedelta(hours=int(hours or USUAL_H)), now)


def begun(since: datetime, now: datetime) -> Shift:
    """From then until now. Raises Invalid."""
    if not now - LONGEST <= since < now:
        raise Invalid(f"a shift began in the last 72 hours, and not at {since:%Y-%m-%d %H:%M %Z}")
    return Shift(since, now)
