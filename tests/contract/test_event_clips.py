"""Events are told of composed clips as they are labelled, by the engine that sees live cameras, and
none where nothing happens. Every camera is watched for all that its place allows.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import clips
from tests.clips import CLIPS, Clip, Junction, Label, Square
from townsquare.vision.detect import opened
from townsquare.vision.glance import Glance
from townsquare.vision.observation import Event
from townsquare.vision.read import Pace, pictures, thinned
from townsquare.vision.watch import Watch

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
TOLERANCE_S = 2.5  # a half box more or less, and what a fast average takes to follow

pytestmark = pytest.mark.skipif(not CLIPS.is_dir(), reason="the sample clips are not here")


@pytest.fixture(scope="module")
def junction() -> Junction:
    return clips.junction()


@pytest.fixture(scope="module")
def square() -> Square:
    return clips.square()


def told(clip: Clip) -> list[tuple[float, Event]]:
    """With the second of the clip in which each was told."""
    watch, glance, found = Watch(clip.camera), Glance(opened()), []
    for picture, wanted in thinned(pictures(clip.camera.url), Pace(5)):
        if wanted:
            at_s = picture.at_s
            boxes = glance.boxes(picture, watch.scene.tracks.alive)
            seen = watch.see(picture, boxes, NOON + timedelta(seconds=at_s), at_s)
            found += [(at_s, one) for one in seen if isinstance(one, Event)]
    return found


def begun(seen: list[tuple[float, Event]]) -> list[Label]:
    """As labels, in the order in which they were told; `until` is added when it is told."""
    found: list[Label] = []
    for at_s, one in seen:
        since_s = (one.since - NOON).total_seconds()
        if one.until is None:
            found.append(Label(one.zone, one.what, since_s, at_s, None))
        else:
            until_s = (one.until - NOON).total_seconds()
            lasts = [label.what == one.what and label.until_s is None for label in found]
            at = lasts.index(True)
            found[at] = replace(found[at], until_s=until_s)
    return found


def near(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else abs(a - b) <= TOLERANCE_S


def fits(label: Label, seen: Label) -> bool:
    same = (label.zone, label.what) == (seen.zone, seen.what)
    begins = near(label.since_s, seen.since_s) and near(label.told_s, seen.told_s)
    return same and begins and near(label.until_s, seen.until_s)


MADE: dict[str, Callable[[Path, Junction, Square], Clip]] = {
    "stopped": lambda folder, junction, _: clips.stopped(folder, junction),
    "driven": lambda folder, junction, _: clips.driven(folder, junction, back=False),
    "backwards": lambda folder, junction, _: clips.driven(folder, junction, back=True),
    "queued": lambda folder, junction, _: clips.queued(folder, junction),
    "left": lambda folder, junction, square: clips.left(folder, junction, square.walker),
    "crowded": lambda folder, _, square: clips.crowded(folder, square),
    "unchanged": lambda folder, _, square: clips.unchanged(folder, square),
    "changed": lambda folder, _, square: clips.changed(folder, square),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_labelled_is_told_and_nothing_else(
    name: str, tmp_path: Path, junction: Junction, square: Square
) -> None:
    clip = MADE[name](tmp_path, junction, square)
    found = begun(told(clip))
    print(name, *found, sep="\n")
    assert len(found) == len(clip.labels)
    for label in clip.labels:
        assert any(fits(label, one) for one in found), (label, found)
