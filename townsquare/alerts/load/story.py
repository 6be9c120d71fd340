"""What happened to the alarms, told from the transitions of their states. Pure.

Always holds: an annunciation is a transition into UNACK and nothing else; what was hidden
(shelved, suppressed, out of service) is neither active nor waiting as long as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

ACTIVE = frozenset({"UNACK", "ACKED"})
HIDDEN = frozenset({"SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"})


class Transition(NamedTuple):
    """`state` is the one that the alarm came into, `severity` the one it had then; `why` it was put
    aside, where it was, and the `row` of the queue it stood in.
    """

    at: datetime
    alarm: str
    state: str
    severity: str
    why: str = ""
    row: str = ""


class Stretch(NamedTuple):
    """How long the cause lasted in sight; `until` None: it still does."""

    alarm: str
    since: datetime
    until: datetime | None
    severity: str
    acknowledged: bool


class Wait(NamedTuple):
    """From the first annunciation that nobody had acknowledged; `took` None: nobody has yet."""

    since: datetime
    severity: str
    took: timedelta | None


class Stay(NamedTuple):
    """How long an alarm was hidden; `until` None: it still is."""

    alarm: str
    state: str
    since: datetime
    until: datetime | None
    why: str = ""


@dataclass(slots=True)
class Story:
    """Annunciations are in their order; returns and acknowledgements are times of such."""

    annunciations: list[Transition] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    returns: list[datetime] = field(default_factory=list)
    acknowledgements: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class _Alarm:
    """One alarm on its way through its states."""

    told: Story
    state: str = ""
    active: Transition | None = None  # since when its cause lasts
    seen: bool = False  # somebody acknowledged that
    waiting: Transition | None = None
    hidden: Transition | None = None

    def enter(self, now: Transition) -> None:
        if now.state == self.state:
            return
        self._leave(now)
        if now.state == "UNACK":
            self.told.annunciations.append(now)
            self.waiting = self.waiting or now
            self.seen = False
        if now.state in ACTIVE:
            self.active = self.active or now
        if now.state == "RTN_UNACK":
            self.told.returns.append(now.at)
        if now.state in HIDDEN:
            self.hidden, self.waiting = now, None
        self.state = now.state

    def _leave(self, now: Transition) -> None:
        if self.hidden:
            self._hidden_until(now.at)
        if _acknowledges(self.state, now.state):
            self.told.acknowledgements.append(now.at)
            self.seen = True
            if self.waiting:
                self._waited(now.at - self.waiting.at)
        if self.active and now.state not in ACTIVE:
            self._active_until(now.at)

    def end(self) -> None:
        """What has not ended by then is told as such."""
        if self.hidden:
            self._hidden_until(None)
        if self.waiting:
            self._waited(None)
        if self.active:
            self._active_until(None)

    def _hidden_until(self, until: datetime | None) -> None:
        if then := self.hidden:
            self.told.stays.append(Stay(then.alarm, then.state, then.at, until, then.why))
        self.hidden = None

    def _waited(self, took: timedelta | None) -> None:
        if then := self.waiting:
            self.told.waits.append(Wait(then.at, then.severity, took))
        self.waiting = None

    def _active_until(self, until: datetime | None) -> None:
        if then := self.active:
            of = Stretch(then.alarm, then.at, until, then.severity, self.seen)
            self.told.stretches.append(of)
        self.active = None


def _acknowledges(before: str, after: str) -> bool:
    """An alarm that is over waits as well, until somebody has seen it; what latches, waits on."""
    if before == "UNACK":
        return after == "ACKED"
    return before == "RTN_UNACK" and after in ("NORMAL", "LATCHED_RTN")


def story(transitions: Iterable[Transition]) -> Story:
    """In whichever order they are given; of one moment in the order given."""
    told = Story()
    alarms: dict[str, _Alarm] = {}
    for now in sorted(transitions, key=lambda one: one.at):
        if now.alarm not in alarms:
            alarms[now.alarm] = _Alarm(told)
        alarms[now.alarm].enter(now)
    for alarm in alarms.values():
        alarm.end()
    return told
