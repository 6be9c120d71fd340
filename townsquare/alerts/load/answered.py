"""How bad alarms were, how long they waited for somebody, how long they were hidden. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec import Struct

from townsquare.alerts.load.limits import EXPECTED, Judgement, judged_share
from townsquare.alerts.load.period import HOUR, Period
from townsquare.alerts.load.story import Stay, Stretch, Transition, Wait

MOST_REASONS = 20
TOO_FEW = 100  # alarms: of fewer, one alone is over 1 %


class Priority(Struct, frozen=True, rename="camel"):
    """`expected` None: of a severity that no standard knows; that is not judged, and neither
    are shares of too few.
    """

    severity: str
    number: int
    share: float
    expected: float | None
    judgement: Judgement | None


class Waits(Struct, frozen=True, rename="camel"):
    """Seconds until somebody acknowledged; `waiting` were not when the time ended."""

    severity: str
    number: int
    p50_s: float | None
    p95_s: float | None
    waiting: int


class Shelf(Struct, frozen=True, rename="camel"):
    """`times` alarms were put into that state, and for how long in all; `now` at the end."""

    state: str
    times: int
    hours: float
    longest_h: float
    now: int


class Reason(Struct, frozen=True, rename="camel"):
    """`why` alarms were put aside, and for how long in all; of which `alarms` many. "" is none that
    was given, or all that are left out. Who did it is no part of it.
    """

    state: str
    why: str
    times: int
    alarms: int
    hours: float


def priorities(rang: Sequence[Transition]) -> list[Priority]:
    of = Counter(one.severity for one in rang)
    known = [(severity, of[severity]) for severity in EXPECTED] if rang else []
    others = [(severity, of[severity]) for severity in sorted(of) if severity not in EXPECTED]
    return [
        *(Priority(s, n, n / len(rang), EXPECTED[s], _judged(s, n, len(rang))) for s, n in known),
        *(Priority(s or "unknown", n, n / len(rang), None, None) for s, n in others),
    ]


def _judged(severity: str, number: int, of: int) -> Judgement | None:
    return judged_share(severity, number / of) if of >= TOO_FEW else None


def clearing(stretches: Iterable[Stretch]) -> list[Wait]:
    return [Wait(s.since, s.severity, s.until - s.since if s.until else None) for s in stretches]


def waits(waits: Iterable[Wait], period: Period) -> list[Waits]:
    """Of those that began in the period."""
    of: defaultdict[str, list[timedelta | None]] = defaultdict(list)
    for one in waits:
        if one.since >= period.since:
            of[one.severity].append(one.took)
    order = [*EXPECTED, *sorted(of.keys() - EXPECTED.keys())]
    return [_percentiles(severity, of[severity]) for severity in order if severity in of]


def _percentiles(severity: str, all: Sequence[timedelta | None]) -> Waits:
    took = sorted(one.total_seconds() for one in all if one is not None)
    p50, p95 = nearest_rank(took, 0.5), nearest_rank(took, 0.95)
    return Waits(severity or "unknown", len(took), p50, p95, len(all) - len(took))


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """The least of the sorted values that so large a share of them does not exceed."""
    return values[math.ceil(share * len(values)) - 1] if values else None


def shelf(stays: Iterable[Stay], period: Period) -> list[Shelf]:
    """Hours are those in the period."""
    of: defaultdict[str, list[Stay]] = defaultdict(list)
    for one in stays:
        if (one.until or period.until) > period.since:
            of[one.state].append(one)
    return [_shelved(state, of[state], period) for state in sorted(of)]


def reasons(stays: Iterable[Stay], period: Period) -> list[Reason]:
    """Those that hid the most first; the rest as one. Hours are those in the period."""
    of: defaultdict[tuple[str, str], list[Stay]] = defaultdict(list)
    for one in stays:
        if (one.until or period.until) > period.since:
            of[one.state, " ".join(one.why.split())].append(one)
    found = [_reason(*key, of[key], period) for key in of]
    found.sort(key=lambda one: (-one.hours, one.state, one.why))
    rest = [stay for one in found[MOST_REASONS:] for stay in of[one.state, one.why]]
    return [*found[:MOST_REASONS], *([_reason("", "", rest, period)] if rest else [])]


def _reason(state: str, why: str, stays: Sequence[Stay], period: Period) -> Reason:
    times = sum(one.since >= period.since for one in stays)
    alarms = len({one.alarm for one in stays})
    return Reason(state, why, times, alarms, sum(_hours(stays, period)))


def _hours(stays: Iterable[Stay], period: Period) -> list[float]:
    return [((one.until or period.until) - max(one.since, period.since)) / HOUR for one in stays]


def _shelved(state: str, stays: Sequence[Stay], period: Period) -> Shelf:
    hours = _hours(stays, period)
    times = sum(one.since >= period.since for one in stays)
    return Shelf(state, times, sum(hours), max(hours), sum(one.until is None for one in stays))
