"""Burns a camera's masks into its pictures, before anything else sees them.

Always holds: every pixel that a mask touches is black, whatever was there: of brightness and of
colour, in pictures that were decoded to less and in ones that were turned upright. What was there
is in no copy that goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.plane import VideoPlane

from townsquare.model.mask import Mask, Point, Size

Bytes = npt.NDArray[np.uint8]
Area = tuple[slice, slice]  # rows and columns

# Formats of 8 bits in which a plane is brightness alone or colour alone; others are turned into
# the one that most cameras send.
SPLIT = frozenset(
    {
        *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p"),
        *("yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p", "nv12", "gray"),
    }
)
USUAL = "yuv420p"
NO_COLOUR = 128
EDGE = 1e-6  # of a pixel: an outline along the border of one does not touch it


@dataclass(frozen=True, slots=True)
class Burn:
    """What masks do to some rows of a plane: `keep` is 255 where nothing is hidden, else 0;
    `black` is what stands there then. Both as wide as a line in memory: without gaps it is
    several times as fast as mask by mask.
    """

    plane: int
    rows: slice
    keep: Bytes
    black: Bytes | None

    def into(self, plane: VideoPlane) -> None:
        part = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[self.rows]
        np.bitwise_and(part, self.keep, out=part)
        if self.black is not None:
            np.bitwise_or(part, self.black, out=part)


class Burning:
    """Of one stream; keeps what it worked out as long as pictures stay alike."""

    def __init__(self, masks: Sequence[Mask]) -> None:
        self.masks = masks
        self.alike: tuple[object, ...] = ()
        self.burns: list[Burn] = []

    def burnt(self, frame: VideoFrame, scale: int) -> VideoFrame:
        """One pixel of the frame stands for `scale` x `scale` of those that masks are drawn in."""
        if not self.masks:
            return frame
        if frame.format.name not in SPLIT:
            frame = frame.reformat(format=USUAL)
        # The decoder goes on from this picture: what it still needs is copied, not changed.
        frame.make_writable()
        planes = frame.planes
        lines = tuple(plane.line_size for plane in planes)
        alike = (frame.width, frame.height, frame.format.name, scale, lines)
        if alike != self.alike:
            self.alike, self.burns = alike, burns(self.masks, frame, scale)
        for burn in self.burns:
            burn.into(planes[burn.plane])
        return frame


def burns(masks: Sequence[Mask], frame: VideoFrame, scale: int) -> list[Burn]:
    found = (_burn(masks, frame, n, scale) for n in range(len(frame.planes)))
    return [burn for burn in found if burn]


def _burn(masks: Sequence[Mask], frame: VideoFrame, n: int, scale: int) -> Burn | None:
    """For the plane n."""
    parts = [part for part in frame.format.components if part.plane == n]
    width, height = parts[0].width, parts[0].height
    across, down = _shared(frame.width, width) * scale, _shared(frame.height, height) * scale
    hidden = np.zeros((height, width), bool)
    for mask in masks:
        area, part = touched([(x / across, y / down) for x, y in mask.corners], (width, height))
        hidden[area] |= part
    rows = np.flatnonzero(hidden.any(1))
    if not len(rows):
        return None
    span = slice(int(rows[0]), int(rows[-1]) + 1)
    # Of two colours in one plane the samples stand side by side.
    bytes_ = hidden[span].repeat(len(parts), axis=1)
    line = np.zeros((len(bytes_), frame.planes[n].line_size), bool)
    line[:, : bytes_.shape[1]] = bytes_
    black = np.where(line, NO_COLOUR, 0).astype(np.uint8) if n else None
    return Burn(n, span, np.where(line, 0, 255).astype(np.uint8), black)


def _shared(pixels: int, samples: int) -> int:
    """How many pixels in a row have one sample of colour: 1, 2 or 4."""
    return int(2 ** round(np.log2(pixels / samples)))


def touched(corners: Sequence[Point], size: Size) -> tuple[Area, npt.NDArray[np.bool_]]:
    """Which pixels of a picture an outline goes around or through, and in which part of it they
    lie.
    """
    (x0, x1), (y0, y1) = (
        (max(0, floor(min(axis))), min(most, ceil(max(axis))))
        for axis, most in zip(zip(*corners, strict=True), size, strict=True)
    )
    area = (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))
    moved = [(x - x0, y - y0) for x, y in corners]
    hidden = _around(moved, area)
    for (ax, ay), (bx, by) in zip(moved, moved[1:] + moved[:1], strict=True):
        for row in range(*_cells(min(ay, by), max(ay, by), hidden.shape[0])):
            ends = [ax, bx]
            if ay != by:
                ends = [_x_at((ax, ay), (bx, by), y) for y in (row, row + 1)]
            columns = _cells(min(ends), max(ends), hidden.shape[1])
            hidden[row, slice(*columns)] = True
    return area, hidden


def _around(corners: Sequence[Point], area: Area) -> npt.NDArray[np.bool_]:
    """Pixels whose middle the outline goes around, however often."""
    y = np.arange(area[0].stop - area[0].start)[:, None] + 0.5
    x = np.arange(area[1].stop - area[1].start)[None, :] + 0.5
    turns = np.zeros((y.shape[0], x.shape[1]), np.int32)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if ay != by:
            crosses = ((ay > y) != (by > y)) & (x < ax + (bx - ax) * (y - ay) / (by - ay))
            turns += crosses if by > ay else -crosses.astype(np.int32)
    return np.asarray(turns != 0, bool)


def _x_at(a: Point, b: Point, y: float) -> float:
    """Of the segment from a to b, where it is at the height y, or nearest to it."""
    (ax, ay), (bx, by) = a, b
    share = min(1.0, max(0.0, (y - ay) / (by - ay)))
    return ax + share * (bx - ax)


def _cells(low: float, high: float, most: int) -> tuple[int, int]:
    """First pixel that a stretch touches, and the one after the last."""
    return max(0, floor(low + EDGE)), max(0, min(most, ceil(high - EDGE)))
