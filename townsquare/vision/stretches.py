"""How many are in a zone and how long its queue is, told as stretches of time. Pure.

Always holds: stretches of a zone follow each other without gap or overlap, and each has one number,
so that its mean is also what is there now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsquare.model.camera import Point, RoadUser
from townsquare.vision.count import number_inside
from townsquare.vision.observation import MOST, Occupancy, Queued
from townsquare.vision.queue import Length
from townsquare.vision.wire import Watched

EVERY = timedelta(seconds=2)
Told = tuple[int, datetime, datetime]


@dataclass(slots=True)
class Stretch:
    """A time in which the number was the same."""

    number: int
    since: datetime

    def after(self, number: int, since: datetime, at: datetime) -> list[Told]:
        """What is to be told now that there are so many, since the picture before."""
        told = []
        if number != self.number:
            if self.since < since:
                told.append((self.number, self.since, since))
            self.number, self.since = number, since
        elif at - self.since < EVERY:
            return []
        told.append((number, self.since, at))
        self.since = at
        return told


@dataclass(slots=True)
class Stretches:
    """Of one camera, since the last break in time."""

    camera: Watched
    stays: dict[tuple[str, RoadUser], Stretch] = field(default_factory=dict)
    queues: dict[str, Stretch] = field(default_factory=dict)

    def stay(
        self, there: Iterable[tuple[RoadUser, Point]], since: datetime, at: datetime
    ) -> list[Occupancy]:
        name, feet = self.camera.name, list(there)
        found = []
        for zone in self.camera.zones:
            for of in self.camera.classes:
                stretch = self.stays.setdefault((zone.name, of), Stretch(-1, since))
                told = stretch.after(number_inside(zone, feet, of), since, at)
                found += [Occupancy(name, zone.name, of, n, n, *times) for n, *times in told]
        return found

    def queue(self, lengths: Mapping[str, Length], since: datetime, at: datetime) -> list[Queued]:
        """`lengths` of the queues, by zone. In metres a stretch has the length at its end."""
        found = []
        for zone, length in lengths.items():
            stretch = self.queues.setdefault(zone, Stretch(-1, since))
            for n, *times in stretch.after(length.vehicles, since, at):
                metres = None if length.length_m is None else min(round(length.length_m), MOST)
                found.append(Queued(self.camera.name, zone, n, metres, *times))
        return found
