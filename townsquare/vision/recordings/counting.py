"""Count one recording from picture to picture, and tell it in parts that lie in one slot each."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from townsquare.model.camera import RoadUser
from townsquare.vision import detect
from townsquare.vision.boxes import KINDS
from townsquare.vision.count import Crossing, number_inside
from townsquare.vision.glance import Glance
from townsquare.vision.inside import require_inside
from townsquare.vision.looking import rate_per_s
from townsquare.vision.read import Pace, length_s, pictures, thinned
from townsquare.vision.recordings.parts import Order, Part, Passed, Size, Stayed, Turned
from townsquare.vision.scene import Scene, Told, after, present
from townsquare.vision.turns import Turn

TOLD_EVERY_S = 1.0  # of time that passes here
WARM_S = 10.0  # before where it goes on, so that who is there then is being followed
LONGEST_STEP_S = 2.0  # between two pictures; what was there in a longer gap is not known


@dataclass(slots=True)
class Stay:
    number_s: float = 0.0
    most: int = 0


@dataclass(slots=True)
class Sum:
    """What was counted since the last part was told."""

    crossings: Counter[Crossing] = field(default_factory=Counter)
    turns: Counter[Turn] = field(default_factory=Counter)
    stays: dict[tuple[str, RoadUser], Stay] = field(default_factory=dict)
    for_s: float = 0.0

    def add(self, told: Told, inside: dict[tuple[str, RoadUser], int], step_s: float) -> None:
        self.crossings.update(told.crossings)
        self.turns.update(told.turns)
        self.for_s += step_s
        for where, number in inside.items():
            stay = self.stays.setdefault(where, Stay())
            stay.number_s += number * step_s
            stay.most = max(stay.most, number)

    def part(self, upto_s: float, whole_s: float, size: Size) -> Part:
        stays = self.stays.items()
        return Part(
            upto_s,
            whole_s,
            size,
            tuple(Passed(c.line, c.of, c.direction, n) for c, n in self.crossings.items()),
            tuple(Turned(t.entry, t.exit, t.of, n) for t, n in self.turns.items()),
            tuple(Stayed(z, of, s.number_s, s.most, self.for_s) for (z, of), s in stays),
        )


def counted(order: Order) -> Iterator[Part]:
    """Raises NoPictures, Invalid or CannotStart."""
    detector = detect.opened(order.detector, Path(order.models) if order.models else None)
    whole_s = length_s(order.url)
    scene, sum, size, last_s = Scene(), Sum(), (0, 0), order.since_s
    glance, pace = Glance(detector), Pace(order.per_s)
    shown = pictures(order.url, max(0.0, order.since_s - WARM_S))
    told_s = time.monotonic()
    for picture, wanted in thinned(shown, pace):
        if not wanted:
            continue
        now = (picture.frame.width, picture.frame.height)
        if now != size:
            require_inside(order.lines, order.zones, now)
            scene, size = Scene(), now
        found = glance.boxes(picture, scene.tracks.alive)
        scene, told = after(scene, found, picture.at_s, order.lines)
        pace.per_s = rate_per_s(scene.tracks.alive, order.per_s)
        if picture.at_s < order.since_s:
            continue
        ended = slot(order, picture.at_s) != slot(order, last_s)
        if ended or time.monotonic() - told_s > TOLD_EVERY_S:
            yield sum.part(last_s, whole_s, size)
            sum, told_s = Sum(), time.monotonic()
        step_s = picture.at_s - last_s
        sum.add(told, numbers(order, scene), step_s if step_s < LONGEST_STEP_S else 0.0)
        last_s = picture.at_s
    yield sum.part(last_s, whole_s, size)


def slot(order: Order, at_s: float) -> int:
    return int((at_s - order.first_s) // order.slot_s)


def numbers(order: Order, scene: Scene) -> dict[tuple[str, RoadUser], int]:
    """Who is in each zone now."""
    there = present(scene)
    return {(zone.name, of): number_inside(zone, there, of) for zone in order.zones for of in KINDS}
