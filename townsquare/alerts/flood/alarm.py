"""What the queue must know of an alarm to give it a row. Pure.

Always holds: all of it stands on the entity, so that the rows are the same after a restart and on
every screen.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from townsquare.alerts.alert import facts
from townsquare.alerts.lifecycle import state
from townsquare.model.entity import Entity, Json, urn
from townsquare.model.position import Position

# Why an alarm is in its row: it opened it, or what it has in common with the one that did.
By = Literal["itself", "group", "asset", "near", "cause", "place", "rest"]
QUEUED = frozenset({"UNACK", "ACKED", "RTN_UNACK", "LATCHED_RTN"})
NEVER = datetime.min.replace(tzinfo=UTC)
PREFIX = urn("Alert", "")


@dataclass(frozen=True, slots=True)
class Place:
    """In a row of the queue. `since` is when the row was opened."""

    row: str
    since: datetime
    by: By


@dataclass(frozen=True, slots=True)
class Alarm:
    id: str
    source: str = ""
    asset: str = ""
    group: str = ""
    severity: str = "medium"
    position: Position | None = None
    raised: datetime = NEVER
    returned: datetime | None = None
    queued: bool = False
    active: bool = False
    acked: bool = True
    suppression: str = "none"
    silences: bool = False  # while it lasts, what depends on its source is not heard
    silenced_by: str = ""
    place: Place | None = None
    version: int = 0

    @property
    def cause(self) -> str:
        """The name of its rule."""
        return self.id.removeprefix(PREFIX).partition(":")[0]

    @property
    def critical(self) -> bool:
        return self.severity == "critical"


def alarm(entity: Entity) -> Alarm:
    present = facts(entity)
    source = str(entity.value("alertSource") or "")
    design = present.suppression == "byDesign"
    return Alarm(
        entity.id,
        source,
        str(entity.value("asset") or source),
        str(entity.value("group") or ""),
        str(entity.value("severity") or "medium"),
        _position(entity.value("location")),
        _time(entity.value("dateIssued")) or NEVER,
        _time(entity.value("returnedAt")),
        state(present) in QUEUED,
        present.active,
        present.acked,
        present.suppression,
        bool(entity.value("silences")),
        str(entity.value("suppressedBy") or "") if design else "",
        _place(entity),
        entity.version,
    )


def _place(entity: Entity) -> Place | None:
    row, since = entity.value("row"), _time(entity.value("rowSince"))
    return Place(str(row), since, entity.value("rowBy") or "itself") if row and since else None


def _time(text: Json) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _position(location: Json) -> Position | None:
    """Only a point says how far it is from another."""
    if not isinstance(location, dict) or location.get("type") != "Point":
        return None
    lon, lat = location["coordinates"][:2]
    return Position(lon, lat)
