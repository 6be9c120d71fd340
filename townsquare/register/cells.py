"""Counts of one fixed hour, made once from closed windows. Pure.

Always holds: hours are those of UTC, they never overlap, and an hour in which nothing was
watched has no cell: unknown, not zero. What was watched in part says so by its coverage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from townsquare.model.camera import Camera
from townsquare.model.count_error import LEVEL, CountError, Interval, bounds_of, error_of
from townsquare.model.declaration import PUBLISHED
from townsquare.model.entity import Attribute, Entity, Json, iso, relationship, urn
from townsquare.model.texts import later

FLOW = "CrowdFlowObserved"
HOUR = timedelta(hours=1)
GRACE = timedelta(seconds=90)  # for the last window of the hour to be closed and written

Kind = Literal["line", "zone"]
Values = tuple[float | None, float | None]
Errors = tuple[CountError | None, CountError | None]
Bounds = tuple[Interval | None, Interval | None]

# What a spot of this kind counts; mean and most of the people who are in a zone at once.
COUNTED: dict[Kind, tuple[str, str]] = {
    "line": ("peopleCountTowards", "peopleCountAway"),
    "zone": ("peopleCount", "peopleCountMax"),
}
# Besides what is counted.
OF_WINDOW = ("dateObservedFrom", "coverage", "sample", "countError", "countEvaluated")


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
    errors: Errors = (None, None)
    evaluated: str = ""  # the day of what the errors are from


@dataclass(frozen=True, slots=True)
class Cell:
    """Values and the intervals that they lie in are in the order of the spot's columns; None was
    not counted, or is not known. `evaluated` is a day.
    """

    since: datetime
    until: datetime
    values: Values
    coverage: float
    sample: bool = False
    bounds: Bounds = (None, None)
    evaluated: str = ""


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
    return Spot(camera, name, "zone", (later("mean"), later("most at once")))


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
        errors=_errors(row.get("countError") or ([], [])),
        evaluated=row.get("countEvaluated", ""),
    )


def _errors(told: Json) -> Errors:
    first, second = told
    return error_of(first), error_of(second)


def cell(kind: Kind, closed: Iterable[Window], hour: datetime) -> Cell | None:
    """None when nothing was watched. What was really counted is never mixed with samples."""
    inside = [w for w in closed if hour <= w.since and w.until <= hour + HOUR and _counted(w)]
    used = [w for w in inside if not w.sample] or inside
    if not used:
        return None
    values = _sums(used) if kind == "line" else _occupancy(used)
    watched = sum((_watched(w) for w in used), timedelta())
    coverage = round(min(watched / HOUR, 1.0), 3)
    made = Cell(hour, hour + HOUR, values, coverage, all(w.sample for w in used))
    return replace(made, **_bounded(used)) if kind == "line" else made


def _counted(window: Window) -> bool:
    return window.coverage > 0 and None not in window.values


def _watched(window: Window) -> timedelta:
    return (window.until - window.since) * window.coverage


def _sums(used: Sequence[Window]) -> Values:
    return sum(w.values[0] or 0 for w in used), sum(w.values[1] or 0 for w in used)


def _bounded(used: Sequence[Window]) -> dict[str, Json]:
    bounds = _bounds(used, 0), _bounds(used, 1)
    if bounds == (None, None):
        return {}
    return {"bounds": bounds, "evaluated": min(w.evaluated for w in used if w.evaluated)}


def _bounds(used: Sequence[Window], n: Literal[0, 1]) -> Interval | None:
    """Of what was counted with the same error together; None where a part is not known."""
    counted: dict[CountError, int] = {}
    for window in used:
        if (error := window.errors[n]) is None:
            return None
        counted[error] = counted.get(error, 0) + int(window.values[n] or 0)
    return sum((error.interval(k) for error, k in counted.items()), Interval(0, 0))


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
    for name, interval in zip((first, second), cell.bounds, strict=True):
        if interval:
            low, high = bounds_of(name)
            attributes |= {low: Attribute(interval.low), high: Attribute(interval.high)}
            attributes["countLevel"] = Attribute(LEVEL)
            attributes["countEvaluated"] = Attribute(cell.evaluated)
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
        bounds=(_interval(published, first), _interval(published, second)),
        evaluated=published.value("countEvaluated") or "",
    )


def _interval(published: Entity, name: str) -> Interval | None:
    low, high = (published.value(bound) for bound in bounds_of(name))
    return None if low is None or high is None else Interval(low, high)
