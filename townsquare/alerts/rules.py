"""Does a value call for an operator? One rule and one entity, folded over what was observed. Pure.

Always holds: time is that of the observations, so the same observations give the same
crossings, whenever they are read. A value lasts until the next observation. An unknown value
neither raises nor clears, and nothing that needs a duration runs on through it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from townsquare.model.rule import Rule


@dataclass(frozen=True, slots=True)
class Watched:
    """`since` is when the value came to where, if it stays, it changes `active`."""

    active: bool = False
    since: datetime | None = None
    at: datetime | None = None  # of the latest observation
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    event: Literal["raise", "clear"]
    at: datetime
    value: float


Step = tuple[Watched, Crossing | None]


def observed(rule: Rule, watched: Watched, value: float | None, at: datetime) -> Step:
    """After an observation; one older than what is known already changes nothing."""
    if watched.at is not None and at < watched.at:
        return watched, None
    held, before = elapsed(rule, watched, at)
    since = (held.since or at) if _turns(rule, held.active, value) else None
    seen, now = elapsed(rule, replace(held, since=since, at=at, value=value), at)
    return seen, before or now


def elapsed(rule: Rule, watched: Watched, until: datetime) -> Step:
    """After time has passed up to `until` without another observation."""
    end = due(rule, watched)
    if end is None or end > until or watched.value is None:
        return watched, None
    crossing = Crossing("clear" if watched.active else "raise", end, watched.value)
    return replace(watched, active=not watched.active, since=None), crossing


def due(rule: Rule, watched: Watched) -> datetime | None:
    """When it crosses if nothing else is observed."""
    return watched.since + timedelta(seconds=rule.for_s) if watched.since else None


def _turns(rule: Rule, active: bool, value: float | None) -> bool:
    if value is None:
        return False
    return value <= rule.clear_below if active else value >= rule.above
