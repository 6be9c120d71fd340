"""People who walk, meet, hide and leave, five pictures a second where nothing else is said."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from townsquare.model.camera import Line
from townsquare.vision.boxes import KINDS, Boxes
from townsquare.vision.scene import Scene, after
from townsquare.vision.track import Step, Tracks, follow

NOBODY: list[tuple[float, float, float]] = []


def people(*placed: tuple[float, float, float], of: str = "person") -> Boxes:
    """Foot x, foot y and score; everybody is 20 wide and 50 high."""
    corners = [(x - 10, y - 50, x + 10, y) for x, y, _ in placed]
    kind = [kind for kind in KINDS].index(of)  # type: ignore[arg-type]  # a word in a test
    return Boxes(
        np.array(corners, np.float32).reshape(-1, 4),
        np.array([score for *_, score in placed], np.float32),
        np.full(len(placed), kind),
    )


def shown(pictures: Sequence[Boxes], per_s: float = 5) -> tuple[Tracks, list[Step]]:
    tracks, all_steps = Tracks(), []
    for n, found in enumerate(pictures):
        tracks, steps = follow(tracks, found, n / per_s)
        all_steps += steps
    return tracks, all_steps


def test_a_walker_keeps_one_number_and_steps_join_without_a_gap() -> None:
    _, steps = shown([people((100 + 10 * n, 200, 0.8)) for n in range(8)])
    assert {step.number for step in steps} == {0}
    assert steps[0].before == (100, 200)  # told from the first box on, once there are two
    assert all(a.now == b.before for a, b in itertools.pairwise(steps))


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    pictures = [people((100 + 10 * n, 200, 0.8), (200 - 10 * n, 215, 0.8)) for n in range(11)]
    tracks, _ = shown(pictures)
    ends = {track.number: round(track.told[0]) for track in tracks.alive}
    assert ends[0] > 190
    assert ends[1] < 110


def test_who_is_hidden_for_a_moment_goes_on_with_the_same_number() -> None:
    walked = [people((100 + 10 * n, 200, 0.8)) for n in range(10)]
    hidden = walked[:4] + [people()] * 3 + walked[7:]
    _, steps = shown(hidden)
    assert {step.number for step in steps} == {0}


def test_who_left_is_gone_and_who_comes_later_gets_a_new_number() -> None:
    here = [people((100, 200, 0.8))] * 3
    tracks, _ = shown([*here, *[people()] * 8])
    assert tracks.alive == ()
    _, steps = shown([*here, *[people()] * 8, *here])
    assert {step.number for step in steps} == {0, 1}


def test_one_box_alone_is_nobody() -> None:
    _, steps = shown([people((100, 200, 0.8)), people(), people(), people()])
    assert steps == []


@pytest.mark.parametrize(("per_s", "boxes"), [(10, 2), (20, 3)])
def test_what_is_seen_for_a_tenth_of_a_second_is_nobody(per_s: float, boxes: int) -> None:
    _, steps = shown([people((100, 200, 0.8))] * boxes, per_s)
    assert steps == []
    _, steps = shown([people((100, 200, 0.8))] * (boxes + 2), per_s)
    assert {step.number for step in steps} == {0}


@pytest.mark.parametrize("per_s", [3.34, 5, 10, 20])
def test_a_walker_who_stops_is_followed_as_fast_at_every_rate(per_s: float) -> None:
    def x(at_s: float) -> float:
        return 100 + 50 * min(at_s, 3.0)

    times = [n / per_s for n in range(int(3.3 * per_s) + 1)]
    tracks, _ = shown([people((x(at_s), 200, 0.8)) for at_s in times], per_s)
    [track] = tracks.alive
    assert track.number == 0
    assert abs((track.box[0] + track.box[2]) / 2 - 250) < 5


@pytest.mark.parametrize(("per_s", "numbers"), [(5, {0}), (10, {0, 1})])
def test_nobody_goes_further_than_they_can_in_the_time(per_s: float, numbers: set[int]) -> None:
    # A car that is parked behind another shows instead of it: as far away as a car at 50 km/h gets
    # in 0.2 s.
    first, second = people((100, 200, 0.8), of="car"), people((136, 200, 0.8), of="car")
    _, steps = shown([first, *[second] * 4], per_s)
    tracks, _ = shown([first, *[second] * 4], per_s)
    assert {track.number for track in tracks.alive} | {step.number for step in steps} == numbers


def test_unsure_boxes_neither_found_a_track_nor_keep_one_for_long() -> None:
    tracks, steps = shown([people((100, 200, 0.35))] * 10)
    assert (tracks.alive, steps) == ((), [])
    tracks, _ = shown([people((100, 200, 0.8))] * 3 + [people((100, 200, 0.35))] * 10)
    assert tracks.alive == ()


def test_an_unsure_box_carries_a_track_over_a_weak_picture() -> None:
    pictures = [people((100 + 10 * n, 200, 0.35 if n == 3 else 0.8)) for n in range(6)]
    _, steps = shown(pictures)
    assert [step.number for step in steps] == [0] * 5


def test_a_fast_car_is_one_car() -> None:
    cars = [
        Boxes(
            np.array([(60 * n, 100, 60 * n + 80, 140)], np.float32),
            np.array([0.8], np.float32),
            np.array([KINDS.index("car")]),
        )
        for n in range(6)
    ]
    _, steps = shown(cars)
    assert {(step.number, step.of) for step in steps} == {(0, "car")}


@pytest.mark.parametrize("per_s", [3.34, 5, 10])
def test_a_parked_car_on_a_line_is_not_counted_while_its_box_wavers(per_s: float) -> None:
    line = Line("kerb", (100, 100), (100, 300))
    wavering = (0, 2, -1, -2, 1, 0, 3, -2)  # pixels; the box is 50 high
    scene, counted = Scene(), 0
    for n in range(80):
        box = people((100 + wavering[n % 8], 200, 0.8), of="car")
        scene, told = after(scene, box, n / per_s, [line])
        counted += len(told.crossings)
    assert counted == 0


def test_a_car_that_is_taken_for_a_truck_once_stays_a_car() -> None:
    pictures = [people((100, 200, 0.8), of="truck" if n == 2 else "car") for n in range(5)]
    _, steps = shown(pictures)
    assert {step.number for step in steps} == {0}
    assert steps[-1].of == "car"


def test_an_empty_picture_is_no_trouble() -> None:
    assert shown([people()] * 3) == (Tracks(), [])
