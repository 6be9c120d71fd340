"""Clips with crossings that people checked, and the same mirrored, brighter and darker.

The demo's clip is in the repository; those with vehicles are used where `../shared/data` has them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from townsquare.model.camera import Direction, Line, Point
from townsquare.vision.boxes import MOTOR, PEDESTRIAN, RIDDEN, Boxes
from townsquare.vision.detect import Detector
from townsquare.vision.read import Pace, pictures, thinned

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
FASTEST = 10.0  # detections a second that are kept; slower rates take every second or third
GROUP_OF = {"person": PEDESTRIAN, "bicycle": RIDDEN, "motorcycle": RIDDEN}
CHANGED = 0.4  # of the brightness
WITH_VEHICLES = ("car-detection.mp4", "ot_Cars-Truck.mp4")

Pixels = npt.NDArray[np.uint8]
Counts = Counter[tuple[str, int, Direction]]  # line, group of classes, direction


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    path: Path
    width: int
    lines: tuple[Line, ...]
    truth: Counts


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip in one version: what was detected at `FASTEST`, in seconds, and what is true of it."""

    clip: str
    version: str
    lines: tuple[Line, ...]
    truth: Counts
    pictures: tuple[tuple[float, Boxes], ...]

    def every(self, step: int) -> tuple[tuple[float, Boxes], ...]:
        return self.pictures[::step]


def clips() -> list[Clip]:
    west = Line("west", (300, 170), (300, 345))
    truth: Counts = Counter({("west", PEDESTRIAN, "in"): 15, ("west", PEDESTRIAN, "out"): 12})
    found = [Clip("square", ROOT / "demo" / "square.mp4", 768, (west,), truth)]
    if (SHARED / "groundtruth.json").is_file():
        truths = json.loads((SHARED / "groundtruth.json").read_text())
        found += [
            _shared(name, truths[name]) for name in ("car-detection.mp4", "ot_Cars-Truck.mp4")
        ]
    return found


def _shared(name: str, said: dict[str, Any]) -> Clip:
    lines = tuple(Line(one["name"], (one["x1"], one["y1"]), (one["x2"], one["y2"]))
                  for one in said["lines"])  # fmt: skip
    truth: Counts = Counter()
    for line, classes in said["counts"].items():
        for of, ways in classes.items():
            for direction, n in ways.items():
                truth[line, GROUP_OF.get(of, MOTOR), direction] += n
    return Clip(Path(name).stem, SHARED / "videos" / name, said["size"][0], lines, truth)


def mirrored(picture: Pixels) -> Pixels:
    return picture[:, ::-1]


def brighter(picture: Pixels) -> Pixels:
    return np.asarray(np.clip(picture * (1 + CHANGED), 0, 255), np.uint8)


def darker(picture: Pixels) -> Pixels:
    return (picture * (1 - CHANGED)).astype(np.uint8)


VERSIONS: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda picture: picture,
    "mirrored": mirrored,
    "brighter": brighter,
    "darker": darker,
}


def seen(clip: Clip, detector: Detector) -> Iterator[Seen]:
    """The clip in all versions, each picture decoded once."""
    found: dict[str, list[tuple[float, Boxes]]] = {version: [] for version in VERSIONS}
    for picture, wanted in thinned(pictures(str(clip.path)), Pace(FASTEST)):
        if wanted:
            pixels = np.asarray(picture.frame.to_ndarray(format="bgr24"), np.uint8)
            for version, change in VERSIONS.items():
                changed = np.ascontiguousarray(change(pixels))
                frame = VideoFrame.from_ndarray(changed, format="bgr24")
                found[version].append((picture.at_s, detector.detect(frame)))
    for version, boxes in found.items():
        lines, truth = clip.lines, clip.truth
        if version == "mirrored":
            lines = tuple(_flipped(line, clip.width) for line in lines)
            truth = Counter({(line, g, _other(way)): n for (line, g, way), n in truth.items()})
        yield Seen(clip.name, version, lines, truth, tuple(boxes))


def _flipped(line: Line, width: int) -> Line:
    """In the mirror; what was crossed to its right is then crossed to its left."""

    def flip(point: Point) -> Point:
        return (width - point[0], point[1])

    return Line(line.name, flip(line.a), flip(line.b))


def _other(direction: Direction) -> Direction:
    return "out" if direction == "in" else "in"
