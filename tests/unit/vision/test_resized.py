"""Pictures of another size: the same whatever was asked before, and bounded in what is kept."""

import numpy as np
from av import VideoFrame

from townsquare.vision.resized import MOST, Resizer


def picture(width: int, height: int, level: int = 90) -> VideoFrame:
    halves = np.full((height, width, 3), level, np.uint8)
    halves[:, width // 2 :] = level + 60
    return VideoFrame.from_ndarray(halves, format="rgb24")


def test_each_pixel_is_the_mean_of_what_it_stands_for() -> None:
    checks = np.indices((64, 64)).sum(0) % 2 * 200
    frame = VideoFrame.from_ndarray(checks.astype(np.uint8), format="gray")
    assert Resizer("gray").resized(frame, 16, 16).tolist() == [[100] * 16] * 16


def test_pictures_of_several_sizes_in_turn_come_out_as_alone() -> None:
    shared = Resizer("rgb24")
    sizes = [(320 + 16 * n, 240) for n in range(2 * MOST)]
    for width, height in [*sizes, *sizes]:
        alone = Resizer("rgb24").resized(picture(width, height), 64, 48)
        assert (shared.resized(picture(width, height), 64, 48) == alone).all()
        assert len(shared._kept) <= MOST
