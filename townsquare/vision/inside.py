"""Whether what is drawn on a camera's picture lies on it. Pure."""

from collections.abc import Iterable, Sequence

from townsquare.model.camera import Line, Point, Zone
from townsquare.model.errors import Invalid
from townsquare.model.mask import Size


def require_inside(lines: Iterable[Line], zones: Iterable[Zone], size: tuple[int, int]) -> None:
    """Raises Invalid with the size of the picture."""
    drawn: list[tuple[str, Sequence[Point]]]
    drawn = [(f"line {line.name!r}", (line.a, line.b)) for line in lines]
    drawn += [(f"zone {zone.name!r}", zone.corners) for zone in zones]
    for name, points in drawn:
        for x, y in points:
            if not (0 <= x <= size[0] and 0 <= y <= size[1]):
                raise Invalid(
                    f"{name} lies outside the picture: {x:g}, {y:g}, where the picture is"
                    f" {size[0]} x {size[1]} pixels"
                )


def require_same(drawn_on: Size | None, size: Size) -> None:
    """Else a mask would lie elsewhere. Raises Invalid with both sizes."""
    if drawn_on not in {None, size}:
        raise Invalid(
            f"lines, zones and masks are drawn on {drawn_on[0]} x {drawn_on[1]} pixels, but the"
            f" picture is {size[0]} x {size[1]}; draw them anew and set drawn_on to it"
        )
