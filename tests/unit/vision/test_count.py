"""A line from the top down at x = 100; moving left is in. All by hand."""

import itertools

import pytest

from townsquare.model.camera import Direction, Line, Point, Zone
from townsquare.vision.count import Crossing, Sides, crossed, direction_of, inside, without
from townsquare.vision.track import Step

DOWN = Line("down", (100, 0), (100, 50))
RIGHT = Line("right", (0, 100), (50, 100))
SQUARE = Zone("square", ((0, 0), (10, 0), (10, 10), (0, 10)))


@pytest.mark.parametrize(
    ("line", "start", "end", "expected"),
    [
        (DOWN, (110, 20), (90, 20), "in"),
        (DOWN, (90, 20), (110, 20), "out"),
        (RIGHT, (20, 90), (20, 110), "in"),
        (RIGHT, (20, 110), (20, 90), "out"),
        (DOWN, (110, 20), (101, 20), None),  # does not reach it
        (DOWN, (110, 60), (90, 60), None),  # passes below its end
        (DOWN, (110, 40), (90, 80), None),  # would cross beyond the end, at y = 60
        (DOWN, (110, 20), (100, 20), "in"),  # on the line belongs to the left
        (DOWN, (100, 20), (110, 20), "out"),
        (DOWN, (100, 20), (90, 20), None),
        (DOWN, (110, 0), (90, 0), "in"),  # the ends: one belongs to the line, the other does not
        (DOWN, (110, 50), (90, 50), None),
    ],
)
def test_a_crossing_has_a_direction_and_lies_between_the_ends(
    line: Line, start: Point, end: Point, expected: Direction | None
) -> None:
    assert direction_of(line, start, end) == expected


def walk(xs: list[float], height: float = 50) -> list[Crossing]:
    """Somebody whose foot is at these x, at y = 20, in pictures one after the other."""
    sides: Sides = {}
    found = []
    for before, now in itertools.pairwise(xs):
        step = Step(7, "person", (before, 20), (now, 20), height)
        crossings, sides = crossed([DOWN], [step], sides)
        found += [crossing for _, crossing in crossings]
    return found


IN, OUT = Crossing("down", "person", "in"), Crossing("down", "person", "out")


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        ([120, 110, 104, 98, 90], [IN]),
        # The band is 5 pixels on either side: wavering inside it is not crossing.
        ([120, 104, 98, 103, 97, 102, 96, 90], [IN]),
        ([120, 104, 98, 103, 97, 102, 110], []),
        ([120, 80, 120], [IN, OUT]),
        ([103, 90], [IN]),  # first seen close to the line, then clearly across
        ([120, 96], []),  # not clear of it yet
    ],
)
def test_who_wavers_on_a_line_is_counted_once(xs: list[float], expected: list[Crossing]) -> None:
    assert walk(xs) == expected


def test_where_two_lines_meet_only_one_is_crossed() -> None:
    lower = Line("lower", (100, 50), (100, 90))
    step = Step(1, "person", (120, 50), (80, 50), 50)
    crossings, _ = crossed([DOWN, lower], [step], {})
    assert [crossing.line for _, crossing in crossings] == ["lower"]


def test_nothing_is_remembered_of_who_left() -> None:
    assert without({(1, "down"): (0, 0), (2, "down"): (5, 5)}, alive=[2]) == {(2, "down"): (5, 5)}


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ((5, 5), True),
        ((15, 5), False),
        ((5, -1), False),
        ((0, 5), True),  # the left edge belongs to it, the right one to its neighbour
        ((10, 5), False),
    ],
)
def test_inside_a_zone(p: Point, expected: bool) -> None:
    assert inside(SQUARE, p) is expected
