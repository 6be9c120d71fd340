"""What is worth a chart: counts, alarms raised, and any number that a device tells. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from townsquare.alerts.alert import ALERT
from townsquare.model.count_error import CountError, error_of
from townsquare.model.entity import Entity
from townsquare.model.texts import later, text
from townsquare.vision.aligned import WINDOW
from townsquare.vision.entities import CROWD, TRAFFIC

How = Literal["sum", "mean", "most", "times"]
COUNTS = (CROWD, TRAFFIC)
MOST_CHARTS = 24  # on a page
# What a window counts: how its values come together, in which unit, of which service it is a chart.
COUNTED: dict[str, tuple[How, str, str]] = {
    "peopleCountTowards": ("sum", later("people"), ""),
    "peopleCountAway": ("sum", later("people"), ""),
    "peopleCount": ("mean", later("people"), later("people at once, mean")),
    "peopleCountMax": ("most", later("people"), later("people at once, at most")),
    "intensity": ("sum", later("vehicles"), later("vehicles across the line")),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One chart. `lag` is how long after its beginning a window is observed."""

    key: str
    title: str
    unit: str
    type: str
    ids: tuple[str, ...]
    attributes: tuple[str, ...]
    how: How = "mean"
    lag: timedelta = timedelta()
    error: CountError | None = None

    @property
    def counted(self) -> bool:
        return self.type in COUNTS

    @property
    def of(self) -> Literal["observedAt", "createdAt"]:
        return "createdAt" if self.type == ALERT else "observedAt"


def of_place(shown: Iterable[Entity], camera: Entity | None = None) -> list[Measure]:
    """Of entities one by one, such as the lines and zones of a camera."""
    found = [one for entity in shown for one in _of_one(entity, camera)]
    return found[:MOST_CHARTS]


def of_service(type: str, shown: Sequence[Entity]) -> list[Measure]:
    """Of all of them together."""
    ids = tuple(entity.id for entity in shown)
    if type == ALERT:
        return [
            Measure("raised", text("Alarms raised"), text("alarms"), ALERT, ids, RAISED, "times")
        ]
    if type == CROWD:
        return [m for m in _crowd(shown) if m.ids]
    if type == TRAFFIC:
        counted = ("intensity",)
        title = text("Vehicles across all lines")
        return [Measure("all", title, text("vehicles"), TRAFFIC, ids, counted, "sum", WINDOW)]
    names = sorted({name for entity in shown for name in numbers(entity)})
    return [
        Measure(name, name, _unit(shown, name), type, ids, (name,)) for name in names[:MOST_CHARTS]
    ]


RAISED = ("dateIssued",)  # it is written once for each time


def _crowd(shown: Sequence[Entity]) -> list[Measure]:
    lines = tuple(one.id for one in shown if one.value("peopleCountTowards") is not None)
    zones = tuple(one.id for one in shown if one.value("peopleCount") is not None)
    both, people = ("peopleCountTowards", "peopleCountAway"), text("people")
    crossed, most = (
        text("People across all lines, both ways"),
        text("Most people in one zone at once"),
    )
    return [
        Measure("across", crossed, people, CROWD, lines, both, "sum", WINDOW),
        Measure("most", most, people, CROWD, zones, ("peopleCountMax",), "most", WINDOW),
    ]


def _of_one(entity: Entity, camera: Entity | None) -> list[Measure]:
    type = entity.types[0]
    if type not in COUNTS:
        names = sorted(numbers(entity))
        return [
            Measure(f"{entity.id}~{name}", name, _unit([entity], name), type, (entity.id,), (name,))
            for name in names
        ]
    there = [name for name in COUNTED if entity.value(name) is not None]
    return [_of_window(entity, name, camera) for name in there]


def _of_window(entity: Entity, name: str, camera: Entity | None) -> Measure:
    how, unit, words = COUNTED[name]
    spot = str(entity.value("name") or entity.id.rsplit(":", 1)[-1])
    about = text(words) if words else _way(spot, name, camera)
    kind, lane = entity.value("vehicleType"), entity.value("laneDirection")
    title = " · ".join(str(part) for part in (spot, kind, lane, about) if part)
    key, ids, error = f"{entity.id}~{name}", (entity.id,), _error(entity, name)
    return Measure(
        key, title, text(unit), entity.types[0], ids, (name,), how, WINDOW, error
    )  # fmt: skip


def _way(spot: str, name: str, camera: Entity | None) -> str:
    """Such as "to the station", as the camera's line says it."""
    way = "towards" if name == "peopleCountTowards" else "away"
    lines = (camera.value("lines") if camera else None) or ()
    named = next((line.get(way) for line in lines if line.get("name") == spot), None)
    return str(named) if named else text("towards") if way == "towards" else text("away")


def _error(entity: Entity, name: str) -> CountError | None:
    """What the last evaluation of it says."""
    told = entity.value("countError") or ()
    place = 1 if name == "peopleCountAway" else 0
    return error_of(told[place]) if place < len(told) else None


def numbers(entity: Entity) -> list[str]:
    return [
        name
        for name in entity.attributes
        if isinstance(value := entity.value(name), int | float) and not isinstance(value, bool)
    ]


def _unit(shown: Iterable[Entity], name: str) -> str:
    """As the device says it, such as "P1" for percent."""
    instances = (one for entity in shown for one in entity.attributes.get(name, ()))
    return next((UNITS.get(one.unit_code, one.unit_code) for one in instances if one.unit_code), "")


# Codes of UN/CEFACT recommendation 20 that towns meet most.
UNITS = {"P1": "%", "CEL": "°C", "MTR": "m", "KMH": "km/h", "KWH": "kWh", "LTR": "l", "2N": "dB"}
