"""Whom an alarm calls that nobody acknowledges, and when. Pure.

Always holds: what is due follows from the alarm as it is kept, the chain, and the calls that are
kept as made. So a room that was killed makes no call twice that it has kept, and forgets none;
`Due.key` is the same whenever it is asked, and a receiver may drop what it had before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from townsquare.alerts.notify.hours import Quiet, awake, never_ends
from townsquare.model.entity import Entity, iso
from townsquare.model.errors import Invalid

MOST_S = 24 * 3600
MOST_LOOPS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """`after_s` seconds after the alarm called, whoever is on call in these rotations is told."""

    after_s: float
    rotations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """`last_s` is what the last step has for an answer before it all begins again."""

    steps: tuple[Step, ...]
    loops: int = 2
    last_s: float = 300

    def __post_init__(self) -> None:
        delays = [step.after_s for step in self.steps]
        if not delays:
            raise Invalid("a chain needs one step at least")
        # Said so that what is no number is refused, too.
        if not (delays[0] >= 0 and all(after < then for after, then in pairwise(delays))):
            raise Invalid(f"delays {delays} s of a chain must rise from 0 or more")
        if not (0 < self.last_s <= MOST_S and delays[-1] <= MOST_S):
            raise Invalid(f"delays {delays} and last_s {self.last_s} of a chain take up to a day")
        if not 1 <= self.loops <= MOST_LOOPS:
            raise Invalid(f"a chain of {self.loops} loops; give 1 to {MOST_LOOPS}")

    @property
    def round_s(self) -> float:
        return self.steps[-1].after_s + self.last_s


@dataclass(frozen=True, slots=True)
class Call:
    """An alarm that wants an answer. `since` is when the house came to know, not when it was
    observed: what an edge box tells hours late has kept nobody waiting.
    """

    alert: str
    severity: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """`step` counts through all loops, from 0."""

    alert: str
    since: datetime
    step: int
    rotation: str
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.alert}|{iso(self.since)}|{self.step}|{self.rotation}"


@dataclass(frozen=True, slots=True)
class Plan:
    """`next` is when to look again if nothing else happens; None where there is nothing more."""

    due: tuple[Due, ...]
    next: datetime | None
    unanswered: bool


NOTHING = Plan((), None, unanswered=False)


@dataclass(frozen=True, slots=True)
class Escalation:
    """How this town calls. A severity without a chain calls nobody."""

    chains: Mapping[str, Chain]
    zone: ZoneInfo
    quiet: tuple[Quiet, ...] = ()

    def __post_init__(self) -> None:
        for severity in self.chains:
            if never_ends([q for q in self.quiet if severity in q.severities]):
                raise Invalid(f"the quiet hours of {severity} alarms leave no time to call anybody")

    def plan(self, call: Call | None, made: Collection[str], now: datetime) -> Plan:
        """`made` are the keys of calls that are kept as made."""
        if call is None or call.severity not in self.chains:
            return NOTHING
        chain = self.chains[call.severity]
        times = self._times(call, chain)
        ahead = [at for at in times if at > now]
        ends = self._at(call, chain.loops * chain.round_s)
        then = min(ahead, default=ends if ends > now else None)
        # One for each rotation: after a stop of the house nobody is called for each step it missed.
        latest = {
            to: Due(call.alert, call.since, n, to, at)
            for n, at in enumerate(times)
            if at <= now
            for to in chain.steps[n % len(chain.steps)].rotations
        }
        due = tuple(d for d in latest.values() if d.key not in made)
        return Plan(due, then, unanswered=ends <= now)

    def _times(self, call: Call, chain: Chain) -> list[datetime]:
        """Of the steps through all loops."""
        return [
            self._at(call, loop * chain.round_s + step.after_s)
            for loop in range(chain.loops)
            for step in chain.steps
        ]

    def _at(self, call: Call, after_s: float) -> datetime:
        """Quiet hours stop the chain; it goes on where it was when they are over."""
        wait = timedelta(seconds=after_s)
        return awake(call.since, wait, call.severity, self.quiet, self.zone)


def call(alert: Entity) -> Call | None:
    """None where nobody need be called: acknowledged, over, or put aside."""
    state = alert.get("state")
    if state is None or state.value != "UNACK":
        return None
    # Written once for all the times that it comes and goes before somebody answers: else its chain
    # would begin anew each time, and never come to the second who is called.
    waits = alert.get("waitsSince") or state
    since = waits.modified_at or state.observed_at
    return Call(alert.id, str(alert.value("severity")), since) if since else None


def grouped(dues: Iterable[Due]) -> Mapping[tuple[str, datetime], Sequence[Due]]:
    """Those that one message tells: to the same rotation, due at the same moment, as all are that
    waited for the same quiet hours to end.
    """
    found: defaultdict[tuple[str, datetime], list[Due]] = defaultdict(list)
    for due in dues:
        found[due.rotation, due.at].append(due)
    return found
