"""What one camera sees, from picture to picture: tracks, crossings, turns and who is there. Pure.

This is all the memory that counting has. It is dropped at every break in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from townsquare.model.camera import Line, Point, RoadUser
from townsquare.vision.boxes import Boxes
from townsquare.vision.count import Crossing, Sides, crossed, without
from townsquare.vision.track import Step, Tracks, follow, foot
from townsquare.vision.turns import Turn, Ways, turned


@dataclass(frozen=True, slots=True)
class Scene:
    tracks: Tracks = field(default_factory=Tracks)
    sides: Sides = field(default_factory=dict)
    ways: Ways = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """Of one picture: who crossed which line in it, by number of the track, and whose way is known
    to have ended; and how everybody moved.
    """

    steps: tuple[Step, ...] = ()
    numbered: tuple[tuple[int, Crossing], ...] = ()
    turns: tuple[Turn, ...] = ()

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        return tuple(crossing for _, crossing in self.numbered)


def after(scene: Scene, found: Boxes, at_s: float, lines: Sequence[Line]) -> tuple[Scene, Told]:
    """The scene once the boxes of the picture at `at_s` are known, and what is to be told of it."""
    tracks, steps = follow(scene.tracks, found, at_s)
    crossings, sides = crossed(lines, steps, scene.sides)
    alive = [track.number for track in tracks.alive]
    turns, ways = turned(scene.ways, crossings, alive)
    return Scene(tracks, without(sides, alive), ways), Told(
        tuple(steps), tuple(crossings), tuple(turns)
    )


def present(scene: Scene) -> list[tuple[RoadUser, Point]]:
    """Who is there, and where they stand. Somebody hidden for a moment still is."""
    return [(track.of, foot(track.box)) for track in scene.tracks.alive if track.confirmed]
