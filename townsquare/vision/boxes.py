"""What is where in a picture: boxes of road users, and the rules that leave one box a thing.

Pure, on arrays. Pixels are x, y of the picture, origin top left.
"""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from townsquare.model.camera import RoadUser

KINDS: tuple[RoadUser, ...] = get_args(RoadUser)
# One thing gets one box, even where the model wavers between car and truck.
PEDESTRIAN, RIDDEN, MOTOR = range(3)
GROUPS = np.array([PEDESTRIAN, RIDDEN, RIDDEN, MOTOR, MOTOR, MOTOR, MOTOR])
LEAST_SCORE = 0.15  # below, most are nothing; the preview covers all that are above
SAME_OVERLAP = 0.6  # intersection over union from which two boxes are one thing
SAME_SHARE = 0.7  # of the smaller box: a cab is part of its lorry, people do stand that close
MOST_BOXES = 200
RIDDEN_SCORE = 0.35

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Boxes:
    """`corners` (n, 4) pixels of the picture, xyxy; `scores` (n,) 0 to 1, falling; `kinds` (n,)
    index into KINDS.
    """

    corners: Floats
    scores: Floats
    kinds: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.scores)

    def enlarged(self, scale: int) -> "Boxes":
        """On the camera's picture, which was decoded to less."""
        return self if scale == 1 else Boxes(self.corners * scale, self.scores, self.kinds)

    def where(self, kept: npt.NDArray[Any]) -> "Boxes":
        return Boxes(self.corners[kept], self.scores[kept], self.kinds[kept])


def found_in(scores: Floats, corners: Floats) -> Boxes:
    """One box for each thing, from `scores` (7, m) and `corners` (4, m) of all cells."""
    kinds = scores.argmax(0)
    # The model divides its belief between car, bus and truck; that it is one of them is surer.
    motor = 1 - (1 - scores[GROUPS == MOTOR]).prod(0)
    best = np.where(GROUPS[kinds] == MOTOR, motor, scores.max(0))
    kept = np.flatnonzero(best >= LEAST_SCORE)
    kept = kept[np.argsort(-best[kept], kind="stable")][:MOST_BOXES]
    return without_riders(distinct(Boxes(corners.T[kept], best[kept], kinds[kept])))


def distinct(found: Boxes) -> Boxes:
    """Of boxes in one group that show the same thing, the one with the best score."""
    groups = GROUPS[found.kinds]
    same = overlaps(found.corners, found.corners) > SAME_OVERLAP
    same |= (groups == MOTOR) & (shares(found.corners) > SAME_SHARE)
    same &= groups[:, None] == groups[None, :]
    kept = np.ones(len(found), bool)
    for i in range(len(found)):
        if kept[i]:
            kept[i + 1 :] &= ~same[i, i + 1 :]
    return found.where(kept)


def without_riders(found: Boxes) -> Boxes:
    """A rider is part of the bicycle or motorcycle: a person whose feet are inside its box."""
    ridden = found.where((GROUPS[found.kinds] == RIDDEN) & (found.scores >= RIDDEN_SCORE)).corners
    x = (found.corners[:, 0] + found.corners[:, 2]) / 2
    y = found.corners[:, 3]
    left, top, right, bottom = (ridden[:, side][None, :] for side in range(4))
    inside = (left <= x[:, None]) & (x[:, None] <= right)
    inside &= (top <= y[:, None]) & (y[:, None] <= bottom)
    return found.where(~(inside.any(1) & (GROUPS[found.kinds] == PEDESTRIAN)))


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each box of `a` (n, 4) with each of `b` (m, 4): (n, m)."""
    both = _common(a, b)
    union = _areas(a)[:, None] + _areas(b)[None, :] - both
    return np.asarray(both / np.maximum(union, 1e-6), np.float32)


def shares(a: Floats) -> Floats:
    """How much of the smaller of each two boxes (n, 4) lies in the other: (n, n)."""
    areas = _areas(a)
    smaller = np.minimum(areas[:, None], areas[None, :])
    return np.asarray(_common(a, a) / np.maximum(smaller, 1e-6), np.float32)


def _common(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(2), np.float32)


def _areas(a: Floats) -> Floats:
    return np.asarray((a[:, 2:] - a[:, :2]).clip(0).prod(1), np.float32)
