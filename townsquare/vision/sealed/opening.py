"""An opening of sealed footage: what is asked for, and what becomes of it. Pure.

Always holds: what is agreed to is one camera, an hour at most, one case and one key to which it is
sealed anew; it can be released for a day; two custodians release it, who are those that agreed, but
in an emergency, where one agrees by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import uuid4

from msgspec import Struct

from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Conflict, Denied, Invalid
from townsquare.trust.approvals import Approval
from townsquare.trust.audit import LONGEST_CASE, require_worded
from townsquare.trust.identity.organisation import folded
from townsquare.trust.seal.keys import CustodianKey, custodian_key
from townsquare.trust.seal.sharing import QUORUM
from townsquare.trust.seal.terms import Terms
from townsquare.vision.entities import CAMERA
from townsquare.vision.sealed.custody_types import OPENING

ACT, EMERGENCY = "footage", "footageEmergency"  # as acts that are approved
PURPOSE = "investigation"
LONGEST = timedelta(hours=1)
RUNS = timedelta(hours=24)  # after it was agreed to
Status = Literal["agreed", "released", "delivered", "refused", "ended"]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """`key` is the line that the asker's own client printed."""

    camera: str
    since: datetime
    until: datetime
    case: str
    key: str
    emergency: bool = False

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise Invalid("since and until need a zone, such as 2026-11-23T09:00:00+01:00")
        if not timedelta() < self.until - self.since <= LONGEST:
            raise Invalid("an opening is of an hour at most, and begins before it ends")
        if not self.case.strip():
            raise Invalid("an opening needs a file number: case")
        require_worded("the file number", self.case, LONGEST_CASE)
        _ = self.asker

    @property
    def asker(self) -> CustodianKey:
        """Raises Invalid."""
        return custodian_key(self.key)

    @property
    def act(self) -> str:
        return EMERGENCY if self.emergency else ACT

    @property
    def subject(self) -> str:
        return urn(CAMERA, self.camera)

    @property
    def detail(self) -> Mapping[str, Json]:
        """What custodians sign. Of the key it is the whole sum, and not what people compare."""
        return {
            "from": iso(self.since),
            "to": iso(self.until),
            "purpose": PURPOSE,
            "case": self.case,
            "key": self.asker.thumbprint,
            "keySum": sha256(self.key.strip().encode()).hexdigest(),
        }


def agreeing(approval: Approval, terms: Terms) -> list[str]:
    """Names of the custodians whose people signed. Raises Denied where they are too few."""
    signed = {folded(one.organisation) for one in approval.signatures}
    names = [one.name for one in terms.custodians if folded(one.organisation) in signed]
    needed = 1 if approval.request.act == EMERGENCY else QUORUM
    if len(names) < needed:
        raise Denied(
            f"{len(names)} of the {needed} organisations that agreed are custodians by the terms in"
            f" force; these are {', '.join(one.organisation for one in terms.custodians)}"
        )
    return names


def opened(wish: Wish, approval: Approval, agreed: list[str], count: int, now: datetime) -> Entity:
    told = {
        **_asked(wish, approval),
        "approvedBy": Attribute(agreed),
        "releasedBy": Attribute([]),
        "emergencyOpen": Attribute(int(wish.emergency), observed_at=now),
        "segmentCount": Attribute(count),
        "status": Attribute("agreed"),
        "openedAt": Attribute(iso(now)),
        "validUntil": Attribute(iso(now + RUNS)),
    }
    return _entity(told)


def refused(wish: Wish, approval: Approval, now: datetime) -> Entity:
    """So that refusals are counted as well."""
    told = {
        **_asked(wish, approval),
        "status": Attribute("refused"),
        "reason": Attribute(approval.reason),
        "openedAt": Attribute(iso(now)),
        "validUntil": Attribute(iso(now)),
    }
    return _entity(told)


def _entity(told: Mapping[str, Attribute]) -> Entity:
    attributes = {name: (value,) for name, value in told.items()}
    return Entity(urn(OPENING, str(uuid4())), (OPENING,), attributes)


