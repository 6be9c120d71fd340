"""Speeds on a plan where 10 pixels are a metre, 5 pictures a second. All by hand."""

from collections import Counter

import pytest

from townsquare.model.camera import GroundPoint, RoadUser
from townsquare.vision.count import Crossing
from townsquare.vision.ground import calibrated, metres
from townsquare.vision.speed import Passing, band_kmh, passings, speed_kmh, told, v85_kmh
from townsquare.vision.track import Track
from townsquare.vision.trails import Mark, Trail, followed

CORNERS = [(0, 0), (600, 0), (600, 600), (0, 600)]
PLAN = calibrated([GroundPoint((x, y), (x / 10, y / 10)) for x, y in CORNERS])


def trail(of: RoadUser, kmh: float, for_s: float, wavers: float = 0.0) -> Trail:
    """To the right from x = 0, its foot wavering by so many pixels."""
    times = [n / 5 for n in range(round(for_s * 5) + 1)]
    feet = [(kmh / 3.6 * at_s * 10 + wavers * (-1) ** n, 300.0) for n, at_s in enumerate(times)]
    marks = tuple(
        Mark(at_s, foot, 40, 30, metres(PLAN, foot)) for at_s, foot in zip(times, feet, strict=True)
    )
    return Trail(of, marks[0], marks)


@pytest.mark.parametrize(
    ("of", "kmh", "for_s", "expected"),
    [
        ("car", 50, 1, 50),
        ("car", 50, 0.8, None),  # too short
        ("car", 10, 1, None),  # 2.8 m are too few for a car
        ("car", 10, 2, 10),
        ("car", 3, 4, 3),  # slow, but as long as anything is kept
        ("person", 5, 1, None),
        ("person", 5, 2, 5),
        ("bicycle", 18, 1, 18),
    ],
)
def test_a_speed_needs_time_and_metres(
    of: RoadUser, kmh: float, for_s: float, expected: float | None
) -> None:
    found = speed_kmh(trail(of, kmh, for_s))
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_foot_that_wavers_hardly_changes_it() -> None:
    assert speed_kmh(trail("car", 30, 1.4, wavers=2)) == pytest.approx(30, abs=2)


def test_it_is_unknown_where_metres_are() -> None:
    assert speed_kmh(trail("car", 200, 2)) is None  # beyond x = 750


@pytest.mark.parametrize(
    ("of", "kmh", "expected"),
    [
        ("car", 0, 0),
        ("car", 49.9, 40),
        ("bus", 50, 50),
        ("truck", 180, 70),
        ("motorcycle", 12, 10),
        ("bicycle", 18, 15),
        ("bicycle", 45, 30),
        ("person", 4.9, 0),
    ],
)
def test_bands(of: RoadUser, kmh: float, expected: int) -> None:
    assert band_kmh(of, kmh) == expected


def test_what_passes_a_line_is_a_band_and_nothing_else() -> None:
    crossings = [(n, Crossing("stop", "car", "in")) for n in (1, 2, 3)]
    trails = {1: trail("car", 33, 1), 2: trail("car", 38, 1), 3: trail("car", 30, 0.2)}
    assert passings(crossings, trails) == {Passing("stop", "car", "in", 30): 2}


def test_few_are_not_told() -> None:
    few = {Passing("stop", "bus", "in", 30): 4}
    many = {Passing("stop", "car", "in", 30): 4, Passing("stop", "car", "in", 40): 1}
    assert told(Counter(few | many)) == many


def test_the_speed_that_85_percent_keep_below() -> None:
    # 85 % of 40 are 34: four fifths of the way through the band from 40.
    assert v85_kmh({30: 30, 40: 5, 50: 5}, "car") == pytest.approx(48)
    assert v85_kmh({30: 10, 70: 30}, "car") is None  # somewhere above 70
    assert v85_kmh({30: 29}, "car") is None


def track(number: int, at_s: float, boxes: int = 2) -> Track:
    votes = (1.0, 0, 0, 0, 0, 0, 0)
    return Track(number, (10, 10, 20, 50), (0, 0), at_s, boxes, votes, (15, 50), at_s, at_s - 9)


def test_a_trail_ends_with_its_track_and_keeps_seconds_only() -> None:
    trails = followed({}, [track(1, 0), track(2, 0, boxes=1)], 0)
    assert list(trails) == [1]  # the other may be a ghost
    for n in range(1, 41):
        trails = followed(trails, [track(1, n / 4)], n / 4)
    assert trails[1].first.at_s == 0
    assert trails[1].marks[0].at_s == 5
    hidden = followed(trails, [track(1, 10)], 10.5)
    assert hidden[1].last == trails[1].last
    assert followed(hidden, [], 10.75) == {}
