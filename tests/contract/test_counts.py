"""Counting real clips, held against crossings that people checked."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from townsquare.model.camera import Line
from townsquare.vision.count import Crossing
from townsquare.vision.detect import Detector, opened
from townsquare.vision.evaluate import boxes_of, counts
from townsquare.vision.settings import Settings

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
WEST = Line("west", (300, 170), (300, 345))


@cache
def detector() -> Detector:
    return opened()


def counted(clip: Path, lines: list[Line]) -> Counter[Crossing]:
    return counts(list(boxes_of(str(clip), detector(), Settings().detections_per_second)), lines)


def test_the_square_is_counted_within_15_percent_in_each_direction() -> None:
    found = counted(ROOT / "demo" / "square.mp4", [WEST])
    assert found[Crossing("west", "person", "in")] == pytest.approx(15, rel=0.15)
    assert found[Crossing("west", "person", "out")] == pytest.approx(12, rel=0.15)


@pytest.mark.parametrize("clip", ["car-detection.mp4", "ot_Cars-Truck.mp4"])
def test_vehicles_are_counted_on_the_clips_for_development(clip: str) -> None:
    if not (SHARED / "groundtruth.json").is_file():
        pytest.skip("the development clips lie outside the repository and are absent here")
    truth = json.loads((SHARED / "groundtruth.json").read_text())[clip]
    lines = [Line(t["name"], (t["x1"], t["y1"]), (t["x2"], t["y2"])) for t in truth["lines"]]
    found = counted(SHARED / "videos" / clip, lines)
    by_line = Counter((c.line, c.direction) for c in found.elements())
    # Car or truck is not held against it: no clip has a class-level reference.
    for line, classes in truth["counts"].items():
        (directions,) = classes.values()
        assert [by_line[line, "in"], by_line[line, "out"]] == [directions["in"], directions["out"]]
