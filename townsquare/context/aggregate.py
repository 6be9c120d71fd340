"""Aggregated values (ETSI GS CIM 009, clause 4.5.19): periods and methods. Pure."""

import math
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, TooComplex
from townsquare.store.past import Span, Tally, Window

MOST_PERIODS = 10_000  # more than an hour each for a year
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W|(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?"
    r"(?:(?P<days>\d{1,6})D)?(?:T(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,10}(?:[.,]\d{1,6})?)S)?)?)"
)


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months, and time that is always as long. Both nothing: as long as there is data."""

    months: int = 0
    time: timedelta = timedelta()

    def __bool__(self) -> bool:
        return bool(self.months or self.time)

    def least(self) -> timedelta:
        return timedelta(days=28) * self.months + self.time

    def mean(self) -> timedelta:
        return timedelta(days=30.436875) * self.months + self.time

    def after(self, start: datetime, times: int) -> datetime:
        """The end of as many of these behind each other; OverflowError past the year 9999."""
        year, month = divmod(start.year * 12 + start.month - 1 + self.months * times, 12)
        if year > datetime.max.year:
            raise OverflowError
        day = min(start.day, monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day) + self.time * times


def read_duration(text: str, name: str = "aggrPeriodDuration") -> Duration:
    """ISO 8601 as clause 4.5.19.1 allows it. Raises Invalid."""
    found = _DURATION.fullmatch(text)
    if not found or text[-1] in "PT":
        raise Invalid(f"{name} must be a duration like PT1H or P1D, is {text[:80]!r}")
    given = found.groupdict(default="0").items()
    part = {name: float(number.replace(",", ".")) for name, number in given}
    months = int(part.pop("years") * 12 + part.pop("months"))
    return Duration(months, timedelta(**part))


def edges(window: Window | None, data: Span, every: Duration) -> list[datetime]:
    """Where periods with data begin, and behind the last one its end. They are counted from the
    beginning of the window, or where it has none, of the data. Raises TooComplex.
    """
    start = (window and window.since) or data.first
    if not every:
        return [start, (window and window.until) or data.last]
    if (data.last - data.first) / every.least() > MOST_PERIODS:
        raise TooComplex(f"there would be more than {MOST_PERIODS} periods; ask for longer ones")
    try:
        place = _period(start, data.first, every)
        found = [every.after(start, place)]
        while found[-1] <= data.last:
            place += 1
            found.append(every.after(start, place))
    except OverflowError as error:
        raise Invalid("the periods reach beyond the year 9999") from error
    return found


def _period(start: datetime, at: datetime, every: Duration) -> int:
    """The place of the period with `at` in it."""
    place = max(0, int((at - start) / every.mean()) - 2)
    while every.after(start, place + 1) <= at:
        place += 1
    return place


# --- methods


@dataclass(frozen=True, slots=True)
class Aggregation:
    methods: tuple[str, ...]
    every: Duration


Method = Callable[[Tally], Json]


def _stddev(t: Tally) -> float:
    return math.sqrt(max(0.0, t.squares / t.numbers - (t.total / t.numbers) ** 2))


NUMBERS: Mapping[str, Method] = {
    "avg": lambda t: t.total / t.numbers,
    "max": lambda t: t.greatest,
    "min": lambda t: t.least,
    "stddev": _stddev,
    "sum": lambda t: t.total,
    "sumsq": lambda t: t.squares,
}
TEXTS: Mapping[str, Method] = {
    "max": lambda t: t.texts and t.texts[1],
    "min": lambda t: t.texts and t.texts[0],
}
ANY: Mapping[str, Method] = {
    "totalCount": lambda t: t.instances,
    "distinctCount": lambda t: t.distinct,
}
METHODS = frozenset(NUMBERS) | frozenset(ANY)
NOT_ARRAYS = frozenset({"stddev", "sumsq"})


def value(method: str, tally: Tally) -> Json:
    """None where the method does not apply to such values (tables 4.5.19.1-1 to -3)."""
    if method in ANY:
        return ANY[method](tally)
    if tally.numbers and not (method in NOT_ARRAYS and "array" in tally.kinds):
        return NUMBERS[method](tally)
    return TEXTS[method](tally) if method in TEXTS and tally.texts else None
