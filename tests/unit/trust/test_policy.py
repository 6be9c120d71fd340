"""Who may do what: the table of the built-in roles, and what a grant hides."""

import pytest

from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import Attribute, entity
from townsquare.trust.policy import Act, decide, policy, visible
from townsquare.trust.texts import builtin

FLOW = EntityType(
    "Flow", "vision", frozenset({"operator", "engineer"}), published=frozenset({"count"})
)
ALARM = EntityType(
    "Alarm",
    "alerts",
    frozenset({"operator"}),
    commanders=frozenset({"operator"}),
)
RULES = policy([FLOW, ALARM])


def actor(role: str, through: str = "") -> Actor:
    if role == "citizen":
        return ANYONE
    if role.startswith("room:"):
        return room(role.removeprefix("room:"))
    return Actor(role, "person", roles=frozenset({role}), room=through)


@pytest.mark.parametrize(
    ("who", "purpose", "act", "type", "allowed"),
    [
        ("operator", "operations", "read", "Flow", True),
        ("operator", "crowd safety", "watch", "Flow", True),
        ("operator", "public information", "read", "Flow", False),
        ("operator", "safety", "read", "Flow", False),
        ("operator", "operations", "write", "Flow", False),
        ("operator", "operations", "write", "Alarm", False),
        ("engineer", "operations", "temporal", "Flow", True),
        ("engineer", "operations", "read", "Alarm", False),
        ("engineer", "operations", "write", "Lamp", True),
        ("security", "operations", "read", "Flow", True),
        ("integrator", "integration", "write", "Lamp", True),
        ("integrator", "integration", "write", "Alarm", False),
        ("integrator", "integration", "write", "Flow", False),
        ("open", "operations", "write", "Flow", False),
        ("citizen", "public information", "read", "Flow", True),
        ("citizen", "public information", "temporal", "Flow", False),
        ("citizen", "public information", "watch", "Flow", False),
        ("citizen", "public information", "read", "Lamp", False),
        ("citizen", "public information", "write", "Lamp", False),
        ("room:vision", "crowd safety", "write", "Flow", True),
        ("room:vision", "crowd safety", "write", "Alarm", False),
        ("room:alerts", "operations", "write", "Alarm", True),
        ("room:register", "public information", "write", "Flow", True),
        ("room:register", "public information", "write", "Alarm", False),
        ("open", "operations", "write", "Lamp", True),
        ("open", "operations", "write", "Alarm", False),
    ],
)
def test_who_may_do_what(who: str, purpose: str, act: Act, type: str, allowed: bool) -> None:
    grant = decide(RULES, actor(who), Why(purpose), act, type)
    assert grant.allowed is allowed
    assert bool(grant.reason) is not allowed


@pytest.mark.parametrize(("role", "allowed"), [("operator", True), ("engineer", False)])
def test_a_person_commands_what_the_room_lets_them(role: str, allowed: bool) -> None:
    grant = decide(RULES, actor(role, "alerts"), Why("operations"), "write", "Alarm")
    assert grant.allowed is allowed


@pytest.mark.parametrize(
    ("who", "scope", "seen"),
    [
        ("operator", LIVE, {"count", "note"}),
        ("engineer", LIVE, None),
        ("engineer", "", {"count", "note"}),
        ("citizen", LIVE, None),
        ("citizen", "", None),
        ("citizen", PUBLISHED, {"count"}),
    ],
)
def test_what_is_seen(who: str, scope: str, seen: set[str] | None) -> None:
    purpose = "public information" if who == "citizen" else "operations"
    grant = decide(RULES, actor(who), Why(purpose), "read", "Flow")
    scopes = (scope,) if scope else ()
    made = entity("urn:f", "Flow", scopes, count=Attribute(1), note=Attribute("n"))
    shown = visible(made, grant)
    assert (set(shown.attributes) if shown else None) == seen


def test_the_hash_is_that_of_the_texts() -> None:
    assert policy([FLOW]).hash == RULES.hash
    assert policy([FLOW], {**builtin(), "own.cedar": "// nothing"}).hash != RULES.hash
