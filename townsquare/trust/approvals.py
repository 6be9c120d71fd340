"""Four eyes: what exactly is asked for, who agreed to it, and what is wrong with that. Pure.

Always holds: an approval is a signature over the digest of one whole request, so whatever is
changed afterwards is approved by nobody. Who asks approves nothing, nor does their authenticator,
nor their organisation unless the act is one that colleagues agree to; nor who at the moment of use
is no approver; a request and each approval end after 15 minutes; a request is used once.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from townsquare.model.entity import Json, iso
from townsquare.model.errors import Conflict, Denied, Invalid
from townsquare.trust.identity.organisation import folded

RUNS = timedelta(minutes=15)
MOST_DETAIL = 20_000  # bytes of JSON
Status = Literal["waiting", "refused", "used"]


class Party(Struct, frozen=True):
    """Somebody with an account. `authenticators` are hashes of the keys of their passkeys; `active`
    tells whether they may come in.
    """

    id: str
    organisation: str
    authenticators: frozenset[str] = frozenset()
    active: bool = True


class Approvers(Struct, frozen=True):
    """Holders of one of `roles`. `present` are those who may come in at this moment, with the roles
    that they have now: neither need be as it was when they signed. `colleagues`: they may be of
    the organisation of who asks.
    """

    roles: frozenset[str]
    present: Mapping[str, frozenset[str]]
    colleagues: bool = False

    def objection(self, id: str) -> str:
        """Why this person approves nothing now; empty where they may."""
        if id not in self.present:
            return f"{id}, who approved it, may not come in any more"
        if self.present[id].isdisjoint(self.roles):
            return f"{id}, who approved it, has no role any more that approves this"
        return ""


class Request(Struct, frozen=True):
    """What its approvers see, and nothing that they do not see."""

    act: str
    subject: str
    detail: Mapping[str, Json]
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    nonce: str


class Signature(Struct, frozen=True):
    """Over `digest`, by a passkey. `proof` is what the browser sent, to be checked again."""

    by: str
    organisation: str
    authenticator: str
    at: datetime
    digest: str
    proof: Json = None


class Approval(Struct, frozen=True):
    """A request with what became of it. `version` is the entity's."""

    id: str
    request: Request
    organisation: str  # of who asked
    needed: int
    signatures: tuple[Signature, ...] = ()
    status: Status = "waiting"
    reason: str = ""  # of a refusal
    version: int = 0


def asked(act: str, subject: str, detail: Mapping[str, Json], by: str, now: datetime) -> Request:
    """Raises Invalid."""
    if len(msgspec.json.encode(detail)) > MOST_DETAIL:
        raise Invalid(f"a request for approval has at most {MOST_DETAIL} bytes; name a digest")
    return Request(act, subject, detail, by, now, now + RUNS, secrets.token_hex(16))


def digest(request: Request) -> bytes:
    """SHA-256 over JSON with sorted keys and without blanks, in UTF-8: what a passkey signs."""
    text = {
        "act": request.act,
        "subject": request.subject,
        "detail": request.detail,
        "requestedBy": request.requested_by,
        "requestedAt": iso(request.requested_at),
        "expiresAt": iso(request.expires_at),
        "nonce": request.nonce,
    }
    return hashlib.sha256(msgspec.json.encode(text, order="sorted")).digest()


def authenticator(key: bytes) -> str:
    """What tells passkeys apart, whatever account they are enrolled with."""
    return hashlib.sha256(key).hexdigest()


# --- what is wrong


def objections(
    approval: Approval, requester: Party, approvers: Approvers, now: datetime
) -> list[str]:
    """Why this may not be done; empty where it may."""
    found = [*_of_request(approval, requester, now)]
    if not requester.active:
        found.append("who asked for it may not come in any more")
    for n, signature in enumerate(approval.signatures):
        wrong = _of_signature(approval, requester, n, signature, now)
        found += _among(wrong, colleagues=approvers.colleagues)
        found += filter(None, [approvers.objection(signature.by)])
    missing = approval.needed - len(approval.signatures)
    if missing > 0:
        found.append(f"{missing} more approval{'s' if missing > 1 else ''} needed")
    return found


