"""A clear view: who may see one camera as it is, for what, and until when. Pure.

Always holds: two organisations agreed to exactly this camera, purpose, case and length; nobody sees
longer than an hour by one agreement; what it was and how long it lasted stays.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from msgspec import Struct

from townsquare.model.camera import Camera
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Denied, Invalid
from townsquare.trust.audit import LONGEST_CASE, require_worded
from townsquare.vision.entities import CAMERA

CLEAR = "ClearView"
ACT = "clearView"  # as an act that is approved
NEEDED = 2  # organisations that agree
APPROVERS = frozenset({"custodian", "data-protection", "security"})
LONGEST = timedelta(minutes=60)
TYPES = (
    EntityType(
        CLEAR,
        "vision",
        frozenset({"operator", "data-protection"}),
        commanders=frozenset({"operator"}),
        accountable=True,
        history=False,
        deletable=False,
        title="Looks at a camera as it is",
        words=Words(
            "a look at a camera as it is",
            "refCamera",
            "of",
            {
                "refCamera": "the camera",
                "actor": "who looks",
                "purpose": "what for",
                "case": "the file number",
                "approvedBy": "who agreed",
                "status": "whether it goes on",
                "startedAt": "since when",
                "validUntil": "until when at most",
                "endedAt": "when it ended",
                "minutes": "for how many minutes",
            },
        ),
    ),
)


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for and agreed to. `case` is a file number, `approval` the agreement's id."""

    purpose: str
    case: str
    minutes: int
    approval: str = ""

    def __post_init__(self) -> None:
        most = int(LONGEST.total_seconds() // 60)
        if not 1 <= self.minutes <= most:
            raise Invalid(f"a clear view lasts from 1 to {most} minutes, not {self.minutes}")
        if not self.case.strip():
            raise Invalid("a clear view needs a file number: case")
        require_worded("the file number", self.case, LONGEST_CASE)

    @property
    def detail(self) -> Mapping[str, Json]:
        """What approvers sign."""
        return {"purpose": self.purpose, "case": self.case, "minutes": self.minutes}


def require_possible(camera: Camera, wish: Wish) -> None:
    """Raises Denied."""
    if camera.counts_only:
        raise Denied(f"camera {camera.name!r} only counts: no picture of it is ever made")
    if wish.purpose not in camera.purposes:
        meant = " and ".join(map(repr, camera.purposes)) or "nothing"
        raise Denied(f"camera {camera.name!r} is there for {meant}, not for {wish.purpose[:60]!r}")


def require_agreed(organisations: frozenset[str]) -> None:
    """Raises Denied."""
    if len(organisations) < NEEDED:
        raise Denied(
            f"a clear view needs the agreement of {NEEDED} other organisations;"
            f" {len(organisations)} agreed"
        )


def begun(camera: Camera, wish: Wish, by: str, agreed: frozenset[str], now: datetime) -> Entity:
    return entity(
        urn(CLEAR, str(uuid4())),
        CLEAR,
        refCamera=relationship(urn(CAMERA, camera.name)),
        actor=Attribute(by),
        purpose=Attribute(wish.purpose),
        case=Attribute(wish.case),
        approvedBy=Attribute(sorted(agreed)),
        status=Attribute("running"),
        startedAt=Attribute(iso(now)),
        validUntil=Attribute(iso(now + min(timedelta(minutes=wish.minutes), LONGEST))),
    )


def ended(view: Entity, at: datetime) -> Entity:
    """What is to be merged into it. A part of a minute is one."""
    until = min(at, until_of(view))
    minutes = -(-(until - started_of(view)).total_seconds() // 60)
    return entity(
        view.id,
        CLEAR,
        status=Attribute("ended"),
        endedAt=Attribute(iso(until)),
        minutes=Attribute(max(1, int(minutes))),
    )


def started_of(view: Entity) -> datetime:
    return datetime.fromisoformat(view.value("startedAt"))


def until_of(view: Entity) -> datetime:
    return datetime.fromisoformat(view.value("validUntil"))


class Sum(Struct, frozen=True):
    """Of one month and purpose."""

    month: str
    purpose: str
    views: int
    minutes: int


def sums(views: list[Entity]) -> list[Sum]:
    """Newest month first. A view that goes on counts, and its minutes when it is over."""
    found: dict[tuple[str, str], list[int]] = {}
    for view in views:
        key = str(view.value("startedAt"))[:7], str(view.value("purpose"))
        found.setdefault(key, []).append(view.value("minutes") or 0)
    made = [Sum(*key, len(each), sum(each)) for key, each in sorted(found.items())]
    return sorted(made, key=lambda one: one.month, reverse=True)
