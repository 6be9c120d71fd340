"""What a changed policy needs: two approvers, or nobody."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from townsquare.model.declaration import EntityType
from townsquare.trust.access import Row, access, decoded, encoded, wider
from townsquare.trust.change import change
from townsquare.trust.grant import Grant
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin

FLOW = EntityType(
    "Flow",
    "vision",
    frozenset({"operator"}),
    published=frozenset({"count"}),
    secret=frozenset({"key"}),
)
BEFORE = policy([FLOW])
ACCESS = access(BEFORE)
ENGINEERS = 'permit (principal in Role::"engineer", action in Action::"see", resource)'


def texts(own: str = "", **replaced: tuple[str, str]) -> Mapping[str, str]:
    """The built-in ones with these words replaced, by file, and with a file of their own."""
    found = dict(builtin())
    for file, (old, new) in replaced.items():
        name = f"{file}.cedar"
        assert old in found[name]
        found[name] = found[name].replace(old, new)
    return {**found, "own.cedar": own}


NOBODY = {
    "the same": texts(),
    "a comment": texts("// nothing"),
    "something is forbidden": texts(
        '@id("a") forbid (principal, action in Action::"see", resource);'
    ),
    "a role in a list less": texts(seeing=(', Role::"integrator",', ",")),
    "a purpose in a list less": texts(purposes=('Purpose::"crowd safety", ', "")),
    "a statement by another name": texts(seeing=('"readers-see-their-types"', '"readers"')),
    "what is permitted already": texts(
        '@id("a") permit (principal in Role::"operator", action == Action::"read", resource)'
        ' when { resource.type == Type::"Flow" && resource.group == Group::"published" };'
    ),
}
TWO = {
    "a role more": texts(f'@id("a") {ENGINEERS};'),
    "a role in a list more": texts(
        writing=('[Role::"engineer", ', '[Role::"engineer", Role::"operator", ')
    ),
    "a secret less": texts(seeing=('resource.group == Group::"secret"', "false")),
    "by case": texts(f'@id("a") {ENGINEERS} when {{ context.case == "F-1" }};'),
    "by time": texts(f'@id("a") {ENGINEERS} when {{ context.minute < 1 }};'),
    "by organisation": texts(f'@id("a") {ENGINEERS} when {{ principal.organisation == "O" }};'),
    "by two roles": texts(f'@id("a") {ENGINEERS} when {{ principal in Role::"security" }};'),
    "a limit less": texts(limits=("principal.bounded &&", "false && principal.bounded &&")),
    "a purpose more": texts(
        purposes=('[Purpose::"integration"]', '[Purpose::"integration", Purpose::"operations"]')
    ),
}


@pytest.mark.parametrize("what", NOBODY)
def test_what_gives_nobody_more_needs_nobody(what: str) -> None:
    found = change(BEFORE.texts, ACCESS, policy([FLOW], NOBODY[what]))
    assert found.wider == ()


@pytest.mark.parametrize("what", TWO)
def test_what_could_give_somebody_more_needs_approvers(what: str) -> None:
    found = change(BEFORE.texts, ACCESS, policy([FLOW], TWO[what]))
    assert found.needs_approvers


@pytest.mark.parametrize(
    ("opened", "needs"),
    [
        (replace(FLOW, readers=FLOW.readers | {"engineer"}), True),
        (replace(FLOW, published=FLOW.published | {"note"}), True),
        (replace(FLOW, published_everywhere=True), True),
        (replace(FLOW, commanders=frozenset({"operator"})), True),
        (replace(FLOW, secret=frozenset()), True),
        (replace(FLOW, readers=frozenset()), False),
        (replace(FLOW, published=frozenset()), False),
        (replace(FLOW, secret=FLOW.secret | {"note"}), False),
    ],
)
def test_a_declaration_that_opens_a_type_needs_approvers(opened: EntityType, needs: bool) -> None:
    found = change(BEFORE.texts, ACCESS, policy([opened]))
    assert found.needs_approvers is needs


def test_a_new_type_needs_nobody_but_with_a_new_statement_for_it() -> None:
    bins = EntityType("WasteBin", "waste", frozenset({"operator"}))
    assert not change(BEFORE.texts, ACCESS, policy([FLOW, bins])).needs_approvers
    for_bins = f'@id("a") {ENGINEERS} when {{ resource.type == Type::"WasteBin" }};'
    found = change(BEFORE.texts, ACCESS, policy([FLOW, bins], texts(for_bins)))
    assert any("engineer may read more of WasteBin" in said for said in found.wider)


def test_a_policy_that_cannot_be_compared_needs_approvers() -> None:
    gone = {
        **builtin(),
        "own.cedar": f'@id("a") {ENGINEERS} when {{ resource.type == Type::"Old" }};',
    }
    assert "cannot be compared" in change(gone, ACCESS, BEFORE).wider[0]


def test_access_is_the_same_after_it_was_kept() -> None:
    assert decoded(encoded(ACCESS)) == ACCESS


@pytest.mark.parametrize(
    ("new", "old", "more"),
    [
        (Grant(True), None, True),
        (Grant(True), Grant(True, hidden=frozenset("a")), True),
        (Grant(True, hidden=frozenset("ab")), Grant(True, hidden=frozenset("a")), False),
        (Grant(True, attributes=frozenset("a")), Grant(True, hidden=frozenset("b")), False),
        (Grant(True, attributes=frozenset("b")), Grant(True, hidden=frozenset("b")), True),
        (Grant(True, scopes=frozenset({"/live"})), Grant(True), False),
        (Grant(True), Grant(True, not_scopes=frozenset({"/live"})), True),
        (Grant(True), Grant(True, scopes=frozenset({"/published"})), True),
    ],
)
def test_which_of_two_grants_gives_more(new: Grant, old: Grant | None, more: bool) -> None:
    row = Row("operator", "operations", "read", "Flow")
    assert bool(wider({row: new}, {row: old} if old else {})) is more
