"""Which pixels a mask touches, held against exact geometry, and that all planes are black there."""

import av
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from townsquare.model.errors import Invalid
from townsquare.model.mask import Mask, Point
from townsquare.vision.reading.burning import SPLIT, Burning, touched

WIDTH, HEIGHT = 24, 18


def on_picture(corners: list[Point]) -> "np.typing.NDArray[np.bool_]":
    area, hidden = touched(corners, (WIDTH, HEIGHT))
    whole = np.zeros((HEIGHT, WIDTH), bool)
    whole[area] = hidden
    return whole


def by_geometry(corners: list[Point]) -> "np.typing.NDArray[np.bool_]":
    """Pixels that share some area with what the outline goes around, however often."""
    ring = shapely.LinearRing([*corners, corners[0]])
    faces = shapely.get_parts(shapely.polygonize([shapely.node(ring)]))
    mask = Mask(tuple(corners))
    inner = [f for f in faces if mask.hides(f.representative_point().coords[0])]
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    cells = shapely.box(x, y, x + 1, y + 1)
    shared = shapely.area(shapely.intersection(shapely.union_all(inner), cells))
    return np.asarray(shared > 1e-4, bool)


places = st.tuples(
    st.integers(-8, 4 * WIDTH + 8).map(lambda n: n / 4),
    st.integers(-8, 4 * HEIGHT + 8).map(lambda n: n / 4),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(places, min_size=3, max_size=7))
def test_every_pixel_that_a_mask_covers_a_part_of_is_hidden(corners: list[Point]) -> None:
    try:
        Mask(tuple(corners))
    except Invalid:
        return
    hidden, exact = on_picture(corners), by_geometry(corners)
    assert not (exact & ~hidden).any()
    # An outline that runs back on itself hides what it runs along, and no more.
    ring = shapely.LinearRing([*corners, corners[0]])
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    near = shapely.distance(ring, shapely.box(x, y, x + 1, y + 1)) < 1e-4
    assert not (hidden & ~exact & ~near).any()


def test_a_mask_along_the_borders_of_pixels_hides_these_and_no_more() -> None:
    hidden = on_picture([(4, 2), (9, 2), (9, 7), (4, 7)])
    assert hidden.sum() == 25
    assert hidden[2:7, 4:9].all()


def test_a_slit_narrower_than_a_pixel_hides_the_pixels_it_is_in() -> None:
    hidden = on_picture([(0, 3.2), (24, 3.2), (24, 3.4), (0, 3.4)])
    assert hidden[3].all()
    assert hidden.sum() == WIDTH


OUTLINE = [(10, 8), (40, 9), (24, 34)]
WELL_INSIDE = [(21, 14), (29, 14), (25, 22)]
KINDS = [*sorted(SPLIT), "yuv420p10le", "p010le", "rgb24", "gray10le", "gbrp"]


def picture(size: tuple[int, int], below: int) -> "np.typing.NDArray[np.uint8]":
    """The same noise with another noise well inside the mask, where a sample of colour that is
    shared with a pixel outside is not touched by it.
    """
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    area, hidden = touched(WELL_INSIDE, size)
    other = np.random.default_rng(below).integers(0, 256, (hidden.sum(), 3), np.uint8)
    noise[area][hidden] = other
    return noise


def planes(frame: av.VideoFrame) -> list["np.typing.NDArray[np.uint8]"]:
    parts = (np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size) for p in frame.planes)
    return [part[:, : plane.width] for part, plane in zip(parts, frame.planes, strict=True)]


@pytest.mark.parametrize("pixels", KINDS)
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_whatever_is_below_a_mask_the_planes_are_the_same(
    pixels: str, scale: int, size: tuple[int, int]
) -> None:
    masks = [Mask(tuple((x * scale, y * scale) for x, y in OUTLINE))]
    frames = [
        av.VideoFrame.from_ndarray(picture(size, below), format="rgb24").reformat(format=pixels)
        for below in (7, 8)
    ]
    first, second = (frame.reformat(format="rgb24").to_ndarray() for frame in frames)
    assert (first != second).any()
    burnt = [planes(Burning(masks).burnt(frame, scale)) for frame in frames]
    for one, other in zip(*burnt, strict=True):
        assert (one == other).all()
    area, hidden = touched(OUTLINE, size)
    assert (burnt[0][0][area][hidden] == 0).all()


@pytest.mark.parametrize("pixels", sorted(SPLIT))
def test_what_no_mask_touches_stays_as_it_was(pixels: str) -> None:
    frame = av.VideoFrame.from_ndarray(picture((64, 48), 7), format="rgb24").reformat(format=pixels)
    before = [plane.copy() for plane in planes(frame)]
    after = planes(Burning([Mask(tuple(OUTLINE))]).burnt(frame, 1))
    area, hidden = touched(OUTLINE, (64, 48))
    outside = np.ones((48, 64), bool)
    outside[area] = ~hidden
    assert (after[0][outside] == before[0][outside]).all()
    for was, now in zip(before, after, strict=True):
        assert (was == now).mean() > 0.6
