"""Vehicles that came and stand still in a zone. Pure.

They are known by place, since a track does not outlive somebody who hides it: a vehicle stands
where its foot stays within a quarter of the height of its box, or a metre. It came if its track
has moved three times as far before. A vehicle that was there from the beginning, or appears without
having come, is parked: its place is remembered while it is seen now and then, and is no event.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from townsquare.model.camera import MOTOR_VEHICLES, StoppedVehicle, Zone
from townsquare.vision.count import inside
from townsquare.vision.events.spell import Spell, Turn, next_spell
from townsquare.vision.trails import Mark, Trail, Trails

STILL_HEIGHTS, STILL_M = 0.25, 1.0
STILL_S = 1.0  # of a trail, from which a vehicle is taken to stand
CAME = 3.0  # times that
PARKED_S = 600.0  # without being seen: a lorry stands before it
# A place that was empty for so long before somebody came to it belongs to another vehicle now.
EMPTY_S, EMPTY_PARKED_S = 2.0, 10.0


@dataclass(frozen=True, slots=True)
class Stand:
    """A place where a vehicle stands. `spell` is None for a parked one."""

    mark: Mark
    seen_s: float
    spell: Spell | None = None

    @property
    def told(self) -> bool:
        return self.spell is not None and self.spell.told


@dataclass(frozen=True, slots=True)
class Still:
    """A vehicle that stands now: where, since when by its trail, and whether it came."""

    mark: Mark
    since_s: float
    came: bool


@dataclass(frozen=True, slots=True)
class Stands:
    """Of one zone. The event `told` lasts from its first vehicle to its last."""

    places: tuple[Stand, ...] = ()
    told: Turn | None = None


def still_in(zone: Zone, trails: Trails, at_s: float) -> list[Still]:
    """The motor vehicles in the zone that have stood for the last second."""
    return [
        _still(trail)
        for trail in trails.values()
        if trail.of in MOTOR_VEHICLES and inside(zone, trail.last.foot) and _stands(trail, at_s)
    ]


def next_stands(
    stands: Stands, still: Sequence[Still], of: StoppedVehicle, at_s: float
) -> tuple[Stands, Turn | None]:
    """The stands after the picture at `at_s`, and what is to be told of the zone."""
    places: list[Stand] = []
    for stand in stands.places:
        here = [one for one in still if _same(stand.mark, one.mark)]
        if not any(_is_another(one, stand) for one in here):
            places += _after(stand, bool(here), at_s, of.after_s)
    for one in still:
        if not any(_same(stand.mark, one.mark) for stand in places):
            spell = Spell(one.since_s, one.since_s, one.since_s) if one.came else None
            places += [Stand(one.mark, at_s, spell)]
    turn = _turn(stands, places)
    told = stands.told if turn is None else turn if turn.until_s is None else None
    return Stands(tuple(places), told), turn


def _after(stand: Stand, seen: bool, at_s: float, after_s: float) -> list[Stand]:
    """The stand after a picture, unless it is given up."""
    seen_s = at_s if seen else stand.seen_s
    if stand.spell is None:
        return [replace(stand, seen_s=seen_s)] if at_s - seen_s < PARKED_S else []
    spell, _ = next_spell(stand.spell, seen, at_s, after_s)
    return [replace(stand, seen_s=seen_s, spell=spell)] if spell else []


def _turn(before: Stands, places: Sequence[Stand]) -> Turn | None:
    """Whether the event of the zone begins or is over with these places."""
    told = [stand.spell for stand in places if stand.spell and stand.spell.told]
    if told and before.told is None:
        first = min(told, key=lambda spell: spell.since_s)
        return Turn(first.since_s, None, first.share)
    if before.told is not None and not told:
        last = max(stand.seen_s for stand in before.places if stand.told)
        return replace(before.told, until_s=last)
    return None


def _is_another(one: Still, stand: Stand) -> bool:
    empty_s = EMPTY_PARKED_S if stand.spell is None else EMPTY_S
    return one.came and one.since_s - stand.seen_s > empty_s


def _still(trail: Trail) -> Still:
    since_s = next(mark.at_s for mark in trail.marks if _same(mark, trail.last))
    return Still(trail.last, since_s, not _same(trail.first, trail.last, CAME))


def _stands(trail: Trail, at_s: float) -> bool:
    """Whether all of its last second is in one place."""
    recent = [mark for mark in trail.marks if at_s - mark.at_s <= STILL_S]
    long = at_s - trail.marks[0].at_s >= STILL_S
    return long and all(_same(mark, trail.last) for mark in recent)


def _same(a: Mark, b: Mark, times: float = 1.0) -> bool:
    """Whether they are so near that it may be the same vehicle at rest, or so many times as far."""
    if a.place is not None and b.place is not None:
        return math.dist(a.place, b.place) <= times * STILL_M
    return math.dist(a.foot, b.foot) <= times * STILL_HEIGHTS * b.height
