"""Turning flows: by which line road users came to a junction and by which they left. Pure.

A turn is told once, when its track has ended: by its first line and its last. Who crossed one line
only took no turn that could be seen, and who came back over it turned round. Until then the lines
are remembered by number of the track, which dies with it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from townsquare.model.camera import RoadUser
from townsquare.vision.count import Crossing


@dataclass(frozen=True, slots=True)
class Turn:
    entry: str
    exit: str
    of: RoadUser


@dataclass(frozen=True, slots=True)
class Way:
    """So far: its first line, its last, and how many it crossed."""

    entry: str
    exit: str
    of: RoadUser
    lines: int


Ways = Mapping[int, Way]


def turned(
    ways: Ways, crossings: Iterable[tuple[int, Crossing]], alive: Collection[int]
) -> tuple[list[Turn], Ways]:
    """Turns of tracks that are not among those `alive`, and the ways to give back next time."""
    after = dict(ways)
    for number, crossing in crossings:
        before = after.get(number)
        entry = before.entry if before else crossing.line
        after[number] = Way(entry, crossing.line, crossing.of, before.lines + 1 if before else 1)
    ended = [way for number, way in after.items() if number not in alive and way.lines > 1]
    going = {number: way for number, way in after.items() if number in alive}
    return [Turn(way.entry, way.exit, way.of) for way in ended], going
