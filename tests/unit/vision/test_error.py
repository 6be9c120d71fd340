"""What a hand count says of later counts, in cases that can be worked out on paper."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tests.square import SQUARE
from townsquare.model.camera import Line, RoadUser
from townsquare.model.count_error import Interval, error_of
from townsquare.vision.error import DRIFT, Passed, Tally, combined, drift, matched, tallied
from townsquare.vision.evaluated import Evaluation, Measured, Model
from townsquare.vision.light import Light, light_of

WEST = Line("west", (0, 0), (0, 9))
MODEL = Model("nanodet", "sha256:1")


@pytest.mark.parametrize(
    ("hand", "machine", "tally"),
    [
        ([], [], Tally(0, 0, 0)),
        ([10], [12], Tally(1, 0, 0)),
        ([10], [12.01], Tally(0, 1, 1)),
        ([10], [8, 12], Tally(1, 0, 1)),  # one to one
        ([10, 11], [11.5, 12.5], Tally(2, 0, 0)),
        ([10, 12], [9, 10.5, 14], Tally(2, 0, 1)),
        ([10, 13], [11.9], Tally(1, 1, 0)),
        ([10, 20, 30], [20], Tally(1, 2, 0)),
        ([1, 899], [450], Tally(0, 0, 1)),  # at the ends the other may lie outside
        ([1], [1.5], Tally(1, 0, 0)),
    ],
)
def test_crossings_are_matched_one_to_one_within_two_seconds(
    hand: Sequence[float], machine: Sequence[float], tally: Tally
) -> None:
    assert matched(hand, machine, 900) == tally


def test_what_differs_in_line_direction_or_class_is_no_match() -> None:
    hand = [Passed("west", "vehicle", "in", 10), Passed("west", "person", "in", 30)]
    machine = [
        *(Passed("west", "truck", "in", 11), Passed("west", "bicycle", "in", 30)),
        *(Passed("west", "person", "out", 30), Passed("east", "person", "in", 30)),
    ]
    ways = [("west", of, to) for of in ("vehicle", "person") for to in ("in", "out")]
    assert tallied(ways, hand, machine, 900) == {  # type: ignore[arg-type]  # literals in a tuple
        ("west", "vehicle", "in"): Tally(hits=1),
        ("west", "vehicle", "out"): Tally(),
        ("west", "person", "in"): Tally(missed=1),
        ("west", "person", "out"): Tally(false=1),
    }


@pytest.mark.parametrize("tallies", [[], [Tally()], [Tally(false=3)], [Tally(missed=5)]])
def test_where_the_hand_or_the_machine_saw_nothing_the_error_is_unknown(
    tallies: list[Tally],
) -> None:
    assert combined(tallies) is None


def test_the_interval_by_hand() -> None:
    error = combined([Tally(hits=95, missed=5, false=2)])
    assert error is not None
    assert error.ratio == pytest.approx(101 / 98)
    assert error.variance == pytest.approx(9 / (101 * 98) + 2 * DRIFT**2)
    assert error.per_count == pytest.approx(9 / 101)
    assert error.interval(100) == Interval(87, 122)
    assert error.interval(0) == Interval(0, 1)


@pytest.mark.parametrize(("by_hand", "most"), [(1, 58), (5, 3), (30, 1), (100, 0)])
def test_where_none_is_counted_some_may_have_passed(by_hand: int, most: int) -> None:
    """After thirty hits up to a tenth may be missed: one alone is, two hardly ever are."""
    error = combined([Tally(hits=by_hand)])
    assert error is not None
    assert error.interval(0) == Interval(0, most)


def test_evaluations_that_differ_by_more_than_chance_widen_the_interval() -> None:
    alike = [Tally(90, 10, 0), Tally(90, 10, 0)]
    apart = [Tally(99, 1, 0), Tally(60, 40, 0)]
    assert drift(alike) == DRIFT**2
    assert drift(apart) > 10 * DRIFT**2
    narrow, wide = combined(alike), combined(apart)
    assert narrow is not None
    assert wide is not None
    assert wide.variance > 5 * narrow.variance
    once = combined(alike[:1])
    assert once is not None
    assert narrow.variance < once.variance


def test_what_is_told_is_read_again() -> None:
    error = combined([Tally(40, 2, 1)])
    assert error is not None
    again = error_of(error.told())
    assert again is not None
    assert again.interval(60) == error.interval(60)
    assert error_of([]) is error_of(None) is None


@pytest.mark.parametrize(
    ("recall", "false"), [(0.96, 0.02), (0.8, 0.1), (0.95, 0.6)], ids=["good", "poor", "ghosts"]
)
@pytest.mark.parametrize("later", [3, 60])
def test_nineteen_of_twenty_intervals_hold_the_truth(
    recall: float, false: float, later: int
) -> None:
    """Hand counts of 60, at a recall that varies from time to time by as much as is assumed."""
    chance = random.Random(7)
    held = tried = 0
    for _ in range(600):
        _, missed, ghosts = passing(chance, recall, 60, false)
        error = combined([Tally(60 - missed, missed, ghosts)])
        true, overlooked, more = passing(chance, recall, later, false)
        assert error is not None
        interval = error.interval(true - overlooked + more)
        held += interval.low <= true <= interval.high
        tried += 1
    assert held / tried >= 0.95


def passing(
    chance: random.Random, recall: float, number: int, false: float
) -> tuple[int, int, int]:
    """How many pass, how many of them are missed, and how many are counted that did not."""
    at_this_time = min(1.0, max(0.0, chance.gauss(recall, 0.04)))
    missed = sum(chance.random() > at_this_time for _ in range(number))
    return number, missed, sum(chance.random() < false for _ in range(number))


def measured(light: Light = "day", **tallies: Tally) -> Measured:
    evaluation = Evaluation(
        datetime(2026, 11, 2, 8, tzinfo=UTC),
        15,
        light,
        MODEL,
        "engineer",
        {"west": ((0, 0), (0, 9))},
        {("west", of, "in"): tally for of, tally in tallies.items()},  # type: ignore[misc]  # names of groups
    )
    return Measured((evaluation,), MODEL)


@pytest.mark.parametrize(
    ("line", "light", "model", "is_known"),
    [
        (WEST, "day", MODEL, True),
        (WEST, "night", MODEL, False),
        (WEST, "unknown", MODEL, False),
        (Line("west", (0, 0), (1, 9)), "day", MODEL, False),
        (Line("east", (0, 0), (0, 9)), "day", MODEL, False),
        (WEST, "day", Model("nanodet", "sha256:2"), False),
    ],
)
def test_an_error_is_of_one_line_light_and_detector(
    line: Line, light: Light, model: Model, is_known: bool
) -> None:
    made = Measured(measured(person=Tally(40, 2, 1)).evaluations, model)
    known = made.known(line, "person", "in", light, SQUARE.classes)
    assert (known is not None) == is_known


@pytest.mark.parametrize(
    ("of", "counted", "is_known"),
    [
        ("car", ("person", "car"), True),  # what a hand calls a vehicle is a car to this camera
        ("car", ("car", "truck"), False),  # a car may be taken for a truck
        ("person", ("person", "car"), False),
    ],
)
def test_all_vehicles_say_something_of_the_only_class_of_them(
    of: RoadUser, counted: Sequence[RoadUser], is_known: bool
) -> None:
    known = measured(vehicle=Tally(40, 2, 1)).known(WEST, of, "in", "day", counted)
    assert (known is not None) == is_known


@pytest.mark.parametrize(
    ("level", "before", "light"),
    [
        (120, "unknown", "day"),
        (60, "unknown", "dusk"),
        (20, "unknown", "night"),
        (73, "day", "day"),
        (70, "day", "dusk"),
        (77, "dusk", "dusk"),
        (80, "dusk", "day"),
        (42, "night", "night"),
        (38, "dusk", "dusk"),
        (35, "dusk", "night"),
    ],
)
def test_a_step_of_light_has_a_margin(level: float, before: Light, light: Light) -> None:
    assert light_of(level, before) == light
