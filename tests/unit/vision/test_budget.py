"""What is shared when processor time does not suffice; by a machine that is reckoned, not run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from townsquare.vision.budget import (
    KEPT_FREE,
    LEAST_PER_S,
    Spent,
    affordable_per_s,
    allowed_per_s,
    most_each,
    share,
)

USUAL_PER_S = 5.0


@pytest.mark.parametrize(
    ("wanted", "allowed", "expected"),
    [
        ([5, 5, 5, 5], 20, math.inf),
        ([5, 5, 5, 5], 12, 3),
        ([10, 5, 5, 5], 20, 5),  # the fast one first loses what it has beyond the others
        ([10, 10, 5, 5], 26, 8),
        ([1, 5, 5, 5], 13, 4),  # who wants less leaves it to the others
        ([5, 5], 0.1, LEAST_PER_S),
        ([], 0, math.inf),
    ],
)
def test_all_give_up_evenly(wanted: Sequence[float], allowed: float, expected: float) -> None:
    assert most_each(wanted, allowed) == pytest.approx(expected)


def test_cores_are_shared_by_cameras() -> None:
    shares = [share(2, cameras, 10) for cameras in (4, 4, 2)]
    assert sum(shares) == pytest.approx(2 * (1 - KEPT_FREE))
    assert shares[0] == 2 * shares[2]


def test_one_thread_does_no_more_than_it_has_time_for() -> None:
    assert affordable_per_s(Spent(1, 0.5, 0.4, 0.4, 10), cores=4) == pytest.approx(22.5)


def test_a_share_holds_only_where_cores_are_fought_for() -> None:
    alone = Spent(1, 0.5, 0.4, 0.4, 10)  # 0.1 of a core to read, 0.04 a picture
    fought = Spent(1, 0.5, 0.8, 0.4, 10)
    assert affordable_per_s(alone, cores=0.3) > 10
    assert affordable_per_s(fought, cores=0.3) == pytest.approx(5)
    assert affordable_per_s(fought, cores=0.05) == 0


def test_where_nothing_came_nothing_is_learnt() -> None:
    nothing = Spent(1, 0.1, 0, 0, 0)
    assert allowed_per_s(7, nothing, 1) == 7
    assert allowed_per_s(math.inf, nothing, 1) == math.inf


# --- a machine that is reckoned


@dataclass
class Box:
    """Cores that workers get equal time of, as a scheduler gives it: who wants less leaves more."""

    cores: float
    workers: list["Group"]

    def second(self) -> None:
        left = self.cores
        for n, group in enumerate(sorted(self.workers, key=Group.wish_s)):
            group.work(min(group.wish_s(), left / (len(self.workers) - n)))
            left -= group.had_s


@dataclass
class Group:
    """A worker whose cameras want `wanted` a second each; `each_s` to look, `reading_s` to read."""

    wanted: list[float]
    each_s: float
    reading_s: float
    cores: float
    allowed: float = math.inf
    had_s: float = 0.0
    rates: list[float] = field(default_factory=list)

    def wish(self) -> list[float]:
        each = most_each(self.wanted, self.allowed)
        return [min(wanted, each) for wanted in self.wanted]

    def wish_s(self) -> float:
        return self.reading_s + min(1.0, self.each_s * sum(self.wish()))

    def work(self, had_s: float) -> None:
        """Reading comes first; of the pictures as many as time is left for."""
        self.had_s = had_s
        wish = self.wish()
        looking_s = max(0.0, had_s - self.reading_s)
        pictures = max(1, round(looking_s / self.each_s))
        self.rates = [one * min(1.0, pictures / sum(wish)) for one in wish]
        waited_s = looking_s * self.wish_s() / max(had_s, 1e-9)
        spent = Spent(1.0, had_s, min(1.0, waited_s), looking_s, pictures)
        self.allowed = allowed_per_s(self.allowed, spent, self.cores)


def a_box(cores: float, groups: Sequence[Sequence[float]], each_s: float = 0.02) -> Box:
    number = sum(map(len, groups))
    return Box(
        cores,
        [
            Group(list(one), each_s, 0.015 * len(one), share(int(cores), len(one), number))
            for one in groups
        ],
    )


def lived(box: Box, seconds: int) -> list[list[float]]:
    """Rates of every camera, in each second."""
    seen = []
    for _ in range(seconds):
        box.second()
        seen.append([rate for group in box.workers for rate in group.rates])
    return seen


def test_a_machine_that_suffices_lowers_nothing() -> None:
    for rates in lived(a_box(2, [[5.0] * 4, [5.0] * 4]), 60):
        assert rates == [USUAL_PER_S] * 8


# A worker with a camera less gets as much of a scheduler as the others.
@pytest.mark.parametrize(
    ("groups", "even"), [([4] * 6, 0.85), ([4, 4, 4, 3, 3, 3], 0.7), ([2] * 10, 0.85), ([16], 0.9)]
)
def test_too_many_cameras_give_up_evenly(groups: list[int], even: float) -> None:
    box = a_box(2, [[USUAL_PER_S] * cameras for cameras in groups])
    late = lived(box, 90)[30:]
    means = [sum(one) / len(late) for one in zip(*late, strict=True)]
    assert max(means) < USUAL_PER_S
    assert min(means) > even * max(means)
    assert min(map(min, late)) > 0.5 * max(means)
    used = sum(group.had_s for group in box.workers)
    assert used <= 2


def test_nobody_gives_up_for_cameras_that_rest() -> None:
    """One worker has four busy cameras, the others look at empty streets: cores are idle."""
    box = a_box(2, [[10.0] * 4, *[[USUAL_PER_S] * 4] * 5])
    for group in box.workers[1:]:
        group.each_s = 0.001
    busy = [rates[:4] for rates in lived(box, 60)[10:]]
    assert min(map(min, busy)) == 10


def test_what_is_free_again_is_taken_again() -> None:
    box = a_box(2, [[USUAL_PER_S] * 4] * 6)
    lived(box, 30)
    box.cores = 6.0
    assert lived(box, 30)[-1] == [USUAL_PER_S] * 24


def test_a_slower_model_lowers_the_rate_within_seconds() -> None:
    box = a_box(1, [[USUAL_PER_S] * 4])
    lived(box, 10)
    box.workers[0].each_s = 0.1
    (last,) = lived(box, 5)[-1:]
    assert last == pytest.approx([last[0]] * 4)
    assert 1.5 < last[0] < 3
