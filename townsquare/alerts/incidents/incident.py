"""An incident as facts, and as the entity that holds them. Pure.

Always holds: every fact that a person changed names who did it, so the history of the entity tells
its story; nothing here overwrites a comment or an answer, since history keeps each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from townsquare.alerts.incidents.procedure import Answers, Step
from townsquare.alerts.incidents.states import State
from townsquare.model.change import Change
from townsquare.model.entity import (
    NULL,
    Attribute,
    Entity,
    Instances,
    Json,
    Kind,
    iso,
    relationship,
    urn,
)
from townsquare.model.errors import Conflict
from townsquare.model.rule import Severity

INCIDENT = "Incident"
LINKS = ("alarms", "cameras", "assets", "people")
MOST_LINKS = 100  # of a kind: with an alarm is changed that it is in an incident
MOST_COMMENTS = 1_000
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
STEP = urn("Step", "")
PERSON = urn("Person", "")
GONE = Attribute(NULL)

Facts = Mapping[str, Instances]


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something to an incident, and when."""

    by: str
    at: datetime

    def fact(
        self, value: Json, note: str = "", kind: Kind = "Property", dataset_id: str | None = None
    ) -> Instances:
        sub = {"by": relationship(self.by), **({"note": Attribute(note)} if note else {})}
        made = Attribute(value, kind=kind, observed_at=self.at, dataset_id=dataset_id, sub=sub)
        return (made,)


@dataclass(frozen=True, slots=True)
class Incident:
    id: str
    title: str
    severity: Severity
    state: State
    owner: str
    links: Mapping[str, tuple[str, ...]]
    merged: tuple[str, ...]  # whose work goes on here
    steps: tuple[Step, ...]
    answers: Answers
    answerers: Mapping[str, str]
    comments: int
    reopened: int
    version: int
    said: str  # who brought it into its state, and when


def incident(found: Entity) -> Incident:
    given = {str(a.dataset_id).removeprefix(STEP): a for a in found.attributes.get("answer", ())}
    return Incident(
        id=found.id,
        title=str(found.value("name")),
        severity=cast("Severity", found.value("severity")),
        state=cast("State", found.value("state")),
        owner=str(found.value("owner") or ""),
        links={kind: tuple(found.value(kind) or ()) for kind in LINKS},
        merged=tuple(found.value("merged") or ()),
        steps=msgspec.convert(found.value("steps") or [], tuple[Step, ...]),
        answers={step: str(a.value) for step, a in given.items()},
        answerers={step: by(a) for step, a in given.items()},
        comments=int(found.value("comments") or 0),
        reopened=int(found.value("reopened") or 0),
        version=found.version,
        said=_said(found.get("state")),
    )


def by(fact: Attribute) -> str:
    return str(fact.sub["by"].value) if "by" in fact.sub else ""


def _said(state: Attribute | None) -> str:
    if state is None or state.observed_at is None:
        return "nobody knows by whom"
    return f"{state.value} by {by(state)} at {iso(state.observed_at)}"


def change(now: Incident, facts: Facts) -> Change:
    """Only if nobody changed it since it was read."""
    return Change("update", Entity(now.id, (INCIDENT,), facts), if_version=now.version)


def linking(now: Incident, do: Doing, added: Mapping[str, tuple[str, ...]]) -> Facts:
    """Raises Conflict where it becomes too many."""
    facts = {}
    for kind, ids in added.items():
        all = tuple(dict.fromkeys((*now.links[kind], *ids)))
        if len(all) > MOST_LINKS:
            raise Conflict(f"an incident has at most {MOST_LINKS} {kind}; open another")
        if all != now.links[kind]:
            facts[kind] = do.fact(list(all), kind="ListRelationship")
    return facts


def unlinking(now: Incident, do: Doing, id: str, reason: str) -> Facts:
    """Raises Conflict where it is not linked."""
    kind = next((kind for kind in LINKS if id in now.links[kind]), None)
    if kind is None:
        raise Conflict(f"{id} is not linked to it")
    left = [one for one in now.links[kind] if one != id]
    return {kind: do.fact(left, reason, kind="ListRelationship")}
