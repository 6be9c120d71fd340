"""Pictures as arrays of another size and format, for one purpose after the other.

What a resizer works out for pictures of one size it keeps: for most uses here that costs several
times as much as the resizing itself.
"""

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import VideoReformatter

Bytes = npt.NDArray[np.uint8]
MOST = 16  # sizes and formats that are remembered; a worker has a few cameras


class Resizer:
    """Used by one thread. `format` is FFmpeg's name of it: gray, rgb24, bgr24."""

    def __init__(self, format: str) -> None:
        self.format = format
        self._kept: dict[tuple[object, ...], VideoReformatter] = {}

    def resized(self, frame: VideoFrame, width: int, height: int) -> Bytes:
        """(height, width) of grey levels, or (height, width, 3); each pixel is the mean of what it
        stands for.
        """
        alike = (frame.width, frame.height, frame.format.name, width, height)
        if alike not in self._kept:
            if len(self._kept) == MOST:  # a stream that changes its size all the time
                self._kept.clear()
            self._kept[alike] = VideoReformatter()
        made = self._kept[alike].reformat(frame, width, height, self.format, interpolation="AREA")
        return np.asarray(made.to_ndarray(), np.uint8)
