"""What a mask hides, by hand-made outlines."""

import pytest

from townsquare.model.mask import Mask, Point, hidden

SQUARE = Mask(((2, 2), (6, 2), (6, 6), (2, 6)))
# Crosses itself: two triangles that touch at 4, 4.
BOW = Mask(((0, 0), (8, 8), (8, 0), (0, 8)))
# A star drawn in one go goes around its middle twice.
STAR = Mask(((5, 0), (8, 9), (0, 3), (10, 3), (2, 9)))
HOOK = Mask(((0, 0), (9, 0), (9, 3), (3, 3), (3, 9), (0, 9)))


@pytest.mark.parametrize(
    ("mask", "p", "hides"),
    [
        (SQUARE, (4, 4), True),
        (SQUARE, (1, 4), False),
        (SQUARE, (4, 7), False),
        (BOW, (1, 4), True),
        (BOW, (7, 4), True),
        (BOW, (4, 1), False),
        (STAR, (5, 5), True),
        (STAR, (1, 8), False),
        (HOOK, (1, 8), True),
        (HOOK, (8, 8), False),
    ],
)
def test_everything_that_an_outline_goes_around_is_hidden(
    mask: Mask, p: Point, hides: bool
) -> None:
    turned_around = Mask(mask.corners[::-1])
    assert (mask.hides(p), turned_around.hides(p)) == (hides, hides)


@pytest.mark.parametrize(
    ("corners", "share"),
    [
        (((4, 0), (4, 8)), 0.5),
        (((4, 3), (4, 5)), 1.0),
        (((0, 0), (0, 8)), 0.0),
        (((2, 2), (10, 2), (10, 6), (2, 6)), 0.5),
        (((3, 3), (5, 3), (5, 5)), 1.0),
        (((4, 3), (4, 5), (4, 4)), 1.0),  # a zone without an area
    ],
)
def test_how_much_of_a_line_or_zone_lies_under_masks(
    corners: tuple[Point, ...], share: float
) -> None:
    assert hidden([SQUARE], corners) == pytest.approx(share, abs=0.05)


def test_two_masks_hide_together() -> None:
    beside = Mask(((6, 2), (10, 2), (10, 6), (6, 6)))
    assert hidden([SQUARE, beside], ((3, 4), (9, 4))) == 1
