"""A path of cameras, by their places."""

from dataclasses import replace

import pytest

from tests.square import SQUARE
from townsquare.model.camera import Camera
from townsquare.model.position import Position
from townsquare.vision.following import follows


def street(*metres: float) -> list[Camera]:
    """Cameras so far along a street to the north."""
    places = {f"at-{m}": Position(13.5, 52 + m / 111_200) for m in metres}
    return [replace(SQUARE, name=name, position=place) for name, place in places.items()]


@pytest.mark.parametrize(
    ("looked_at", "asked", "too_many"),
    [
        ((), 0, False),
        ((0, 300), 600, False),
        ((0, 300, 600), 900, True),
        ((0, 900, 1800), 2700, True),  # each near the one before
        ((0, 300, 600), 300, False),  # again
        ((0, 5000, 10_000), 15_000, False),  # all over the town
        ((0, 300, 5000), 600, False),
        ((300, 0, 900, 5000), 600, True),  # between them
    ],
)
def test_four_neighbours_are_a_path(
    looked_at: tuple[float, ...], asked: float, too_many: bool
) -> None:
    (camera,) = street(asked)
    assert follows(camera, street(*looked_at)) is too_many
