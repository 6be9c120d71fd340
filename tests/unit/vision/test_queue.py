"""A lane that runs down the picture, its stop line at y = 500; 10 pixels are a metre."""

from collections.abc import Iterable

import pytest

from townsquare.model.camera import GroundPoint, Line, RoadUser, Zone
from townsquare.vision.ground import Ground, calibrated, metres
from townsquare.vision.queue import Length, queue, waiting
from townsquare.vision.trails import Mark, Trail, Trails

CORNERS = [(0, 0), (600, 0), (600, 600), (0, 600)]
PLAN = calibrated([GroundPoint((x, y), (x / 10, y / 10)) for x, y in CORNERS])
LANE = Zone("lane", ((100, -200), (200, -200), (200, 510), (100, 510)))
STOP = Line("stop", (100, 500), (200, 500))


def trail(
    y: float,
    kmh: float = 0,
    of: RoadUser = "car",
    for_s: float = 2,
    ground: Ground | None = PLAN,
) -> Trail:
    """Coming down to y."""
    times = [n / 5 for n in range(round(for_s * 5) + 1)]
    feet = [(150, y - (for_s - t) * kmh / 3.6 * 10) for t in times]
    marks = tuple(
        Mark(t, foot, 20, 20, metres(ground, foot) if ground else None)
        for t, foot in zip(times, feet, strict=True)
    )
    return Trail(of, marks[0], marks)


def standing(ys: Iterable[float], ground: Ground | None = PLAN) -> Trails:
    return {n: trail(y, ground=ground) for n, y in enumerate(ys)}


@pytest.mark.parametrize(
    ("kmh", "before", "expected"),
    [(0, False, True), (4, False, True), (7, False, False), (7, True, True), (12, True, False)],
)
def test_who_waits_is_slow_and_goes_on_waiting_until_it_is_faster(
    kmh: float, before: bool, expected: bool
) -> None:
    assert (waiting({1} if before else (), {1: trail(400, kmh)}) == {1}) is expected


def test_without_metres_the_lengths_of_its_own_box_tell() -> None:
    # 20 pixels are a length: 0.3 of it a second is 6 pixels, so 2.16 km/h on the plan.
    given = ((400, 2), (300, 3), (200, 5))
    trails = {n: trail(y, kmh, ground=None) for n, (y, kmh) in enumerate(given, 1)}
    assert waiting((), trails) == {1}
    assert waiting({1, 2, 3}, trails) == {1, 2}


def test_whose_speed_is_unknown_goes_on_as_before() -> None:
    trails = {1: trail(400, for_s=0.4), 2: trail(300, for_s=0.4)}
    assert waiting({2}, trails) == {2}


def test_people_do_not_wait_in_it() -> None:
    assert waiting((), {1: trail(400, of="person")}) == frozenset()


@pytest.mark.parametrize(
    ("ys", "expected"),
    [
        ([], Length(0, 0.0)),
        ([480], Length(1, 6.5)),  # its front is 2 m from the line, and it is 4.5 m long
        ([480, 400, 330], Length(3, 21.5)),
        ([480, 400, 150], Length(2, 14.5)),  # a gap of 25 m less a vehicle: not in it
        ([480, 400, 160], Length(3, 38.5)),  # 24 m less 4.5 m: still in it
        ([200], Length(0, 0.0)),  # slow, but far from the line
    ],
)
def test_length_from_the_line_to_the_last_rear(ys: list[float], expected: Length) -> None:
    found = queue(LANE, STOP, standing(ys), frozenset(range(len(ys))), PLAN)
    assert found.vehicles == expected.vehicles
    assert found.length_m == pytest.approx(expected.length_m)


def test_seen_from_behind_the_foot_is_the_rear() -> None:
    top = Line("top", (100, 100), (200, 100))
    found = queue(LANE, top, standing([165]), frozenset({0}), PLAN)
    assert found.length_m == pytest.approx(6.5)


def test_without_ground_vehicles_are_counted() -> None:
    # The next may be 5.4 lengths of 20 pixels away.
    assert queue(LANE, STOP, standing([480, 400, 290], None), frozenset({0, 1, 2}), None) == Length(
        2
    )


def test_where_metres_end_vehicles_are_counted() -> None:
    found = queue(LANE, STOP, standing([480, -180]), frozenset({0, 1}), PLAN)
    assert found == Length(1)


def test_only_who_waits_in_the_zone() -> None:
    assert queue(LANE, STOP, standing([480, 400]), frozenset({0}), PLAN).vehicles == 1
    beside = Zone("beside", ((300, 0), (400, 0), (400, 510), (300, 510)))
    assert queue(beside, STOP, standing([480]), frozenset({0}), PLAN).vehicles == 0
