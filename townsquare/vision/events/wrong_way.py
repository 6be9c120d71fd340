"""Who moves against the direction of a zone. Pure.

The last stretch of a trail inside the zone tells: it must be at least a second long, lead at
least 2 lengths of the box (or 5 m) against the direction, and most of its time must be spent on
steps that do so too. A foot that wavers, or who turns round on the spot, is no such stretch.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from townsquare.model.camera import Point, WrongWay, Zone
from townsquare.vision.count import inside
from townsquare.vision.trails import Mark, Trail, Trails

LEAST_S = 1.0
LENGTHS, LEAST_M = 2.0, 5.0
MOST_OF_IT = 0.8  # of the time of the stretch


def against(zone: Zone, of: WrongWay, trails: Trails) -> bool:
    """Whether anybody does now."""
    return any(
        trail.of in of.classes and inside(zone, trail.last.foot) and _is(trail, zone, of)
        for trail in trails.values()
    )


def _is(trail: Trail, zone: Zone, of: WrongWay) -> bool:
    """The shortest stretch up to now that is long enough in time and place decides."""
    last = trail.last
    for n, mark in reversed(list(enumerate(trail.marks))):
        if last.at_s - mark.at_s >= LEAST_S and _far_enough(mark, last):
            stretch = trail.marks[n:]
            return (
                _off(of, mark.foot, last.foot)
                and all(inside(zone, one.foot) for one in stretch)
                and _share(of, stretch) >= MOST_OF_IT
            )
    return False


def _far_enough(a: Mark, b: Mark) -> bool:
    if a.place is not None and b.place is not None:
        return math.dist(a.place, b.place) >= LEAST_M
    return math.dist(a.foot, b.foot) >= LENGTHS * b.length


def _share(of: WrongWay, stretch: Sequence[Mark]) -> float:
    steps = [(b.at_s - a.at_s, _off(of, a.foot, b.foot)) for a, b in pairwise(stretch)]
    return sum(for_s for for_s, off in steps if off) / sum(for_s for for_s, _ in steps)


def _off(of: WrongWay, start: Point, end: Point) -> bool:
    """Whether this way is more than the angle off the direction, on the picture."""
    ax, ay = of.b[0] - of.a[0], of.b[1] - of.a[1]
    bx, by = end[0] - start[0], end[1] - start[1]
    turned = math.atan2(ax * by - ay * bx, ax * bx + ay * by)
    return (bx, by) != (0, 0) and abs(turned) > math.radians(of.angle_deg)
