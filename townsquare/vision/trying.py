"""What lines would have counted in the last minutes: question, bounds and answer. Pure.

With many short lines one could follow a way through the picture piece by piece. So a question has
few lines, none of them short, and comes seldom; the answer has sums of a minute at least, without
times. While it may be asked a preview runs, which shows where everybody is twice a second.
"""

import math
from collections.abc import Collection, Sequence
from datetime import datetime

from townsquare.model.camera import Line, Point, RoadUser
from townsquare.model.errors import Invalid
from townsquare.vision.lately import Lately
from townsquare.vision.observation import MOST_TRIED, Passages, Tried
from townsquare.vision.wire import Try

EVERY_S = 4.0  # seconds between two questions about one camera
LEAST_S = 60.0  # watched; a sum of less is nearly the moment itself
SHORTEST = 1 / 16  # of the width of the picture
Ends = tuple[Point, Point]


def require_askable(lines: Sequence[Ends], size: tuple[int, int] | None) -> None:
    """Raises Invalid with what to do."""
    if size is None:
        raise Invalid("the camera has shown no picture yet; try again when it works")
    if not 0 < len(lines) <= MOST_TRIED:
        raise Invalid(f"1 to {MOST_TRIED} lines can be tried at once, not {len(lines)}")
    width, height = size
    for number, (a, b) in enumerate(lines, 1):
        if math.dist(a, b) < width * SHORTEST:
            raise Invalid(
                f"line {number} is too short to be tried: it takes {width * SHORTEST:.0f} pixels,"
                " so that nobody can be followed with it"
            )
        if not all(0 <= x <= width and 0 <= y <= height for x, y in (a, b)):
            raise Invalid(
                f"line {number} lies outside the picture, which is {width} x {height} pixels"
            )


def answered(
    asked: Try,
    lately: Lately,
    classes: Collection[RoadUser],
    size: tuple[int, int] | None,
    at_s: float,
) -> Tried:
    """In the worker, by the code that counts live. What may not be asked has no counts."""
    over_s = min(round(lately.watched_s(at_s), 1), 300.0)
    try:
        require_askable(asked.lines, size)
    except Invalid:
        return Tried(asked.camera, asked.id, over_s, ())
    if over_s < LEAST_S:
        return Tried(asked.camera, asked.id, over_s, ())
    lines = [Line(str(n), a, b) for n, (a, b) in enumerate(asked.lines)]
    counts = tuple(
        Passages(int(crossing.line), crossing.of, crossing.direction, n)
        for crossing, n in sorted(lately.counted(lines, at_s).items(), key=str)
        if crossing.of in classes
    )
    return Tried(asked.camera, asked.id, over_s, counts)


def waits_s(asked: datetime | None, now: datetime) -> int:
    """How long until the next question may come; 0 where it may now."""
    gone_s = (now - asked).total_seconds() if asked else EVERY_S
    return max(0, math.ceil(EVERY_S - gone_s))
