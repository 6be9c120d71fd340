"""Whether a camera still sees what it saw: not covered, not blinded, not turned away. Pure.

It looks at brightness alone, on a small picture. Two running averages of it are kept: a fast one,
in which noise and passers-by fade, and a slow one of the view as it should be, which follows the
light of the day and is not touched while something is wrong. This memory never leaves the worker,
and it outlives breaks in time, since that is when cameras are turned.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from townsquare.model.camera import SceneChanged
from townsquare.vision.events.spell import Spell, Turn, next_spell

FAST_S, SLOW_S = 2.0, 300.0
LEARNT_S = 60.0  # of looking, until the view is known
FLAT = 6.0  # grey levels, standard deviation: nothing is seen
LEVEL, MOST_AT_LEVEL, MORE_THAN_USUAL = 8.0, 0.6, 0.2  # a hand, paint or a bag: mostly one grey
ALIKE = 0.5  # correlation of edges, below which the view is another one
BLOCKS = 8  # on each side of the picture
BLOCK_CHANGED, MOST_CHANGED = 8.0, 0.6  # grey levels beside the mean change; share of the blocks

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """`fast` and `slow` are (h, w) grey levels; `seen_s` is for how long it has been learnt."""

    fast: Grey
    slow: Grey
    at_s: float
    seen_s: float = 0.0
    spell: Spell | None = None


def next_view(
    view: View | None, luma: npt.NDArray[np.uint8], of: SceneChanged, at_s: float
) -> tuple[View, Turn | None]:
    """After the picture at `at_s`, of which `luma` is (h, w), both multiples of BLOCKS. Seconds
    are of a clock that is never set and goes on over breaks.
    """
    now = np.asarray(luma, np.float32)
    if view is None or view.slow.shape != now.shape:
        return View(now, now, at_s), None
    for_s = min(at_s - view.at_s, FAST_S)
    fast = _towards(view.fast, now, for_s / FAST_S)
    known = view.seen_s >= LEARNT_S
    wrong = known and (covered(fast, view.slow) or turned(fast, view.slow))
    spell, turn = next_spell(view.spell, wrong, at_s, of.after_s)
    if not wrong:
        # What is new counts fully at first, then as much as it lasted.
        share = for_s / min(SLOW_S, view.seen_s + for_s) if for_s else 0.0
        view = replace(view, slow=_towards(view.slow, fast, share), seen_s=view.seen_s + for_s)
    return replace(view, fast=fast, at_s=at_s, spell=spell), turn


def covered(now: Grey, usual: Grey) -> bool:
    """Nearly nothing is to be seen, or far more of one grey than in the usual view."""
    if float(now.std()) < FLAT:
        return True
    at_level = _at_one_level(now)
    return at_level > MOST_AT_LEVEL and at_level > _at_one_level(usual) + MORE_THAN_USUAL


def turned(now: Grey, usual: Grey) -> bool:
    """Edges lie elsewhere and most blocks look different. Light that goes on or off, and the
    change to infrared at night, leave edges where they are.
    """
    return _changed(now, usual) > MOST_CHANGED and _alike(_edges(now), _edges(usual)) < ALIKE


def _towards(before: Grey, now: Grey, share: float) -> Grey:
    return before + np.float32(min(share, 1.0)) * (now - before)


def _at_one_level(grey: Grey) -> float:
    """Share of the pixels within LEVEL of the most frequent level."""
    counts, _ = np.histogram(grey, bins=256, range=(0, 256))
    around = np.convolve(counts, np.ones(round(2 * LEVEL) + 1), mode="same")
    return float(around.max() / grey.size)


def _edges(grey: Grey) -> Grey:
    across, down = np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]
    return np.hypot(across, down)


def _alike(a: Grey, b: Grey) -> float:
    """Correlation, -1 to 1; 0 where one of them has no edges."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _changed(now: Grey, usual: Grey) -> float:
    """Share of the blocks that changed by more than the whole picture did."""
    height, width = now.shape
    off = (now - usual).reshape(BLOCKS, height // BLOCKS, BLOCKS, width // BLOCKS)
    # Within a block as well: another view may be as bright on the whole.
    return float((np.abs(off - off.mean()).mean((1, 3)) > BLOCK_CHANGED).mean())
