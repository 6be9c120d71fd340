"""A town's own statements: what they can say, and what is refused when they are read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsquare.model.actor import Actor, Why, room
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.errors import CannotStart, Invalid
from townsquare.trust.access import access, decoded, encoded, wider
from townsquare.trust.grant import Grant
from townsquare.trust.policy import Policy, decide, policy
from townsquare.trust.texts import beside, builtin, digest

TRUST = Path(__file__).parents[3] / "docs" / "trust.md"
TYPES = (
    EntityType("Alert", "alerts", frozenset({"operator", "engineer"})),
    EntityType(
        "Flow", "vision", frozenset({"operator"}), published=frozenset({"peopleCount", "n"})
    ),
)
WHY = Why("operations")
BERLIN = ZoneInfo("Europe/Berlin")
NOON, NIGHT = (datetime(2027, 1, 4, hour, tzinfo=UTC) for hour in (11, 22))
SEE = 'permit (principal in Role::"security", action in Action::"see", resource)'


def own(*statements: str) -> Policy:
    return policy(TYPES, {**builtin(), "own.cedar": "\n".join(statements)}, BERLIN)


def somebody(role: str, **more: Any) -> Actor:
    return Actor("x", "person", roles=frozenset({role}), **more)


def documented() -> Policy:
    """The examples that a town reads."""
    text = TRUST.read_text().split("Some that a town may want:\n\n")[1].split("\nA slip")[0]
    return own(*(line.removeprefix("    ") for line in text.splitlines()))


def test_an_attribute_that_a_statement_names_can_be_hidden_alone() -> None:
    vendor = somebody("operator", organisation="Vendor")
    seen = decide(documented(), vendor, WHY, "read", "Flow", NOON)
    assert (seen.attributes, seen.hidden) == (None, frozenset({"peopleCount"}))
    public = decide(
        documented(), somebody("citizen"), Why("public information"), "read", "Flow", NOON
    )
    assert public.attributes == frozenset({"peopleCount", "n"})
    lamp = decide(documented(), vendor, WHY, "read", "Lamp", NOON)
    assert not lamp.shows("peopleCount")


def test_the_time_of_day_is_the_towns() -> None:
    rules, engineer = documented(), somebody("engineer")
    assert decide(rules, engineer, WHY, "temporal", "Alert", NOON).allowed
    refused = decide(rules, engineer, WHY, "temporal", "Alert", NIGHT)
    assert refused.reason == "the policy forbids it: past-in-office-hours"
    just_after_six = datetime(2027, 1, 4, 17, tzinfo=UTC)  # 18:00 in the town
    assert not decide(rules, engineer, WHY, "temporal", "Alert", just_after_six).allowed


def test_an_approval_that_was_verified_opens_it() -> None:
    agreed = Why("operations", approved_by=frozenset({"Police"}))
    assert decide(documented(), somebody("engineer"), agreed, "temporal", "Alert", NIGHT).allowed


def test_without_a_clock_nobody_gets_in_where_the_policy_asks_for_the_time() -> None:
    refused = decide(documented(), somebody("operator"), WHY, "read", "Alert")
    assert "what time it is" in refused.reason
    assert decide(documented(), room("alerts"), WHY, "read", "Alert").allowed


def test_answers_that_depend_on_the_time_last_a_minute() -> None:
    at = NOON.replace(minute=7, second=31)
    assert documented().lasts(somebody("engineer"), at) == NOON.replace(minute=8)
    assert own().lasts(somebody("engineer"), at) is None
    assert own().lasts(somebody("engineer", until=NIGHT), at) == NIGHT


def test_a_statement_can_forbid_everything_and_says_why() -> None:
    closed = own('@id("x") @reason("the town is at rest") forbid (principal, action, resource);')
    assert decide(closed, somebody("operator"), WHY, "read", "Alert", NOON).reason == (
        "x has no role for the purpose 'operations'"
    )
    quiet = own(
        '@id("x") @reason("the town is at rest")'
        ' forbid (principal, action in [Action::"see", Action::"change"], resource);'
    )
    assert decide(quiet, somebody("operator"), WHY, "read", "Alert").reason == "the town is at rest"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("permit (principal", "cannot be read"),
        (f"{SEE};", "has no name"),
        (f'@id("a") {SEE}; @id("a") {SEE};', "two statements of the policy have the name 'a'"),
        (f'@id("a") {SEE.replace("security", "securty")};', "'a' of the policy is wrong"),
        ('@id("a") permit (principal, action == Action::"raed", resource);', "'a' of the policy"),
        (f'@id("a") {SEE} when {{ resource.publshed }};', "'a' of the policy is wrong"),
        (f'@id("a") {SEE} when {{ resource.type == Type::"Alrt" }};', "the type 'Alrt'"),
        ('@id("a") permit (principal == ?principal, action, resource);', "a template"),
    ],
)
def test_a_slip_of_the_pen_is_found_when_it_is_read(statement: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        own(statement)


def test_a_statement_that_meets_an_error_permits_nothing() -> None:
    """9223372036854775807 is the largest number that Cedar has."""
    overflows = "context.minute + 9223372036854775807 > 0"
    rules = own(
        f'@id("a") {SEE};',
        f'@id("b") forbid (principal, action, resource is Part) when {{ {overflows} }};',
    )
    assert not decide(rules, somebody("security"), WHY, "read", "Alert", NOON).allowed


def test_files_beside_the_settings_replace_and_add(tmp_path: Path) -> None:
    assert beside(tmp_path / "policies") == builtin()
    (tmp_path / "limits.cedar").write_text("// none")
    (tmp_path / "own.cedar").write_text(f'@id("a") {SEE};')
    (tmp_path / "notes.txt").write_text("not a policy")
    texts = beside(tmp_path)
    assert texts == {**builtin(), "limits.cedar": "// none", "own.cedar": f'@id("a") {SEE};'}
    assert digest(texts) != digest(builtin())
    (tmp_path / "own.cedar").write_bytes(b"\xff")
    with pytest.raises(CannotStart, match="cannot read the policies"):
        beside(tmp_path)


# --- areas

SCOPES = st.lists(
    st.sampled_from(["/north", "/north/harbour", "/northern", "/south", LIVE, PUBLISHED])
)


@given(scope=SCOPES.map(tuple), areas=st.frozensets(st.sampled_from(["/north", "/south/mill"])))
@settings(max_examples=100, deadline=None)
def test_an_area_only_ever_takes_away(scope: tuple[str, ...], areas: frozenset[str]) -> None:
    everywhere = decide(own(), somebody("operator"), WHY, "read", "Flow")
    kept = decide(own(), somebody("operator", areas=areas), WHY, "read", "Flow")
    inside = any(s == a or s.startswith(f"{a}/") for s in scope for a in areas)
    assert kept.admits(scope) is (everywhere.admits(scope) and (inside or not areas))


@pytest.mark.parametrize(
    ("scope", "admitted"),
    [(("/north",), True), (("/north/a",), True), (("/northern",), False), ((), False)],
)
def test_an_area_has_what_is_below_it(scope: tuple[str, ...], admitted: bool) -> None:
    assert Grant(True, areas=frozenset({"/north"})).admits(scope) is admitted


HOURS = (
    '@id("hours") forbid (principal in Role::"engineer", action == Action::"temporal", resource)'
    ' when { context.step < (if principal.kind == "machine" then 5 else 60) };'
)


def test_the_past_can_be_told_in_coarser_steps() -> None:
    rules = own(HOURS)
    machine = Actor("m", "machine", roles=frozenset({"engineer"}))
    for who, step in ((somebody("engineer"), 60), (machine, 5)):
        assert decide(rules, who, WHY, "temporal", "Alert").finest == timedelta(minutes=step)
        assert decide(rules, who, WHY, "read", "Alert").finest is None
    assert decide(rules, somebody("operator"), WHY, "temporal", "Alert").finest is None
    assert decide(own(), somebody("engineer"), WHY, "temporal", "Alert").finest is None


def test_what_is_refused_in_every_step_is_refused() -> None:
    never = HOURS.replace("context.step < (", "context.step <= 1440 || context.step < (")
    assert not decide(own(never), somebody("engineer"), WHY, "temporal", "Alert").allowed


def test_a_finer_step_is_more_access_and_a_coarser_one_is_not() -> None:
    fine, coarse = own(HOURS), own(HOURS.replace("60", "1440"))
    rows = {policy: decoded(encoded(access(policy))) for policy in (fine, coarse)}
    assert rows[fine] == access(fine)
    gained = wider(rows[fine], rows[coarse])
    assert {row.act for row in gained} == {"temporal"}
    assert wider(rows[coarse], rows[fine]) == []
