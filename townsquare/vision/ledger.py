"""What the house knows of one camera, and which entities say so. No I/O, no clock.

Every method gives the entities that have changed by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Literal

from townsquare.model.camera import Camera, Line, RoadUser
from townsquare.model.entity import Entity, urn
from townsquare.vision import entities, flow_entities, lasting, queues
from townsquare.vision.aligned import window_of
from townsquare.vision.evaluated import Measured
from townsquare.vision.ground import areas_m2
from townsquare.vision.lasting import Lasting
from townsquare.vision.light import Light
from townsquare.vision.observation import (
    Crossings,
    Event,
    Health,
    Observation,
    Occupancy,
    Queued,
    Speeds,
    Turns,
)
from townsquare.vision.queues import Queues
from townsquare.vision.trouble import HARMLESS, sentence
from townsquare.vision.window import (
    Attention,
    EventCount,
    LineCount,
    QueueCount,
    ZoneCount,
    heard,
    passed,
)

Status = Literal["starting", "working", "failing"]


@dataclass(slots=True)
class Ledger:
    camera: Camera
    since: datetime  # of the status
    events: Lasting
    queues: Queues
    status: Status = "starting"
    trouble: str = ""
    size: tuple[int, int] | None = None
    overdue: bool = False  # its review
    attention: Attention = field(default_factory=Attention)
    lines: dict[tuple[str, RoadUser], LineCount] = field(default_factory=dict)
    zones: dict[str, ZoneCount] = field(default_factory=dict)
    areas_m2: dict[str, float] = field(default_factory=dict)  # of zones, where known
    metric: bool = True  # whether metres can be had of its pictures
    measured: Measured = field(default_factory=Measured)
    light: Light = "unknown"
    worker: str = ""  # the entity of the process that counts it

    def read(self, seen: Observation, at: datetime, midnight: datetime) -> list[Entity]:
        if isinstance(seen, Health):
            return self._turn(at, midnight) + self._health(seen, at)
        if isinstance(seen, Crossings):
            return self._turn(seen.until, midnight) + self._crossings(seen)
        if isinstance(seen, Occupancy):
            return self._turn(seen.until, midnight) + self._occupancy(seen)
        if isinstance(seen, Queued):
            return self._turn(seen.until, midnight) + self.queues.read(seen)
        if isinstance(seen, Event):
            return self._turn(at, midnight) + self.events.read(seen, at, self._watched_since())
        return self._closed(seen)

    def fail(self, trouble: str, at: datetime) -> list[Entity]:
        """Nobody watches it: nothing is known. Everyone may read what the trouble is."""
        self.attention = Attention(working=False, upto=at)
        if (self.status, self.trouble) != ("failing", trouble):
            since = self.since if self.status == "failing" else at
            self.status, self.trouble, self.since = "failing", trouble, since
        self._forget(at)
        return [self.entity(), entities.unknown_health(self.camera.name, at), *self.live(at)]

    def elapse(self, at: datetime, midnight: datetime) -> list[Entity]:
        """At the clock: windows close although nothing happens."""
        return self._turn(at, midnight)

    def review(self, overdue: bool) -> list[Entity]:
        """Whether its need should have been looked at again before today."""
        before, self.overdue = self.overdue, overdue
        return [self.entity()] if overdue != before else []

    # --- what was said

    def _health(self, health: Health, at: datetime) -> list[Entity]:
        working = health.trouble in HARMLESS
        self.attention, watched_s = heard(self.attention, working, at)
        self._watch(watched_s)
        status: Status = "working" if working else "failing"
        before = (self.status, self.trouble, self.size)
        self.trouble = sentence(health.trouble, self.camera.counted_url, health.size)
        self.status, self.since = status, health.since
        self.size, self.light = health.size or self.size, health.light
        self.metric = health.trouble != "noMetres"
        if not working:
            self._forget(at)
        changed = before != (self.status, self.trouble, self.size)
        camera = [self.entity()] if changed else []
        return [*camera, entities.health_entity(health, at), *self.live(at)]

    def _crossings(self, seen: Crossings) -> list[Entity]:
        key = (seen.line, seen.of)
        if key not in self.lines:
            return []
        self.lines[key] = self.lines[key].crossed(seen)
        return self._live_line(*key, seen.until)

    def _occupancy(self, seen: Occupancy) -> list[Entity]:
        if seen.zone not in self.zones or seen.of != "person":
            return []
        before = self.zones[seen.zone]
        self.zones[seen.zone] = before.stayed(seen)
        return [] if before.now == seen.max else self._live_zone(seen.zone, seen.until)

    def _closed(self, seen: Turns | Speeds) -> list[Entity]:
        """Windows that come whole."""
        lines = {line.name for line in self.camera.lines}
        if isinstance(seen, Turns):
            known = {seen.entry, seen.exit} <= lines and seen.of in self.camera.classes
            return [flow_entities.turns(self.camera, seen)] if known else []
        known = seen.line in lines and seen.of in self.camera.classes
        return [flow_entities.speeds(self.camera, seen)] if known else []

    def _forget(self, at: datetime) -> None:
        """Of the moment; what was counted stays counted."""
        self.light = "unknown"
        self.events.forget(at)
        self.queues.forget()
        self.zones = {name: replace(count, now=None) for name, count in self.zones.items()}

    # --- time

    def _watch(self, for_s: float) -> None:
        for key, line in self.lines.items():
            self.lines[key] = replace(line, watched_s=line.watched_s + for_s)
        for name, zone in self.zones.items():
            self.zones[name] = replace(zone, watched_s=zone.watched_s + for_s)
        self.events.watch(for_s)
        self.queues.watch(for_s)

    def _turn(self, at: datetime, midnight: datetime) -> list[Entity]:
        """Closes the windows that have ended. Without a second of watching there is none."""
        lines, zones = self.lines.values(), self.zones.values()
        counts: Iterable[LineCount | ZoneCount | EventCount | QueueCount]
        counts = chain(lines, zones, self.events.counts.values(), self.queues.counts.values())
        if all(count.since >= window_of(at) for count in counts):
            return []
        self.attention, watched_s = passed(self.attention, window_of(at))
        self._watch(watched_s)
        closed = self._windows(at)
        self.lines = {key: self._turned(count, at, midnight) for key, count in self.lines.items()}
        self.zones = {name: count.turned(at) for name, count in self.zones.items()}
        self.events.turn(at)
        self.queues.turn(at)
        return [*closed, *self.live(at)]

    def _turned(self, count: LineCount, at: datetime, midnight: datetime) -> LineCount:
        return count.turned(at, midnight) if count.since < window_of(at) else count

    def _windows(self, at: datetime) -> list[Entity]:
        closed = self.events.windows(at) + self.queues.windows(at)
        for (name, of), count in self.lines.items():
            if count.watched_s and count.since < window_of(at):
                line, known = self._line(name), self._judged(name, of, count)
                if of == "person":
                    closed.append(entities.line_window(self.camera, line, known))
                else:
                    closed += flow_entities.traffic_windows(self.camera, line, of, known)
        for zone in self.camera.zones:
            stay = self.zones.get(zone.name)
            if stay and stay.watched_s and stay.counted_s:
                closed.append(
                    entities.zone_window(self.camera, zone, stay, self.areas_m2.get(zone.name))
                )
        return closed

    # --- as entities

    def entity(self) -> Entity:
        state = (self.status, self.since, self.trouble)
        return entities.camera_entity(self.camera, state, self.size, self.overdue, self.worker)

    def live(self, at: datetime) -> list[Entity]:
        lines = [entity for key in self.lines for entity in self._live_line(*key, at)]
        zones = [entity for name in self.zones for entity in self._live_zone(name, at)]
        events = self.events.live(self._watched_since(), at)
        return [*lines, *zones, *events, *self.queues.live(at)]

    def _watched_since(self) -> datetime | None:
        return self.since if self.status == "working" else None

    def _live_line(self, name: str, of: RoadUser, at: datetime) -> list[Entity]:
        line, known = self._line(name), self.status == "working"
        count = self._judged(name, of, self.lines[name, of])
        if of == "person":
            return [entities.live_line(self.camera, line, count, known, at)]
        return flow_entities.live_traffic(self.camera, line, of, count, known, at)

    def _judged(self, name: str, of: RoadUser, count: LineCount) -> LineCount:
        """With what is known of its error, under the light of now."""
        line, classes = self._line(name), self.camera.classes
        towards = self.measured.known(line, of, "in", self.light, classes)
        away = self.measured.known(line, of, "out", self.light, classes)
        return replace(count, errors=(towards, away))

    def _live_zone(self, name: str, at: datetime) -> list[Entity]:
        zone = next(zone for zone in self.camera.zones if zone.name == name)
        count = self.zones[name]
        known = count if self.status == "working" else replace(count, now=None)
        return [entities.live_zone(self.camera, zone, known, self._area_m2(name), at)]

    def _area_m2(self, zone: str) -> float | None:
        return self.areas_m2.get(zone) if self.metric else None

    def _line(self, name: str) -> Line:
        return next(line for line in self.camera.lines if line.name == name)


def opened(camera: Camera, at: datetime, before: Mapping[str, Entity]) -> Ledger:
    """With the counts that stand in the live entities `before`, by id."""
    ledger = Ledger(camera, at, lasting.opened(camera, at), queues.opened(camera, at))
    fresh = LineCount(window_of(at), at)
    for line in camera.lines:
        for of in camera.classes:
            ledger.lines[line.name, of] = fresh
        live = before.get(entities.live_line(camera, line, fresh, False, at).id)
        if "person" in camera.classes and live is not None:
            ledger.lines[line.name, "person"] = entities.resumed(live, at) or fresh
    if "person" in camera.classes:
        ledger.areas_m2 = areas_m2(camera.ground, camera.zones)
        ledger.zones = {zone.name: ZoneCount(window_of(at)) for zone in camera.zones}
    return ledger


def laid_out(old: Ledger, camera: Camera, at: datetime, before: Mapping[str, Entity]) -> Ledger:
    """The camera with another layout. A line that was drawn anew begins at nothing, by whatever
    name.
    """
    same = {line.name for line in camera.lines if line in old.camera.lines}
    stay = {f"{urn(entities.CROWD, camera.name)}-{name}-live" for name in same}
    new = opened(camera, at, {id: before[id] for id in stay & before.keys()})
    new.status, new.since, new.trouble = old.status, old.since, old.trouble
    new.size, new.overdue, new.attention = old.size, old.overdue, old.attention
    new.measured, new.light, new.worker = old.measured, old.light, old.worker
    return new
