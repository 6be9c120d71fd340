"""One camera in a worker: from the boxes of each picture to what the gate lets through.

All state of a camera is here; it is touched by one thread. Times are when a picture was taken.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from av import VideoFrame

from townsquare.model.camera import Point, RoadUser
from townsquare.vision import background
from townsquare.vision.background import Background, Box
from townsquare.vision.boxes import Boxes
from townsquare.vision.count import number_inside
from townsquare.vision.light import Light, brightness, light_of
from townsquare.vision.observation import Crossings, Occupancy, Quality
from townsquare.vision.preview import Figure, drawn, jpeg
from townsquare.vision.read import Picture
from townsquare.vision.scene import Scene, after, present
from townsquare.vision.wire import Watched

OCCUPANCY_EVERY = timedelta(seconds=2)
DARK = 25  # mean grey level of a picture in which nobody could be seen
FROZEN = timedelta(seconds=30)  # without any change: longer than a camera repeats a picture


@dataclass(slots=True)
class Stretch:
    """A time in which the number of people in a zone was the same."""

    number: int
    since: datetime


@dataclass(slots=True)
class Watch:
    camera: Watched
    scene: Scene = field(default_factory=Scene)
    stretches: dict[tuple[str, RoadUser], Stretch] = field(default_factory=dict)
    last_at: datetime | None = None  # the picture before
    background: Background | None = None
    size: tuple[int, int] | None = None
    quality: Quality = "unknown"
    light: Light = "unknown"
    level: float | None = None  # mean grey level of the last while
    thumbnail: bytes = b""
    thumbnail_since: datetime | None = None

    def lose(self) -> None:
        """A break in time: nothing is known of what came before."""
        self.scene, self.stretches, self.last_at = Scene(), {}, None
        if self.background is not None:
            self.background.cells = None

    def see(
        self, picture: Picture, found: Boxes, at: datetime, steady_s: float
    ) -> list[Crossings | Occupancy]:
        """What is to be told of the picture taken at `at`, which a clock that is never set calls
        `steady_s`.
        """
        if picture.first:
            self.lose()
        if self.size != picture.size:
            self.size, self.background = picture.size, None
        self._keep_background(picture.frame, found, steady_s)
        self._judge(picture.frame, at)
        self.scene, new = after(self.scene, found, picture.at_s, self.camera.lines)
        since = self.last_at or at
        told: list[Crossings | Occupancy] = [
            Crossings(self.camera.name, c.line, c.of, c.direction, n, since, at)
            for c, n in Counter(new.crossings).items()
            if c.of in self.camera.classes
        ]
        told += self._occupancies(present(self.scene), since, at)
        self.last_at = at
        return told

    def _occupancies(
        self, there: list[tuple[RoadUser, Point]], since: datetime, at: datetime
    ) -> list[Occupancy]:
        told = []
        for zone in self.camera.zones:
            for of in self.camera.classes:
                number = number_inside(zone, there, of)
                told += self._occupancy(zone.name, of, number, since, at)
        return told

    def _occupancy(
        self, zone: str, of: RoadUser, number: int, since: datetime, at: datetime
    ) -> list[Occupancy]:
        """Each told stretch has one number, so that its mean is also what is there now."""
        stretch = self.stretches.setdefault((zone, of), Stretch(-1, since))
        told = []
        if number != stretch.number:
            if stretch.since < since:
                told.append(self._told(zone, of, stretch, since))
            stretch.number, stretch.since = number, since
        elif at - stretch.since < OCCUPANCY_EVERY:
            return []
        told.append(self._told(zone, of, stretch, at))
        stretch.since = at
        return told

    def _told(self, zone: str, of: RoadUser, stretch: Stretch, until: datetime) -> Occupancy:
        name, number = self.camera.name, stretch.number
        return Occupancy(name, zone, of, number, number, stretch.since, until)

    def _keep_background(self, frame: VideoFrame, found: Boxes, at_s: float) -> None:
        width, height = background.size_for(frame.width, frame.height)
        if self.background is None or self.background.taken.shape != (height, width):
            self.background = background.blank(width, height)
        # Two looks before a sample is due tell what moves; the others are not needed.
        if background.due(self.background, at_s, ahead_s=0.5):
            picture = np.asarray(frame.reformat(width, height, "rgb24").to_ndarray(), np.uint8)
            seen = found.where(found.scores >= background.LEAST_SCORE)
            boxes = [self._share(tuple(corners)) for corners in seen.corners.tolist()]
            background.look(self.background, picture, boxes, at_s)

    def _share(self, corners: tuple[float, ...]) -> Box:
        width, height = self.size or (1, 1)
        left, top, right, bottom = corners
        return (left / width, top / height, right / width, bottom / height)

    def known(self) -> float:
        """Share of the background that is ready for a preview."""
        return background.known(self.background) if self.background is not None else 0.0

    def preview(self) -> bytes | None:
        """JPEG; None while the background is not ready."""
        if self.background is None:
            return None
        picture = drawn(self.background, self.figures())
        return jpeg(picture) if picture is not None else None

    def figures(self) -> list[Figure]:
        """Everybody who is there, for a preview."""
        tracks = self.scene.tracks.alive
        return [(track.of, self._share(track.box)) for track in tracks if track.confirmed]

    def _judge(self, frame: VideoFrame, at: datetime) -> None:
        small = frame.reformat(64, 48, "gray").to_ndarray()
        content, level = small.tobytes(), float(np.mean(small))
        self.level = brightness(self.level, level)
        self.light = light_of(self.level, self.light)
        if content != self.thumbnail or self.thumbnail_since is None:
            self.thumbnail, self.thumbnail_since = content, at
        if at - self.thumbnail_since >= FROZEN:
            self.quality = "frozen"
        else:
            self.quality = "dark" if level < DARK else "good"
