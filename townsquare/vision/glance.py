"""Boxes of each picture of one camera, by the detector only where that can tell something new.

Where nothing moved since the last look, what was seen then is what is there now: those boxes hold
for the picture as well. So everything after it goes on as if it had been looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from townsquare.vision import looking
from townsquare.vision.boxes import Boxes
from townsquare.vision.detect import Detector
from townsquare.vision.looking import ACROSS, Look, cells_of
from townsquare.vision.read import Picture
from townsquare.vision.track import Track

# Brightness comes first in these, a byte for each pixel.
LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
LUMA_FIRST |= {"nv12", "nv21", "gray"}


Bytes = npt.NDArray[np.uint8]


@dataclass(slots=True)
class Glance:
    """One camera's memory of its last look. `looks` counts what the detector was asked."""

    detector: Detector
    last: Look | None = None
    found: Boxes | None = None
    looks: int = 0

    def boxes(self, picture: Picture, tracks: Sequence[Track]) -> Boxes:
        """In pixels of the camera's picture; `tracks` are as the picture before left them."""
        cells = cells_of(samples(picture.frame))
        last = None if picture.first else self.last
        look, self.last = looking.after(last, cells, picture.at_s, tracks)
        if look or self.found is None:
            self.found = self.detector.detect(picture.frame).enlarged(picture.scale)
            self.looks += 1
        return self.found


def samples(frame: VideoFrame) -> Bytes:
    """Brightness of about ACROSS pixels in a row, and of as many rows as that makes."""
    step = max(1, frame.width // ACROSS)
    luma = frame.planes[0]
    if frame.format.name in LUMA_FIRST and luma.line_size >= frame.width:
        rows: Bytes = np.frombuffer(memoryview(luma), np.uint8)[: luma.line_size * frame.height]
        return rows.reshape(frame.height, luma.line_size)[::step, : frame.width : step]
    small = frame.reformat(max(1, frame.width // step), max(1, frame.height // step), "gray")
    return np.asarray(small.to_ndarray(), np.uint8)