def require(
    approval: Approval, requester: Party, approvers: Approvers, now: datetime
) -> frozenset[str]:
    """The organisations that agreed. Raises Denied with all that is wrong."""
    if wrong := objections(approval, requester, approvers, now):
        raise Denied(f"this is not approved: {'; '.join(wrong)}")
    return frozenset(signature.organisation for signature in approval.signatures)


def same(request: Request, act: str, subject: str, detail: Mapping[str, Json]) -> bool:
    """Whether what is about to be done is what was asked for."""
    return (request.act, request.subject, dict(request.detail)) == (act, subject, dict(detail))


def require_same(request: Request, act: str, subject: str, detail: Mapping[str, Json]) -> None:
    """Raises Denied."""
    if not same(request, act, subject, detail):
        raise Denied("this is not what was approved; ask for it anew")


def signed(
    approval: Approval, requester: Party, signature: Signature, *, colleagues: bool = False
) -> Approval:
    """With one more approval. Raises Denied where it would be worth nothing."""
    n, at = len(approval.signatures), signature.at
    wrong = [
        *_of_request(approval, requester, at),
        *_among(_of_signature(approval, requester, n, signature, at), colleagues=colleagues),
    ]
    if wrong:
        raise Denied(f"you cannot approve this: {'; '.join(wrong)}")
    return msgspec.structs.replace(approval, signatures=(*approval.signatures, signature))


def _of_request(approval: Approval, requester: Party, now: datetime) -> Iterator[str]:
    if approval.status == "refused":
        yield f"it was refused: {approval.reason}"
    if approval.status == "used":
        yield "it was used already"
    if requester.id != approval.request.requested_by:
        yield "somebody else asked for it"
    if now >= approval.request.expires_at:
        yield f"it ended at {iso(approval.request.expires_at)}"


def _of_signature(
    approval: Approval, requester: Party, n: int, signature: Signature, now: datetime
) -> list["Wrong"]:
    before, asker = approval.signatures[:n], approval.request.requested_by
    ours, theirs = (approval.organisation, requester.organisation), folded(signature.organisation)
    said = signature.organisation or "no organisation"
    same_organisation = theirs in map(folded, ours)
    again = theirs in {folded(other.organisation) for other in before}
    wrong = {
        "the request was changed after its approval": (
            signature.digest != digest(approval.request).hex()
        ),
        "who asks cannot approve": signature.by == asker,
        "it was signed with an authenticator of who asked": (
            signature.authenticator in requester.authenticators
        ),
        "one person approved twice": signature.by in {other.by for other in before},
        "one authenticator approved twice": (
            signature.authenticator in {other.authenticator for other in before}
        ),
        "it was approved at a time that cannot be": (
            not approval.request.requested_at <= signature.at <= now
        ),
        "the approval is older than 15 minutes": now - signature.at > RUNS,
    }
    across = {
        f"{ours[0]} asked; somebody of another organisation approves": same_organisation,
        f"{said} approved twice": again,
    }
    return [
        *(Wrong(told) for told, holds in wrong.items() if holds),
        *(Wrong(told, across=True) for told, holds in across.items() if holds),
    ]


class Wrong(Struct, frozen=True):
    """`across`: only where approvers come from other organisations."""

    told: str
    across: bool = False


def _among(found: Iterable[Wrong], *, colleagues: bool) -> list[str]:
    return [one.told for one in found if not (colleagues and one.across)]


# --- what else becomes of it


def refused(approval: Approval, reason: str) -> Approval:
    """Raises Conflict."""
    if approval.status != "waiting":
        raise Conflict(f"this request is {approval.status} already")
    return msgspec.structs.replace(approval, status="refused", reason=reason)


def used(approval: Approval) -> Approval:
    return msgspec.structs.replace(approval, status="used")
