"""What is wrong with a set of approvals, by tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, Denied, Invalid
from townsquare.trust import approval_entity, approvals
from townsquare.trust.approvals import Approval, Approvers, Party, Request, Signature

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
EVE = Party("urn:ngsi-ld:Person:eve", "Public order", frozenset({"eve's key"}))
OFFICER = Party("urn:ngsi-ld:Person:o", "Data protection", frozenset({"o's key"}))
AUDITOR = Party("urn:ngsi-ld:Person:a", "Court of audit", frozenset({"a's key"}))
ROLES = frozenset({"data-protection", "security"})
PRESENT = {OFFICER.id: frozenset({"data-protection"}), AUDITOR.id: frozenset({"security"})}
THERE = Approvers(ROLES, PRESENT)
DETAIL = {"purpose": "investigation", "since": "2030-05-01", "until": "2030-05-02"}


def request() -> Request:
    return approvals.asked("open", "urn:ngsi-ld:Camera:square", DETAIL, EVE.id, NOON)


def waiting(needed: int = 1) -> Approval:
    return Approval(approval_entity.fresh_id(), request(), EVE.organisation, needed)


def by(who: Party, of: Approval, at: datetime = LATER, **different: Any) -> Signature:
    (key,) = who.authenticators
    told = approvals.digest(of.request).hex()
    return replace(Signature(who.id, who.organisation, key, at, told), **different)


def approved(*signatures: Signature, of: Approval) -> Approval:
    return replace(of, signatures=signatures)


def test_the_digest_is_of_json_that_anybody_can_write_again() -> None:
    fixed = Request("open", "urn:x", {"ü": [1], "a": None}, "urn:p", NOON, LATER, "00")
    # printf of this text, without a newline, into sha256sum
    assert msgspec.json.encode({"detail": {"a": None, "ü": [1]}}).decode() == (
        '{"detail":{"a":null,"ü":[1]}}'
    )
    assert approvals.digest(fixed).hex() == (
        "dbb891caad8c75f0d08268f1cfe4fa0733caf9a7cf2e7550b760fc2a442a50e8"
    )


def test_one_of_another_organisation_is_enough_where_one_is_needed() -> None:
    asked = waiting()
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    assert approvals.require(one, EVE, THERE, LATER) == {"Data protection"}


def test_a_colleague_agrees_where_the_act_is_one_for_colleagues() -> None:
    asked, colleagues = waiting(), Approvers(ROLES, PRESENT, colleagues=True)
    signature = by(OFFICER, asked, organisation=EVE.organisation)
    with pytest.raises(Denied, match="somebody of another organisation"):
        approvals.signed(asked, EVE, signature)
    one = approvals.signed(asked, EVE, signature, colleagues=True)
    assert approvals.objections(one, EVE, colleagues, LATER) == []
    assert approvals.objections(one, EVE, THERE, LATER) != []
    for worthless in ({"by": EVE.id}, {"authenticator": "eve's key"}):
        with pytest.raises(Denied):
            approvals.signed(asked, EVE, replace(signature, **worthless), colleagues=True)


def test_two_are_needed_where_two_are() -> None:
    asked = waiting(needed=2)
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    assert approvals.objections(one, EVE, THERE, LATER) == ["1 more approval needed"]
    two = approvals.signed(one, EVE, by(AUDITOR, asked))
    assert approvals.require(two, EVE, THERE, LATER) == {"Data protection", "Court of audit"}


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"by": EVE.id}, "who asks cannot approve"),
        ({"organisation": "Public order"}, "somebody of another organisation approves"),
        ({"authenticator": "eve's key"}, "an authenticator of who asked"),
        ({"digest": "00"}, "changed after its approval"),
        ({"at": NOON - timedelta(seconds=1)}, "at a time that cannot be"),
    ],
)
def test_an_approval_that_is_worth_nothing_is_refused(different: dict[str, Any], said: str) -> None:
    asked = waiting()
    worthless = by(OFFICER, asked, **different)
    with pytest.raises(Denied, match=said):
        approvals.signed(asked, EVE, worthless)
    with pytest.raises(Denied, match=said):
        approvals.require(approved(worthless, of=asked), EVE, THERE, LATER)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"by": OFFICER.id}, "one person approved twice"),
        ({"authenticator": "o's key"}, "one authenticator approved twice"),
    ],
)
def test_one_person_or_one_key_is_not_two(second: dict[str, Any], said: str) -> None:
    asked = waiting(needed=2)
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    with pytest.raises(Denied, match=said):
        approvals.signed(one, EVE, by(AUDITOR, asked, **second))


@dataclass(frozen=True)
class Mutation:
    field: str
    value: Any


MUTATIONS = [
    Mutation("act", "export"),
    Mutation("subject", "urn:ngsi-ld:Camera:station"),
    Mutation("detail", {**DETAIL, "until": "2030-05-31"}),
    Mutation("requested_by", OFFICER.id),
    Mutation("requested_at", NOON - timedelta(minutes=1)),
    Mutation("expires_at", NOON + timedelta(days=1)),
    Mutation("nonce", "00"),
]


def test_every_field_of_a_request_is_mutated() -> None:
    assert {m.field for m in MUTATIONS} == set(Request.__struct_fields__)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.field)
def test_a_request_that_was_changed_is_approved_by_nobody(mutation: Mutation) -> None:
    asked = waiting()
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    changed = replace(one.request, **{mutation.field: mutation.value})
    found = approvals.objections(replace(one, request=changed), EVE, THERE, LATER)
    assert "the request was changed after its approval" in found


@pytest.mark.parametrize(
    ("act", "subject", "detail"),
    [
        ("export", "urn:ngsi-ld:Camera:square", DETAIL),
        ("open", "urn:ngsi-ld:Camera:station", DETAIL),
        ("open", "urn:ngsi-ld:Camera:square", {**DETAIL, "until": "2030-05-03"}),
        ("open", "urn:ngsi-ld:Camera:square", {}),
    ],
)
def test_something_else_is_not_done_with_it(act: str, subject: str, detail: dict[str, str]) -> None:
    with pytest.raises(Denied, match="not what was approved"):
        approvals.require_same(request(), act, subject, detail)
    approvals.require_same(request(), "open", "urn:ngsi-ld:Camera:square", dict(DETAIL))


def test_it_ends_after_15_minutes() -> None:
    asked = waiting()
    late = NOON + timedelta(minutes=15)
    with pytest.raises(Denied, match="it ended at 2030-06-01T12:15:00Z"):
        approvals.signed(asked, EVE, by(OFFICER, asked, at=late))
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    assert approvals.objections(one, EVE, THERE, late) == ["it ended at 2030-06-01T12:15:00Z"]


def test_an_approval_of_a_longer_request_is_stale_by_itself() -> None:
    asked = waiting()
    longer = replace(asked, request=replace(asked.request, expires_at=NOON + timedelta(days=1)))
    one = approvals.signed(longer, EVE, by(OFFICER, longer))
    found = approvals.objections(one, EVE, THERE, LATER + timedelta(minutes=16))
    assert found == ["the approval is older than 15 minutes"]


def test_it_is_used_once_and_not_by_somebody_else() -> None:
    asked = waiting()
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    assert approvals.objections(approvals.used(one), EVE, THERE, LATER) == ["it was used already"]
    assert approvals.objections(one, AUDITOR, THERE, LATER) == ["somebody else asked for it"]


def test_what_was_refused_stays_refused() -> None:
    asked = approvals.refused(waiting(), "not without a case")
    with pytest.raises(Denied, match="it was refused: not without a case"):
        approvals.signed(asked, EVE, by(OFFICER, asked))
    with pytest.raises(Conflict):
        approvals.refused(asked, "again")


def test_a_request_is_small() -> None:
    with pytest.raises(Invalid, match="at most 20000 bytes"):
        approvals.asked("open", "urn:x", {"text": "x" * 20_000}, EVE.id, NOON)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, "may not come in any more"),
        ({OFFICER.id: frozenset({"operator"})}, "has no role any more that approves this"),
        ({OFFICER.id: frozenset[str]()}, "has no role any more that approves this"),
        ({OFFICER.id: frozenset({"operator", "security"})}, ""),
    ],
)
def test_an_approver_is_one_at_the_moment_of_use(now: dict[str, frozenset[str]], said: str) -> None:
    asked = waiting()
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    told = [f"{OFFICER.id}, who approved it, {said}"] if said else []
    assert approvals.objections(one, EVE, Approvers(ROLES, now), LATER) == told


def test_who_asked_is_somebody_who_may_come_in() -> None:
    asked = waiting()
    one = approvals.signed(asked, EVE, by(OFFICER, asked))
    told = ["who asked for it may not come in any more"]
    assert approvals.objections(one, replace(EVE, active=False), THERE, LATER) == told


def test_it_is_read_as_it_was_written() -> None:
    asked = waiting(needed=2)
    one = approvals.signed(asked, EVE, by(OFFICER, asked, proof={"signature": "AA"}))
    written = approval_entity.change(one).entity
    found = Entity(written.id, written.types, written.attributes, version=1)
    assert approval_entity.approval(found) == replace(one, version=1)
    assert approval_entity.change(approval_entity.approval(found)).if_version == 1
