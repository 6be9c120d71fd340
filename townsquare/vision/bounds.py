"""The interval beside every count, as attributes. Pure.

Always holds: what is unknown is absent. In a window, which is added to what was, it is taken away.
"""

from collections.abc import Mapping

from townsquare.model.count_error import LEVEL, bounds_of
from townsquare.model.entity import NULL, Json
from townsquare.vision.evaluated import Known

Counted = Mapping[str, tuple[int, Known | None]]  # by the name of the attribute


def bounds(counted: Counted) -> dict[str, Json]:
    told: dict[str, Json] = {}
    for name, (n, known) in counted.items():
        if known is not None:
            low, high = bounds_of(name)
            interval = known.error.interval(n)
            told |= {low: interval.low, high: interval.high}
    days = [known.on for _, known in counted.values() if known is not None]
    if days:
        told |= {"countLevel": LEVEL, "countEvaluated": min(days).isoformat()}
    return told


def window_bounds(counted: Counted) -> dict[str, Json]:
    """With what the interval of an hour is made from: an error for each count, in their order."""
    names = [name for count in counted for name in bounds_of(count)]
    absent = dict.fromkeys((*names, "countLevel", "countEvaluated", "countError"), NULL)
    told = bounds(counted)
    if told:
        errors = [known.error.told() if known else [] for _, known in counted.values()]
        told["countError"] = errors
    return absent | told
