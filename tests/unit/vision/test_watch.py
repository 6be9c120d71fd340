"""What one camera tells of its pictures: crossings at once, and stays without gap or overlap."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pytest

from townsquare.model.camera import Line, RoadUser, Zone
from townsquare.vision.boxes import KINDS, Boxes
from townsquare.vision.observation import Crossings, Occupancy
from townsquare.vision.read import Picture
from townsquare.vision.watch import FROZEN, Told, Watch
from townsquare.vision.wire import Watched

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
GREY = np.full((48, 64, 3), 120, np.uint8)
CAMERA = Watched(
    "square",
    "square.mp4",
    ("person",),
    (Line("west", (30, 0), (30, 48)),),
    (Zone("all", ((0, 0), (64, 0), (64, 48), (0, 48))),),
)


def boxes(feet: Sequence[float], of: RoadUser = "person") -> Boxes:
    """Road users 8 wide and 20 high whose feet are at these x, at y = 30."""
    corners = [(x - 4, 10, x + 4, 30) for x in feet]
    return Boxes(
        np.array(corners, np.float32).reshape(-1, 4),
        np.full(len(corners), 0.8, np.float32),
        np.full(len(corners), KINDS.index(of)),
    )


def told(
    pictures: Sequence[Boxes], watch: Watch | None = None, first: Sequence[int] = (0,)
) -> list[Told]:
    """Pictures five times a second; nothing came before those in `first`."""
    watch = watch or Watch(CAMERA)
    seen = []
    for n, found in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(GREY, format="rgb24")
        picture = Picture(frame, n / 5, n in first)
        seen += watch.see(picture, found, NOON + timedelta(seconds=n / 5), n / 5)
    return seen


def test_a_crossing_is_told_with_the_picture_that_shows_it() -> None:
    walk = [boxes([50 - 4 * n]) for n in range(10)]
    (crossing,) = [one for one in told(walk) if isinstance(one, Crossings)]
    assert (crossing.line, crossing.direction, crossing.n) == ("west", "in", 1)
    assert crossing.until - crossing.since == timedelta(seconds=0.2)


def test_two_who_cross_together_are_told_as_two() -> None:
    corners = np.array([[46, 0, 54, 20], [46, 25, 54, 45]], np.float32)
    walk = []
    for n in range(10):
        moved = corners - np.array([4 * n, 0, 4 * n, 0], np.float32)
        walk.append(Boxes(moved, np.full(2, 0.8, np.float32), np.zeros(2, np.intp)))
    crossings = [one for one in told(walk) if isinstance(one, Crossings)]
    assert [one.n for one in crossings] == [2]


def test_stays_follow_each_other_without_gap_or_overlap() -> None:
    pictures = [boxes([])] * 15 + [boxes([10])] * 15 + [boxes([10, 50])] * 20
    stays = [one for one in told(pictures) if isinstance(one, Occupancy)]
    assert all(a.until == b.since for a, b in itertools.pairwise(stays))
    assert all(one.mean == one.max for one in stays)
    numbers = [number for number, _ in itertools.groupby(stays, key=lambda one: one.max)]
    assert numbers == [0, 1, 2]
    assert max(one.until - one.since for one in stays) <= timedelta(seconds=2.2)


def test_a_change_is_told_with_the_picture_that_shows_it() -> None:
    pictures = [boxes([])] * 8 + [boxes([10])] * 2
    last = told(pictures)[-1]
    # One box is a ghost, two are somebody.
    assert (last.until, last.since) == (
        NOON + timedelta(seconds=1.8),
        NOON + timedelta(seconds=1.6),
    )
    assert isinstance(last, Occupancy)
    assert last.max == 1


def test_a_class_that_is_not_asked_for_is_not_told() -> None:
    walk = [boxes([50 - 4 * n], of="car") for n in range(10)]
    seen = told(walk)
    assert not [one for one in seen if isinstance(one, Crossings)]
    assert {one.max for one in seen if isinstance(one, Occupancy)} == {0}


def test_nobody_crosses_by_a_seam_of_the_clip() -> None:
    jump = [boxes([40])] * 5 + [boxes([20])] * 5
    assert not [one for one in told(jump, first=(0, 5)) if isinstance(one, Crossings)]


@pytest.mark.parametrize(("level", "quality"), [(120, "good"), (10, "dark")])
def test_a_dark_picture_is_said_to_be_dark(level: int, quality: str) -> None:
    watch = Watch(CAMERA)
    frame = av.VideoFrame.from_ndarray(np.full_like(GREY, level), format="rgb24")
    watch.see(Picture(frame, 0, True), boxes([]), NOON, 0)
    assert watch.quality == quality


def test_a_picture_that_never_changes_is_frozen() -> None:
    whole = int(FROZEN.total_seconds() * 5)
    qualities = []
    for pictures in (whole, whole + 1):
        watch = Watch(CAMERA)
        told([boxes([])] * pictures, watch)
        qualities.append(watch.quality)
    assert qualities == ["good", "frozen"]


def test_there_is_no_preview_before_there_is_a_background() -> None:
    watch = Watch(CAMERA)
    assert watch.preview() is None
    told([boxes([10])] * 5, watch)
    assert watch.preview() is None
