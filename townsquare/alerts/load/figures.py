"""The load of one operator position in a time: every figure, with its judgement. Pure.

Always holds: figures are made from annunciations alone, what nobody watched is unknown and never
zero, and a time of less than 30 days is called indicative.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, structs

from townsquare.alerts.load.answered import (
    Priority,
    Reason,
    Shelf,
    Waits,
    clearing,
    priorities,
    reasons,
    shelf,
    waits,
)
from townsquare.alerts.load.flood import (
    FLOOD_ABOVE,
    TEN_MINUTES,
    Bucket,
    Flood,
    Span,
    buckets,
    floods,
    most_within,
)
from townsquare.alerts.load.limits import LIMITS, Judgement
from townsquare.alerts.load.nuisance import (
    Chatter,
    Fleeting,
    Often,
    Stale,
    chattering,
    fleeting,
    frequent,
    stale,
    worst_day,
)
from townsquare.alerts.load.period import DAY, HOUR, MINUTE, Period
from townsquare.alerts.load.story import Transition, story

ASSESSED = timedelta(days=30)  # a shorter time is indicative


class Figure(Struct, frozen=True):
    """`value` None: unknown."""

    name: str
    title: str
    unit: str
    value: float | None
    judgement: Judgement | None
    limit: str
    source: str


TOO_FEW = 200  # alarms: of fewer, ten are over 5 % however they are spread


class Load(Struct, frozen=True, rename="camel"):
    """`numbers` are of the buckets, of ten minutes each from `since` on; None: unknown."""

    position: str
    since: datetime
    until: datetime
    indicative: bool
    watched_h: float
    unknown_h: float
    annunciations: int
    returns: int
    acknowledgements: int
    figures: tuple[Figure, ...]
    floods: tuple[Flood, ...]
    frequent: tuple[Often, ...]
    chattering: tuple[Chatter, ...]
    fleeting: tuple[Fleeting, ...]
    stale: tuple[Stale, ...]
    priorities: tuple[Priority, ...]
    acknowledged: tuple[Waits, ...]
    cleared: tuple[Waits, ...]
    shelf: tuple[Shelf, ...]
    reasons: tuple[Reason, ...]
    numbers: tuple[int | None, ...]

    def figure(self, name: str) -> Figure:
        return next(figure for figure in self.figures if figure.name == name)


def load(period: Period, transitions: Iterable[Transition], watched: Sequence[Span]) -> Load:
    """Of the period, and of before it as far as it reaches into it: of each alarm the state that
    it was in, and of an hour all, for a flood may have begun then.
    """
    told = story(one for one in transitions if one.at < period.until)
    rang = [one.at for one in told.annunciations]
    within = [one for one in told.annunciations if one.at >= period.since]
    parts = buckets((one.at for one in within), period.since, period.until, watched)
    flooded = [
        structs.replace(one, rows=_rows(one, told.annunciations))
        for one in floods(rang, period.until)
        if (one.until or period.until) > period.since
    ]
    lasting, often = stale(told.stretches, period), frequent(within)
    chatter, fled = chattering(within), fleeting(told.stretches, within, period)
    known = sum((one.until - one.since for one in parts if one.number is not None), timedelta())
    values = {
        **_rates(len(within), known),
        **_densities(parts, [one.at for one in within]),
        **_of_floods(flooded, known, period),
        "shareOfTen": sum(one.share for one in often) if often else None,
        "chatteringOrFleeting": _nuisances(chatter, fled) if known else None,
        "stale": worst_day(lasting, period) if known else None,
    }
    return Load(
        position=period.position,
        since=period.since,
        until=period.until,
        indicative=period.until - period.since < ASSESSED,
        watched_h=known / HOUR,
        unknown_h=(period.until - period.since - known) / HOUR,
        annunciations=len(within),
        returns=sum(at >= period.since for at in told.returns),
        acknowledgements=sum(at >= period.since for at in told.acknowledgements),
        figures=tuple(
            _figure(name, values[name], enough=name != "shareOfTen" or len(within) >= TOO_FEW)
            for name in LIMITS
        ),
        floods=tuple(flooded),
        frequent=tuple(often),
        chattering=tuple(chatter),
        fleeting=tuple(fled),
        stale=tuple(lasting),
        priorities=tuple(priorities(within)),
        acknowledged=tuple(waits(told.waits, period)),
        cleared=tuple(waits(clearing(told.stretches), period)),
        shelf=tuple(shelf(told.stays, period)),
        reasons=tuple(reasons(told.stays, period)),
        numbers=tuple(one.number for one in parts),
    )


def _rows(flood: Flood, rang: Sequence[Transition]) -> int | None:
    """None where no row was kept then. Nothing rings between what is in a flood."""
    by_end = [one for one in rang if flood.until is None or one.at < flood.until]
    rows = {one.row for one in by_end[-flood.total :] if one.row}
    return len(rows) or None


def _figure(name: str, value: float | None, *, enough: bool = True) -> Figure:
    limit = LIMITS[name]
    judgement = limit.judged(value) if enough else None
    return Figure(name, limit.title, limit.unit, value, judgement, limit.words, limit.source)


def _nuisances(chattering: Iterable[Chatter], fleeting: Iterable[Fleeting]) -> int:
    return len({one.alarm for one in chattering} | {one.alarm for one in fleeting})


# --- how many, how dense


def _rates(number: int, known: timedelta) -> dict[str, float | None]:
    """No rate is made up for a longer time than was watched."""
    spans = {"perHour": HOUR, "perTenMinutes": TEN_MINUTES, "perDay": DAY}
    return {
        name: number * (span / known) if known >= span else None for name, span in spans.items()
    }


def _densities(parts: Sequence[Bucket], rang: Sequence[datetime]) -> dict[str, float | None]:
    whole = [one.number for one in parts if one.whole and one.number is not None]
    above = sum(number > FLOOD_ABOVE for number in whole)
    spans = {"mostInTenMinutes": TEN_MINUTES, "mostInHour": HOUR, "mostInMinute": MINUTE}
    known = any(one.number is not None for one in parts)
    return {
        "bucketsAboveTen": above / len(whole) if whole else None,
        **{name: most_within(rang, span) if known else None for name, span in spans.items()},
    }


def _of_floods(
    flooded: Sequence[Flood], known: timedelta, period: Period
) -> dict[str, float | None]:
    if not known:
        return {"timeInFlood": None, "firstOfFlood": None}
    within = (
        min(one.until or period.until, period.until) - max(one.since, period.since)
        for one in flooded
    )
    return {
        "timeInFlood": min(1.0, sum(within, timedelta()) / known),
        "firstOfFlood": max((one.at_first for one in flooded), default=0),
    }
