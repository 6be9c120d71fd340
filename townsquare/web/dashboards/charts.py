"""Charts from what the store has summed up. Pure.

Always holds: a step of which nothing is known has no value, never 0; what was watched in part, is
a sample or still grows says so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from townsquare.context.temporal import Tally
from townsquare.vision.aligned import WINDOW
from townsquare.web.dashboards.measures import Measure
from townsquare.web.dashboards.spans import Span, Step

MOSTLY = 0.95  # a camera that was away for seconds is no news
# Of an entity and one of its attributes, by when the step began.
Tallies = Mapping[datetime, Mapping[tuple[str, str], Tally]]


class Point(Struct, frozen=True):
    """A step. `low` to `high` holds the truth 19 times in 20, where that is known."""

    since: datetime
    until: datetime
    value: float | None = None
    before_since: datetime | None = None
    before: float | None = None
    low: int | None = None
    high: int | None = None
    sample: bool = False
    part: bool = False
    growing: bool = False


class Chart(Struct, frozen=True):
    key: str
    title: str
    unit: str
    how: str
    points: Sequence[Point]

    @property
    def known(self) -> bool:
        return any(p.value is not None or p.before is not None for p in self.points)

    @property
    def sample(self) -> bool:
        return any(point.sample for point in self.points)

    @property
    def bounded(self) -> bool:
        return any(point.low is not None for point in self.points)


def chart(
    measure: Measure, span: Span, tallies: Tallies, known: datetime | None, now: datetime
) -> Chart:
    """`known` is from when on alarms are known: before, there being none says nothing."""

    def valued(step: Step | None) -> float | None:
        if step is None or step.since >= now:
            return None
        found = value(measure, tallies.get(step.since, {}))
        none = found is None and measure.how == "times" and known is not None
        return 0 if none and known and step.since >= known else found

    def point(step: Step, before: Step | None) -> Point:
        number = valued(step)
        made = Point(step.since, step.until, number, before and before.since, valued(before))
        return _remarked(made, measure, tallies.get(step.since, {}), now)

    points = [point(*both) for both in zip(span.steps, span.before, strict=True)]
    return Chart(measure.key, measure.title, measure.unit, measure.how, points)


def value(measure: Measure, there: Mapping[tuple[str, str], Tally]) -> float | None:
    """Of one step; None where nothing was told."""
    pairs = ((id, name) for id in measure.ids for name in measure.attributes)
    found = [there[pair] for pair in pairs if pair in there]
    if measure.how == "times":
        return sum(one.instances for one in found) if found else None
    numbers = [one for one in found if one.numbers]
    if not numbers:
        return None
    if measure.how == "most":
        return max(one.greatest for one in numbers if one.greatest is not None)
    total = sum(one.total for one in numbers)
    if measure.how == "sum":
        return round(total)
    return round(total / sum(one.numbers for one in numbers), 2)


def _remarked(
    point: Point, measure: Measure, there: Mapping[tuple[str, str], Tally], now: datetime
) -> Point:
    if point.value is None:
        return point
    growing = point.until > now
    sample = any((one := there.get((id, "sample"))) and one.total for id in measure.ids)
    part = measure.counted and not growing and _watched(measure, there, point) < MOSTLY
    low = high = None
    if measure.error and measure.how == "sum" and not sample:
        interval = measure.error.interval(int(point.value))
        low, high = interval.low, interval.high
    return Point(
        point.since, point.until, point.value, point.before_since, point.before,
        low, high, bool(sample), part, growing,
    )  # fmt: skip


def _watched(measure: Measure, there: Mapping[tuple[str, str], Tally], point: Point) -> float:
    """Share of the step, of all that is counted there."""
    shares = [there[id, "coverage"].total for id in measure.ids if (id, "coverage") in there]
    return sum(shares) * WINDOW / ((point.until - point.since) * max(1, len(measure.ids)))
