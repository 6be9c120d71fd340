"""When how many alarms rang, in bars of ten minutes."""

from datetime import UTC, datetime, timedelta

from townsquare.alerts.load.story import Transition
from townsquare.alerts.load.timeline import Bin, Rang, rang, timeline

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def alarm(minute: float, severity: str) -> Transition:
    return Transition(NOON + timedelta(minutes=minute), "a", "UNACK", severity)


def test_each_alarm_is_in_the_bar_that_it_rang_in() -> None:
    alarms = [alarm(0, "low"), alarm(9.99, "low"), alarm(10, "critical"), alarm(29.5, "high")]
    told = timeline(rang([*alarms, alarm(-1, "high"), alarm(30, "high")], NOON), NOON, NOON, 3)
    assert told.bins == [
        Bin(NOON, low=2),
        Bin(NOON + timedelta(minutes=10), critical=1),
        Bin(NOON + timedelta(minutes=20), high=1),
    ]
    assert told.step_minutes == 10
    assert told.known_since == NOON


def test_a_quiet_day_is_told_as_zeros_and_what_is_unknown_by_its_date() -> None:
    told = timeline(Rang(), None, NOON, 145)
    assert len(told.bins) == 145
    assert not any(bin.critical + bin.high + bin.medium + bin.low for bin in told.bins)
    assert told.known_since is None
