"""Who is on call from when to when, and when nobody is. Pure.

Always holds: the watches of a rota follow each other without a hole; a time in which nobody is on
call is one of them, and a gap unless the rota has other hours. What no rota covers is always a gap.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from townsquare.alerts.notify.rota import Rota
from townsquare.model.entity import Json, iso

AHEAD = timedelta(days=14)  # in which gaps are looked for
EVERY = ""  # in place of the name of a rota: all of them

Kind = Literal["turn", "off", "gap"]


@dataclass(frozen=True, slots=True)
class Watch:
    """`person` is "" where nobody is on call; `off` is outside the hours of the rota."""

    person: str
    kind: Kind
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """In `rota`, or in none at all where it is `EVERY`."""

    rota: str
    since: datetime
    until: datetime


def watches(rota: Rota, name: str, since: datetime, until: datetime) -> list[Watch]:
    """Of up to a fortnight."""
    found: list[Watch] = []
    for begin, end in pairwise(rota.changes(name, since, until)):
        one = Watch(rota.on_call(name, begin) or "", _kind(rota, name, begin), begin, end)
        if found and (found[-1].person, found[-1].kind) == (one.person, one.kind):
            one = replace(one, since=found.pop().since)
        found.append(one)
    return found


def _kind(rota: Rota, name: str, at: datetime) -> Kind:
    if rota.on_call(name, at):
        return "turn"
    return "gap" if rota.is_meant(name, at) else "off"


def gaps(rota: Rota, since: datetime, until: datetime) -> list[Gap]:
    """In their order; one of all rotas is not told again for each of them."""
    every = {one.name: watches(rota, one.name, since, until) for one in rota.rotations}
    empty = list(_uncovered(every.values(), since, until)) if every else []
    partly = [
        Gap(name, watch.since, watch.until)
        for name, its in every.items()
        for watch in its
        if watch.kind == "gap" and not any(_within(watch, gap) for gap in empty)
    ]
    return sorted([*empty, *partly], key=lambda gap: (gap.since, gap.rota))


def _within(watch: Watch, gap: Gap) -> bool:
    return gap.since <= watch.since and watch.until <= gap.until


def _uncovered(every: Iterable[list[Watch]], since: datetime, until: datetime) -> Iterator[Gap]:
    manned = sorted((w.since, w.until) for its in every for w in its if w.person)
    at = since
    for begin, end in manned:
        if begin > at:
            yield Gap(EVERY, at, begin)
        at = max(at, end)
    if at < until:
        yield Gap(EVERY, at, until)


def ahead(rota: Rota, now: datetime) -> Json:
    """The gaps of the next fortnight."""
    return [
        {"rota": one.rota, "since": iso(one.since), "until": iso(one.until)}
        for one in gaps(rota, now, now + AHEAD)
    ]
