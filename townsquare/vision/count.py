"""Crossings of lines, and who is in a zone, from the steps of road users. Pure.

A line is crossed by the foot of a box, and only between its ends. With
s = (bx - ax)(py - ay) - (by - ay)(px - ax) a foot p is on one side where s < 0 and on the other
where s >= 0; from below 0 to 0 or above is "in", back is "out".

Who wavers on a line is not counted again and again: a foot counts as having changed sides only
when it is further from the line than a tenth of its owner's height. Whoever then really goes
back is counted in the other direction, since a place is left as well as entered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from townsquare.model.camera import Direction, Line, Point, RoadUser, Zone
from townsquare.vision.track import Step

CLEAR = 0.1  # of the height of the box, on either side of a line

# Where a road user was last clear of a line: by number of the track and name of the line.
Sides = Mapping[tuple[int, str], Point]


@dataclass(frozen=True, slots=True)
class Crossing:
    line: str
    of: RoadUser
    direction: Direction


def side(line: Line, p: Point) -> float:
    """Twice the area of a, b, p: below 0 on the side that "in" comes from."""
    (ax, ay), (bx, by) = line.a, line.b
    return (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax)


def distance(line: Line, p: Point) -> float:
    """Pixels between p and the line through a and b."""
    (ax, ay), (bx, by) = line.a, line.b
    return float(abs(side(line, p)) / ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5)


def crossed(
    lines: Sequence[Line], steps: Iterable[Step], sides: Sides
) -> tuple[list[tuple[int, Crossing]], Sides]:
    """What was crossed by these steps, with the number of the track, and the sides to give back
    with the next ones.
    """
    crossings: list[tuple[int, Crossing]] = []
    after = dict(sides)
    for step in steps:
        for line in lines:
            key = (step.number, line.name)
            start = after.setdefault(key, step.before)
            if distance(line, step.now) < CLEAR * step.height:
                continue
            after[key] = step.now
            if direction := direction_of(line, start, step.now):
                crossings.append((step.number, Crossing(line.name, step.of, direction)))
    return crossings, after


def without(sides: Sides, alive: Iterable[int]) -> Sides:
    """Nothing is remembered of a track that ended."""
    numbers = set(alive)
    return {key: place for key, place in sides.items() if key[0] in numbers}


def direction_of(line: Line, start: Point, end: Point) -> Direction | None:
    """How the way from `start` to `end` crosses the line between its ends; None if it does not."""
    s0, s1 = side(line, start), side(line, end)
    if (s0 < 0) == (s1 < 0) or not _between_ends(line, start, end):
        return None
    return "in" if s0 < 0 else "out"


def _between_ends(line: Line, start: Point, end: Point) -> bool:
    way = Line("way", start, end)
    # Half-open, so that of two lines that share an end only one is crossed there.
    return (side(way, line.a) < 0) != (side(way, line.b) < 0)


def inside(zone: Zone, p: Point) -> bool:
    """Even-odd rule; of two zones that share an edge a point on it is in one only."""
    x, y = p
    odd = False
    for (ax, ay), (bx, by) in zip(zone.corners, zone.corners[1:] + zone.corners[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            odd = not odd
    return odd


def number_inside(zone: Zone, feet: Iterable[tuple[RoadUser, Point]], of: RoadUser) -> int:
    return sum(kind == of and inside(zone, foot) for kind, foot in feet)
