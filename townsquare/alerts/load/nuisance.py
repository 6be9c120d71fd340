"""Alarms that ask an operator for nothing: they ring most, chatter, flee or stay. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from townsquare.alerts.load.flood import Span, most_within
from townsquare.alerts.load.period import DAY, MINUTE, Period
from townsquare.alerts.load.story import Stretch, Transition

CHATTERS = 3  # annunciations of one alarm within a minute
FLEETS = timedelta(seconds=10)
STALE = DAY
MOST_FREQUENT = 10


class Often(Struct, frozen=True, rename="camel"):
    alarm: str
    number: int
    share: float


class Chatter(Struct, frozen=True, rename="camel"):
    """`times` it began to; `most` annunciations of it in one minute."""

    alarm: str
    times: int
    most: int


class Fleeting(Struct, frozen=True, rename="camel"):
    alarm: str
    times: int


class Stale(Struct, frozen=True, rename="camel"):
    """Its cause lasted over 24 hours; `until` None: it still did at the end."""

    alarm: str
    since: datetime
    until: datetime | None


def frequent(rang: Sequence[Transition]) -> list[Often]:
    of = Counter(one.alarm for one in rang)
    first = sorted(of, key=lambda alarm: (-of[alarm], alarm))[:MOST_FREQUENT]
    return [Often(alarm, of[alarm], of[alarm] / len(rang)) for alarm in first]


def chattering(rang: Sequence[Transition]) -> list[Chatter]:
    found = []
    for alarm, times in _by_alarm(rang).items():
        most = most_within(times, MINUTE)
        if most >= CHATTERS:
            found.append(Chatter(alarm, _beginnings(times), most))
    return sorted(found, key=lambda one: (-one.times, one.alarm))


def in_chatter(rang: Sequence[Transition]) -> int:
    """Annunciations that are one of three of their alarm within a minute."""
    number = 0
    for times in _by_alarm(rang).values():
        chatter: set[int] = set()
        for place, (first, third) in enumerate(zip(times, times[2:], strict=False)):
            if third < first + MINUTE:
                chatter |= {place, place + 1, place + 2}
        number += len(chatter)
    return number


def _beginnings(times: Sequence[datetime]) -> int:
    """How often the third within a minute came, where the one before was not such a third."""
    thirds = [third < first + MINUTE for first, third in zip(times, times[2:], strict=False)]
    return sum(now and not before for before, now in pairwise([False, *thirds]))


def fleeting(
    stretches: Iterable[Stretch], rang: Sequence[Transition], period: Period
) -> list[Fleeting]:
    """Over in less than 10 s without anybody's doing, and not again within a minute."""
    times = _by_alarm(rang)
    of = Counter(
        one.alarm
        for one in stretches
        if one.since >= period.since
        and one.until
        and one.until - one.since < FLEETS
        and not one.acknowledged
        and sum(abs(at - one.since) < MINUTE for at in times[one.alarm]) == 1
    )
    return sorted(
        (Fleeting(alarm, number) for alarm, number in of.items()),
        key=lambda one: (-one.times, one.alarm),
    )


def _by_alarm(rang: Sequence[Transition]) -> dict[str, list[datetime]]:
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in rang:
        times[one.alarm].append(one.at)
    return times


def stale(stretches: Iterable[Stretch], period: Period) -> list[Stale]:
    """Oldest first: those that were stale in the period."""
    found = [
        Stale(one.alarm, one.since, one.until)
        for one in stretches
        if one.since + STALE < (one.until or period.until)
        and (one.until or period.until) > period.since
    ]
    return sorted(found, key=lambda one: (one.since, one.alarm))


def worst_day(stale: Sequence[Stale], period: Period) -> int:
    days = (Span(*ends) for ends in pairwise(period.days))
    return max((len({one.alarm for one in stale if _on(one, day)}) for day in days), default=0)


def _on(one: Stale, day: Span) -> bool:
    return one.since + STALE < day.until and (one.until is None or one.until > day.since)
