"""Does something call for an operator? One rule, one entity, folded over observations. Pure.

Always holds: time is that of the observations, so the same observations give the same
crossings, whenever they are read. What was observed lasts until the next observation. What is
unknown neither raises nor clears, and nothing that needs a duration runs on through it: that
nothing is observed is a condition of its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from townsquare.model.entity import Json
from townsquare.model.rule import Rule
from townsquare.model.schedule import windows


@dataclass(frozen=True, slots=True)
class Seen:
    """What an observation says of a condition: whether it begins it, and whether it ends it."""

    begins: bool | None  # None is unknown
    ends: bool | None
    value: Json = None


UNKNOWN = Seen(None, None)


@dataclass(frozen=True, slots=True)
class Watched:
    """`begun` and `over` are since when the condition has begun, and has ended; `raised` and
    `ended` when the alarm was and did, the last time.
    """

    active: bool = False
    begun: datetime | None = None
    over: datetime | None = None
    at: datetime | None = None  # of the latest observation
    value: Json = None
    raised: datetime | None = None
    ended: datetime | None = None

    @property
    def since(self) -> datetime | None:
        """When it came to where, if it stays, it changes `active`."""
        return self.over if self.active else self.begun


@dataclass(frozen=True, slots=True)
class Crossing:
    """`dead`: its dead time kept it from being raised, and now its cause is over."""

    event: Literal["raise", "clear", "dead"]
    at: datetime
    value: Json


Step = tuple[Watched, tuple[Crossing, ...]]


def threshold(rule: Rule, value: float | None) -> Seen:
    if value is None or rule.above is None or rule.clear_below is None:
        return UNKNOWN
    return Seen(value >= rule.above, value <= rule.clear_below, value)


def within(there: bool | None, seen: Seen) -> Seen:
    """In the rule's area only; None where its place is unknown."""
    if there is None and seen.begins is not False:
        return Seen(None, seen.ends, seen.value)
    if there is False:
        return Seen(False, True, seen.value)
    return seen


def observed(rule: Rule, watched: Watched, seen: Seen, at: datetime, zone: ZoneInfo) -> Step:
    """After an observation; one older than what is known already changes nothing."""
    if watched.at is not None and at < watched.at:
        return watched, ()
    held, before = elapsed(rule, watched, at, zone)
    noticed = _noticed(rule, held, seen, at)
    dead = _kept_dead(rule, held, noticed, at, zone)
    then, now = elapsed(rule, noticed, at, zone)
    return then, before + dead + now


def _noticed(rule: Rule, held: Watched, seen: Seen, at: datetime) -> Watched:
    if rule.no_data_for_s is not None:  # it ends one silence, and begins the next
        over = at if held.active else None
        return replace(held, begun=at, over=over, at=at, value=seen.value)
    # While what begins it holds it is not over, whatever else does.
    ends = seen.ends and not seen.begins
    return replace(
        held,
        begun=(held.begun or at) if seen.begins else None,
        over=(held.over or at) if ends and held.active else None,
        at=at,
        value=seen.value,
    )


def _kept_dead(
    rule: Rule, held: Watched, noticed: Watched, at: datetime, zone: ZoneInfo
) -> tuple[Crossing, ...]:
    if held.active or held.begun is None or noticed.begun == held.begun or not rule.dead_time_s:
        return ()
    start = _opens(rule, held.begun + timedelta(seconds=rule.raise_s), zone)
    return (Crossing("dead", at, held.value),) if start is not None and start <= at else ()


def elapsed(rule: Rule, watched: Watched, until: datetime, zone: ZoneInfo) -> Step:
    """After time has passed up to `until` without another observation."""
    found: list[Crossing] = []
    while (end := due(rule, watched, zone)) is not None and end <= until:
        watched, crossing = _crossed(watched, end)
        found.append(crossing)
    return watched, tuple(found)


def _crossed(watched: Watched, at: datetime) -> tuple[Watched, Crossing]:
    if not watched.active:
        return replace(watched, active=True, raised=at), Crossing("raise", at, watched.value)
    # Where its hours ended, what began it goes on, and may raise it in the next.
    begun = watched.begun and max(watched.begun, at)
    then = replace(watched, active=False, begun=begun, over=None, ended=at)
    return then, Crossing("clear", at, watched.value)


def due(rule: Rule, watched: Watched, zone: ZoneInfo) -> datetime | None:
    """When it crosses if nothing else is observed."""
    if watched.active:
        over = watched.over and watched.over + timedelta(seconds=rule.return_s)
        ends = [at for at in (over, _closes(rule, watched, zone)) if at]
        return min(ends, default=None)
    if watched.begun is None:
        return None
    begins = watched.begun + timedelta(seconds=rule.raise_s)
    if watched.ended:
        begins = max(begins, watched.ended + timedelta(seconds=rule.dead_time_s))
    return _opens(rule, begins, zone)


def _opens(rule: Rule, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment from then on at which the schedule lets it raise."""
    if not rule.schedule:
        return at
    return next((max(window.since, at) for window in windows(rule.schedule, zone, at)), None)


def _closes(rule: Rule, watched: Watched, zone: ZoneInfo) -> datetime | None:
    """The end of the hours in which it was raised."""
    if not rule.schedule or watched.raised is None:
        return None
    window = next(windows(rule.schedule, zone, watched.raised))
    return window.until if window.since <= watched.raised else watched.raised
