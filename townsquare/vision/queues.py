"""Queues of one camera as the house knows them: what waits now, and windows of it. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from townsquare.model.camera import Camera
from townsquare.model.entity import Entity
from townsquare.vision import flow_entities
from townsquare.vision.aligned import window_of
from townsquare.vision.observation import Queued
from townsquare.vision.window import QueueCount


@dataclass(slots=True)
class Queues:
    camera: Camera
    counts: dict[str, QueueCount] = field(default_factory=dict)  # by zone

    def read(self, seen: Queued) -> list[Entity]:
        """A queue that the camera was not asked for is not told."""
        if seen.zone not in self.counts:
            return []
        before = self.counts[seen.zone]
        self.counts[seen.zone] = now = before.waited(seen)
        if before.now == now.now:
            return []
        return [flow_entities.live_queue(self.camera, seen.zone, now, seen.until)]

    def forget(self) -> None:
        self.counts = {zone: replace(count, now=None) for zone, count in self.counts.items()}

    def watch(self, for_s: float) -> None:
        self.counts = {
            zone: replace(count, watched_s=count.watched_s + for_s)
            for zone, count in self.counts.items()
        }

    def windows(self, at: datetime) -> list[Entity]:
        """Those that have ended by `at`, and of which anything was watched."""
        return [
            flow_entities.queue_window(self.camera, zone, count)
            for zone, count in self.counts.items()
            if count.watched_s and count.vehicles.for_s and count.since < window_of(at)
        ]

    def turn(self, at: datetime) -> None:
        self.counts = {zone: count.turned(at) for zone, count in self.counts.items()}

    def live(self, at: datetime) -> list[Entity]:
        return [
            flow_entities.live_queue(self.camera, zone, count, at)
            for zone, count in self.counts.items()
        ]


def opened(camera: Camera, at: datetime) -> Queues:
    zones = [zone.name for zone in camera.zones if zone.queue]
    return Queues(camera, {name: QueueCount(window_of(at)) for name in zones})
