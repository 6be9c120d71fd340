"""An alarm as an entity: what is known of it, and what changes when its cause begins or ends. Pure.

Always holds: a change names the version it was computed from, so that an operator and the
rules cannot overwrite each other. Of the facts those are written that changed, with their time;
`state` is derived from them and kept beside them, and its history tells the alarm's story.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from townsquare.alerts.lifecycle import (
    NORMAL,
    Facts,
    Quality,
    State,
    Suppression,
    after,
    of,
    state,
)
from townsquare.alerts.lookout import Decided
from townsquare.alerts.sight import Ended, Finding, KeptDead, Raised
from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, Json, iso, relationship

ALERT = "Alert"
GONE = Attribute(NULL)
UNANSWERED = "unansweredAt"
# Since when it waits for an answer: one that comes and goes meanwhile goes on waiting.
WAITS = "waitsSince"
COMES_BACK = timedelta(minutes=10)  # and later it is another time, about which all are called anew
FACTS = ("active", "acked", "latched", "suppression", "quality")


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be known of an alarm to change it. `written` are the facts and the state as the
    entity has them; it lacks all but the state where it is older than they are.
    """

    facts: Facts = NORMAL
    count: int = 0
    version: int = 0
    once: bool = False  # its shelf ends with its cause
    written: Mapping[str, object] | None = None
    kept_dead: int = 0  # times that its dead time kept it from being raised
    returned_at: datetime | None = None
    unanswered: bool = False  # all were called, and nobody answered


def standing(alert: Entity | None) -> Standing:
    if alert is None:
        return Standing()
    written = {name: alert.value(name) for name in (*FACTS, "state")}
    return Standing(
        facts(alert),
        int(alert.value("count") or 0),
        alert.version,
        bool(alert.value("suppressedOnce")),
        written,
        int(alert.value("keptDead") or 0),
        _at(alert.value("returnedAt")),
        alert.value(UNANSWERED) is not None,
    )


def facts(alert: Entity) -> Facts:
    if alert.value("suppression") is None:
        return of(cast("State", alert.value("state")))
    return Facts(
        bool(alert.value("active")),
        bool(alert.value("acked")),
        bool(alert.value("latched")),
        cast("Suppression", alert.value("suppression")),
        cast("Quality", alert.value("quality")),
    )


def decided(alert: Entity) -> Decided:
    return Decided(
        facts(alert).active,
        int(alert.value("sequence") or 0),
        _at(alert.value("dateIssued")),
        _at(alert.value("returnedAt")),
    )


def _at(text: Json) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


# --- what the rules found


def followed(finding: Finding, now: Standing) -> tuple[Change, Standing]:
    """Raises Conflict where the alarm cannot be as it is."""
    if isinstance(finding, Ended):
        return _returned(finding, now)
    if isinstance(finding, KeptDead):
        return _kept_dead(finding, now)
    rule = finding.rule
    then = _then(now, after(now.facts, "raise", latching=rule.latching))
    then = replace(then, returned_at=None, unanswered=False)
    if _is_same_occurrence(now):
        return _change(
            finding.alert, _again(finding) | moved(now, then.facts, finding.at), now
        ), then
    then = replace(then, count=now.count + 1)
    attributes = _raised(finding, then) | moved(now, then.facts, finding.at)
    return _change(finding.alert, attributes, now), then


def _returned(ended: Ended, now: Standing) -> tuple[Change, Standing]:
    over = after(now.facts, "clear")
    attributes = {"returnedAt": Attribute(iso(ended.at)), "sequence": Attribute(ended.seq)}
    if now.once and over.suppression == "shelved":
        over = after(over, "expire")
        attributes |= brought_back(None, ended.at, "its cause ended")
    then = replace(_then(now, over), returned_at=ended.at)
    return _change(ended.alert, attributes | moved(now, over, ended.at), now), then


