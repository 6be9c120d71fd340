"""From a hand count to the error of a camera's counts. Pure.

A hit is a crossing that the machine and the hand both saw, missed is one that only the hand saw,
false one that only the machine saw. Always holds: no crossing by hand means unknown, never zero
error; times are used for matching and are in no result.

The interval: with h hits, m missed and f false, the hand saw h + m and the machine h + f, which
share h. The logarithm of their ratio has the variance (m + f) / ((h + m)(h + f)), to which one and
two are added as Bonett and Price do for paired proportions (Statistics in Medicine 25, 2006), so
that zeros do no harm. A later count of n has the same luck once more, with (m + f) / (h + f) · n
errors: (m + f) / ((h + m) · n). And recall is not the same at every time: its variance counts once
for the evaluations and once for the count.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from townsquare.model.camera import Direction, RoadUser
from townsquare.model.count_error import CountError

TOLERANCE_S = 2.0  # a hand needs one to react, a line has a width
Group = RoadUser | Literal["vehicle"]
MOTORISED: frozenset[RoadUser] = frozenset({"motorcycle", "car", "bus", "truck", "tram"})
DRIFT = 0.05  # least standard deviation of the logarithm of the ratio from time to time: assumed
WILSON = 1.96
RARE = 0.05  # how often more may pass than `most_if_none`
FEW = 10  # crossings by hand below which an error is told as of few


@dataclass(frozen=True, slots=True)
class Passed:
    """One crossing as somebody saw it, `at_s` seconds after the start."""

    line: str
    of: Group
    direction: Direction
    at_s: float


@dataclass(frozen=True, slots=True)
class Tally:
    hits: int = 0
    missed: int = 0
    false: int = 0

    @property
    def by_hand(self) -> int:
        return self.hits + self.missed

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.hits + other.hits, self.missed + other.missed, self.false + other.false)


Way = tuple[str, Group, Direction]  # what a tally is of


def classes_of(group: Group) -> frozenset[RoadUser]:
    return MOTORISED if group == "vehicle" else frozenset({group})


def measuring(of: RoadUser, counted: Collection[RoadUser]) -> tuple[Group, ...]:
    """Groups whose tally says how well `of` is counted. Where several classes of vehicles are
    counted, that of all of them says nothing of one: a car may be taken for a truck.
    """
    alone = of in MOTORISED and MOTORISED.intersection(counted) == {of}
    return (of, "vehicle") if alone else (of,)


# --- matching


def tallied(
    ways: Iterable[Way], hand: Sequence[Passed], machine: Sequence[Passed], length_s: float
) -> Mapping[Way, Tally]:
    """Of each of these ways, also of those that nobody went."""
    return {way: matched(_times(hand, way), _times(machine, way), length_s) for way in ways}


def _times(seen: Iterable[Passed], way: Way) -> list[float]:
    line, group, direction = way
    meant = {group, *classes_of(group)}
    return sorted(
        one.at_s
        for one in seen
        if one.line == line and one.direction == direction and one.of in meant
    )


def matched(hand: Sequence[float], machine: Sequence[float], length_s: float) -> Tally:
    """One to one, in order of time, which finds the most hits. At both ends the other one may lie
    outside, so what found none there is nobody's error.
    """
    tally, h, m = Tally(), 0, 0
    while h < len(hand) or m < len(machine):
        by_hand = hand[h] if h < len(hand) else math.inf
        counted = machine[m] if m < len(machine) else math.inf
        inside = TOLERANCE_S <= min(by_hand, counted) <= length_s - TOLERANCE_S
        if abs(by_hand - counted) <= TOLERANCE_S:
            tally, h, m = replace(tally, hits=tally.hits + 1), h + 1, m + 1
        elif by_hand < counted:
            tally, h = replace(tally, missed=tally.missed + inside), h + 1
        else:
            tally, m = replace(tally, false=tally.false + inside), m + 1
    return tally


# --- from tallies to an error


def combined(tallies: Sequence[Tally]) -> CountError | None:
    """Of evaluations under the same light. None where no crossing was seen by hand, or so little
    was found that anything may have passed.
    """
    seen = [tally for tally in tallies if tally.by_hand]
    together = sum(seen, Tally())
    most = _most_if_none(together)
    if most is None:
        return None
    share = sum((one.by_hand / together.by_hand) ** 2 for one in seen)
    return CountError(
        ratio=math.exp(_log_ratio(together)),
        variance=_variance(together) + drift(seen) * (1 + share),
        per_count=(together.missed + together.false + 2) / (together.by_hand + 1),
        most_if_none=most,
    )


def drift(tallies: Sequence[Tally]) -> float:
    """Variance from one evaluation to another beyond chance (DerSimonian and Laird), but at least
    the assumed one: a few evaluations that agree do not show that all would.
    """
    weights = [1 / _variance(tally) for tally in tallies]
    total = sum(weights)
    logs = [_log_ratio(tally) for tally in tallies]
    middle = sum(w * y for w, y in zip(weights, logs, strict=True)) / total
    beyond = sum(w * (y - middle) ** 2 for w, y in zip(weights, logs, strict=True))
    room = total - sum(w * w for w in weights) / total
    found = (beyond - (len(tallies) - 1)) / room if len(tallies) > 1 else 0.0
    return max(DRIFT**2, found)


def _log_ratio(tally: Tally) -> float:
    return math.log((tally.by_hand + 1) / (tally.hits + tally.false + 1))


def _variance(tally: Tally) -> float:
    errors = tally.missed + tally.false + 2
    return errors / ((tally.by_hand + 1) * (tally.hits + tally.false + 1))


def _most_if_none(tally: Tally) -> int | None:
    """So many might pass unseen, one after the other, once in twenty times."""
    if not tally.by_hand:
        return None
    miss = _most_missed(tally.missed, tally.by_hand)
    return math.floor(math.log(RARE) / math.log(miss)) if miss < 1 - 1e-9 else None


def _most_missed(missed: int, of: int) -> float:
    """The upper end for the share that is missed: exact without any, else Wilson's."""
    if not missed:
        return 1 - math.pow(RARE, 1 / of)
    share, z2 = missed / of, WILSON**2
    spread = WILSON * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (share + z2 / (2 * of) + spread) / (1 + z2 / of)
