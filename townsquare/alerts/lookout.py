"""What the rules make of the city's news. No I/O: news and time in, findings out.

Always holds: a crossing is found once, however often the same news is read. For that an alarm
remembers the sequence number up to which it was decided, and `settled` keeps back the news
that an unfinished duration began with.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from townsquare.alerts.rules import Step, Watched, due, elapsed, observed
from townsquare.alerts.sight import (
    Answers,
    Ended,
    Finding,
    Sight,
    alert_id,
    concerns,
    finding,
    nothing_asked,
    reading,
    seeing,
)
from townsquare.model.change import Changed
from townsquare.model.entity import Entity
from townsquare.model.rule import Rule

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Decided:
    """How an alarm stands, the news up to which that was decided, and when it was last raised
    and ended.
    """

    active: bool
    seq: int
    raised: datetime | None = None
    ended: datetime | None = None


class Lookout:
    """`decided` tells by the id of an alarm where it stands; `seq` is the news already read."""

    def __init__(
        self,
        rules: Sequence[Rule],
        decided: Mapping[str, Decided],
        seq: int,
        zone: ZoneInfo = UTC,
    ) -> None:
        self.seq = seq
        self.zone = zone  # of the town, for schedules
        self._decided = dict(decided)  # of those that are not in sight yet
        self._rules: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._rules[rule.type].append(rule)
        self._sights: dict[str, Sight] = {}
        self._unfinished: dict[str, Sight] = {}  # those that time alone will change
        self._due: datetime | None = None  # none of them is earlier

    def asks(self, present: Entity) -> set[str]:
        """The q to be answered before it is seen."""
        return {q for rule in self._of(present) for q in (rule.q, rule.ends_q) if q}

    def read(self, changed: Changed, answers: Answers = nothing_asked) -> list[Finding]:
        """News in their order, all of them; `answers` about how the entity is after them."""
        self.seq = max(self.seq, changed.seq)
        if changed.tenant:
            return []
        before, after = self._of(changed.before), self._of(changed.after)
        found = []
        for rule in before:
            if changed.before and rule not in after:
                found += self._lose(self._sight(rule, changed.before), changed)
        for rule in after:
            if changed.after:
                found += self._heard(self._sight(rule, changed.after), changed, answers)
        return found

    def _heard(self, sight: Sight, changed: Changed, answers: Answers) -> list[Finding]:
        rule, from_seq = sight.rule, changed.seq - 1
        # A rule that is new knows nothing yet of what it compares.
        fresh = alert_id(rule, sight.source.id) not in self._sights
        silence = rule.no_data_for_s is not None
        if changed.seq > sight.decided and (concerns(rule, changed) or (fresh and not silence)):
            return self._see(sight, changed.at, from_seq, answers)
        if silence and fresh:
            self._listen(sight, changed.at, from_seq)
        return []

    def look(self, present: Entity, answers: Answers = nothing_asked) -> list[Finding]:
        """At an entity of which there is no news, when the house starts."""
        found = []
        for rule in self._of(present):
            sight, at = self._sight(rule, present), present.modified_at
            if at and rule.no_data_for_s is not None:
                self._listen(sight, at, self.seq)
            elif at:
                found += self._see(sight, at, self.seq, answers)
        return found

    def _listen(self, sight: Sight, at: datetime, from_seq: int) -> None:
        """For the end of a silence that began before there was any news."""
        _, since = reading(sight.rule, sight.source, at)
        watched = replace(sight.watched, begun=since, at=since)
        self._step(replace(sight, from_seq=from_seq), (watched, ()), from_seq, self.seq)

    def watches(self, present: Entity) -> list[str]:
        """Alarms that it can raise and end."""
        return [alert_id(rule, present.id) for rule in self._of(present)]

    def forget(self, alert: str, at: datetime, seq: int) -> list[Finding]:
        """What the alarm was about is not there, and of that there is no news."""
        self._decided[alert] = Decided(active=False, seq=seq, ended=at)
        return [Ended(alert, at, seq)]

    def elapse(self, until: datetime) -> list[Finding]:
        """All news up to `until` must have been read."""
        if self._due is None or until < self._due:
            return []
        found = []
        for sight in list(self._unfinished.values()):
            step = elapsed(sight.rule, sight.watched, until, self.zone)
            found += self._step(sight, step, self.seq, self.seq)
        times = (due(s.rule, s.watched, self.zone) for s in self._unfinished.values())
        self._due = min((at for at in times if at), default=None)
        return found

    def due(self) -> datetime | None:
        """When time alone brings the next finding, or earlier: it is not computed anew for each
        observation that puts it off.
        """
        return self._due if self._unfinished else None

    def settled(self) -> int:
        """A restart may go on behind this news."""
        unfinished = (s for s in self._unfinished.values() if s.watched.since and s.holds)
        return min((sight.from_seq for sight in unfinished), default=self.seq)

    def _of(self, source: Entity | None) -> list[Rule]:
        if source is None:
            return []
        return [
            rule
            for type in source.types
            for rule in self._rules.get(type, ())
            if rule.scope in source.scope or not (rule.scope or source.scope)
        ]

    def _sight(self, rule: Rule, source: Entity) -> Sight:
        id = alert_id(rule, source.id)
        if id in self._sights:
            return replace(self._sights[id], source=source)
        before = self._decided.get(id, Decided(active=False, seq=0))
        watched = Watched(active=before.active, raised=before.raised, ended=before.ended)
        return Sight(rule, source, watched, before.seq)

    def _see(self, sight: Sight, at: datetime, from_seq: int, answers: Answers) -> list[Finding]:
        seen, observed_at = seeing(sight.rule, sight.source, at, answers)
        # What time alone brought until then was decided without this news.
        until = elapsed(sight.rule, sight.watched, observed_at, self.zone)
        found = self._step(sight, until, from_seq, min(from_seq, self.seq))
        sight = replace(self._sights[alert_id(sight.rule, sight.source.id)], source=sight.source)
        step = observed(sight.rule, sight.watched, seen, observed_at, self.zone)
        return found + self._step(sight, step, from_seq, self.seq)

    def _lose(self, sight: Sight, changed: Changed) -> list[Finding]:
        """The entity was deleted, or the rule does not look at it any more."""
        if changed.seq <= sight.decided:
            return []
        id = alert_id(sight.rule, sight.source.id)
        watched, _ = step = elapsed(sight.rule, sight.watched, changed.at, self.zone)
        found = self._step(sight, step, sight.from_seq, self.seq)
        del self._sights[id]
        self._unfinished.pop(id, None)
        ended = changed.at if watched.active else watched.ended
        if sight.rule.dead_time_s and ended:
            self._decided[id] = Decided(False, self.seq, watched.raised, ended)
        return [*found, Ended(id, changed.at, self.seq)] if watched.active else found

    def _step(self, sight: Sight, step: Step, from_seq: int, seq: int) -> list[Finding]:
        watched, crossings = step
        if watched.since != sight.watched.since:
            sight = replace(sight, from_seq=from_seq)
        id = alert_id(sight.rule, sight.source.id)
        self._decided.pop(id, None)
        self._sights[id] = self._unfinished[id] = replace(sight, watched=watched)
        if (at := due(sight.rule, watched, self.zone)) is None:
            del self._unfinished[id]
        elif self._due is None or at < self._due:
            self._due = at
        return [finding(sight, crossing, seq) for crossing in crossings]
