"""How large the segments of a camera are made: never smaller than its largest of the last day.

Else the size of each would tell how much moved there. Pure but for the steady clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from townsquare.trust.seal.segment import LEAST_CLASS

DAY_S = 24 * 3600.0


@dataclass(slots=True)
class Sizes:
    """`before` is the largest class that is known from before the start."""

    before: int = 0
    clock: Callable[[], float] = time.monotonic
    last: dict[int, float] = field(default_factory=dict)  # by class, when one was that large

    def __post_init__(self) -> None:
        if self.before:
            self.last[self.before] = self.clock()

    def least(self) -> int:
        """Bytes; 0 where nothing is known yet."""
        before = self.clock() - DAY_S
        self.last = {size: at for size, at in self.last.items() if at >= before}
        return max(self.last, default=0)

    def used(self, size: int) -> None:
        """By what there was to seal: what was filled up keeps no class alive."""
        self.last[size] = self.clock()


def class_of(length: int) -> int:
    """The class that a file of this length belongs to: what is around the content is far smaller
    than the least class.
    """
    return 1 << (length.bit_length() - 1) if length >= LEAST_CLASS else 0
