"""What the rules make of the city's news. No I/O: news and time in, findings out.

Always holds: a crossing is found once, however often the same news is read. For that an alarm
remembers the sequence number up to which it was decided, and `settled` keeps back the news
that an unfinished duration began with.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from townsquare.alerts.rules import Step, Watched, due, elapsed, observed
from townsquare.model.change import Changed
from townsquare.model.entity import Entity, urn
from townsquare.model.rule import Rule


@dataclass(frozen=True, slots=True)
class Decided:
    """How an alarm stands, and the news up to which that was decided."""

    active: bool
    seq: int


@dataclass(frozen=True, slots=True)
class Raised:
    """`value` is what called for an operator; `seq` the news read by then."""

    alert: str
    rule: Rule
    source: Entity
    value: float
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Its value came back, or there is nothing any more that could have one."""

    alert: str
    at: datetime
    seq: int


Finding = Raised | Ended


@dataclass(frozen=True, slots=True)
class _Sight:
    """One entity as one rule sees it. The news behind `from_seq` led to `watched.since`."""

    rule: Rule
    source: Entity
    watched: Watched
    decided: int = 0
    from_seq: int = 0


def alert_id(rule: Rule, source: str) -> str:
    """One alarm for each rule and entity: what returns is counted, not listed again.

    The short name of an entity of the rule's type has no colon and every other id has one, so
    no two entities share an alarm.
    """
    name = source.removeprefix(urn(rule.type, ""))
    return urn("Alert", f"{rule.name}:{source if ':' in name else name}")


class Lookout:
    """`decided` tells by the id of an alarm where it stands; `seq` is the news already read."""

    def __init__(self, rules: Sequence[Rule], decided: Mapping[str, Decided], seq: int) -> None:
        self.seq = seq
        self._decided = dict(decided)  # of those that are not in sight yet
        self._rules: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._rules[rule.type].append(rule)
        self._sights: dict[str, _Sight] = {}
        self._unfinished: dict[str, _Sight] = {}  # those with a duration that runs

    def read(self, changed: Changed) -> list[Finding]:
        """News in their order, all of them."""
        self.seq = max(self.seq, changed.seq)
        if changed.tenant:
            return []
        before, after = self._of(changed.before), self._of(changed.after)
        found = []
        for rule in before:
            if changed.before and rule not in after:
                found += self._lose(self._sight(rule, changed.before), changed)
        for rule in after:
            if changed.after and rule.attribute in changed.attributes:
                sight = self._sight(rule, changed.after)
                if changed.seq > sight.decided:
                    found += self._see(sight, changed.at, changed.seq - 1)
        return found

    def look(self, present: Entity) -> list[Finding]:
        """At an entity of which there is no news, when the house starts."""
        found = []
        for rule in self._of(present):
            if present.modified_at:
                found += self._see(self._sight(rule, present), present.modified_at, self.seq)
        return found

    def watches(self, present: Entity) -> list[str]:
        """Alarms that it can raise and end."""
        return [alert_id(rule, present.id) for rule in self._of(present)]

    def forget(self, alert: str, at: datetime, seq: int) -> list[Finding]:
        """What the alarm was about is not there, and of that there is no news."""
        self._decided[alert] = Decided(active=False, seq=seq)
        return [Ended(alert, at, seq)]

    def elapse(self, until: datetime) -> list[Finding]:
        """All news up to `until` must have been read."""
        found = []
        for sight in list(self._unfinished.values()):
            found += self._step(sight, elapsed(sight.rule, sight.watched, until), sight.from_seq)
        return found

    def due(self) -> datetime | None:
        """When time alone will bring the next finding."""
        times = (due(sight.rule, sight.watched) for sight in self._unfinished.values())
        return min((at for at in times if at), default=None)

    def settled(self) -> int:
        """A restart may go on behind this news."""
        return min((sight.from_seq for sight in self._unfinished.values()), default=self.seq)

    def _of(self, source: Entity | None) -> list[Rule]:
        if source is None:
            return []
        return [
            rule
            for type in source.types
            for rule in self._rules.get(type, ())
            if rule.scope in source.scope or not (rule.scope or source.scope)
        ]

    def _sight(self, rule: Rule, source: Entity) -> _Sight:
        id = alert_id(rule, source.id)
        if id in self._sights:
            return replace(self._sights[id], source=source)
        before = self._decided.get(id, Decided(active=False, seq=0))
        return _Sight(rule, source, Watched(active=before.active), before.seq)

    def _see(self, sight: _Sight, at: datetime, from_seq: int) -> list[Finding]:
        value, observed_at = reading(sight.rule, sight.source, at)
        return self._step(sight, observed(sight.rule, sight.watched, value, observed_at), from_seq)

    def _lose(self, sight: _Sight, changed: Changed) -> list[Finding]:
        """The entity was deleted, or the rule does not look at it any more."""
        if changed.seq <= sight.decided:
            return []
        last = elapsed(sight.rule, sight.watched, changed.at)
        found = self._step(sight, last, sight.from_seq)
        id = alert_id(sight.rule, sight.source.id)
        del self._sights[id]
        self._unfinished.pop(id, None)
        return [*found, Ended(id, changed.at, self.seq)] if last[0].active else found

    def _step(self, sight: _Sight, step: Step, from_seq: int) -> list[Finding]:
        watched, crossing = step
        if watched.since != sight.watched.since:
            sight = replace(sight, from_seq=from_seq)
        id = alert_id(sight.rule, sight.source.id)
        self._decided.pop(id, None)
        self._sights[id] = self._unfinished[id] = replace(sight, watched=watched)
        if watched.since is None:
            del self._unfinished[id]
        if crossing is None:
            return []
        if crossing.event == "clear":
            return [Ended(id, crossing.at, self.seq)]
        return [Raised(id, sight.rule, sight.source, crossing.value, crossing.at, self.seq)]


def reading(rule: Rule, present: Entity, at: datetime) -> tuple[float | None, datetime]:
    """The value and when it was observed; what cannot be compared with a threshold is unknown."""
    attribute = present.get(rule.attribute)
    if attribute is None:
        return None, at
    number = isinstance(attribute.value, int | float) and not isinstance(attribute.value, bool)
    # A clock that is ahead must not keep later observations out.
    return attribute.value if number else None, min(attribute.observed_at or at, at)
