"""How far a count may be from the truth, as an interval that holds the truth 19 times in 20. Pure.

Always holds: what nobody has measured has no interval. The interval of a sum is made from the sum,
not from the intervals of its parts, which would be far too wide.
"""

import math
from dataclasses import dataclass

from townsquare.model.entity import Json

LEVEL = 0.95
SPREAD = 1.96  # standard deviations of a normal distribution that hold 95 %
DIGITS = 5  # that are told; the figures themselves are not known to two


@dataclass(frozen=True, slots=True)
class Interval:
    low: int
    high: int

    def __add__(self, other: "Interval") -> "Interval":
        """Holds the sum at least as often, however the errors of both hang together."""
        return Interval(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class CountError:
    """What evaluations say of a machine that counts.

    `ratio` is true ones per one that it counts and `variance` that of its logarithm, from one time
    to another. `per_count` over a count is the variance of that count's own luck. Where it counts
    nobody, `most_if_none` may have passed all the same.
    """

    ratio: float
    variance: float
    per_count: float
    most_if_none: int

    def interval(self, counted: int) -> Interval:
        if counted == 0:
            return Interval(0, self.most_if_none)
        middle = counted * self.ratio
        factor = math.exp(SPREAD * math.sqrt(self.variance + self.per_count / counted))
        return Interval(math.floor(middle / factor), math.ceil(middle * factor))

    def told(self) -> Json:
        """As the value of an attribute."""
        figures = (self.ratio, self.variance, self.per_count)
        return [*(round(figure, DIGITS) for figure in figures), self.most_if_none]


def error_of(told: Json) -> CountError | None:
    """None where it is unknown."""
    return CountError(*told) if told else None


def bounds_of(count: str) -> tuple[str, str]:
    """Names of the attributes that stand beside one that counts."""
    return f"{count}Low", f"{count}High"