def _kept_dead(finding: KeptDead, now: Standing) -> tuple[Change, Standing]:
    then = replace(now, kept_dead=now.kept_dead + 1, version=now.version + 1)
    attributes = {"keptDead": Attribute(then.kept_dead), "sequence": Attribute(finding.seq)}
    return _change(finding.alert, attributes, now), then


def _then(now: Standing, then: Facts) -> Standing:
    once = now.once and then.suppression == "shelved"
    return replace(now, facts=then, version=now.version + 1, once=once, written=_all(then))


def _is_same_occurrence(now: Standing) -> bool:
    """It latched and was not reset: what comes back is not another alarm."""
    return now.facts.latched and now.facts.acked


def _raised(finding: Raised, then: Standing) -> dict[str, Attribute]:
    rule, at = finding.rule, finding.at
    texts = {
        "name": rule.title,
        "severity": rule.severity,
        "consequence": rule.consequence,
        "response": rule.response,
        "group": rule.group,
    }
    return {
        "dateIssued": Attribute(iso(at)),
        "alertSource": relationship(finding.source.id),
        "count": Attribute(then.count),
        "procedure": relationship(rule.procedure) if rule.procedure else GONE,
        "location": finding.source.get("location") or GONE,
        **{name: Attribute(text) if text else GONE for name, text in texts.items()},
        UNANSWERED: GONE,
        "unheard": GONE if rule.no_data_for_s is None else Attribute(True),
        **_undone("acknowledged"),
        **_undone("reset"),
        **_again(finding),
    }


def _again(finding: Raised) -> dict[str, Attribute]:
    return {
        "value": GONE
        if finding.value is None
        else Attribute(finding.value, observed_at=finding.at),
        "sequence": Attribute(finding.seq),
        "returnedAt": GONE,
    }


# --- what every change of an alarm is made of


def changed(alert: Entity, then: Facts, said: Mapping[str, Attribute], at: datetime) -> Change:
    now = standing(alert)
    return _change(alert.id, {**said, **moved(now, then, at)}, now)


def moved(now: Standing, then: Facts, at: datetime) -> dict[str, Attribute]:
    """The facts and the state that are not as they are written, and since when it waits."""
    written = now.written or {}
    told = {
        name: Attribute(value, observed_at=at)
        for name, value in _all(then).items()
        if written.get(name) != value
    }
    if "state" in told and state(then) == "UNACK" and not _goes_on(now, at):
        told[WAITS] = Attribute(iso(at))
    return told


def _goes_on(now: Standing, at: datetime) -> bool:
    """Whether it still waits for the answer that it waited for before it went."""
    if now.written is None or now.written.get("state") != "RTN_UNACK" or now.unanswered:
        return False
    return now.returned_at is not None and at - now.returned_at <= COMES_BACK


def done(deed: str, by: str | None, at: datetime, why: str = "") -> dict[str, Attribute]:
    """Without `by` nobody did it: its time had come."""
    return {
        f"{deed}By": relationship(by) if by else GONE,
        f"{deed}At": Attribute(iso(at)),
        f"{deed}Why": Attribute(why) if why else GONE,
    }


def brought_back(by: str | None, at: datetime, why: str = "") -> dict[str, Attribute]:
    gone = dict.fromkeys(("suppressedUntil", "suppressedOnce", UNANSWERED), GONE)
    return done("broughtBack", by, at, why) | _undone("suppressed") | gone


def _undone(deed: str) -> dict[str, Attribute]:
    return dict.fromkeys((f"{deed}By", f"{deed}At", f"{deed}Why"), GONE)


def _all(facts: Facts) -> dict[str, bool | str]:
    known: dict[str, bool | str] = {name: getattr(facts, name) for name in FACTS}
    return known | {"state": state(facts)}


def _change(id: str, attributes: Mapping[str, Attribute], now: Standing) -> Change:
    given = {name: (attribute,) for name, attribute in attributes.items()}
    return Change("merge", Entity(id, (ALERT,), given), if_version=now.version, upsert=True)
