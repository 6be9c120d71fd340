"""A square of 64 x 48 of paving, seen once a second, and a bag of 4 x 4 that is left on it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from townsquare.model.camera import LeftObject, Zone
from townsquare.vision.background import Box
from townsquare.vision.events.left import Look, Place, next_place
from townsquare.vision.events.spell import Turn

SIZE = (640, 480)
SQUARE = Zone("square", ((100, 100), (500, 100), (500, 400), (100, 400)))
NOISE = np.random.default_rng(1).normal(0, 2, (5, 48, 64))
Seen = tuple[npt.NDArray[np.float64], list[Box]]


def paving() -> npt.NDArray[np.float64]:
    return np.full((48, 64), 120.0)


def bag(picture: npt.NDArray[np.float64], x: int = 30) -> npt.NDArray[np.float64]:
    picture[20:24, x : x + 4] = 40
    return picture


def told(seen: Callable[[int], Seen], until_s: int = 240) -> list[Turn]:
    place: Place | None = None
    found = []
    for at_s in range(until_s):
        picture, boxes = seen(at_s)
        luma = np.clip(picture + NOISE[at_s % 5], 0, 255).astype(np.uint8)
        look = Look(luma, boxes, SIZE, at_s)
        place, turn = next_place(place, SQUARE, LeftObject(after_s=60), look)
        found += [turn] if turn else []
    return found


def left(at_s: int) -> Seen:
    return (bag(paving()) if 80 <= at_s < 200 else paving()), []


def test_a_bag_is_told_once_it_has_lain_and_when_it_is_gone() -> None:
    began, over = told(left, 260)
    assert 80 <= began.since_s <= 90
    assert began.until_s is None
    assert over.since_s == began.since_s
    assert over.until_s == pytest.approx(205, abs=15)


def test_while_its_owner_stands_beside_it_is_not_left() -> None:
    def guarded(at_s: int) -> Seen:
        owner: Box = (0.4, 0.2, 0.45, 0.5)
        return bag(paving()) if at_s >= 80 else paving(), [owner] if 80 <= at_s < 140 else []

    [began] = told(guarded)
    assert began.since_s >= 140


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda at_s: (paving(), []), id="nothing"),
        pytest.param(lambda at_s: (bag(paving()), []), id="always there"),
        pytest.param(lambda at_s: (bag(paving()) if at_s < 80 else paving(), []), id="taken away"),
        pytest.param(lambda at_s: (bag(paving(), 2) if at_s > 80 else paving(), []), id="outside"),
        pytest.param(lambda at_s: (bag(paving()) if 80 < at_s < 120 else paving(), []), id="short"),
        pytest.param(lambda at_s: (paving() * (0.6 if at_s > 80 else 1), []), id="light goes off"),
        pytest.param(lambda at_s: (bag(paving(), at_s % 60), []), id="it moves"),
    ],
)
def test_what_is_not_left_behind(seen: Callable[[int], Seen]) -> None:
    assert told(seen) == []
