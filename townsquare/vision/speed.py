"""Speeds in bands, never of one vehicle. Pure.

A speed is the slope of mapped feet over time, by least squares, over the last stretch of a trail
that is long enough in time and metres. It is put into a band when its owner crosses a line, and
forgotten; a set of bands is told only when so many passed that nobody's speed can be read from it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from townsquare.model.camera import MOTOR_VEHICLES, Direction, Point, RoadUser
from townsquare.vision.count import Crossing
from townsquare.vision.trails import KEPT_S, Trail, Trails

LEAST_S = 1.0
LEAST_M, LEAST_VEHICLE_M = 2.0, 5.0  # where feet waver by two pixels of 0.1 m, 10 km/h +- 2
LEAST_MARKS = 3
BAND_KMH, TOP_KMH = 5, 30  # persons and bicycles: 0, 5 ... 30 and more
VEHICLE_BAND_KMH, VEHICLE_TOP_KMH = 10, 70  # motor vehicles: 0, 10 ... 70 and more
LEAST_TOLD = 5  # road users of a class; fewer bands are the speeds of those who were there
LEAST_V85 = 30  # road users; fewer do not tell the 85th percentile

Placed = tuple[float, Point]  # second, and metres on the ground


@dataclass(frozen=True, slots=True)
class Passing:
    """Somebody of this class crossed this line; `from_kmh` is where the band of speed begins."""

    line: str
    of: RoadUser
    direction: Direction
    from_kmh: int


def passings(crossings: Iterable[tuple[int, Crossing]], trails: Trails) -> Counter[Passing]:
    """Of one picture, by number of the track. Whose speed is unknown is left out."""
    found: Counter[Passing] = Counter()
    for number, crossing in crossings:
        kmh = speed_kmh(trails[number]) if number in trails else None
        if kmh is not None:
            low = band_kmh(crossing.of, kmh)
            found[Passing(crossing.line, crossing.of, crossing.direction, low)] += 1
    return found


def told(passed: Mapping[Passing, int]) -> Counter[Passing]:
    """What of a window's bands may be told: those of LEAST_TOLD or more on one line, of one class
    and in one direction.
    """
    together: Counter[tuple[str, RoadUser, Direction]] = Counter()
    for passing, n in passed.items():
        together[passing.line, passing.of, passing.direction] += n
    return Counter(
        {p: n for p, n in passed.items() if together[p.line, p.of, p.direction] >= LEAST_TOLD}
    )


def bands(of: RoadUser) -> range:
    """Where the bands of a class begin, km/h; the last one has no end."""
    vehicle = of in MOTOR_VEHICLES
    width, top = (VEHICLE_BAND_KMH, VEHICLE_TOP_KMH) if vehicle else (BAND_KMH, TOP_KMH)
    return range(0, top + width, width)


def band_kmh(of: RoadUser, kmh: float) -> int:
    """Where the band of this speed begins."""
    lows = bands(of)
    return lows[min(int(kmh // lows.step), len(lows) - 1)]


def v85_kmh(counts: Mapping[int, int], of: RoadUser) -> float | None:
    """The speed that 85 % keep below, by n of each band; None for few, or in the open band."""
    lows = bands(of)
    total, below = sum(counts.values()), 0.0
    if total < LEAST_V85:
        return None
    for low in lows[:-1]:
        n = counts.get(low, 0)
        if n and below + n >= 0.85 * total:
            return low + lows.step * (0.85 * total - below) / n
        below += n
    return None


def mean_kmh(counts: Mapping[int, int], of: RoadUser) -> float | None:
    """By the middles of the bands; None where anybody is in the open one."""
    lows = bands(of)
    if counts.get(lows[-1]) or not any(counts.values()):
        return None
    middles = sum(n * (low + lows.step / 2) for low, n in counts.items())
    return middles / sum(counts.values())


def speed_kmh(trail: Trail) -> float | None:
    """Over the last stretch of LEAST_S and the metres its class needs, or of all that is kept.
    None where that is not reached, or a foot on it is where metres are unknown.
    """
    need_m = LEAST_VEHICLE_M if trail.of in MOTOR_VEHICLES else LEAST_M
    stretch: list[Placed] = []
    for mark in reversed(trail.marks):
        if mark.place is None:
            return None
        stretch.append((mark.at_s, mark.place))
        for_s = stretch[0][0] - mark.at_s
        far = math.dist(stretch[0][1], mark.place) >= need_m or for_s >= KEPT_S - LEAST_S
        if for_s >= LEAST_S and far and len(stretch) >= LEAST_MARKS:
            return 3.6 * slope(stretch)
    return None


def slope(stretch: Sequence[Placed]) -> float:
    """Units of place a second, by least squares."""
    # By hand: of so few numbers NumPy takes ten times as long.
    mean_s = sum(at_s for at_s, _ in stretch) / len(stretch)
    x = sum((at_s - mean_s) * place[0] for at_s, place in stretch)
    y = sum((at_s - mean_s) * place[1] for at_s, place in stretch)
    return math.hypot(x, y) / sum((at_s - mean_s) ** 2 for at_s, _ in stretch)
