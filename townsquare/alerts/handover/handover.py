"""A hand-over as an entity: written by who goes, taken over by somebody else. Pure.

Always holds: the report in it is as it was when it was written, and neither that nor the words are
changed afterwards; nobody takes over from themselves; it is taken over once, or withdrawn by who
wrote it and kept all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from townsquare.alerts.handover.report import Report
from townsquare.alerts.handover.types import HANDOVER
from townsquare.alerts.incidents.text import optional, required
from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, iso, relationship
from townsquare.model.errors import Conflict, Denied, Invalid

MOST_POINTS = 50
WRITTEN, ACCEPTED, WITHDRAWN = "written", "accepted", "withdrawn"


@dataclass(frozen=True, slots=True)
class Handover:
    id: str
    state: str
    written_by: str
    written_at: datetime
    notes: str
    open_points: Sequence[str]
    report: Report
    accepted_by: str
    accepted_at: datetime | None
    remark: str
    withdrawn_at: datetime | None
    withdrawn_why: str
    version: int


def written(
    id: str, report: Report, notes: str, points: Sequence[str], by: Actor, at: datetime
) -> Change:
    """Raises Denied, Invalid."""
    _require_person(by, "written")
    if len(points) > MOST_POINTS:
        raise Invalid(f"a hand-over has at most {MOST_POINTS} open points; it has {len(points)}")
    kept = [required(one, f"open point {n}", 500) for n, one in enumerate(points, 1)]
    made = entity(
        id,
        HANDOVER,
        state=Attribute(WRITTEN, observed_at=at),
        since=Attribute(iso(report.since)),
        until=Attribute(iso(report.until)),
        writtenBy=relationship(by.id),
        writtenAt=Attribute(iso(at)),
        notes=Attribute(optional(notes, "the notes")),
        openPoints=Attribute(kept, kind="JsonProperty"),
        report=Attribute(msgspec.to_builtins(report), kind="JsonProperty"),
    )
    return Change("create", made)


def accepted(found: Entity, remark: str, by: Actor, at: datetime) -> Change:
    """Raises Conflict, Denied, Invalid."""
    _require_person(by, "taken over")
    now = handover(found)
    if by.id == now.written_by:
        raise Denied("you wrote this hand-over; who comes takes it over, and not who goes")
    _require_waits(now)
    facts = {
        "state": (Attribute(ACCEPTED, observed_at=at),),
        "acceptedBy": (relationship(by.id),),
        "acceptedAt": (Attribute(iso(at)),),
        "remark": (Attribute(optional(remark, "the remark", 1_000)),),
    }
    return Change("merge", Entity(found.id, (HANDOVER,), facts), if_version=found.version)


def withdrawn(found: Entity, reason: str, by: Actor, at: datetime) -> Change:
    """Raises Conflict, Denied, Invalid."""
    _require_person(by, "withdrawn")
    now = handover(found)
    if by.id != now.written_by:
        raise Denied("somebody else wrote this hand-over; who wrote it withdraws it")
    _require_waits(now)
    facts = {
        "state": (Attribute(WITHDRAWN, observed_at=at),),
        "withdrawnAt": (Attribute(iso(at)),),
        "withdrawnWhy": (Attribute(required(reason, "the reason", 1_000)),),
    }
    return Change("merge", Entity(found.id, (HANDOVER,), facts), if_version=found.version)


def _require_waits(now: Handover) -> None:
    if now.state == WITHDRAWN:
        raise Conflict("this hand-over was withdrawn; take over the one that came after it")
    if now.state != WRITTEN:
        raise Conflict(f"{now.accepted_by} took this hand-over already")


def _require_person(by: Actor, done: str) -> None:
    if by.kind != "person":
        raise Denied(f"a hand-over is {done} by somebody with a name; sign in with your account")


def handover(found: Entity) -> Handover:
    accepted_at, withdrawn_at = found.value("acceptedAt"), found.value("withdrawnAt")
    return Handover(
        found.id,
        str(found.value("state")),
        str(found.value("writtenBy") or ""),
        datetime.fromisoformat(str(found.value("writtenAt"))),
        str(found.value("notes") or ""),
        cast("Sequence[str]", found.value("openPoints") or ()),
        msgspec.convert(found.value("report"), Report),
        str(found.value("acceptedBy") or ""),
        datetime.fromisoformat(accepted_at) if accepted_at else None,
        str(found.value("remark") or ""),
        datetime.fromisoformat(withdrawn_at) if withdrawn_at else None,
        str(found.value("withdrawnWhy") or ""),
        found.version,
    )
