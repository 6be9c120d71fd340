"""Who is on call when. Pure.

Always holds: at any moment in its hours a rotation that has begun has exactly one person on call,
unless an override says that nobody is; and people take turns at the same time of the town's day,
whether its clocks are changed or not. People are names of contacts here; an address is nothing that
a rota knows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain, count
from zoneinfo import ZoneInfo

from townsquare.alerts.notify.hours import DAY, day_of, instant
from townsquare.model.errors import Invalid
from townsquare.model.schedule import read_schedule, windows


@dataclass(frozen=True, slots=True)
class Rotation:
    """`people` take turns of `days` days, the first of them from `begins` on, at `handover`. They
    are on call in its `hours`, a schedule by the town's clocks; "" is always.
    """

    name: str
    people: tuple[str, ...]
    begins: date
    handover: time = time(8)
    days: int = 7
    hours: str = ""

    def __post_init__(self) -> None:
        if not self.people:
            raise Invalid(f"rotation {self.name!r} has nobody in it; name one person at least")
        if self.days < 1:
            raise Invalid(f"rotation {self.name!r}: a turn of {self.days} days; give 1 or more")
        if self.hours:
            read_schedule(self.hours)


@dataclass(frozen=True, slots=True)
class Override:
    """`person` is on call in place of whoever's turn it is; "" is nobody. `until` is not in it."""

    rotation: str
    person: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if not self.since < self.until:
            raise Invalid(
                f"{self.person or 'nobody'} for {self.rotation!r}: it ends before it begins"
            )


@dataclass(frozen=True, slots=True)
class Turn:
    person: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Rota:
    rotations: tuple[Rotation, ...]
    zone: ZoneInfo
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        names = [rotation.name for rotation in self.rotations]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"two rotations have the name {min(twice)!r}")
        if strange := {o.rotation for o in self.overrides} - set(names):
            raise Invalid(
                f"{min(strange)!r} is no rotation; there are {', '.join(names) or 'none'}"
            )

    def on_call(self, rotation: str, at: datetime) -> str | None:
        """None where it has not begun, outside its hours, or where there is no such rotation.

        Of overrides that overlap the later in the list holds: it was written last.
        """
        found = [o for o in self._overrides(rotation) if o.since <= at < o.until]
        if found:
            return found[-1].person or None
        regular = self._rotation(rotation)
        return _regular(regular, at, self.zone) if regular else None

    def is_meant(self, rotation: str, at: datetime) -> bool:
        """Is somebody to be on call then, by the hours of the rotation? Before it begins, too."""
        regular = self._rotation(rotation)
        return regular is not None and _in_hours(regular, at, self.zone)

    def following(self, rotation: str, at: datetime, places: int) -> str | None:
        """Who comes so many places after whoever is on call then, by the order of the rotation;
        whoever is on call where nobody else is in it.
        """
        now, regular = self.on_call(rotation, at), self._rotation(rotation)
        turn = _regular(regular, at, self.zone) if regular else None
        if regular is None or places == 0 or (now is None and turn is None):
            return now
        first = max(_turn(regular, at, self.zone), 0) % len(regular.people)
        order = (*regular.people[first + 1 :], *regular.people[: first + 1])
        # Where nobody stands in, whoever's turn it is cannot.
        others = [person for person in order if person != (now or turn)]
        return others[(places - 1) % len(others)] if others else now

    def next(self, rotation: str, at: datetime) -> Turn | None:
        """Who follows whoever is on call then; None where nobody else ever does."""
        now = self.on_call(rotation, at)
        for moment in sorted(m for m in self._moments(rotation, at) if m > at):
            person = self.on_call(rotation, moment)
            if person is not None and person != now:
                return Turn(person, moment)
        return None

    def changes(self, rotation: str, since: datetime, until: datetime) -> list[datetime]:
        """The moments between which one and the same person is on call, with both ends. Of up to a
        fortnight.
        """
        found = {since, until} | {m for o in self._overrides(rotation) for m in (o.since, o.until)}
        if regular := self._rotation(rotation):
            found.update(_turns(regular, since, until, self.zone))
            found.update(_hours(regular, since, self.zone))
        return sorted(m for m in found if since <= m <= until)

    def _moments(self, rotation: str, at: datetime) -> Iterable[datetime]:
        """At which another might come on call. After overrides end, somebody else's turn begins
        within one round.
        """
        overrides = [m for o in self._overrides(rotation) for m in (o.since, o.until)]
        yield from overrides
        if regular := self._rotation(rotation):
            for start in (at, *overrides):
                yield from _handovers(regular, start, self.zone)
                yield from _hours(regular, start, self.zone)

    def _rotation(self, name: str) -> Rotation | None:
        return next((r for r in self.rotations if r.name == name), None)

    def _overrides(self, rotation: str) -> list[Override]:
        return [o for o in self.overrides if o.rotation == rotation]


def _turn(rotation: Rotation, at: datetime, zone: ZoneInfo) -> int:
    """Counted from 0; below that it has not begun."""
    since_first = day_of(at, rotation.handover, zone) - rotation.begins
    return since_first // timedelta(days=rotation.days)


def _regular(rotation: Rotation, at: datetime, zone: ZoneInfo) -> str | None:
    turn = _turn(rotation, at, zone)
    there = turn >= 0 and _in_hours(rotation, at, zone)
    return rotation.people[turn % len(rotation.people)] if there else None


def _in_hours(rotation: Rotation, at: datetime, zone: ZoneInfo) -> bool:
    if not rotation.hours:
        return True
    window = next(windows(rotation.hours, zone, at), None)
    return window is not None and window.since <= at


def _hours(rotation: Rotation, at: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    """Ends of its hours in the fortnight from then on."""
    if rotation.hours:
        yield from chain.from_iterable(windows(rotation.hours, zone, at))


def _turns(
    rotation: Rotation, since: datetime, until: datetime, zone: ZoneInfo
) -> Iterable[datetime]:
    """Each handover between these."""
    for n in count(max(_turn(rotation, since, zone), -1) + 1):
        at = instant(rotation.begins + n * rotation.days * DAY, rotation.handover, zone)
        if at >= until:
            return
        yield at


def _handovers(rotation: Rotation, at: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    """Of one round, from then on."""
    turn = max(_turn(rotation, at, zone), -1)
    for n in range(turn + 1, turn + 1 + len(rotation.people)):
        yield instant(rotation.begins + n * rotation.days * DAY, rotation.handover, zone)
