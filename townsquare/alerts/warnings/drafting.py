"""The first draft of a warning, from what an incident says. Pure.

Always holds: it is an exercise until somebody says that it is not, and it can be published only
when somebody has looked at it: a place nobody knows is left for them to fill in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from townsquare.alerts.warnings.message import (
    LONGEST_HEADLINE,
    Area,
    Message,
    Severity,
    Text,
    Urgency,
)
from townsquare.model.entity import Entity, Json
from townsquare.model.town import NOWHERE, Town

USUAL = timedelta(hours=6)
AROUND_KM = 0.5  # about a square and the streets that lead to it
SEVERITIES: Mapping[str, Severity] = {
    "critical": "Extreme",
    "high": "Severe",
    "medium": "Moderate",
    "low": "Minor",
}
URGENT: Mapping[str, Urgency] = {"critical": "Immediate", "high": "Immediate"}


def drafted(incident: Entity, town: Town, now: datetime) -> Message:
    name = str(incident.value("name"))
    place = str(incident.value("place") or "")
    severity = str(incident.value("severity"))
    headline = f"{name}, {place}" if place else name
    return Message(
        category="Safety",
        urgency=URGENT.get(severity, "Expected"),
        severity=SEVERITIES.get(severity, "Unknown"),
        certainty="Observed",
        expires=(now + USUAL).replace(second=0, microsecond=0),
        texts=(
            Text(
                "en",
                name,
                headline[:LONGEST_HEADLINE],
                str(incident.value("report") or headline),
                "",
            ),
        ),
        areas=(Area(place or town.name, circles=_around(incident.value("location"), town)),),
        response="Avoid" if severity in URGENT else "Monitor",
    )


def _around(location: Json, town: Town) -> tuple[str, ...]:
    """The place of the incident, or else the middle of the town where that is known."""
    if isinstance(location, dict) and location.get("type") == "Point":
        lon, lat = location["coordinates"][:2]
        return (f"{lat:.5f},{lon:.5f} {AROUND_KM}",)
    if town.centre == NOWHERE:
        return ()
    return (f"{town.centre.lat:.5f},{town.centre.lon:.5f} {AROUND_KM}",)
