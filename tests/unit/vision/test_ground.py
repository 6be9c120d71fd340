"""A plan (100 pixels a metre) by hand, and a town's camera: 6 m up, looking 25 degrees down."""

import math

import pytest

from townsquare.model.camera import GroundPoint, Line, Point, Zone
from townsquare.model.errors import Invalid
from townsquare.vision.ground import (
    area_m2,
    calibrated,
    metres,
    metres_per_pixel,
    per_m2,
    require_below_horizon,
)

Pair = tuple[Point, Point]
PLAN: list[Pair] = [((0, 0), (0, 0)), ((400, 0), (4, 0)), ((400, 300), (4, 3)), ((0, 300), (0, 3))]


def points(pairs: list[Pair]) -> list[GroundPoint]:
    return [GroundPoint(pixel, place) for pixel, place in pairs]


def seen(x: float, y: float) -> Point:
    """The pixel of a place `x` m to the right and `y` m ahead, of 768 x 576."""
    height, down, focus = 6.0, math.radians(25), 800.0
    depth = y * math.cos(down) + height * math.sin(down)
    under = height * math.cos(down) - y * math.sin(down)
    return (384 + focus * x / depth, 288 + focus * under / depth)


PLACES = [(-4.0, 8.0), (4.0, 8.0), (4.0, 25.0), (-4.0, 25.0)]
STREET = calibrated(points([(seen(*place), place) for place in PLACES]))


def test_a_plan_is_a_plan() -> None:
    ground = calibrated(points(PLAN))
    assert metres(ground, (100, 200)) == pytest.approx((1, 2))
    assert metres_per_pixel(ground, (123, 45)) == pytest.approx(0.01)
    assert area_m2(ground, Zone("z", ((0, 0), (200, 0), (200, 100), (0, 100)))) == pytest.approx(2)
    assert ground.residual_m == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("place", [(0.0, 8.0), (-3.0, 12.0), (2.5, 20.0), (0.0, 25.0)])
def test_a_street_in_perspective(place: Point) -> None:
    assert metres(STREET, seen(*place)) == pytest.approx(place)


@pytest.mark.parametrize(("y", "expected"), [(8, 0.02), (15, 0.05), (25, 0.13)])
def test_a_pixel_is_longer_further_away(y: float, expected: float) -> None:
    assert metres_per_pixel(STREET, seen(0, y)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("place", [(0, 60), (0, 40), (30, 10)])
def test_metres_are_unknown_where_pixels_are_coarse_or_no_point_is_near(place: Point) -> None:
    assert metres(STREET, seen(*place)) is None


def test_metres_are_unknown_above_the_horizon() -> None:
    assert metres(STREET, (384, -200)) is None
    assert metres_per_pixel(STREET, (384, -200)) == math.inf


def test_the_area_of_a_zone_in_perspective() -> None:
    crossing = Zone("crossing", tuple(seen(*p) for p in [(-3, 10), (3, 10), (3, 14), (-3, 14)]))
    area = area_m2(STREET, crossing)
    assert area == pytest.approx(24)
    assert per_m2(12, area) == pytest.approx(0.5)


def test_a_zone_that_reaches_too_far_has_no_area_and_no_density() -> None:
    far = Zone("far", tuple(seen(*p) for p in [(-3, 10), (3, 10), (3, 60), (-3, 60)]))
    assert area_m2(STREET, far) is None
    assert per_m2(12, None) is None


def test_more_points_than_four_say_how_well_they_agree() -> None:
    ground = calibrated(points([*PLAN, ((200, 150), (2.1, 1.5))]))
    assert 0 < ground.residual_m < 0.1
    assert metres(ground, (100, 200)) == pytest.approx((1, 2), abs=0.1)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([PLAN[0], PLAN[1], ((200, 0), (2, 0)), PLAN[3]], "no three of them"),
        ([PLAN[0], PLAN[1], PLAN[2], ((300, 100), (3, 1))], "none within the other three"),
        ([PLAN[0]] * 4, "do not span an area"),
        ([(pixel, (1, 1)) for pixel, _ in PLAN], r"\(metres\)"),
        ([(PLAN[0][0], PLAN[1][1]), (PLAN[1][0], PLAN[0][1]), *PLAN[2:]], "another order"),
        ([*PLAN, ((200, 150), (3.9, 0.3))], "ground point 5 is"),
    ],
)
def test_points_that_do_not_tell_the_ground_are_refused(pairs: list[Pair], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        calibrated(points(pairs))


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(Invalid, match="ground point = nan must be"):
        GroundPoint((math.nan, 0), (0, 0))


def test_what_is_drawn_above_the_horizon_is_refused() -> None:
    sky = Zone("sky", ((300, 400), (500, 400), (500, -200)))
    require_below_horizon(STREET, [Line("stop", seen(-3, 9), seen(3, 9))], [])
    with pytest.raises(Invalid, match="zone 'sky' reaches above the horizon at 500, -200"):
        require_below_horizon(STREET, [], [sky])
