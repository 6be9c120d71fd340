"""Requests for approval as entities: what is written of one when it is asked for and answered, and
how it is read again. Pure.

Always holds: what was asked for is written once, and its digest is worked out anew and never read.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

import msgspec

from townsquare.model.change import Change
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import Attribute, Entity, Instances, iso, urn
from townsquare.trust.approvals import Approval, Request, Signature, digest

APPROVAL, OWNER = "Approval", "approvals"
PEOPLE = frozenset(
    {"operator", "engineer", "data-protection", "security", "administrator", "custodian"}
)
ASK = PEOPLE | {"investigator"}  # who sees what they asked for themselves, and no more
TYPES = (
    EntityType(
        APPROVAL,
        OWNER,
        PEOPLE,
        commanders=ASK,
        accountable=True,
        history=False,
        deletable=False,
        swept=True,
        title="Approvals by others",
        words=Words(
            "a request for approval",
            "subject",
            "about",
            {
                "act": "what was asked for",
                "subject": "what it is about",
                "detail": "what exactly",
                "requestedBy": "who asked",
                "requestedAt": "when they asked",
                "validUntil": "until when it can be approved",
                "nonce": "a number that makes it the only one",
                "digest": "the sum of the request",
                "organisation": "the organisation of who asked",
                "needed": "how many must agree",
                "signatures": "who agreed, with their signatures",
                "status": "whether it waits, was refused or used",
                "reason": "why it was refused",
            },
        ),
    ),
)


def fresh_id() -> str:
    return urn(APPROVAL, secrets.token_hex(16))


def change(approval: Approval) -> Change:
    """What is written of it. Of one that is there only what became of it, and only if nobody wrote
    in between: what was asked for is never written again.
    """
    if approval.version:
        became = Entity(approval.id, (APPROVAL,), _became(approval))
        return Change("merge", became, if_version=approval.version)
    attributes = {**_asked(approval), **_outcome(approval)}
    return Change("create", Entity(approval.id, (APPROVAL,), attributes))


def _asked(approval: Approval) -> Mapping[str, Instances]:
    request = approval.request
    values = {
        "act": request.act,
        "subject": request.subject,
        "requestedBy": request.requested_by,
        "requestedAt": iso(request.requested_at),
        "validUntil": iso(request.expires_at),
        "nonce": request.nonce,
        "digest": digest(request).hex(),
        "organisation": approval.organisation,
        "needed": approval.needed,
    }
    detail = Attribute(dict(request.detail), kind="JsonProperty")
    return {**{name: (Attribute(value),) for name, value in values.items()}, "detail": (detail,)}


def _outcome(approval: Approval) -> Mapping[str, Instances]:
    signatures = [msgspec.to_builtins(one) for one in approval.signatures]
    return {
        "status": (Attribute(approval.status),),
        "reason": (Attribute(approval.reason),),
        "signatures": (Attribute(signatures, kind="JsonProperty"),),
    }


def _became(approval: Approval) -> Mapping[str, Instances]:
    """Without what is as at the beginning, so that the log names what was done."""
    begun = {"status": "waiting", "reason": "", "signatures": []}
    return {n: a for n, a in _outcome(approval).items() if a[0].value != begun[n]}


def approval(found: Entity) -> Approval:
    """As it was written."""
    request = Request(
        act=found.value("act"),
        subject=found.value("subject"),
        detail=found.value("detail"),
        requested_by=found.value("requestedBy"),
        requested_at=datetime.fromisoformat(found.value("requestedAt")),
        expires_at=datetime.fromisoformat(found.value("validUntil")),
        nonce=found.value("nonce"),
    )
    return Approval(
        found.id,
        request,
        found.value("organisation"),
        found.value("needed"),
        msgspec.convert(found.value("signatures"), tuple[Signature, ...]),
        found.value("status"),
        found.value("reason"),
        found.version,
    )
