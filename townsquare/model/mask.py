"""Parts of a camera's picture that nobody and nothing may look at: windows, doors, gardens. Pure.

A mask hides everything that its outline goes around, also where the outline crosses itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from townsquare.model.errors import Invalid

Point = tuple[float, float]
Size = tuple[int, int]  # of a picture: width and height in pixels

ALONG = 100  # places at which a line is looked at
ACROSS = 24  # the same in each direction of a zone, or of the whole picture


@dataclass(frozen=True, slots=True)
class Mask:
    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len(self.corners) < 3:
            raise Invalid(f"a mask needs at least 3 corners, not {len(self.corners)}")
        if _on_one_line(self.corners):
            where = ", ".join(f"[{x:g}, {y:g}]" for x, y in self.corners[:6])
            raise Invalid(f"a mask with corners {where} has no area: it hides nothing")

    def hides(self, p: Point) -> bool:
        """Whether its outline goes around p, however often."""
        x, y = p
        turns = 0
        for (ax, ay), (bx, by) in zip(
            self.corners, self.corners[1:] + self.corners[:1], strict=True
        ):
            if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
                turns += 1 if by > ay else -1
        return turns != 0


def hidden(masks: Sequence[Mask], corners: Sequence[Point]) -> float:
    """Share of a line (two corners) or zone (more) that lies under masks."""
    places = list(_along(*corners) if len(corners) == 2 else _within(corners))
    return sum(any(mask.hides(p) for mask in masks) for p in places) / len(places)


def require_room(masks: Sequence[Mask], size: Size) -> None:
    """Raises Invalid where a mask is not on the picture, or nothing is left of that."""
    width, height = size
    for number, mask in enumerate(masks, 1):
        for x, y in mask.corners:
            if not (0 <= x <= width and 0 <= y <= height):
                raise Invalid(
                    f"mask {number} lies outside the picture: {x:g}, {y:g}, where the picture is"
                    f" {width} x {height} pixels"
                )
    whole = ((0, 0), (width, 0), (width, height), (0, height))
    if masks and hidden(masks, whole) == 1:
        raise Invalid("its masks hide all of the picture; leave free what is to be counted")


def _along(a: Point, b: Point) -> Iterator[Point]:
    for n in range(ALONG):
        share = (n + 0.5) / ALONG
        yield (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))


def _within(corners: Sequence[Point]) -> Iterator[Point]:
    """Places of a grid; the corners of what is too narrow for one."""
    (left, right), (top, bottom) = ((min(axis), max(axis)) for axis in zip(*corners, strict=True))
    whole = Mask(tuple(corners)) if not _on_one_line(corners) else None
    places = [
        (left + (right - left) * (i + 0.5) / ACROSS, top + (bottom - top) * (j + 0.5) / ACROSS)
        for i in range(ACROSS)
        for j in range(ACROSS)
    ]
    yield from [p for p in places if whole and whole.hides(p)] or corners


def _on_one_line(corners: Sequence[Point]) -> bool:
    """Also where all are one point."""
    (ax, ay), *others = corners
    bx, by = max(others, key=lambda p: (p[0] - ax) ** 2 + (p[1] - ay) ** 2)
    return all(abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) < 1e-9 for x, y in others)
