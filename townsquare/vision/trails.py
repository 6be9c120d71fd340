"""Where each road user that is there has been in the last seconds: what speeds and events need.

A trail belongs to a track, has its number and ends with it; only the last seconds are kept. It is
of places on the picture alone. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from townsquare.model.camera import Point, RoadUser
from townsquare.vision.ground import Ground, metres
from townsquare.vision.track import Track, foot

KEPT_S = 5.0  # who needs longer for 5 m is slower than 4 km/h


@dataclass(frozen=True, slots=True)
class Mark:
    """The foot of a box when it was seen, and the size of the box in pixels. `place` is where that
    is on the ground, in metres; None where it is unknown.
    """

    at_s: float
    foot: Point
    width: float
    height: float
    place: Point | None = None

    @property
    def length(self) -> float:
        """Of a vehicle, roughly, whichever way it goes."""
        return max(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Trail:
    """`marks` are the last ones, oldest first, never none; `first` is where it was seen first."""

    of: RoadUser
    first: Mark
    marks: tuple[Mark, ...]

    @property
    def last(self) -> Mark:
        return self.marks[-1]


Trails = Mapping[int, Trail]


def followed(
    trails: Trails, tracks: Iterable[Track], at_s: float, ground: Ground | None = None
) -> Trails:
    """The trails of the confirmed tracks that are alive after the picture at `at_s`."""
    return {t.number: _longer(trails.get(t.number), t, at_s, ground) for t in tracks if t.confirmed}


def _longer(trail: Trail | None, track: Track, at_s: float, ground: Ground | None) -> Trail:
    left, top, right, bottom = track.box
    stands = foot(track.box)
    place = metres(ground, stands) if ground else None
    mark = Mark(track.seen_s, stands, right - left, bottom - top, place)
    if trail is None:
        return Trail(track.of, mark, (mark,))
    kept = tuple(m for m in trail.marks if at_s - m.at_s <= KEPT_S and m.at_s < mark.at_s)
    return Trail(track.of, trail.first, (*kept, mark))
