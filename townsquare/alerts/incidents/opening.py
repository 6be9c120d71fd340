"""How an incident begins: from alarms, from a call, or because somebody saw something. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from townsquare.alerts.incidents.incident import INCIDENT, SEVERITIES, Doing
from townsquare.alerts.incidents.text import optional, required
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Instances, Json, entity, iso, relationship
from townsquare.model.errors import Invalid
from townsquare.model.position import Position
from townsquare.model.rule import Severity

LONGEST_NAME = 200
EARLIER = timedelta(days=1)  # a story begins at most so long before somebody opened it
Origin = Literal["alarm", "call", "hand"]


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """`report` is what was seen or heard: never who called, which nobody needs to act.

    What is not said is that of the alarms: their name, place and worst severity.
    """

    name: str = ""
    severity: Severity | None = None
    origin: Origin = "hand"
    report: str = ""
    place: str = ""
    location: tuple[float, float] | None = None  # lon, lat
    alarms: tuple[str, ...] = ()
    procedure: str = ""


class Found(Struct, frozen=True):
    """What an opening names, as it stands."""

    alarms: Sequence[Entity] = ()
    cameras: Sequence[str] = ()
    procedure: Entity | None = None


def opened(id: str, wish: Opening, found: Found, do: Doing) -> Change:
    """Raises Invalid."""
    first = found.alarms[0] if found.alarms else None
    name = wish.name or (str(first.value("name") or first.id) if first else "")
    facts = {
        "name": _plain(required(name, "the name of the incident", LONGEST_NAME)),
        "severity": do.fact(wish.severity or _worst(found.alarms)),
        "state": do.fact("NEW"),
        "origin": _plain("alarm" if first else _not_alarm(wish.origin)),
        "openedAt": _plain(iso(do.at)),
        "begunAt": _plain(iso(_begun(found.alarms, do.at))),
        **_texts(wish),
        **_links(found, do),
        **_procedure(found, do),
    }
    location = _location(wish, found.alarms)
    made = entity(id, INCIDENT, location=location)
    return Change("create", Entity(id, made.types, {**made.attributes, **facts}))


def _plain(value: Json) -> Instances:
    return (Attribute(value),)


def _not_alarm(origin: Origin) -> Origin:
    if origin == "alarm":
        raise Invalid("an incident from an alarm names it in alarms")
    return origin


def _worst(alarms: Sequence[Entity]) -> str:
    known = [a.value("severity") for a in alarms]
    return next((severity for severity in SEVERITIES if severity in known), "medium")


def _begun(alarms: Sequence[Entity], now: datetime) -> datetime:
    times = [
        datetime.fromisoformat(str(issued)) for a in alarms if (issued := a.value("dateIssued"))
    ]
    return max(min([*times, now]), now - EARLIER)


def _texts(wish: Opening) -> dict[str, Instances]:
    texts = {
        "report": optional(wish.report, "what was reported"),
        "place": optional(wish.place, "the place", LONGEST_NAME),
    }
    return {name: _plain(text) for name, text in texts.items() if text}


def _links(found: Found, do: Doing) -> dict[str, Instances]:
    links = {"alarms": [a.id for a in found.alarms], "cameras": list(found.cameras)}
    return {kind: do.fact(ids, kind="ListRelationship") for kind, ids in links.items() if ids}


def _procedure(found: Found, do: Doing) -> dict[str, Instances]:
    """With its steps as they are now: what changes later does not reach into work begun."""
    if found.procedure is None:
        return {}
    steps = found.procedure.value("steps")
    return {
        "procedure": (relationship(found.procedure.id),),
        "steps": do.fact(steps, kind="JsonProperty"),
    }


def _location(wish: Opening, alarms: Sequence[Entity]) -> Attribute | None:
    if wish.location:
        return Position(*wish.location).attribute()
    places = (alarm.get("location") for alarm in alarms)
    return next((Attribute(place.value, kind="GeoProperty") for place in places if place), None)
