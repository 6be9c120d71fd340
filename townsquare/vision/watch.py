"""One camera in a worker: from the boxes of each picture to what the gate lets through.

All state of a camera is here; it is touched by one thread. Times are when a picture was taken.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

import numpy as np
from av import VideoFrame

from townsquare.model.errors import Invalid
from townsquare.vision import background
from townsquare.vision.background import Background, Box
from townsquare.vision.boxes import Boxes
from townsquare.vision.count import Crossing
from townsquare.vision.events.camera import LUMA, Events, Now
from townsquare.vision.events.zone import Shown
from townsquare.vision.flows import Flows
from townsquare.vision.ground import Ground, on_picture
from townsquare.vision.lately import Lately
from townsquare.vision.light import Light, brightness, light_of
from townsquare.vision.observation import (
    Crossings,
    Event,
    Occupancy,
    Quality,
    Queued,
    Speeds,
    Turns,
)
from townsquare.vision.preview import Figure, drawn, jpeg
from townsquare.vision.read import Picture
from townsquare.vision.resized import Resizer
from townsquare.vision.scene import Scene, after, present
from townsquare.vision.speed import Passing, passings
from townsquare.vision.stretches import Stretches
from townsquare.vision.trails import Trails, followed
from townsquare.vision.trouble import Trouble
from townsquare.vision.wire import Watched

JUDGED = (64, 48)  # pixels; more tell no more of how bright it is, and whether it changes
DARK = 25  # mean grey level of a picture in which nobody could be seen
FROZEN = timedelta(seconds=30)  # without any change: longer than a camera repeats a picture


Told = Crossings | Occupancy | Event | Queued | Turns | Speeds


@dataclass(slots=True)
class Watch:
    camera: Watched
    scene: Scene = field(default_factory=Scene)
    stretches: Stretches = field(init=False)
    flows: Flows = field(init=False)
    last_at: datetime | None = None  # the picture before
    background: Background | None = None
    size: tuple[int, int] | None = None
    quality: Quality = "unknown"
    light: Light = "unknown"
    level: float | None = None  # mean grey level of the last while
    content: bytes = b""  # a sum of the picture, of which nothing can be seen
    content_since: datetime | None = None
    trails: Trails = field(default_factory=dict)
    events: Events = field(init=False)
    zone: ZoneInfo = field(init=False)  # the town's time
    ground: Ground | None = None
    measured: tuple[int, int] | None = None  # the size of the pictures that `ground` is of
    trouble: Trouble = ""  # with which counting goes on
    lately: Lately = field(default_factory=Lately)
    grey: Resizer = field(default_factory=lambda: Resizer("gray"))
    coloured: Resizer = field(default_factory=lambda: Resizer("rgb24"))

    def __post_init__(self) -> None:
        self.stretches, self.flows = Stretches(self.camera), Flows(self.camera)
        self.events, self.zone = Events(self.camera), ZoneInfo(self.camera.timezone)

    def lose(self) -> list[Event]:
        """A break in time: nothing is known of what came before."""
        self.scene, self.last_at, self.trails = Scene(), None, {}
        self.stretches = Stretches(self.camera)
        self.flows.lose()
        self.lately.lose()
        if self.background is not None:
            self.background.cells = None
        return self.events.lose()

    def see(self, picture: Picture, found: Boxes, at: datetime, steady_s: float) -> list[Told]:
        """What is to be told of the picture taken at `at`, which a clock that is never set calls
        `steady_s`.
        """
        told: list[Told] = [*self.lose()] if picture.first else []
        if self.size != picture.size:
            self.size, self.background, self.lately = picture.size, None, Lately()
        self._measure(picture.size)
        if not self.camera.counts_only:
            self._keep_background(picture.frame, found, steady_s)
        self._judge(picture.frame, at)
        self.scene, new = after(self.scene, found, picture.at_s, self.camera.lines)
        self.lately.see(steady_s, new.steps, [track.number for track in self.scene.tracks.alive])
        since = self.last_at or at
        told += [
            Crossings(self.camera.name, c.line, c.of, c.direction, n, since, at)
            for c, n in Counter(new.crossings).items()
            if c.of in self.camera.classes
        ]
        told += self.stretches.stay(present(self.scene), since, at)
        told += self._events(picture, found, Now(at, steady_s))
        told += self.stretches.queue(self.events.queues(), since, at)
        told += self.flows.add(Counter(new.turns), self._passed(new.numbered), at)
        self.last_at = at
        return told

    def _measure(self, size: tuple[int, int]) -> None:
        """The ground, once the size of the pictures is known."""
        if self.measured == size or not self.camera.ground:
            return
        drawn = self.camera.lines, self.camera.zones
        self.measured, self.ground, self.trouble = size, None, ""
        try:
            self.ground = on_picture(self.camera.ground, drawn, size)
        except Invalid as error:
            self.trouble = "noMetres"
            print(f"camera {self.camera.name}: {error}", file=sys.stderr, flush=True)

    def _passed(self, crossings: Sequence[tuple[int, Crossing]]) -> Counter[Passing]:
        return passings(crossings, self.trails) if self.ground else Counter()

    def _events(self, picture: Picture, found: Boxes, now: Now) -> list[Event]:
        told: list[Event] = []
        if self.events.of_road_users or (self.ground and self.camera.lines):
            self.trails = followed(self.trails, self.scene.tracks.alive, picture.at_s, self.ground)
        if self.events.of_road_users:
            clock = f"{now.at.astimezone(self.zone):%H:%M}"
            shown = Shown(picture.at_s, self.trails, self.camera.lines, self.ground, clock)
            told = self.events.follow(shown, now.at)
        if self.events.due(now.at_s):
            luma = self.grey.resized(picture.frame, *LUMA)
            told += self.events.look(luma, self._boxes(found), picture.size, now)
        return told

    def _boxes(self, found: Boxes) -> list[Box]:
        """In shares of the picture; also those that are too unsure to be counted."""
        seen = found.where(found.scores >= background.LEAST_SCORE)
        return [self._share(tuple(corners)) for corners in seen.corners.tolist()]

    def _keep_background(self, frame: VideoFrame, found: Boxes, at_s: float) -> None:
        width, height = background.size_for(frame.width, frame.height)
        if self.background is None or self.background.taken.shape != (height, width):
            self.background = background.blank(width, height)
        # Two looks before a sample is due tell what moves; the others are not needed.
        if background.due(self.background, at_s, ahead_s=0.5):
            picture = self.coloured.resized(frame, width, height)
            background.look(self.background, picture, self._boxes(found), at_s)

    def _share(self, corners: tuple[float, ...]) -> Box:
        width, height = self.size or (1, 1)
        left, top, right, bottom = corners
        return (left / width, top / height, right / width, bottom / height)

    def known(self) -> float:
        """Share of the background that is ready for a preview."""
        return background.known(self.background) if self.background is not None else 0.0

    def preview(self) -> bytes | None:
        """JPEG; None while the background is not ready, and of a camera that only counts."""
        if self.background is None:
            return None
        picture = drawn(self.background, self.figures())
        return jpeg(picture) if picture is not None else None

    def figures(self) -> list[Figure]:
        """Everybody who is there, for a preview."""
        tracks = self.scene.tracks.alive
        return [(track.of, self._share(track.box)) for track in tracks if track.confirmed]

    def _judge(self, frame: VideoFrame, at: datetime) -> None:
        small = self.grey.resized(frame, *JUDGED)
        content, level = blake2b(small.tobytes()).digest(), float(np.mean(small))
        self.level = brightness(self.level, level)
        self.light = light_of(self.level, self.light)
        if content != self.content or self.content_since is None:
            self.content, self.content_since = content, at
        if at - self.content_since >= FROZEN:
            self.quality = "frozen"
        else:
            self.quality = "dark" if level < DARK else "good"
