"""Turns and speeds leave when their window has closed, and speeds of few never."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from townsquare.model.camera import Line, RoadUser
from townsquare.vision.flows import Flows
from townsquare.vision.observation import Speeds, Turns
from townsquare.vision.speed import Passing
from townsquare.vision.turns import Turn
from townsquare.vision.wire import Watched

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
LINES = (Line("west", (0, 0), (0, 9)), Line("east", (9, 0), (9, 9)))
CAMERA = Watched("square", "square.mp4", ("person", "car"), LINES, ())
THROUGH = Turn("west", "east", "car")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def passed(*from_kmh: int, of: RoadUser = "car") -> Counter[Passing]:
    return Counter(Passing("west", of, "in", low) for low in from_kmh)


def look(
    flows: Flows,
    since: float,
    until: float,
    turns: Mapping[Turn, int] | None = None,
    speeds: Mapping[Passing, int] | None = None,
) -> list[Turns | Speeds]:
    """Looks every half a second; what was seen, was in the first."""
    told = flows.add(turns or {}, speeds or {}, at(since))
    for n in range(1, round((until - since) * 2)):
        told += flows.add({}, {}, at(since + n / 2))
    return told


def test_a_turn_leaves_when_its_window_has_closed() -> None:
    flows = Flows(CAMERA)
    assert look(flows, 0, 300, {THROUGH: 3}) == []
    [told] = flows.add({THROUGH: 1}, {}, at(300))
    assert told == Turns("square", "west", "east", "car", 3, NOON, at(300), told.coverage)
    assert told.coverage == pytest.approx(1)


def test_a_turn_that_nobody_takes_any_more_is_told_as_none() -> None:
    flows = Flows(CAMERA)
    look(flows, 0, 300, {THROUGH: 3})
    assert [one.n for one in look(flows, 300, 610) if isinstance(one, Turns)] == [3, 0]


def test_speeds_leave_when_their_window_has_closed_and_so_many_passed() -> None:
    flows = Flows(CAMERA)
    look(flows, 0, 300, speeds=passed(30, 30, 40, 50, 70))
    [told] = flows.add({}, {}, at(301))
    assert isinstance(told, Speeds)
    assert told.bands == (0, 0, 0, 2, 1, 1, 0, 1)


@pytest.mark.parametrize(
    "speeds",
    [
        passed(30, 30, 40, 50),
        passed(30, 30, 40) + Counter([Passing("west", "car", "out", 30)] * 2),
        passed(30, 30, 40) + Counter([Passing("east", "car", "in", 30)] * 2),
        passed(30, 30, 40) + passed(5, 5, of="person"),
    ],
)
def test_speeds_of_few_never_leave(speeds: Counter[Passing]) -> None:
    flows = Flows(CAMERA)
    assert look(flows, 0, 310, speeds=speeds) == []
    assert look(flows, 310, 610, speeds=speeds) == []  # nor do two windows make one set


def test_speeds_of_one_window_are_no_part_of_the_next() -> None:
    flows = Flows(CAMERA)
    look(flows, 0, 300, speeds=passed(30, 30, 40))
    assert look(flows, 300, 610, speeds=passed(30, 30, 40)) == []


def test_a_class_that_is_not_counted_is_not_told() -> None:
    flows = Flows(CAMERA)
    speeds = passed(*[20] * 6, of="bicycle")
    assert look(flows, 0, 310, {Turn("west", "east", "bus"): 2}, speeds) == []


def test_a_break_in_time_takes_no_number_away_and_says_what_was_not_watched() -> None:
    flows = Flows(CAMERA)
    look(flows, 0, 100, {THROUGH: 1})
    flows.lose()
    look(flows, 200, 300, {THROUGH: 1})
    [told] = flows.add({}, {}, at(300))
    assert isinstance(told, Turns)
    assert told.n == 2
    assert told.coverage == pytest.approx(2 / 3, abs=0.01)


def test_a_window_that_a_worker_began_in_the_middle_of_says_so() -> None:
    flows = Flows(CAMERA)
    look(flows, 225, 300, {THROUGH: 1})
    [told] = flows.add({}, {}, at(300))
    assert (told.since, told.until) == (NOON, at(300))
    assert told.coverage == pytest.approx(0.25, abs=0.01)


def test_a_camera_that_sends_nothing_closes_its_window_as_well() -> None:
    flows = Flows(CAMERA)
    look(flows, 0, 150, {THROUGH: 1})
    assert flows.close(at(299)) == []
    [told] = flows.close(at(300))
    assert told.coverage == pytest.approx(0.5, abs=0.01)
    assert flows.close(at(700)) == []
