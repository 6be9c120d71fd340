"""What a check found: its state, what was seen, and what to do next. Pure.

Always holds: what is not known is `unknown`, never good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from townsquare.model import customs
from townsquare.model.texts import later, text

Key = tuple[str, str, str]  # of the same finding, a round later
State = Literal["good", "warning", "alarm", "unknown"]
# From the worst to the best.
STATES: Mapping[State, str] = {
    "alarm": later("alarm"),
    "warning": later("warning"),
    "unknown": later("unknown"),
    "good": later("good"),
}
# In the order in which they are shown.
TITLES: Mapping[str, str] = {
    "disk": later("Disk"),
    "clock": later("Clock"),
    "database": later("Database"),
    "log": later("Log"),
    "backup": later("Backup"),
    "certificates": later("Certificates"),
    "rooms": later("Rooms of the server"),
    "alarms": later("Delay of alarms"),
    "cameras": later("Cameras"),
    "sandbox": later("Confinement of what reads cameras"),
    "models": later("Models"),
    "devices": later("Devices"),
    "flows": later("Outgoing calls"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """An English text with its places still open, and what stands in them."""

    english: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """In the language of who reads."""
        return text(self.english, **{name: _said(value) for name, value in self.values.items()})


def _said(value: object) -> object:
    return customs.number(value) if isinstance(value, int | float) else value


def words(english: str, **values: object) -> Words:
    return Words(english, values)


NOTHING = Words("")
UNKNOWN = Words(later("Nothing is known about it."))


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is which of several things it is about; `since` when it came into this state, as
    far as is known.
    """

    check: str
    state: State
    seen: Words
    next: Words = NOTHING
    subject: str = ""
    since: datetime | None = None

    @property
    def key(self) -> Key:
        return self.check, self.subject, self.seen.english


def unknown(check: str, next: Words = NOTHING) -> Finding:
    return Finding(check, "unknown", UNKNOWN, next)


def worst(findings: Iterable[Finding]) -> State:
    found = {finding.state for finding in findings}
    return next((state for state in STATES if state in found), "unknown")


def by_check(findings: Sequence[Finding]) -> Mapping[str, Sequence[Finding]]:
    """Worst first within a check; every check is there."""
    rank = list(STATES)
    ordered = sorted(findings, key=lambda one: rank.index(one.state))
    return {check: [one for one in ordered if one.check == check] for check in TITLES}
