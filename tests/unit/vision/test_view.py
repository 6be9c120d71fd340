"""A place of light and dark houses, seen twice a second, and what happens to its camera."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from townsquare.model.camera import SceneChanged
from townsquare.vision.events.spell import Turn
from townsquare.vision.events.view import View, next_view

Luma = npt.NDArray[np.uint8]
PER_S = 2


def houses() -> npt.NDArray[np.float64]:
    """96 x 192 of them, large and small."""
    street = np.full((96, 192), 120.0)
    for x, y, width, height, grey in np.random.default_rng(7).uniform(0, 1, (80, 5)):
        left, top = int(x * 180), int(y * 86)
        street[top : top + int(8 + 20 * height), left : left + int(8 + 20 * width)] = 220 * grey
    return street


HOUSES = houses()
NOISE = np.random.default_rng(1).normal(0, 6, (5, 96, 128))


def place(to_the_right: int = 0) -> npt.NDArray[np.float64]:
    """96 x 128 of it; the camera may be turned by so many pixels."""
    return HOUSES[:, to_the_right : to_the_right + 128]


def told(seen: Callable[[float], npt.NDArray[np.float64]], until_s: float) -> list[Turn]:
    view: View | None = None
    found = []
    for n in range(round(until_s * PER_S)):
        luma = np.clip(seen(n / PER_S) + NOISE[n % 5], 0, 255).astype(np.uint8)
        view, turn = next_view(view, luma, SceneChanged(after_s=20), n / PER_S)
        found += [turn] if turn else []
    return found


def passers_by(at_s: float) -> npt.NDArray[np.float64]:
    """A dark crowd that covers a third of the picture, passing."""
    picture = place().copy()
    left = int(at_s * 20) % 128
    picture[30:90, left : left + 60] = 20
    return picture


def covered_by_half(_: float) -> npt.NDArray[np.float64]:
    picture = place().copy()
    picture[:, :90] = 30
    return picture


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(lambda at_s: place(40), id="turned"),
        pytest.param(lambda at_s: np.full((96, 128), 12.0), id="dark"),
        pytest.param(lambda at_s: np.full((96, 128), 250.0), id="blinded"),
        pytest.param(covered_by_half, id="covered"),
    ],
)
def test_a_camera_that_sees_something_else(
    then: Callable[[float], npt.NDArray[np.float64]],
) -> None:
    [began] = told(lambda at_s: place() if at_s < 100 else then(at_s), 160)
    assert 100 <= began.since_s <= 104
    assert began.until_s is None
    assert began.confidence > 0.9


def test_it_is_over_when_the_view_is_back() -> None:
    began, over = told(lambda at_s: place(40 if 100 <= at_s < 200 else 0), 240)
    assert over.since_s == began.since_s
    assert over.until_s == pytest.approx(200, abs=4)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda at_s: place(), id="nothing happens"),
        pytest.param(passers_by, id="a crowd passes"),
        pytest.param(lambda at_s: place() * (1 if at_s < 100 else 0.4), id="the light goes off"),
        pytest.param(lambda at_s: place() + min(at_s / 5, 50), id="the day breaks"),
        pytest.param(lambda at_s: place(40 if 100 <= at_s < 110 else 0), id="for a moment"),
        pytest.param(lambda at_s: place(40 if at_s > 30 else 0), id="before the view is known"),
    ],
)
def test_what_is_no_other_view(seen: Callable[[float], npt.NDArray[np.float64]]) -> None:
    assert told(seen, 160) == []
