"""The alarms of this moment: how many in ten minutes and in an hour, and whether it is a flood.
Pure.
"""

from bisect import insort
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from townsquare.alerts.load.flood import TEN_MINUTES, Tide
from townsquare.alerts.load.period import HOUR


class Entered(NamedTuple):
    """An alarm came into a state. `instance` tells what was read twice."""

    recorded: datetime
    instance: str
    alarm: str
    state: str
    at: datetime


class Now(NamedTuple):
    ten_minutes: int
    hour: int
    flood: bool


class Tally:
    """Fed with what was recorded, in whichever portions; what comes twice counts once."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._rang: list[datetime] = []
        self._read: dict[str, datetime] = {}  # instances, and when they were recorded

    def read(self, entered: Iterable[Entered]) -> None:
        for one in sorted(entered):
            if one.instance not in self._read:
                self._read[one.instance] = one.recorded
                if one.state == "UNACK" != self._states.get(one.alarm):
                    insort(self._rang, one.at)
                self._states[one.alarm] = one.state

    def settle(self, recorded: datetime) -> None:
        """What was recorded before is not read again."""
        self._read = {id: then for id, then in self._read.items() if then >= recorded}

    def now(self, at: datetime) -> Now:
        """What is older than an hour is forgotten."""
        self._rang = [one for one in self._rang if one > at - HOUR]
        tide = Tide()
        for one in self._rang:
            tide.rise(min(one, at))
        tide.fall(at)
        return Now(tide.number, len(self._rang), tide.flooded)

    def left(self, at: datetime) -> timedelta | None:
        """Until the next alarm is ten minutes old, or an hour."""
        ends = (one + age for one in self._rang for age in (TEN_MINUTES, HOUR))
        return min((end - at for end in ends if end > at), default=None)
