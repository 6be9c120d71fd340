"""How often a worker can afford to look, and how that is shared among its cameras. Pure.

Always holds: when processor time does not suffice, nobody's rate is lowered below that of a camera
that is looked at more often, so all give up evenly and no camera starves; and what is not looked
at is not queued, so nothing falls behind. Each worker decides alone. Where cores are fought for, a
worker keeps to its share of them, so those of one machine give up evenly too; where some are idle,
it may take them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

BUSY = 0.9  # of the time of the thread that analyses; what comes at once has to wait else
KEPT_FREE = 0.1  # of the cores, for the house itself
FOUGHT_FOR = 1.2  # times as long as it computes takes what has to wait for its core
RISE = 1.1  # a second: what was too much is not asked for again at once
FALL = 0.5  # of the way, a second: one slow second is no overload
LEAST_PER_S = 0.5  # of a camera, so that it is known whether it works


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time within `for_s`: of the whole process, and of it what the analysis of so many
    pictures cost, which took `analysing_s`.
    """

    for_s: float
    cpu_s: float
    analysing_s: float
    analysing_cpu_s: float
    pictures: int


def share(cores: int, cameras: int, of_all: int) -> float:
    """Of the machine's cores, for a worker that has so many of all cameras."""
    return (1 - KEPT_FREE) * cores * cameras / max(of_all, 1)


def affordable_per_s(spent: Spent, cores: float) -> float:
    """Pictures of all cameras together; `cores` is this worker's share."""
    if not spent.pictures or spent.for_s <= 0:
        return math.inf
    most = BUSY * spent.pictures / max(spent.analysing_s, 1e-6)
    if spent.analysing_s > FOUGHT_FOR * spent.analysing_cpu_s:
        reading = (spent.cpu_s - spent.analysing_cpu_s) / spent.for_s
        each_s = max(spent.analysing_cpu_s, 1e-6) / spent.pictures
        most = min(most, max(cores - reading, 0.0) / each_s)
    return most


def allowed_per_s(before: float, spent: Spent, cores: float) -> float:
    """Pictures of all cameras together in the next second; `before` is what it was in this one."""
    target = affordable_per_s(spent, cores)
    if not spent.pictures or math.isinf(before):
        return min(before, target)
    if target < before:
        return before + FALL * (target - before)
    risen = RISE * before
    # What is far from being reached holds nobody back.
    return math.inf if risen > 2 * spent.pictures / spent.for_s else min(target, risen)


def most_each(wanted_per_s: Sequence[float], allowed_per_s: float) -> float:
    """What no camera may exceed, so that all together keep to what is allowed. Those who want less
    leave the rest to the others.
    """
    if sum(wanted_per_s) <= allowed_per_s:
        return math.inf
    left_per_s, falling = allowed_per_s, sorted(wanted_per_s)
    for n, one in enumerate(falling):
        each = left_per_s / (len(falling) - n)
        if one > each:
            return max(each, LEAST_PER_S)
        left_per_s -= one
    return math.inf
