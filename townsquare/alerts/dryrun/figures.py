"""What a dry run says: how many alarms, on which days, how many of them chattering. Pure.

Always holds: what is not known is told as such, and no rate is given for a time without history.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from townsquare.alerts.dryrun.replay import Occurrence
from townsquare.alerts.load.nuisance import in_chatter
from townsquare.alerts.load.story import Transition
from townsquare.model.entity import Json

DAYS = 30
MOST_LISTED = 50
MOST_A_DAY = 50  # alarms: above that somebody must say that it is meant


class Unknown(Struct, frozen=True, rename="camel"):
    """What is not known of an entity before `since`; None: of all the time."""

    entity: str
    since: datetime | None


class Day(Struct, frozen=True, rename="camel"):
    """`number` None: there is no history of that day."""

    date: str
    number: int | None


class Raised(Struct, frozen=True, rename="camel"):
    """`lasted_s` until it ended, or until now."""

    source: str
    since: datetime
    until: datetime | None
    lasted_s: float
    value: Json


class Figures(Struct, frozen=True, rename="camel"):
    """`alarms` in all and `a_day` on average of the days that are known, at least one;
    `busiest` on one day. `chattering` are those of them that came three in a minute or more.
    `entities` were looked at, of `of`; `cut` says why not all.
    """

    alarms: int
    chattering: int
    a_day: float
    busiest: int
    longest_s: float | None
    since: datetime
    until: datetime
    known_since: datetime | None
    entities: int
    of: int
    cut: str
    days: list[Day]
    listed: list[Raised]
    unknown: list[Unknown]
    unknown_in_all: int

    @property
    def too_many(self) -> bool:
        return self.busiest > MOST_A_DAY


class Looked(Struct, frozen=True):
    """What there was to look at."""

    since: datetime
    until: datetime
    known_since: datetime | None
    entities: int
    of: int
    unknown: Sequence[Unknown]
    cut: str = ""


def figures(found: Sequence[Occurrence], looked: Looked, zone: ZoneInfo) -> Figures:
    found = sorted(found, key=lambda one: (one.since, one.alarm))
    lasted = [((one.until or looked.until) - one.since).total_seconds() for one in found]
    days = _days(found, looked, zone)
    known = looked.until - (looked.known_since or looked.since)
    rang = [Transition(one.since, one.alarm, "UNACK", "") for one in found]
    return Figures(
        alarms=len(found),
        chattering=in_chatter(rang),
        a_day=round(len(found) / max(1.0, known / timedelta(days=1)), 2),
        busiest=max((day.number or 0 for day in days), default=0),
        longest_s=max(lasted, default=None),
        since=looked.since,
        until=looked.until,
        known_since=looked.known_since,
        entities=looked.entities,
        of=looked.of,
        cut=looked.cut,
        days=days,
        listed=[
            Raised(one.source, one.since, one.until, s, one.value)
            for one, s in zip(found[-MOST_LISTED:], lasted[-MOST_LISTED:], strict=True)
        ],
        unknown=list(looked.unknown[:MOST_LISTED]),
        unknown_in_all=len(looked.unknown),
    )


def _days(found: Sequence[Occurrence], looked: Looked, zone: ZoneInfo) -> list[Day]:
    """On the town's clocks, the first and the last of them in part."""
    of = Counter(one.since.astimezone(zone).date() for one in found)
    first, last = (at.astimezone(zone).date() for at in (looked.since, looked.until))
    known = looked.known_since.astimezone(zone).date() if looked.known_since else None
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Day(str(d), of[d] if known and d >= known else None) for d in dates]
