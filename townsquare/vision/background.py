"""The empty place: what a preview shows instead of the live picture. Pure, on arrays.

Each pixel is the median of samples that were taken when nothing moved there and nobody was
detected near. So who is seen is left out by the detector, who is missed is left out by motion;
who stands and is seen only now and then is left out by a memory of where boxes were, which lasts
twice as long as they did. Who is missed and keeps still is outvoted as long as it is for less
than half the memory: 15 s in the first minute, two and a half minutes later. A pixel without
enough samples is unknown and stays grey; while too many are unknown there is no picture at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

WIDTH = 640  # pixels at most; memory and work are for this size, not the camera's
SAMPLES = 15
ENOUGH = 9
FIRST_EVERY_S = 2.0  # until a pixel has all its samples
EVERY_S = 20.0  # then, so that its memory spans five minutes
READY = 0.85  # share of pixels that are known; where somebody nearly always is stays grey
WORTH = 0.005  # more of the picture known is worth a new one
CELL = 4  # pixels on a side in which motion is looked for
MOVED = 8.0  # grey levels between means of a cell; noise of 16 pixels stays below 3
AROUND = 2  # cells around what moved
PADDING = 0.15  # of a box, on every side: shadows, and a foot ahead of the box
LEAST_SCORE = 0.25  # of a box; below, street furniture is taken for people all day
HELD = 2.0  # times as long as it was in a box, a cell is held for somebody who stands there
PASSING_S = 8.0  # of that; who walks by is not held
LONGEST_HELD_S = 120.0
GREY = 128


@dataclass(slots=True)
class Background:
    """Memory of one camera. `samples` (SAMPLES, h, w, 3), `taken` (h, w) samples so far. The cells
    are means of brightness at the last look and the last sample; `held_s` is for how long each is
    still taken for a part of somebody.
    """

    samples: Bytes
    taken: npt.NDArray[np.int32]
    made: Bytes  # the picture as it was made last
    cells: npt.NDArray[np.float32] | None = None
    sampled_cells: npt.NDArray[np.float32] | None = None
    held_s: npt.NDArray[np.float32] | None = None
    outdated: bool = False  # samples came since then that are worth a new one
    drawn: float = 0.0  # share of the pixels that are known in it
    sampled_s: float = float("-inf")
    renewed_s: float = float("-inf")

    @property
    def picture(self) -> Bytes:
        """(h, w, 3). Made when it is asked for: mostly nobody looks."""
        if self.outdated:
            self.made[...] = median(self)
            self.outdated = False
        return self.made


Box = tuple[float, float, float, float]  # left, top, right, bottom, shares of the picture


def size_for(width: int, height: int) -> tuple[int, int]:
    """Width and height of the background for a camera's picture: whole cells."""
    scale = min(1.0, WIDTH / width)
    return max(1, int(width * scale) // CELL) * CELL, max(1, int(height * scale) // CELL) * CELL


def blank(width: int, height: int) -> Background:
    return Background(
        # Missing samples are the brightest, so that sorting puts them last.
        np.full((SAMPLES, height, width, 3), 255, np.uint8),
        np.zeros((height, width), np.int32),
        np.full((height, width, 3), GREY, np.uint8),
    )


def due(background: Background, at_s: float, ahead_s: float = 0.0) -> bool:
    """Is it time for a sample, or will it be in `ahead_s`?"""
    return at_s + ahead_s - background.sampled_s >= FIRST_EVERY_S


def known(background: Background) -> float:
    """Share of the pixels that have enough samples."""
    return float((background.taken >= ENOUGH).mean())


def ready(background: Background) -> bool:
    return known(background) >= READY


def look(background: Background, picture: Bytes, boxes: Sequence[Box], at_s: float) -> None:
    """Take what is clean of `picture` (h, w, 3) when a sample is due.

    It must have looked shortly before, to know what moves. `boxes` are all detections from
    LEAST_SCORE on.
    """
    cells = brightness(picture)
    if due(background, at_s):
        _hold(background, cells.shape, boxes, at_s)
        clean = _clean(background, cells, boxes)
        renew = at_s - background.renewed_s >= EVERY_S
        _take(background, picture, clean if renew else clean & (background.taken < SAMPLES))
        background.renewed_s = at_s if renew else background.renewed_s
        share = known(background)
        if share >= READY and (renew or share - background.drawn >= WORTH):
            background.outdated, background.drawn = True, share
        background.sampled_cells = cells
        background.sampled_s = at_s
    background.cells = cells


def brightness(picture: Bytes) -> npt.NDArray[np.float32]:
    """Mean of each cell (h / CELL, w / CELL)."""
    height, width = picture.shape[:2]
    # Rows first: whole lines are added several times as fast as cells.
    rows = picture.reshape(height // CELL, CELL, width * 3).sum(1, dtype=np.uint16)
    cells = rows.reshape(height // CELL, width // CELL, CELL * 3)
    sums = np.einsum("ijk->ij", cells, dtype=np.float32)
    return np.asarray(sums / np.float32(CELL * CELL * 3), np.float32)


def _clean(background: Background, cells: npt.NDArray[np.float32], boxes: Sequence[Box]) -> Mask:
    """Pixels (h, w) with neither motion nor a detection; none at the first look."""
    if background.cells is None or background.sampled_cells is None:
        return np.zeros(background.taken.shape, bool)
    # Against the last look: what moves now. Against the last sample: the plain middle of
    # something large, which looks still from one look to the next while it passes.
    moved = np.abs(cells - background.cells) > MOVED
    moved |= np.abs(cells - background.sampled_cells) > MOVED
    dirty = spread(moved, AROUND)
    if background.held_s is not None:
        dirty |= background.held_s > PASSING_S
    dirty = dirty.repeat(CELL, 0).repeat(CELL, 1)
    cover(dirty, boxes, PADDING)
    return ~dirty


def _hold(
    background: Background, shape: tuple[int, ...], boxes: Sequence[Box], at_s: float
) -> None:
    """A detector misses who stands or sits every now and then; the place is not empty then."""
    if background.held_s is None:
        background.held_s = np.zeros(shape, np.float32)
    boxed = np.zeros(shape, bool)
    cover(boxed, boxes, PADDING)
    for_s = min(at_s - background.sampled_s, 2 * FIRST_EVERY_S)  # the first time it is since ever
    held_s = background.held_s - np.where(boxed, -HELD * for_s, for_s)
    background.held_s = np.clip(held_s, 0, LONGEST_HELD_S, dtype=np.float32)


def spread(mask: Mask, by: int) -> Mask:
    """The mask and `by` cells around it, in a square."""
    result = mask
    for axis in (0, 1):
        grown = result.copy()
        for step in range(1, by + 1):
            first = [slice(None), slice(None)]
            second = [slice(None), slice(None)]
            first[axis], second[axis] = slice(step, None), slice(None, -step)
            grown[tuple(first)] |= result[tuple(second)]
            grown[tuple(second)] |= result[tuple(first)]
        result = grown
    return result


def cover(mask: Mask, boxes: Sequence[Box], padding: float) -> None:
    """Set what lies in the boxes, each enlarged by a share of its size on every side."""
    height, width = mask.shape
    for left, top, right, bottom in boxes:
        across, down = padding * (right - left), padding * (bottom - top)
        rows = slice(_pixel((top - down) * height), _pixel((bottom + down) * height) + 1)
        columns = slice(_pixel((left - across) * width), _pixel((right + across) * width) + 1)
        mask[rows, columns] = True


def _pixel(at: float) -> int:
    return max(0, int(at))


def _take(background: Background, picture: Bytes, clean: Mask) -> None:
    """Each clean pixel replaces the oldest of its own samples."""
    turn = background.taken % SAMPLES
    # Nearly all pixels are at the same turn, or at few of them: whole pictures are faster.
    for one in np.flatnonzero(np.bincount(turn[clean], minlength=SAMPLES)):
        mask = (clean & (turn == one)).repeat(3, 1).reshape(picture.shape)
        np.copyto(background.samples[one], picture, where=mask)
    background.taken += clean


def median(background: Background) -> Bytes:
    """Of the samples that each pixel has; grey where they are not enough."""
    count = np.minimum(background.taken, SAMPLES)
    middle = np.maximum(count - 1, 0)[None, :, :, None] // 2
    picture = np.take_along_axis(_ordered(background.samples), middle, axis=0)[0]
    picture[background.taken < ENOUGH] = GREY
    return np.asarray(picture, np.uint8)


def _ordered(samples: Bytes) -> Bytes:
    """Each pixel's samples, darkest first. Comparing whole pictures with their neighbours in
    turn (odd-even transposition) is several times as fast here as sorting pixel by pixel.
    """
    planes = samples.copy()
    for turn in range(len(planes)):
        for i in range(turn % 2, len(planes) - 1, 2):
            darker = np.minimum(planes[i], planes[i + 1])
            np.maximum(planes[i], planes[i + 1], out=planes[i + 1])
            planes[i] = darker
    return planes
