"""Counts of one fixed hour, made once from closed windows. Pure.

Always holds: hours are those of UTC, they never overlap, and an hour in which nothing was
watched has no cell: unknown, not zero. What was watched in part says so by its coverage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from townsquare.model.camera import Camera
from townsquare.model.declaration import PUBLISHED
from townsquare.model.entity import Attribute, Entity, Json, iso, relationship, urn

FLOW = "CrowdFlowObserved"
HOUR = timedelta(hours=1)
GRACE = timedelta(seconds=90)  # for the last window of the hour to be closed and written

Kind = Literal["line", "zone"]
Values = tuple[float | None, float | None]

# What a spot of this kind counts; mean and most of the people who are in a zone at once.
COUNTED: dict[Kind, tuple[str, str]] = {
    "line": ("peopleCountTowards", "peopleCountAway"),
    "zone": ("peopleCount", "peopleCountMax"),
}
OF_WINDOW = ("dateObservedFrom", "coverage", "sample")  # besides what is counted


@dataclass(frozen=True, slots=True)
class Spot:
    """A line or a zone of a camera. `columns` are words for the two values of its kind."""

    camera: str
    name: str
    kind: Kind
    columns: tuple[str, str]

    @property
    def window(self) -> str:
        """Id of the entity whose history has the closed windows."""
        return urn(FLOW, f"{self.camera}-{self.name}")

    def cell(self, hour: datetime) -> str:
        return f"{self.window}:{hour:%Y-%m-%dT%HZ}"


@dataclass(frozen=True, slots=True)
class Window:
    """`coverage` is the share of its time that was watched, 0 to 1."""

    since: datetime
    until: datetime
    values: Values
    coverage: float
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Values are in the order of the spot's columns; None was not counted."""

    since: datetime
    until: datetime
    values: Values
    coverage: float
    sample: bool = False


def spots(camera: Entity) -> list[Spot]:
    """Of a camera as it is published."""
    name = camera.id.rsplit(":", 1)[1]
    lines = [_line(name, line) for line in camera.value("lines") or ()]
    return lines + [_zone(name, zone["name"]) for zone in camera.value("zones") or ()]


def declared(camera: Camera) -> list[Spot]:
    """Of a camera as it is set."""
    lines = [
        Spot(camera.name, line.name, "line", (line.towards, line.away)) for line in camera.lines
    ]
    return lines + [_zone(camera.name, zone.name) for zone in camera.zones]


def _line(camera: str, line: Json) -> Spot:
    return Spot(camera, line["name"], "line", (line["towards"], line["away"]))


def _zone(camera: str, name: str) -> Spot:
    return Spot(camera, name, "zone", ("mean", "most at once"))


# --- hours


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def due(now: datetime, hours: int) -> list[datetime]:
    """Starts of the newest hours whose cells can be made, oldest first."""
    end = hour_of(now - GRACE)
    return [end - HOUR * back for back in range(hours, 0, -1)]


def next_due(now: datetime) -> datetime:
    """When the next hour's cell can be made."""
    return hour_of(now - GRACE) + HOUR + GRACE


# --- from windows to a cell


def windows(kind: Kind, past: Entity) -> list[Window]:
    """From history. All attributes of a window are observed at its end."""
    rows: dict[datetime, dict[str, Json]] = {}
    for name in (*COUNTED[kind], *OF_WINDOW):
        for attribute in past.attributes.get(name, ()):
            if attribute.observed_at:
                rows.setdefault(attribute.observed_at, {})[name] = attribute.value
    return [_window(kind, until, row) for until, row in sorted(rows.items()) if _whole(row)]


def _whole(row: dict[str, Json]) -> bool:
    return "dateObservedFrom" in row and "coverage" in row


def _window(kind: Kind, until: datetime, row: dict[str, Json]) -> Window:
    first, second = COUNTED[kind]
    return Window(
        since=datetime.fromisoformat(row["dateObservedFrom"]),
        until=until,
        values=(row.get(first), row.get(second)),
        coverage=row["coverage"],
        sample=bool(row.get("sample")),
    )


def cell(kind: Kind, closed: Iterable[Window], hour: datetime) -> Cell | None:
    """None when nothing was watched. What was really counted is never mixed with samples."""
    inside = [w for w in closed if hour <= w.since and w.until <= hour + HOUR and _counted(w)]
    used = [w for w in inside if not w.sample] or inside
    if not used:
        return None
    values = _sums(used) if kind == "line" else _occupancy(used)
    watched = sum((_watched(w) for w in used), timedelta())
    coverage = round(min(watched / HOUR, 1.0), 3)
    return Cell(hour, hour + HOUR, values, coverage, all(w.sample for w in used))


def _counted(window: Window) -> bool:
    return window.coverage > 0 and None not in window.values


def _watched(window: Window) -> timedelta:
    return (window.until - window.since) * window.coverage


def _sums(used: Sequence[Window]) -> Values:
    return sum(w.values[0] or 0 for w in used), sum(w.values[1] or 0 for w in used)


def _occupancy(used: Sequence[Window]) -> Values:
    """The mean is weighted by how long each window was watched."""
    whole = sum((_watched(w) for w in used), timedelta())
    mean = sum((w.values[0] or 0) * (_watched(w) / whole) for w in used)
    return round(mean, 1), max(w.values[1] or 0 for w in used)


# --- as entities


def to_entity(spot: Spot, cell: Cell) -> Entity:
    first, second = COUNTED[spot.kind]
    attributes = {
        "name": Attribute(spot.name),
        "refDevice": relationship(urn("Camera", spot.camera)),
        "dateObservedFrom": Attribute(iso(cell.since)),
        "dateObservedTo": Attribute(iso(cell.until)),
        first: Attribute(cell.values[0]),
        second: Attribute(cell.values[1]),
        "coverage": Attribute(cell.coverage),
    }
    if cell.sample:
        attributes["sample"] = Attribute(value=True)
    given = {name: (attribute,) for name, attribute in attributes.items()}
    return Entity(spot.cell(cell.since), (FLOW,), given, scope=(PUBLISHED,))


def from_entity(spot: Spot, published: Entity) -> Cell:
    first, second = COUNTED[spot.kind]
    return Cell(
        since=datetime.fromisoformat(published.value("dateObservedFrom")),
        until=datetime.fromisoformat(published.value("dateObservedTo")),
        values=(published.value(first), published.value(second)),
        coverage=published.value("coverage"),
        sample=bool(published.value("sample")),
    )
