"""When to look: what moves is looked at, noise and light are not, and nobody waits for long."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from townsquare.vision.boxes import KINDS
from townsquare.vision.looking import CELL, REST_S, Look, after, cells_of, rate_per_s, settled
from townsquare.vision.track import Track

LUMA = npt.NDArray[np.uint8]
ROWS, COLUMNS = 184, 320
STREET = np.clip(np.add.outer(np.arange(ROWS) // 2, np.arange(COLUMNS) // 3), 0, 220)
VOTES = tuple(1.0 if kind == "person" else 0.0 for kind in KINDS)
STANDS = Track(0, (100, 100, 120, 150), (0, 0), 10.0, 9, VOTES, (110, 150), 10.0, 0.0)


def seen(
    seed: int = 0, *, noise: float = 0.0, light: float = 0.0, gain: float = 1.0, walker: int = -1
) -> LUMA:
    """The street; with a person of 8 x 20 samples whose left edge is at `walker`."""
    picture = STREET * gain + light
    picture = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    if walker >= 0:
        picture[100:120, walker : walker + 8] -= 25
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def looks(pictures: list[LUMA], every_s: float = 0.2) -> list[float]:
    """When pictures were looked at, with nobody followed."""
    last: Look | None = None
    at = []
    for n, picture in enumerate(pictures):
        look, last = after(last, cells_of(picture), n * every_s, ())
        if look:
            at.append(round(n * every_s, 1))
    return at


def test_a_cell_is_the_mean_of_its_samples() -> None:
    picture = np.zeros((CELL * 2 + 3, CELL * 3 + 1), np.uint8)
    picture[:CELL, :CELL], picture[CELL : 2 * CELL, CELL : CELL + 4] = 255, 10
    assert cells_of(picture).tolist() == [[255, 0, 0], [0, 5, 0]]


@pytest.mark.parametrize("noise", [0, 2, 5, 10, 20])
def test_where_nothing_moves_is_looked_at_only_every_so_often(noise: float) -> None:
    settling = 60  # until the noise of this camera is known
    at = looks([seen(n, noise=noise) for n in range(settling + 100)])
    at = [second for second in at if second > settling * 0.2]
    assert len(at) - 20 // REST_S in (-1, 0)
    assert np.diff(at) == pytest.approx(REST_S)


@pytest.mark.parametrize("drift", [{"light": 0.6}, {"gain": 1.004}])
def test_dusk_moves_nobody(drift: dict[str, float]) -> None:
    """Over the rest after a look; a step of the exposure is looked at, and then known."""
    pictures = [
        seen(n, noise=2, light=drift.get("light", 0) * n, gain=drift.get("gain", 1) ** n)
        for n in range(50)
    ]
    assert np.diff(looks(pictures)) == pytest.approx(REST_S)


def test_who_comes_in_is_looked_at_with_the_picture_that_shows_them() -> None:
    empty = [seen(n, noise=3) for n in range(73)]
    comes = [seen(n, noise=3, walker=0) for n in (73, 74)]
    assert looks([*empty, *comes])[-1] == pytest.approx(73 * 0.2)


def test_somebody_who_moves_is_looked_at_each_time() -> None:
    walk = [seen(n, noise=3, walker=20 + 4 * n) for n in range(40)]
    assert len(looks(walk)) == 40


def test_what_goes_too_slowly_to_show_adds_up() -> None:
    creeps = [seen(walker=40 + n // 10) for n in range(100)]
    assert max(np.diff(looks(creeps))) <= REST_S


def test_another_size_is_looked_at() -> None:
    _, last = after(None, cells_of(seen()), 0.0, ())
    assert after(last, cells_of(seen()[:80]), 0.2, ())[0]


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        (STANDS, True),
        (replace(STANDS, velocity=(20, 0)), False),  # walks
        (replace(STANDS, boxes=1), False),  # may be a ghost
        (replace(STANDS, sure_s=9.8), False),  # the last box was unsure
        (replace(STANDS, seen_s=9.8, sure_s=9.8), False),  # missed by the last look
    ],
)
def test_nobody_is_left_unseen_who_may_do_something(track: Track, expected: bool) -> None:
    assert settled([STANDS, track]) is expected


def test_who_stands_is_not_looked_at_while_nothing_moves() -> None:
    _, last = after(None, cells_of(seen()), 10.0, ())
    assert not after(last, cells_of(seen()), 10.2, [STANDS])[0]
    assert after(last, cells_of(seen()), 10.2, [replace(STANDS, velocity=(9, 0))])[0]


@pytest.mark.parametrize(
    ("velocity", "expected"),
    [
        ((0, 0), 5.0),
        ((45, 0), 5.0),  # 1.4 sizes a second: a walker
        ((0, 90), 8.13),
        ((500, 0), 10.0),
    ],
)
def test_what_is_fast_is_looked_at_more_often(
    velocity: tuple[float, float], expected: float
) -> None:
    alive = [STANDS, replace(STANDS, velocity=velocity)]
    assert rate_per_s(alive, 5.0) == pytest.approx(expected, abs=0.01)


def test_a_ghost_hurries_nobody() -> None:
    assert rate_per_s([replace(STANDS, boxes=1, velocity=(500, 0))], 5.0) == 5.0
