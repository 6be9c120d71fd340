"""What a changed policy means, in sentences that take no knowledge of how it is written."""

from collections.abc import Mapping

import pytest

from tests.unit.trust.test_change import ENGINEERS, texts
from townsquare.model.declaration import EntityType, Words
from townsquare.trust.access import access
from townsquare.trust.change import change
from townsquare.trust.policy import policy
from townsquare.trust.wording import Said, listed

NAMED = {"key": "the key of the box"}
TYPES = (
    EntityType(
        "Flow",
        "vision",
        frozenset({"operator"}),
        published=frozenset({"count", "name"}),
        secret=frozenset({"key"}),
        words=Words(attributes=NAMED),
        title="Counts of people",
    ),
    EntityType("Bin", "waste", frozenset({"operator"}), title="Bins"),
)
BEFORE = policy(TYPES)
ACCESS = access(BEFORE)
ALL_OF_THEM = "crowd safety, integration, operations and traffic management"


def told(new: Mapping[str, str]) -> tuple[list[str], list[str]]:
    found = change(BEFORE.texts, ACCESS, policy(TYPES, new))
    return [*map(str, found.gains)], [*map(str, found.losses)]


def test_types_acts_and_purposes_that_go_together_are_one_sentence() -> None:
    gains, losses = told(texts(f'@id("a") {ENGINEERS} when {{ resource.type.declared }};'))
    assert losses == []
    assert gains == [
        "Engineer: may now see, see the past of and hear of changes of bins"
        f" (but not values of this moment), for {ALL_OF_THEM}",
        "Engineer: may now see counts of people (not only what is public of it; also what is not"
        f" published), for {ALL_OF_THEM}",
        "Engineer: may now see the past of and hear of changes of counts of people"
        f" (but not the key of the box; but not values of this moment), for {ALL_OF_THEM}",
    ]


def test_what_is_taken_stands_apart() -> None:
    own = '@id("a") forbid (principal in Role::"operator", action == Action::"temporal", resource)'
    gains, losses = told(texts(own + ' when { resource.type == Type::"Bin" };'))
    assert gains == []
    (said,) = (one for one in losses if one.startswith("Operator"))
    assert said == (
        "Operator: may no longer see the past of bins, for crowd safety, investigation,"
        " operations and traffic management"
    )


@pytest.mark.parametrize(
    ("new", "gain"),
    [
        (texts(seeing=('resource.group == Group::"secret"', "false")), "this is secret"),
        (
            texts(f'@id("a") {ENGINEERS} when {{ context.minute < 1 }};'),
            "the new rule “a” allows by what cannot be compared, such as the time",
        ),
    ],
)
def test_the_difference_is_said_and_not_the_statement(new: Mapping[str, str], gain: str) -> None:
    gains, _ = told(new)
    assert gain in " ".join(gains)
    assert not any(word in " ".join(gains) for word in ("resource.", "principal", "Role::"))


def test_what_is_public_of_a_type_is_not_listed() -> None:
    added = ('[Purpose::"integration"]', '[Purpose::"integration", Purpose::"operations"]')
    gains, _ = told(texts(purposes=added))
    assert any("only what is public of it" in said for said in gains)


@pytest.mark.parametrize(
    ("parts", "said"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_is_as_one_says_it(parts: list[str], said: str) -> None:
    assert listed(parts) == said


def test_what_is_of_no_role_is_of_everyone() -> None:
    assert (str(Said("Operator", "x")), str(Said("", "x"))) == ("Operator: x", "x")
