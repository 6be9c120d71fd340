"""An alarm as an entity: what changes in it when its cause begins and ends. Pure.

Always holds: a change names the version it was computed from, so that an operator and the
rules cannot overwrite each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from townsquare.alerts.lifecycle import State, active, after
from townsquare.alerts.lookout import Decided, Ended, Finding, Raised
from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, iso, relationship

ALERT = "Alert"
GONE = Attribute(NULL)


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be known of an alarm to change it."""

    state: State = "NORMAL"
    count: int = 0
    version: int = 0


def standing(alert: Entity | None) -> Standing:
    if alert is None:
        return Standing()
    state = cast("State", alert.value("state"))
    return Standing(state, int(alert.value("count") or 0), alert.version)


def decided(alert: Entity) -> Decided:
    return Decided(active(standing(alert).state), int(alert.value("sequence") or 0))


def followed(finding: Finding, now: Standing) -> tuple[Change, Standing]:
    """Raises Conflict where the alarm cannot be as it is."""
    if isinstance(finding, Ended):
        return _returned(finding, now)
    then = Standing(after(now.state, "raise"), now.count + 1, now.version + 1)
    return _change(finding.alert, _raised(finding, then), now), then


def _returned(ended: Ended, now: Standing) -> tuple[Change, Standing]:
    then = Standing(after(now.state, "clear"), now.count, now.version + 1)
    attributes = {
        "state": Attribute(then.state, observed_at=ended.at),
        "returnedAt": Attribute(iso(ended.at)),
        "sequence": Attribute(ended.seq),
    }
    return _change(ended.alert, attributes, now), then


def acknowledged(alert: Entity, by: Actor, at: datetime) -> Change:
    """Raises Conflict where there is nothing to acknowledge."""
    now = standing(alert)
    attributes = {
        "state": Attribute(after(now.state, "acknowledge"), observed_at=at),
        "acknowledgedBy": relationship(by.id),
        "acknowledgedAt": Attribute(iso(at)),
    }
    return _change(alert.id, attributes, now)


def _raised(finding: Raised, then: Standing) -> dict[str, Attribute]:
    rule, at = finding.rule, finding.at
    texts = {
        "name": rule.title,
        "severity": rule.severity,
        "consequence": rule.consequence,
        "response": rule.response,
    }
    return {
        "state": Attribute(then.state, observed_at=at),
        "dateIssued": Attribute(iso(at)),
        "alertSource": relationship(finding.source.id),
        "value": Attribute(finding.value, observed_at=at),
        "count": Attribute(then.count),
        "sequence": Attribute(finding.seq),
        "location": finding.source.get("location") or GONE,
        **{name: Attribute(text) if text else GONE for name, text in texts.items()},
        **dict.fromkeys(("acknowledgedBy", "acknowledgedAt", "returnedAt"), GONE),
    }


def _change(id: str, attributes: Mapping[str, Attribute], now: Standing) -> Change:
    given = {name: (attribute,) for name, attribute in attributes.items()}
    changed = Entity(id, (ALERT,), given)
    return Change("merge", changed, if_version=now.version, upsert=True)
