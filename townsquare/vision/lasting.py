"""The events of one camera as the house knows them: what lasts, and windows of what was. Pure.

Always holds: what lasts is known only while the camera is watched, and has been for as long as the
event takes to be told; else it is unknown, never over. History has windows alone: how many began in
one, and for which share of it one lasted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import get_args

from townsquare.model.camera import Camera, Zone
from townsquare.model.entity import Entity
from townsquare.vision import event_entities
from townsquare.vision.aligned import WINDOW, window_of
from townsquare.vision.observation import Event, What
from townsquare.vision.window import EventCount

Watched = tuple[str, What]  # the zone, "" for the camera itself, and what for
PARAMETERS: Mapping[What, str] = {
    "stoppedVehicle": "stopped_vehicle",
    "wrongWay": "wrong_way",
    "intrusion": "intrusion",
    "crowding": "crowding",
    "leftObject": "left_object",
    "queue": "queue",
}


def watched(camera: Camera) -> dict[Watched, timedelta]:
    """All that a camera is watched for, and how long that takes to be told."""
    found: dict[Watched, timedelta] = {}
    for zone in camera.zones:
        found |= {(zone.name, what): after for what, after in _of_zone(zone)}
    if camera.scene_changed:
        found["", "sceneChanged"] = timedelta(seconds=camera.scene_changed.after_s)
    return found


def _of_zone(zone: Zone) -> list[tuple[What, timedelta]]:
    given = [
        (what, getattr(zone, PARAMETERS[what])) for what in get_args(What) if what in PARAMETERS
    ]
    return [
        (what, timedelta(seconds=getattr(of, "after_s", 0))) for what, of in given if of is not None
    ]


@dataclass(slots=True)
class Lasting:
    camera: Camera
    after: dict[Watched, timedelta]
    counts: dict[Watched, EventCount] = field(default_factory=dict)

    def read(self, seen: Event, at: datetime, watched_since: datetime | None) -> list[Entity]:
        """What a camera is not watched for is not told."""
        key = (seen.zone, seen.what)
        if key not in self.counts:
            return []
        count = self.counts[key]
        self.counts[key] = count.ended(seen.until) if seen.until else count.began(seen)
        return [self._live(key, watched_since, at)]

    def forget(self, at: datetime) -> None:
        """Nobody watches: whether anything still lasts is not known."""
        self.counts = {key: count.ended(at) for key, count in self.counts.items()}

    def watch(self, for_s: float) -> None:
        self.counts = {
            key: replace(count, watched_s=count.watched_s + for_s)
            for key, count in self.counts.items()
        }

    def windows(self, at: datetime) -> list[Entity]:
        """Those that have ended by `at`, and of which anything was watched."""
        closed = {
            key: replace(count, lasted_s=count.lasted_upto(count.since + WINDOW))
            for key, count in self.counts.items()
            if count.watched_s and count.since < window_of(at)
        }
        return [event_entities.window(self.camera, *key, count) for key, count in closed.items()]

    def turn(self, at: datetime) -> None:
        self.counts = {key: count.turned(at) for key, count in self.counts.items()}

    def live(self, watched_since: datetime | None, at: datetime) -> list[Entity]:
        """`watched_since` is None while nobody watches."""
        return [self._live(key, watched_since, at) for key in self.counts]

    def _live(self, key: Watched, watched_since: datetime | None, at: datetime) -> Entity:
        count = self.counts[key]
        long_enough = watched_since is not None and at - watched_since >= self.after[key]
        known = count.begun is not None or long_enough
        return event_entities.live(self.camera, *key, count if known else None, at)


def opened(camera: Camera, at: datetime) -> Lasting:
    after = watched(camera)
    return Lasting(camera, after, {key: EventCount(window_of(at)) for key in after})
