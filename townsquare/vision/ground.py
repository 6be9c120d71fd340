"""Metres on the ground from pixels of the picture, by four or more points that are known. Pure.

The ground is taken for a plane and the lens for one that keeps straight lines straight: then one
matrix, a homography, maps the one to the other (Hartley and Zisserman, Multiple View Geometry,
algorithm 4.2). What touches the ground can be mapped: feet of boxes, never their middles. Where a
pixel is more than COARSEST_M on the ground, or far from all known points, metres are unknown.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from townsquare.model.camera import GroundPoint, Line, Point, Zone
from townsquare.model.errors import Invalid

COARSEST_M = 0.25  # per pixel: beyond, two pixels of a foot are 2 km/h of a speed and more
ENLARGED = 1.5  # the hull of the known points: what lies further out is a guess
FLAT = 0.005  # area of a triangle of points in squares of their extent: below it is a line
LEAST_RANK = 0.01  # of the 8th singular value to the first: below, many mappings fit as well
MOST_OFF = 0.1  # of the extent in metres, of a point from where the others put it

Matrix = npt.NDArray[np.float64]
Row = tuple[float, float, float]
Size = tuple[int, int]  # of pictures, in pixels


@dataclass(frozen=True, slots=True)
class Ground:
    """`rows` of the matrix, so that [X Y W] = rows [u v 1] and W > 0 below the horizon. `hull` is
    where metres are known, pixels; `residual_m` the mean distance of the known points from where
    they are mapped to (root mean square; 0 with four).
    """

    rows: tuple[Row, Row, Row]
    hull: tuple[Point, ...]
    residual_m: float


def calibrated(points: Sequence[GroundPoint]) -> Ground:
    """Raises Invalid where the points do not tell the ground."""
    pixels = np.array([point.pixel for point in points], np.float64)
    metres = np.array([point.metres for point in points], np.float64)
    _require_spread(pixels, "pixels")
    _require_spread(metres, "metres")
    matrix = _homography(pixels, metres)
    weights = np.c_[pixels, np.ones(len(pixels))] @ matrix[2]
    if weights.min() <= 0 <= weights.max():
        raise Invalid(
            "the ground points lie in another order in pixels than in metres;"
            " look which pixel belongs to which place"
        )
    matrix *= np.sign(weights[0])
    off = np.hypot(*(_mapped(matrix, pixels) - metres).T)
    _require_agreement(off, metres)
    a, b, c = ((float(x), float(y), float(z)) for x, y, z in matrix)
    return Ground((a, b, c), _enlarged(hull_of(pixels)), float(np.sqrt((off**2).mean())))


def on_picture(
    points: Sequence[GroundPoint], drawn: tuple[Sequence[Line], Sequence[Zone]], size: Size
) -> Ground:
    """Of a camera whose pictures have this size. Raises Invalid."""
    for n, (x, y) in enumerate((point.pixel for point in points), 1):
        if not (0 <= x <= size[0] and 0 <= y <= size[1]):
            raise Invalid(
                f"ground point {n} lies outside the picture: {x:g}, {y:g}, where the picture is"
                f" {size[0]} x {size[1]} pixels"
            )
    ground = calibrated(points)
    require_below_horizon(ground, *drawn)
    return ground


def require_below_horizon(ground: Ground, lines: Iterable[Line], zones: Iterable[Zone]) -> None:
    """Raises Invalid for what is drawn where there is no ground."""
    drawn: list[tuple[str, Sequence[Point]]]
    drawn = [(f"line {line.name!r}", (line.a, line.b)) for line in lines]
    drawn += [(f"zone {zone.name!r}", zone.corners) for zone in zones]
    for name, points in drawn:
        for x, y in points:
            if _weight(ground, (x, y)) <= 0:
                raise Invalid(
                    f"{name} reaches above the horizon at {x:g}, {y:g}, where the ground points"
                    " see no ground; draw it lower, or correct the ground points"
                )


def metres(ground: Ground, p: Point) -> Point | None:
    """Where on the ground the foot p is; None where that is unknown."""
    if not _known(ground, p):
        return None
    return _at(ground, p)


def metres_per_pixel(ground: Ground, foot: Point) -> float:
    """In the direction in which a pixel is longest; infinite from the horizon on."""
    w = _weight(ground, foot)
    if w <= 0:
        return math.inf
    x, y = _at(ground, foot)
    (a, b, _), (c, d, _), (e, f, _) = ground.rows
    # The larger singular value of the derivative [[p, q], [r, s]] of the mapping.
    p, q, r, s = (a - e * x) / w, (b - f * x) / w, (c - e * y) / w, (d - f * y) / w
    squares, area = p * p + q * q + r * r + s * s, p * s - q * r
    return math.sqrt((squares + math.sqrt(max(squares**2 - 4 * area**2, 0.0))) / 2)


def area_m2(ground: Ground, zone: Zone) -> float | None:
    """None where a corner is unknown. Straight edges stay straight, so corners are enough."""
    corners = [metres(ground, corner) for corner in zone.corners]
    known = [corner for corner in corners if corner is not None]
    return abs(_twice_area(known)) / 2 if len(known) == len(corners) else None


def areas_m2(points: Sequence[GroundPoint], zones: Iterable[Zone]) -> dict[str, float]:
    """Of the zones where it is known, by name."""
    try:
        ground = calibrated(points) if points else None
    except Invalid:  # which its worker tells
        ground = None
    found = {zone.name: area_m2(ground, zone) for zone in zones} if ground else {}
    return {name: area for name, area in found.items() if area}


def per_m2(number: float, area: float | None) -> float | None:
    """Density of so many in a zone; None where its area is unknown."""
    return number / area if area else None


def hull_of(points: Matrix) -> list[Point]:
    """Corners of the convex hull of `points` (n, 2), in turn (Andrew's monotone chain)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    return _chain(ordered)[:-1] + _chain(ordered[::-1])[:-1]


def _chain(ordered: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for p in ordered:
        while len(chain) > 1 and _twice_area((*chain[-2:], p)) <= 0:
            chain.pop()
        chain.append(p)
    return chain


def _require_spread(points: Matrix, unit: str) -> None:
    """Four of them at least span an area, and of four none lies within the other three."""
    hull = hull_of(points)
    flat = FLAT * float(np.ptp(points, axis=0).max()) ** 2
    turned = hull[1:] + hull[:1], hull[2:] + hull[:2]
    corners = sum(abs(_twice_area(three)) / 2 > flat for three in zip(hull, *turned, strict=True))
    if corners < 4:
        raise Invalid(
            f"the ground points ({unit}) do not span an area with four corners: no three of them"
            " may lie on a line, and none within the other three; choose the corners of a rectangle"
        )


def _require_agreement(off: Matrix, metres: Matrix) -> None:
    worst = int(off.argmax())
    if off[worst] > MOST_OFF * float(np.ptp(metres, axis=0).max()):
        raise Invalid(
            f"ground point {worst + 1} is {off[worst]:.1f} m from where the others put it;"
            " measure it again"
        )


def _homography(pixels: Matrix, metres: Matrix) -> Matrix:
    """Normalised direct linear transformation, least squares over (n, 2) points."""
    before, after = _normal(pixels), _normal(metres)
    ones = np.ones((len(pixels), 1))
    a, b = np.c_[pixels, ones] @ before.T, np.c_[metres, ones] @ after.T
    none = np.zeros_like(a)
    equations = np.r_[np.c_[-a, none, a * b[:, :1]], np.c_[none, -a, a * b[:, 1:2]]]
    _, singular, ways = np.linalg.svd(equations)
    if singular[7] < LEAST_RANK * singular[0]:
        raise Invalid("the ground points lie too close together or almost on a line; spread them")
    matrix: Matrix = np.linalg.inv(after) @ ways[-1].reshape(3, 3) @ before
    return matrix / np.linalg.norm(matrix)


def _normal(points: Matrix) -> Matrix:
    """Moves the middle of the points to 0 and their mean distance from it to the root of 2."""
    x, y = points.mean(0)
    scale = 2**0.5 / np.hypot(*(points - (x, y)).T).mean()
    return np.array([[scale, 0, -scale * x], [0, scale, -scale * y], [0, 0, 1]])


def _mapped(matrix: Matrix, pixels: Matrix) -> Matrix:
    q = np.c_[pixels, np.ones(len(pixels))] @ matrix.T
    return np.asarray(q[:, :2] / q[:, 2:], np.float64)


def _known(ground: Ground, p: Point) -> bool:
    ax, ay = ground.hull[-1]
    for bx, by in ground.hull:
        if (bx - ax) * (p[1] - ay) < (by - ay) * (p[0] - ax):
            return False
        ax, ay = bx, by
    return metres_per_pixel(ground, p) <= COARSEST_M


def _enlarged(hull: Sequence[Point]) -> tuple[Point, ...]:
    x, y = (sum(axis) / len(hull) for axis in zip(*hull, strict=True))
    return tuple((x + ENLARGED * (px - x), y + ENLARGED * (py - y)) for px, py in hull)


def _at(ground: Ground, p: Point) -> Point:
    x, y, w = (a * p[0] + b * p[1] + c for a, b, c in ground.rows)
    return (x / w, y / w)


def _weight(ground: Ground, p: Point) -> float:
    a, b, c = ground.rows[2]
    return a * p[0] + b * p[1] + c


def _twice_area(corners: Sequence[Point]) -> float:
    """Shoelace; above 0 when they turn as x turns to y."""
    after = (*corners[1:], corners[0])
    return sum(ax * by - ay * bx for (ax, ay), (bx, by) in zip(corners, after, strict=True))