def _asked(wish: Wish, approval: Approval) -> dict[str, Attribute]:
    return {
        "refCamera": relationship(wish.subject),
        "dateObservedFrom": Attribute(iso(wish.since)),
        "dateObservedTo": Attribute(iso(wish.until)),
        "caseNumber": Attribute(wish.case),
        "requestedBy": Attribute(approval.request.requested_by),
        "organisation": Attribute(approval.organisation),
        "requesterKey": Attribute(wish.key.strip()),
        "keyThumbprint": Attribute(wish.asker.thumbprint),
        "emergency": Attribute(int(wish.emergency)),
    }


class Opening(Struct, frozen=True):
    """As it is kept."""

    id: str
    camera: str
    since: datetime
    until: datetime
    case: str
    organisation: str
    key: str
    approved_by: tuple[str, ...]
    released_by: tuple[str, ...]
    emergency: bool
    status: Status
    opened_at: datetime
    valid_until: datetime

    def require_runs(self, now: datetime) -> None:
        """Raises Denied."""
        if self.status in ("ended", "refused") or now >= self.valid_until:
            raise Denied(f"this opening ended at {iso(self.valid_until)}; ask for another one")

    def may_release(self, custodian: str) -> bool:
        """In an emergency any other custodian may, whose client stands by."""
        return self.emergency or custodian in self.approved_by

    def waits_for(self, custodian: str, now: datetime) -> bool:
        runs = self.status == "agreed" and now < self.valid_until
        return runs and self.may_release(custodian) and custodian not in self.released_by


def read(kept: Entity) -> Opening:
    def at(name: str) -> datetime:
        return datetime.fromisoformat(kept.value(name))

    return Opening(
        kept.id,
        str(kept.value("refCamera")).rsplit(":", 1)[-1],
        at("dateObservedFrom"),
        at("dateObservedTo"),
        str(kept.value("caseNumber")),
        str(kept.value("organisation")),
        str(kept.value("requesterKey")),
        tuple(kept.value("approvedBy") or ()),
        tuple(kept.value("releasedBy") or ()),
        bool(kept.value("emergency")),
        kept.value("status"),
        at("openedAt"),
        at("validUntil"),
    )


def released(one: Opening, custodian: str, now: datetime) -> Entity:
    """Raises Denied or Conflict."""
    one.require_runs(now)
    if not one.may_release(custodian):
        raise Denied(f"the custodian {custodian!r} is none of those who agreed to this")
    if custodian in one.released_by:
        raise Conflict(f"the custodian {custodian!r} released this already")
    by = [*one.released_by, custodian]
    status = "released" if len(by) >= QUORUM else one.status
    return entity(one.id, OPENING, releasedBy=Attribute(by), status=Attribute(status))


def ended(one: Opening, now: datetime) -> Entity:
    return entity(
        one.id,
        OPENING,
        status=Attribute("ended"),
        emergencyOpen=Attribute(0, observed_at=now),
    )


def delivered(one: Opening) -> Entity:
    return entity(one.id, OPENING, status=Attribute("delivered"))


class Sum(Struct, frozen=True):
    """Of one month: what was asked for, and what became of it."""

    month: str
    purpose: str
    opened: int
    refused: int
    emergencies: int


def sums(found: Iterable[Entity]) -> list[Sum]:
    """Newest month first."""
    by_month: dict[str, list[Entity]] = {}
    for one in found:
        by_month.setdefault(str(one.value("openedAt"))[:7], []).append(one)
    return [_sum(month, by_month[month]) for month in sorted(by_month, reverse=True)]


def _sum(month: str, found: Sequence[Entity]) -> Sum:
    opened = [one for one in found if one.value("status") != "refused"]
    urgent = sum(bool(one.value("emergency")) for one in opened)
    return Sum(month, PURPOSE, len(opened), len(found) - len(opened), urgent)
