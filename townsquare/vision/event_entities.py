"""Events of cameras as entities: one that lives, and windows of what was. Pure.

`active` is a number, 1 or 0, so that a rule of the town can make an alarm of it. The same stands
under the name of the event, for rules about that one alone.
"""

from datetime import datetime

from townsquare.model.camera import Camera
from townsquare.model.entity import Entity, iso, urn
from townsquare.vision.aligned import WINDOW
from townsquare.vision.entities import of_window, placed, told
from townsquare.vision.observation import What
from townsquare.vision.window import EventCount, coverage

EVENT = "CameraEvent"


def event_id(camera: Camera, zone: str, what: What) -> str:
    return "-".join(filter(None, (urn(EVENT, camera.name), zone, what)))


def live(camera: Camera, zone: str, what: What, count: EventCount | None, at: datetime) -> Entity:
    """`count` is None while nothing is known of it."""
    lasts = count is not None and count.begun is not None
    active = None if count is None else int(lasts)
    one = told(
        f"{event_id(camera, zone, what)}-live",
        EVENT,
        True,
        at,
        ("refDevice", camera.name),
        eventType=what,
        name=zone or None,
        active=active,
        validFrom=iso(count.begun) if count and count.begun else None,
        confidence=count.confidence if count and lasts else None,
        **{what: active},
    )
    return placed(one, camera)


def window(camera: Camera, zone: str, what: What, count: EventCount) -> Entity:
    until = count.since + WINDOW
    lasted = min(1.0, count.lasted_s / WINDOW.total_seconds())
    return told(
        event_id(camera, zone, what),
        EVENT,
        False,
        until,
        ("refDevice", camera.name),
        eventType=what,
        name=zone or None,
        eventCount=count.count,
        activeShare=round(lasted, 2),
        **of_window(camera, count.since, coverage(count)),
    )
