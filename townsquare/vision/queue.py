"""The queue of vehicles in a lane zone, from its stop line back. Pure.

A vehicle waits from when it is slower than 5 km/h until it is faster than 10 km/h. The queue begins
at the stop line and goes on as long as the gap to the next that waits is no more than 20 m. Without
known ground only vehicles are counted, with lengths of their own boxes in the place of metres.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from townsquare.model.camera import MOTOR_VEHICLES, Line, Point, Zone
from townsquare.vision.count import inside
from townsquare.vision.ground import Ground, metres
from townsquare.vision.speed import slope
from townsquare.vision.trails import Mark, Trail, Trails

BEGIN_KMH, END_KMH = 5.0, 10.0
BEGIN_LENGTHS, END_LENGTHS = 0.3, 0.6  # of its box a second, where metres are unknown
GAP_M, VEHICLE_M = 20.0, 4.5
GAP_LENGTHS = GAP_M / VEHICLE_M
OVER_S, LEAST_S = 2.0, 0.8  # of a trail, for a speed that is nearly none

Waiting = frozenset[int]  # numbers of tracks


@dataclass(frozen=True, slots=True)
class Length:
    """`length_m` is None where it is unknown, and 0 without anybody."""

    vehicles: int = 0
    length_m: float | None = None


def waiting(before: Collection[int], trails: Trails) -> Waiting:
    """Who waits now. Whose speed is unknown goes on as before."""
    now = set()
    for number, trail in trails.items():
        if trail.of in MOTOR_VEHICLES and _waits(trail, number in before):
            now.add(number)
    return frozenset(now)


def queue(zone: Zone, line: Line, trails: Trails, waits: Waiting, ground: Ground | None) -> Length:
    """Of those in the zone who wait."""
    there = [trails[n].last for n in waits if n in trails and inside(zone, trails[n].last.foot)]
    if ground is not None:
        on_ground = _on_ground(line, there, ground)
        if on_ground is not None:
            return on_ground
    return Length(len(_in_turn(line.a, line.b, {mark: mark.foot for mark in there}, _lengths)))


def _on_ground(line: Line, there: Iterable[Mark], ground: Ground) -> Length | None:
    """None where the line or one of the vehicles is where metres are unknown."""
    a, b = metres(ground, line.a), metres(ground, line.b)
    marks = list(there)
    known = {mark: mark.place for mark in marks if mark.place is not None}
    if a is None or b is None or len(known) < len(marks):
        return None
    queued = _in_turn(a, b, known, _clear_m)
    if not queued:
        return Length(0, 0.0)
    last = queued[-1]
    # Seen from the front its foot is its front: the rear is a vehicle further back.
    front = last.foot[1] < (line.a[1] + line.b[1]) / 2
    behind = VEHICLE_M if front else 0.0
    return Length(len(queued), _from_line(a, b, known[last]) + behind)


def _in_turn(
    a: Point, b: Point, places: Mapping[Mark, Point], gap: Callable[[float, Mark], bool]
) -> list[Mark]:
    """Those who stand in the queue from a, b on: each within a gap of the line, or of one before
    it. `gap` says whether that far is near enough for this one.
    """
    queued: list[Mark] = []
    for mark in sorted(places, key=lambda mark: _from_line(a, b, places[mark])):
        to_line = _from_line(a, b, places[mark])
        nearest = min([to_line, *(math.dist(places[mark], places[other]) for other in queued)])
        if not gap(nearest, mark):
            break
        queued.append(mark)
    return queued


def _clear_m(far: float, _mark: Mark) -> bool:
    return far - VEHICLE_M <= GAP_M


def _lengths(far: float, mark: Mark) -> bool:
    return far <= (GAP_LENGTHS + 1) * mark.length


def _waits(trail: Trail, before: bool) -> bool:
    speed, begin, end = _speed(trail)
    if speed is None:
        return before
    return speed <= end if before else speed < begin


def _speed(trail: Trail) -> tuple[float | None, float, float]:
    """With the speeds below which waiting begins, and above which it ends, in the same unit."""
    recent = [mark for mark in trail.marks if trail.last.at_s - mark.at_s <= OVER_S]
    if recent[-1].at_s - recent[0].at_s < LEAST_S:
        return None, 0, 0
    known = [(mark.at_s, mark.place) for mark in recent if mark.place is not None]
    if len(known) == len(recent):
        return 3.6 * slope(known), BEGIN_KMH, END_KMH
    pixels = slope([(mark.at_s, mark.foot) for mark in recent])
    return pixels / max(trail.last.length, 1.0), BEGIN_LENGTHS, END_LENGTHS


def _from_line(a: Point, b: Point, p: Point) -> float:
    """From the nearest point of the line between its ends."""
    ax, ay = p[0] - a[0], p[1] - a[1]
    bx, by = b[0] - a[0], b[1] - a[1]
    along = max(0.0, min(1.0, (ax * bx + ay * by) / max(bx * bx + by * by, 1e-9)))
    return math.hypot(ax - along * bx, ay - along * by)
