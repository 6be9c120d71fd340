"""Which alarms are silent because another one names their cause. Pure.

Always holds: what silences others is an alarm whose cause lasts and that is not silenced itself;
no critical alarm is silenced, and none that somebody has acknowledged. What is silenced comes
back when that alarm is over and its own cause lasts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from townsquare.alerts.flood.alarm import Alarm
from townsquare.alerts.flood.rows import WINDOW

# What depends on a box that has returned tells in this time that it works again.
GRACE = timedelta(seconds=120)


def silencer(upstream: Sequence[str], alarms: Iterable[Alarm]) -> Alarm | None:
    """The alarm that explains those of what depends on these sources; they are nearest first."""
    explains = {a.source: a for a in alarms if _explains(a)}
    return next((explains[id] for id in upstream if id in explains), None)


def _explains(alarm: Alarm) -> bool:
    return alarm.silences and alarm.active and alarm.suppression in ("none", "shelved")


def may_be_silenced(alarm: Alarm) -> bool:
    return alarm.queued and alarm.active and not alarm.acked and not alarm.critical


def raised_with(cause: Alarm, alarms: Iterable[Alarm]) -> list[Alarm]:
    """Those that may be consequences and were heard before it: a box is missed later than what
    hangs on it.
    """
    if not _explains(cause):
        return []
    first = cause.raised - WINDOW
    return [a for a in alarms if may_be_silenced(a) and a.id != cause.id and a.raised >= first]


def why(cause: Alarm, name: str) -> str:
    return f"silenced by the alarm {name or cause.id}: it depends on {cause.source}"


# --- how it ends


def due(silenced: Alarm, cause: Alarm | None, now: datetime) -> datetime | None:
    """When it is heard again; None while its cause is explained."""
    if not silenced.active or cause is None or cause.suppression == "outOfService":
        return now
    if cause.active:
        return None
    return (cause.returned or now) + GRACE
