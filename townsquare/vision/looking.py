"""When to look: whether a picture has to be shown to the detector, and how often a second. Pure.

What moves anywhere in the picture is only asked to skip or not to skip it; parts of a picture are
never looked at alone (docs/vision.md). Always holds: nobody who moves, is new, was missed at the
last look or is not sure is followed without looking, and a camera is looked at every REST_S
whatever its picture does. So what stillness hides from us is seen that much later, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from townsquare.vision.boxes import Floats
from townsquare.vision.track import Track

ACROSS = 320  # samples of brightness across a picture; more tell no more
CELL = 8  # samples on a side: noise of one is an eighth in their mean
LEAST = 4.0  # grey levels by which a cell must change; compression flickers by less
NOISES = 6.0  # and this many times the noise, which of so many cells hardly any reaches by chance
MOST_NOISE = 4.0  # grey levels of a cell; what fills the picture as it passes is no noise
SLOWNESS = 0.05  # of the noise that is believed
REST_S = 4.0  # between looks at a picture in which nothing moves
STILL = 0.1  # sizes of its box a second; the box of what stands still wavers by less
HOP = 0.35  # sizes between two looks: a walker's at 5 a second. Further, tracks are lost
FASTER = 2.0  # times the usual rate, for what is fast


@dataclass(frozen=True, slots=True)
class Look:
    """The last one: when, and how bright each cell was. `noise` is of a cell, in grey levels."""

    at_s: float
    cells: Floats
    noise: float = 1.0


def cells_of(samples: npt.NDArray[np.uint8]) -> Floats:
    """Mean of each cell (h / CELL, w / CELL) of samples (h, w)."""
    height, width = (size // CELL for size in samples.shape)
    whole = samples[: height * CELL, : width * CELL]
    rows = whole.reshape(height, CELL, width * CELL).sum(1, dtype=np.uint16)
    sums = rows.reshape(height, width, CELL).sum(2, dtype=np.float32)
    return np.asarray(sums / CELL**2, np.float32)


def changed(look: Look, cells: Floats) -> tuple[bool, float]:
    """Whether a cell differs from the last look by more than noise; and the noise as of now.

    What all of them have in common is the camera's exposure and moves nobody.
    """
    change = np.abs(cells - look.cells - np.median(cells - look.cells))
    # 1.48 makes a standard deviation of a median; most of a picture stands still.
    spread = min(1.48 * float(np.median(change)), MOST_NOISE)
    noise = look.noise + SLOWNESS * (spread - look.noise)
    return bool(change.max(initial=0) > max(LEAST, NOISES * look.noise)), noise


def after(
    last: Look | None, cells: Floats, at_s: float, tracks: Sequence[Track]
) -> tuple[bool, Look]:
    """Whether to look at the picture of `at_s`, and what is the last look then. `tracks` are of
    the picture before.
    """
    if last is None or last.cells.shape != cells.shape:
        return True, Look(at_s, cells)
    moved, noise = changed(last, cells)
    if moved or at_s - last.at_s > REST_S - 0.01 or not settled(tracks):
        return True, Look(at_s, cells, noise)
    return False, Look(last.at_s, last.cells, noise)


def settled(tracks: Sequence[Track]) -> bool:
    """Whether everybody who is followed stands still and was surely seen at the last look."""
    last_s = max((track.seen_s for track in tracks), default=0.0)
    return all(
        track.confirmed and track.seen_s == track.sure_s == last_s and _sizes_per_s(track) < STILL
        for track in tracks
    )


def rate_per_s(tracks: Sequence[Track], usual_per_s: float) -> float:
    """How often to look: nobody who is followed may hop too far between two looks."""
    fastest = max((_sizes_per_s(track) for track in tracks if track.confirmed), default=0.0)
    return min(max(usual_per_s, fastest / HOP), FASTER * usual_per_s)


def _sizes_per_s(track: Track) -> float:
    left, top, right, bottom = track.box
    size = max((right - left) * (bottom - top), 1.0) ** 0.5
    return float(np.hypot(*track.velocity) / size)
