"""What people are told on call, as words in the language that is being read, and as JSON. Pure.

Always holds: of an alarm its name, severity, place, consequence and response are told, and nothing
of a person; `id` is the same at each try, so that who gets it twice can drop the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from townsquare.model.entity import Entity, Json, iso
from townsquare.model.texts import found, text, text_of

MOST_TOLD = 10  # alarms in words; the others are counted
SEVEREST = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm."""

    id: str
    name: str
    severity: str
    since: str = ""
    place: str = ""
    consequence: str = ""
    response: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """`more` are alarms beyond those that are told. `at` is when it was decided to call."""

    id: str
    town: str
    link: str
    at: datetime
    alarms: tuple[Told, ...] = ()
    more: int = 0
    step: int = 0

    @property
    def severity(self) -> str:
        return self.alarms[0].severity if self.alarms else "low"

    @property
    def title(self) -> str:
        if not self.alarms:
            return text("Test from {town}", town=self.town)
        others = len(self.alarms) - 1 + self.more
        first = {"severity": _loud(self.severity), "name": self.alarms[0].name, "town": self.town}
        if others:
            return text("{severity}: {name} and {others} more ({town})", others=others, **first)
        return text("{severity}: {name} ({town})", **first)

    @property
    def text(self) -> str:
        if not self.alarms:
            said = text("This is a test of a way to call people. Nothing has happened.")
            return f"{said}\n\n{self.link}"
        parts = ["\n".join(_lines(alarm)) for alarm in self.alarms]
        if self.more:
            parts.append(text_of(self.more, "There is {n} more.", "There are {n} more."))
        last = text("Acknowledge it in the control room: {link}", link=self.link)
        return "\n\n".join([*parts, last])

    @property
    def json(self) -> Json:
        return {
            "id": self.id,
            "type": "alarm" if self.alarms else "test",
            "town": self.town,
            "at": iso(self.at),
            "step": self.step + 1,
            "link": self.link,
            "more": self.more,
            "alarms": [
                {name: getattr(one, name) for name in Told.__slots__} for one in self.alarms
            ],
        }


def told(alarm: Entity) -> Told:
    texts = {n: str(alarm.value(n) or "") for n in ("consequence", "response")}
    return Told(
        alarm.id,
        str(alarm.value("name") or alarm.id),
        str(alarm.value("severity") or "medium"),
        str(alarm.value("dateIssued") or ""),
        _place(alarm),
        **texts,
    )


def chosen(alarms: Sequence[Told]) -> tuple[tuple[Told, ...], int]:
    """The worst ones first, and how many are left out."""
    order = sorted(alarms, key=lambda one: (_rank(one.severity), one.since, one.id))
    return tuple(order[:MOST_TOLD]), max(0, len(order) - MOST_TOLD)


def _rank(severity: str) -> int:
    return SEVEREST.index(severity) if severity in SEVEREST else len(SEVEREST)


def _place(alarm: Entity) -> str:
    """The source, and where it is: latitude before longitude, as maps on phones read it."""
    source = str(alarm.value("alertSource") or "").removeprefix("urn:ngsi-ld:")
    location = alarm.value("location")
    if isinstance(location, dict) and location.get("type") == "Point":
        lon, lat = location["coordinates"][:2]
        return f"{source} ({lat:.5f}, {lon:.5f})"
    return source


def _loud(severity: str) -> str:
    return found(severity).upper()


def _lines(alarm: Told) -> list[str]:
    lines = [f"{_loud(alarm.severity)}: {alarm.name}"]
    if alarm.place:
        lines.append(text("Where: {place}", place=alarm.place))
    if alarm.consequence:
        lines.append(text("If nobody acts: {consequence}", consequence=alarm.consequence))
    if alarm.response:
        lines.append(text("What to do: {response}", response=alarm.response))
    return lines
