"""What is decided once: types that no room declares are one to the policy."""

from datetime import UTC, datetime

import pytest

from townsquare.context.grants import Rights
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.declaration import EntityType
from townsquare.trust.policy import Act, decide, policy

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALERT = EntityType("Alert", owner="alerts", readers=frozenset({"operator"}))
POLICY = policy([ALERT])
OPEN = Actor("machine:open", "machine", roles=frozenset({"open"}))
TYPES = ("", "Alert", "Bin", "https://example.org/Lamp")
ACTS: tuple[Act, ...] = ("read", "temporal", "watch", "write")


@pytest.mark.parametrize(
    ("actor", "purpose"),
    [(OPEN, "operations"), (ANYONE, "public information"), (ANYONE, "no such purpose")],
)
def test_what_is_remembered_is_what_would_be_decided(actor: Actor, purpose: str) -> None:
    why = Why(purpose)
    rights = Rights(POLICY, actor, why, NOW)
    for act in ACTS:
        for type in (*TYPES, *reversed(TYPES)):
            assert rights.grant(act, type) == decide(POLICY, actor, why, act, type, NOW)


def test_types_of_no_room_are_decided_once() -> None:
    rights = Rights(POLICY, OPEN, Why("operations"), NOW)
    assert rights.grant("read", "Bin") is rights.grant("read", "Lamp")
