"""Turning flows over four arms of a junction. All by hand."""

import itertools
from collections.abc import Iterable, Sequence

import pytest

from townsquare.vision.count import Crossing
from townsquare.vision.turns import Turn, Ways, turned


def car(line: str) -> Crossing:
    return Crossing(line, "car", "in")


def told(pictures: Iterable[tuple[Sequence[tuple[int, str]], Sequence[int]]]) -> list[Turn]:
    """What is told of pictures: which track crosses which line, and who is there afterwards."""
    ways: Ways = {}
    found = []
    for crossed, alive in pictures:
        new, ways = turned(ways, [(number, car(line)) for number, line in crossed], alive)
        found += new
    assert not ways
    return found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["north"], []),
        (["north", "south"], [Turn("north", "south", "car")]),
        (["north", "north"], [Turn("north", "north", "car")]),  # turned round
        (["north", "island", "east"], [Turn("north", "east", "car")]),
    ],
)
def test_a_turn_is_from_the_first_line_to_the_last(lines: list[str], expected: list[Turn]) -> None:
    pictures = [([(1, line)], [1]) for line in lines]
    assert told([*pictures, ([], [])]) == expected


def test_it_is_told_once_and_only_when_the_track_has_ended() -> None:
    ways: Ways = {}
    steps = itertools.chain([[(1, car("north"))], [(1, car("south"))]], [[]] * 3)
    alive = [[1], [1], [1], [], []]
    found = []
    for crossings, there in zip(steps, alive, strict=True):
        new, ways = turned(ways, crossings, there)
        found.append(len(new))
    assert found == [0, 0, 0, 1, 0]


def test_who_goes_with_the_picture_in_which_a_line_is_crossed_has_turned_too() -> None:
    assert told([([(1, "north")], [1]), ([(1, "south")], [])]) == [Turn("north", "south", "car")]


def test_tracks_are_not_mixed() -> None:
    both = [([(1, "north"), (2, "east")], [1, 2]), ([(2, "south"), (1, "west")], [1, 2]), ([], [])]
    assert set(told(both)) == {Turn("north", "west", "car"), Turn("east", "south", "car")}
