"""A time of which the load is told. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """`days` are the town's days in it: where each begins, and where the last one ends. An operator
    position has the alarms that are given with its period.
    """

    since: datetime
    until: datetime
    days: tuple[datetime, ...]
    position: str
