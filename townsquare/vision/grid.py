"""A grid of metres on the picture, for who checks the known points of the ground. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from townsquare.model.camera import GroundPoint, Point
from townsquare.model.mask import Size
from townsquare.vision.ground import Ground, metres, metres_per_pixel

STEPS_M = (0.5, 1, 2, 5, 10, 20, 50, 100)
MOST_LINES = 14  # of a grid in each direction
ALONG = 40  # points of a line of it


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the grid, pixels, and what it stands for; empty at all but the first of each."""

    points: tuple[Point, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Checked:
    """`off_m` is how far each known point lies from where the others together put it."""

    step_m: float
    rules: tuple[Rule, ...]
    residual_m: float
    off_m: tuple[float, ...]
    metres_per_pixel: tuple[float, ...]


def checked(ground: Ground, known: Sequence[GroundPoint], size: Size) -> Checked:
    """What the points say of the ground."""
    low, high = _extent(ground)
    step = next((s for s in STEPS_M if max(high - low) / s <= MOST_LINES), STEPS_M[-1])
    found = [metres(ground, point.pixel) for point in known]
    off = [
        math.dist(at, point.metres) if at else math.inf
        for at, point in zip(found, known, strict=True)
    ]
    return Checked(
        step,
        tuple(_rules(ground, size, low, high, step)),
        round(ground.residual_m, 3),
        tuple(round(one, 3) for one in off if math.isfinite(one)),
        tuple(round(metres_per_pixel(ground, point.pixel), 4) for point in known),
    )


def _extent(ground: Ground) -> tuple["np.typing.NDArray[np.float64]", ...]:
    """Lowest and highest metres where metres are known."""
    corners = [metres(ground, corner) for corner in _inner(ground.hull)]
    there = np.array([corner for corner in corners if corner] or [(0.0, 0.0)])
    return there.min(0), there.max(0)


def _inner(hull: Sequence[Point]) -> Iterator[Point]:
    """Its corners, and where far ones are too coarse, places on the way from them to its middle."""
    x, y = (sum(axis) / len(hull) for axis in zip(*hull, strict=True))
    for px, py in hull:
        for share in (0.99, 0.8, 0.6, 0.4):
            yield (x + share * (px - x), y + share * (py - y))


def _rules(
    ground: Ground,
    size: Size,
    low: "np.typing.NDArray[np.float64]",
    high: "np.typing.NDArray[np.float64]",
    step: float,
) -> Iterator[Rule]:
    back = np.linalg.inv(np.array(ground.rows))
    for axis in (0, 1):
        other = 1 - axis
        for at in np.arange(math.floor(low[axis] / step), math.ceil(high[axis] / step) + 1) * step:
            places = np.empty((ALONG, 3))
            places[:, axis], places[:, 2] = at, 1
            places[:, other] = np.linspace(low[other], high[other], ALONG)
            mapped = places @ back.T
            points = [(float(u / w), float(v / w)) for u, v, w in mapped if w]
            shown = tuple(p for p in points if _within(p, size) and metres(ground, p) is not None)
            if len(shown) > 1:
                yield Rule(tuple((round(x, 1), round(y, 1)) for x, y in shown), f"{at:g} m")


def _within(p: Point, size: Size) -> bool:
    return 0 <= p[0] <= size[0] and 0 <= p[1] <= size[1]
