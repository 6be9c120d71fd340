"""All that one camera is watched for beside counting, from picture to picture.

Always holds: what comes out speaks of a zone, or of the camera, and of nobody in it; what it is
seen by stays here. What is remembered of road users is dropped at every break in time, and an event
that lasts is told over then; what is remembered of the place outlives breaks, since that is when
cameras are turned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from townsquare.model.camera import Zone
from townsquare.vision.background import Box
from townsquare.vision.events.left import Look, Place, next_place
from townsquare.vision.events.spell import Turn
from townsquare.vision.events.view import View, next_view
from townsquare.vision.events.zone import Happening, Shown, Watching, lasting, next_watching
from townsquare.vision.observation import Event, What
from townsquare.vision.queue import Length
from townsquare.vision.wire import Watched

LUMA = (128, 96)  # of a bag 15 pixels wide in 768 x 576 some are left; multiples of view.BLOCKS
LOOK_EVERY_S = 0.5  # at the place: what lies or is covered there stays so for many seconds


@dataclass(frozen=True, slots=True)
class Now:
    """One moment, when it was and what the clock that counts seconds called it."""

    at: datetime
    at_s: float

    def when(self, then_s: float) -> datetime:
        return self.at - timedelta(seconds=self.at_s - then_s)


@dataclass(slots=True)
class Events:
    camera: Watched
    watchings: dict[str, Watching] = field(default_factory=dict)
    last: Now | None = None  # picture of the road users
    view: View | None = None
    places: dict[str, Place] = field(default_factory=dict)
    looked_s: float | None = None

    @property
    def of_road_users(self) -> bool:
        """Whether any event needs to know where they have been."""
        return any(_of_road_users(zone) for zone in self.camera.zones)

    def follow(self, shown: Shown, at: datetime) -> list[Event]:
        """What road users do. Seconds are those of the pictures."""
        self.last = Now(at, shown.at_s)
        told: list[Happening] = []
        for zone in self.camera.zones:
            if _of_road_users(zone):
                before = self.watchings.get(zone.name, Watching())
                self.watchings[zone.name], new = next_watching(before, zone, shown)
                told += new
        return [self._happened(one, self.last) for one in told]

    def queues(self) -> dict[str, Length]:
        """By zone, as they are now."""
        return {name: one.length for name, one in self.watchings.items() if one.length}

    def due(self, at_s: float) -> bool:
        """Whether the place is to be looked at again; `at_s` as in `look`."""
        wanted = self.camera.scene_changed or any(z.left_object for z in self.camera.zones)
        return bool(wanted) and (self.looked_s is None or at_s - self.looked_s >= LOOK_EVERY_S)

    def look(
        self,
        luma: npt.NDArray[np.uint8],
        boxes: Sequence[Box],
        size: tuple[int, int],
        now: Now,
    ) -> list[Event]:
        """How the place is. `luma` is the picture as grey levels, LUMA wide and high, and `size`
        its own. Seconds are of a clock that is never set and goes on over breaks.
        """
        self.looked_s = now.at_s
        told: list[Event] = []
        look = Look(luma, boxes, size, now.at_s)
        for zone in self.camera.zones:
            if left := zone.left_object:
                place = self.places.get(zone.name)
                self.places[zone.name], turn = next_place(place, zone, left, look)
                told += [self._turned(zone.name, "leftObject", turn, now)] if turn else []
        if changed := self.camera.scene_changed:
            self.view, turn = next_view(self.view, luma, changed, now.at_s)
            told += [self._turned("", "sceneChanged", turn, now)] if turn else []
        return told

    def lose(self) -> list[Event]:
        """At a break in time nothing is known of road users any more."""
        last, watchings = self.last, self.watchings
        self.last, self.watchings = None, {}
        if last is None:
            return []
        told = [one for name, watching in watchings.items() for one in lasting(watching, name)]
        return [self._happened(one, last, until=last.at) for one in told]

    def _happened(self, one: Happening, now: Now, until: datetime | None = None) -> Event:
        turn = Turn(one.since_s, one.until_s, one.confidence)
        return self._turned(one.zone, one.what, turn, now, until)

    def _turned(
        self, zone: str, what: What, turn: Turn, now: Now, until: datetime | None = None
    ) -> Event:
        if turn.until_s is not None:
            until = now.when(turn.until_s)
        share = round(turn.confidence, 2)
        return Event(self.camera.name, zone, what, now.when(turn.since_s), until, share)


def _of_road_users(zone: Zone) -> bool:
    kinds = (zone.stopped_vehicle, zone.wrong_way, zone.intrusion, zone.crowding, zone.queue)
    return any(kind is not None for kind in kinds)
