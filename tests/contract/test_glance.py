"""Pictures that the detector is spared, with the real one and real pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from townsquare.vision import detect, glance
from townsquare.vision.boxes import Boxes
from townsquare.vision.glance import Glance
from townsquare.vision.read import Picture, pictures
from townsquare.vision.scene import Scene, after

ROOT = Path(__file__).parents[2]
SQUARE = ROOT / "demo" / "square.mp4"


@pytest.fixture(scope="module")
def detector() -> detect.Detector:
    return detect.opened()


def frames(number: int, *, held: bool) -> Iterator[Picture]:
    """Of the square at 5 a second; `held`, its first one with the noise of a sensor."""
    noise = np.random.default_rng(1)
    for n, picture in enumerate(pictures(str(SQUARE))):
        if n == 0:
            first = picture.frame.to_ndarray(format="yuv420p").astype(np.int16)
        if n % 2 == 0:
            frame = picture.frame
            if held:
                noisy = np.clip(first + noise.normal(0, 3, first.shape), 0, 255)
                frame = av.VideoFrame.from_ndarray(noisy.astype(np.uint8), format="yuv420p")
            yield Picture(frame, n / 10, first=n == 0)
        if n // 2 == number - 1:
            return


def watched(
    shown: Iterator[Picture], detector: detect.Detector
) -> tuple[list[int], Sequence[Boxes]]:
    """How often the detector was asked up to each picture, and what was found in each."""
    eye, scene = Glance(detector), Scene()
    asked, found = [], []
    for picture in shown:
        found.append(eye.boxes(picture, scene.tracks.alive))
        scene, _ = after(scene, found[-1], picture.at_s, ())
        asked.append(eye.looks)
    return asked, found


def test_on_a_square_where_somebody_walks_every_picture_is_looked_at(
    detector: detect.Detector,
) -> None:
    asked, _ = watched(frames(20, held=False), detector)
    assert asked[-1] == 20


def test_a_picture_that_stands_still_keeps_its_boxes(detector: detect.Detector) -> None:
    asked, found = watched(frames(60, held=True), detector)
    assert asked[-1] - asked[29] <= 15  # of 30
    assert all(len(boxes) for boxes in found)


@pytest.mark.parametrize("format", ["yuv420p", "nv12", "yuv444p", "gray", "rgb24", "gray10le"])
def test_brightness_is_read_whatever_the_format(format: str) -> None:
    wanted = glance.samples(next(pictures(str(SQUARE))).frame)
    frame = next(pictures(str(SQUARE))).frame.reformat(format=format)
    found = glance.samples(frame)
    assert found.shape == wanted.shape
    assert abs(float(found.mean()) - float(wanted.mean())) < 10
