"""What the rules find in news, told in the order in which it happened.

The rule raises at 10 or more and clears at 6 or less, of entities with the scope /live.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.lookout import Decided, Lookout
from townsquare.alerts.sight import Raised, alert_id
from townsquare.model.change import Changed
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Attribute, Entity
from townsquare.model.rule import Rule

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
BIN = "urn:ngsi-ld:Bin:1"
NO_VALUE = -1.0


def rule(for_s: float = 0) -> Rule:
    return Rule("full", "Full", "Bin", "n", above=10, clear_below=6, for_s=for_s)


def bin_(value: float | None, scope: str = LIVE, id: str = BIN) -> Entity | None:
    """None does not exist; without a value it does."""
    if value is None:
        return None
    attributes = {} if value == NO_VALUE else {"n": (Attribute(value),)}
    return Entity(id, ("Bin",), attributes, (scope,))


def news(second: int, before: Entity | None, after: Entity | None) -> Changed:
    names = {*(before.attributes if before else ()), *(after.attributes if after else ())}
    at = NOON + timedelta(seconds=second)
    return Changed(second, at, "room:vision", "", before, after, frozenset(names))


def findings(lookout: Lookout, *story: Changed) -> list[str]:
    return [
        f"{'raised' if isinstance(found, Raised) else 'ended'} {(found.at - NOON).seconds}"
        for changed in story
        for found in lookout.read(changed)
    ]


def watching(for_s: float = 0) -> Lookout:
    return Lookout([rule(for_s)], {}, 0)


FULL, EMPTY, UNKNOWN = bin_(12), bin_(3), bin_(NO_VALUE)


@pytest.mark.parametrize(
    ("for_s", "story", "expected"),
    [
        (0, [news(1, None, FULL), news(2, FULL, None)], ["raised 1", "ended 2"]),
        # What is unknown keeps the alarm; what is not there ends it.
        (
            0,
            [news(1, None, FULL), news(2, FULL, UNKNOWN), news(3, UNKNOWN, None)],
            ["raised 1", "ended 3"],
        ),
        # Nothing lasts that was not there any more, and a duration that was over is told.
        (10, [news(1, None, FULL), news(9, FULL, None)], []),
        (10, [news(1, None, FULL), news(12, FULL, None)], ["raised 11", "ended 12"]),
        # One that comes back begins anew.
        (
            0,
            [news(1, None, FULL), news(2, FULL, None), news(3, None, FULL)],
            ["raised 1", "ended 2", "raised 3"],
        ),
        (0, [news(1, None, EMPTY), news(2, EMPTY, None)], []),
        # Out of the rule's scope it is not there for the rule.
        (0, [news(1, None, FULL), news(2, FULL, bin_(12, "/test"))], ["raised 1", "ended 2"]),
    ],
)
def test_an_alarm_ends_with_what_it_is_about(
    for_s: float, story: list[Changed], expected: list[str]
) -> None:
    assert findings(watching(for_s), *story) == expected


def test_news_up_to_which_an_alarm_was_decided_is_not_told_again() -> None:
    id = alert_id(rule(), BIN)
    lookout = Lookout([rule()], {id: Decided(active=True, seq=3)}, 0)
    again = news(1, None, FULL), news(2, FULL, None), news(3, None, FULL)
    assert findings(lookout, *again) == []
    assert findings(lookout, news(4, FULL, None)) == ["ended 4"]


def test_nothing_is_kept_of_what_was_deleted() -> None:
    lookout = watching(for_s=60)
    for n in range(100):
        passing = bin_(12, id=f"urn:ngsi-ld:Bin:{n}")
        lookout.read(news(2 * n + 1, None, passing))
        lookout.read(news(2 * n + 2, passing, None))
    assert lookout.due() is None
    assert lookout.settled() == 200
    assert "urn:" not in repr(vars(lookout))


# --- which alarm


@pytest.mark.parametrize(
    ("type", "source", "alert"),
    [
        ("Bin", "urn:ngsi-ld:Bin:1", "full:1"),
        ("Bin", "urn:ngsi-ld:Container:1", "full:urn:ngsi-ld:Container:1"),
        ("Bin", "urn:ngsi-ld:Bin:north:1", "full:urn:ngsi-ld:Bin:north:1"),
        ("Bin", "https://town.example/bin/1", "full:https://town.example/bin/1"),
        (
            "CrowdFlowObserved",
            "urn:ngsi-ld:CrowdFlowObserved:square-plaza-live",
            "full:square-plaza-live",
        ),
    ],
)
def test_the_type_is_left_out_only_where_it_is_the_rules(
    type: str, source: str, alert: str
) -> None:
    of = Rule("full", "Full", type, "n", above=10, clear_below=6)
    assert alert_id(of, source) == f"urn:ngsi-ld:Alert:{alert}"


URIS = st.lists(st.sampled_from(["urn", "ngsi-ld", "Bin", "Box", "1", ""]), min_size=2).map(
    ":".join
)


@given(URIS, URIS)
def test_no_two_entities_share_an_alarm(one: str, other: str) -> None:
    assert (alert_id(rule(), one) == alert_id(rule(), other)) == (one == other)
