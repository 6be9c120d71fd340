"""What one rule sees of one entity, and what it finds there. Pure.

Always holds: what cannot be compared is unknown, and the time is that of the observation.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.alerts.rules import Crossing, Seen, Watched, threshold, within
from townsquare.model.change import Changed
from townsquare.model.entity import Entity, Json, urn
from townsquare.model.geometry import matches
from townsquare.model.rule import LONGEST_S, Rule

LONGEST = timedelta(seconds=LONGEST_S)  # back from when it was told: no duration is longer
Answers = Callable[[str], bool | None]  # does what is seen fulfil this q? None is unknown


def nothing_asked(q: str) -> bool | None:
    raise AssertionError(f"nobody has asked {q!r}")


@dataclass(frozen=True, slots=True)
class Raised:
    """`value` is what called for an operator; `seq` the news read by then."""

    alert: str
    rule: Rule
    source: Entity
    value: Json
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Its value came back, or there is nothing any more that could have one."""

    alert: str
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class KeptDead:
    """Its dead time kept it from being raised until its cause was over."""

    alert: str
    at: datetime
    seq: int


Finding = Raised | Ended | KeptDead


@dataclass(frozen=True, slots=True)
class Sight:
    """One entity as one rule sees it. The news behind `from_seq` led to `watched.since`."""

    rule: Rule
    source: Entity
    watched: Watched
    decided: int = 0
    from_seq: int = 0

    @property
    def holds(self) -> bool:
        """Whether a restart must read the news behind `from_seq` again. A silence needs none: it
        began with the observation that the entity still has.
        """
        rule = self.rule
        return rule.no_data_for_s is None or self.source.get(rule.attribute) is None


def alert_id(rule: Rule, source: str) -> str:
    """One alarm for each rule and entity: what returns is counted, not listed again.

    The short name of an entity of the rule's type has no colon and every other id has one, so
    no two entities share an alarm.
    """
    name = source.removeprefix(urn(rule.type, ""))
    return urn("Alert", f"{rule.name}:{source if ':' in name else name}")


def finding(sight: Sight, crossing: Crossing, seq: int) -> Finding:
    id = alert_id(sight.rule, sight.source.id)
    if crossing.event == "clear":
        return Ended(id, crossing.at, seq)
    if crossing.event == "dead":
        return KeptDead(id, crossing.at, seq)
    return Raised(id, sight.rule, sight.source, crossing.value, crossing.at, seq)


def concerns(rule: Rule, changed: Changed) -> bool:
    names = changed.attributes
    return rule.asks or rule.attribute in names or (bool(rule.area) and "location" in names)


def seeing(rule: Rule, present: Entity, at: datetime, answers: Answers) -> tuple[Seen, datetime]:
    """What it says of the rule's condition, and when that was observed."""
    value, observed_at = at_time(rule, present, at)
    if rule.no_data_for_s is not None:
        seen = Seen(True, None)
    elif rule.above is not None:
        seen = threshold(rule, value)
    else:
        seen = _asked(rule, answers)
    return within(_there(rule, present), seen) if rule.area else seen, observed_at


def _asked(rule: Rule, answers: Answers) -> Seen:
    begins = answers(rule.q) if rule.q else True
    if rule.ends_q:
        return Seen(begins, answers(rule.ends_q))
    return Seen(begins, None if begins is None else not begins)


def _there(rule: Rule, present: Entity) -> bool | None:
    """Whether it lies in the rule's area."""
    place = present.value("location")
    return None if place is None else matches(json.dumps(place), "within", rule.area, 0)


def at_time(rule: Rule, present: Entity, at: datetime) -> tuple[float | None, datetime]:
    if rule.asks:
        return None, at
    return reading(rule, present, at)


def reading(rule: Rule, present: Entity, at: datetime) -> tuple[float | None, datetime]:
    """The value and when it was observed; what cannot be compared with a threshold is unknown."""
    attribute = present.get(rule.attribute)
    if attribute is None:
        return None, at
    number = isinstance(attribute.value, int | float) and not isinstance(attribute.value, bool)
    return attribute.value if number else None, _credible(attribute.observed_at or at, at)


def _credible(observed_at: datetime, at: datetime) -> datetime:
    """A clock that is ahead must not keep later observations out, and one of long ago (whoever
    sends an observation says when it was made) must not open each window of a schedule since then.
    """
    return max(min(observed_at, at), at - LONGEST)
