"""Rules that engineers keep: one entity for each, and its versions.

Always holds: what is kept was a rule that can be applied; the log answers for each change, which
names the version it was made from. A rule that was taken away stays readable, and holds no more.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from townsquare.alerts.asking import check
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import Attribute, Entity, Json, entity, relationship, urn
from townsquare.model.errors import Conflict, Invalid
from townsquare.model.rule import BrokenRule, Rule

ALARM_RULE = "AlarmRule"
MOST_VERSIONS = 500
MOST_KEPT = 5_000  # rules: each is asked of all news of its type
log = logging.getLogger(__name__)

TYPE = EntityType(
    ALARM_RULE,
    owner="alerts",
    readers=frozenset({"operator", "engineer", "data-protection", "security"}),
    commanders=frozenset({"engineer"}),
    accountable=True,
    deletable=False,
    retention=timedelta(days=400),  # as of the alarms that it raised
    title="Rules of alarms",
    words=Words(
        "the rule of alarms",
        "name",
        attributes={
            "name": "its title",
            "definition": "what it says",
            "holds": "whether it is applied",
            "changedBy": "who changed it last",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Version:
    rule: Rule
    holds: bool
    by: str
    at: datetime


def read_rule(given: Any) -> Rule:
    """From JSON. Raises BrokenRule, with the field."""
    name = str(given.get("name", "")) if isinstance(given, dict) else ""
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        broken = error.__cause__
        if isinstance(broken, BrokenRule):
            raise broken from None
        text, _, place = str(error).partition(" - at `$.")
        raise BrokenRule(name, place.rstrip("`") or "rule", text, EXAMPLE) from error
    if isinstance(given, dict) and (unknown := given.keys() - Rule.__dataclass_fields__.keys()):
        raise BrokenRule(name, min(unknown), "a rule has no such field")
    check(rule)
    return rule


EXAMPLE = (
    '{"name": "bin-full", "title": "Bin is full", "type": "WasteContainer",'
    ' "q": "fillingLevel>0.8", "for_s": 60, "scope": ""}'
)


async def kept(broker: Broker) -> list[Entity]:
    found: list[Entity] = []
    while True:
        query = Query((ALARM_RULE,), limit=MOST, offset=len(found))
        page = await broker.find(query, ROOM, WHY)
        found += page.entities
        if not page.more:
            return found


def holding(entities: Iterable[Entity], declared: Sequence[Rule]) -> list[Rule]:
    """Those that are applied; a declared rule goes before a kept one of its name."""
    names = {rule.name for rule in declared}
    rules = [_held(one) for one in entities if one.value("holds")]
    return [rule for rule in rules if rule and rule.name not in names]


def _held(kept: Entity) -> Rule | None:
    """One that this version of the house cannot apply must not silence all others."""
    try:
        return read_rule(kept.value("definition"))
    except BrokenRule as error:
        log.warning("%s is kept and not applied; an engineer must change it: %s", kept.id, error)
        return None


async def keep(
    broker: Broker, rule: Rule, version: int, by: Actor, why: Why, *, holds: bool = True
) -> int:
    """The version it has then. Raises Denied, and Conflict where it was changed meanwhile."""
    said = entity(
        urn(ALARM_RULE, rule.name),
        ALARM_RULE,
        name=Attribute(rule.title),
        definition=Attribute(_told(rule), sub=_who(by, holds)),
        holds=Attribute(holds),
        changedBy=relationship(by.id),
    )
    change = Change("replace", said, if_version=version) if version else Change("create", said)
    applied = await broker.apply([change], by, why)
    return applied.versions[said.id]


def _who(by: Actor, holds: bool) -> dict[str, Attribute]:
    return {"changedBy": relationship(by.id), "holds": Attribute(holds)}


def _told(rule: Rule) -> Json:
    told: Json = asdict(rule)
    return told


async def versions(broker: Broker, name: str, by: Actor, why: Why) -> list[Version]:
    """The newest first."""
    query = Query((ALARM_RULE,), ids=(urn(ALARM_RULE, name),))
    ask = TemporalQuery(query, attributes=("definition",), last=MOST_VERSIONS)
    past = await broker.history(ask, by, why)
    told = [a for e in past for a in e.attributes.get("definition", ()) if a.value is not None]
    return [_version(a) for a in reversed(told)]


def _version(told: Attribute) -> Version:
    at = told.modified_at or told.created_at
    if at is None:
        raise Invalid("a version of a rule has no time")
    by = str(told.sub["changedBy"].value)
    return Version(msgspec.convert(told.value, Rule), bool(told.sub["holds"].value), by, at)


async def require_room(broker: Broker) -> None:
    """Raises Conflict where no more rules are taken."""
    query = Query((ALARM_RULE,), limit=0, count=True)
    if ((await broker.find(query, ROOM, WHY)).count or 0) >= MOST_KEPT:
        raise Conflict(
            f"the town keeps {MOST_KEPT} rules, with those that were taken away; change one of"
            " them instead"
        )


def require_free(name: str, declared: Iterable[Rule]) -> None:
    """Raises Conflict for the name of a declared rule."""
    if any(rule.name == name for rule in declared):
        raise Conflict(
            f"rule {name!r} is declared in the town's settings or by a room; change it"
            " there, or choose another name"
        )
