"""Things that were left behind in a zone. Pure.

No detector knows bags, so two averages of brightness are compared: the place as it was, and as it
has been in the last seconds where nothing moved and nobody was detected. A spot that differs, of
the size of a thing, with more edges than were there before, is a candidate; while somebody stands
near it, it is not left. What a thing is, and whether it is one, is for people to see.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from townsquare.model.camera import LeftObject, Point, Zone
from townsquare.vision.background import Box, Mask, cover, spread
from townsquare.vision.count import inside
from townsquare.vision.events.spell import Spell, Turn, next_spell

FAST_S, SLOW_S, LIGHT_S = 10.0, 300.0, 30.0
LEARNT_S = 60.0  # of looking, until the place is known
MOVED = 10.0  # grey levels from look to look
DIFFERS = 20.0  # grey levels beside the change of the whole picture
LEAST_AREA, MOST_AREA = 0.0005, 0.05  # of the picture
MOST_DIFFERENT = 0.2  # of the picture; more is light, or another view
MORE_EDGES = 1.3  # times those that were there: less is a thing that was taken away
PADDING = 0.2  # of a box
NEAR = 1.0  # heights of a box around its foot

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thing:
    """`at` is its middle, in shares of the picture, and `size` its root of the area."""

    at: Point
    size: float
    spell: Spell | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """`was` and `now` are (h, w) grey levels; `last` is the picture before."""

    was: Grey
    now: Grey
    last: Grey
    at_s: float
    seen_s: float = 0.0
    things: tuple[Thing, ...] = field(default=())
    told: Turn | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A picture: `luma` (h, w), what was detected in shares of it, and its own size in pixels.
    Seconds are of a clock that is never set.
    """

    luma: npt.NDArray[np.uint8]
    boxes: Sequence[Box]
    size: tuple[int, int]
    at_s: float


def next_place(
    place: Place | None, zone: Zone, of: LeftObject, look: Look
) -> tuple[Place, Turn | None]:
    """After this look, at least one a second: what is remembered, and what is to be told."""
    luma = np.asarray(look.luma, np.float32)
    if place is None or place.was.shape != luma.shape:
        return Place(luma, luma, luma, look.at_s), None
    place = _learnt(place, luma, look)
    found = [thing for thing in _things(place) if _is_left(thing, zone, look)]
    kept: list[Thing] = []
    for before in place.things:
        seen = any(_same(before, thing) for thing in found)
        spell, _ = next_spell(before.spell, seen, look.at_s, of.after_s)
        kept += [replace(before, spell=spell)] if spell else []
    for thing in found:
        if not any(_same(before, thing) for before in kept):
            spell, _ = next_spell(None, True, look.at_s, of.after_s)
            kept.append(replace(thing, spell=spell))
    turn = _turn(place, kept)
    told = place.told if turn is None else turn if turn.until_s is None else None
    return replace(place, things=tuple(kept), told=told), turn


def _learnt(place: Place, luma: Grey, look: Look) -> Place:
    for_s = max(0.0, min(look.at_s - place.at_s, FAST_S))
    dirty = spread(np.abs(luma - place.last) > MOVED, 1)
    cover(dirty, look.boxes, PADDING)
    now = _towards(place.now, luma, ~dirty, for_s / FAST_S)
    seen_s = place.seen_s + for_s
    differs = _differs(now, place.was)
    light = seen_s < LEARNT_S or differs.mean() > MOST_DIFFERENT
    where = ~dirty if light else ~dirty & ~spread(differs, 2)
    over_s = min(LIGHT_S if light else SLOW_S, seen_s)
    was = _towards(place.was, now, where, for_s / over_s if over_s else 0.0)
    return replace(place, was=was, now=now, last=luma, at_s=look.at_s, seen_s=seen_s)


def _differs(now: Grey, was: Grey) -> Mask:
    off = now - was
    return np.asarray(np.abs(off - np.median(off)) > DIFFERS, np.bool_)


def _things(place: Place) -> Iterator[Thing]:
    """Spots of a thing's size that differ, with more edges than before."""
    differs = _differs(place.now, place.was)
    if place.seen_s < LEARNT_S or differs.mean() > MOST_DIFFERENT:
        return
    height, width = differs.shape
    edges, edges_before = _edges(place.now), _edges(place.was)
    for rows, columns in _spots(differs):
        share = len(rows) / differs.size
        down = slice(max(0, min(rows) - 1), max(rows) + 2)
        around = (down, slice(max(0, min(columns) - 1), max(columns) + 2))
        more = edges[around].mean() > MORE_EDGES * edges_before[around].mean() + 1
        if LEAST_AREA <= share <= MOST_AREA and more:
            middle = ((np.mean(columns) + 0.5) / width, (np.mean(rows) + 0.5) / height)
            yield Thing((float(middle[0]), float(middle[1])), math.sqrt(share))


def _spots(mask: Mask) -> Iterator[tuple[list[int], list[int]]]:
    """Rows and columns of each set of pixels that touch."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    while left:
        spot = [left.pop()]
        for row, column in spot:  # which grows
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)}
            spot += near & left
            left -= near
        yield [row for row, _ in spot], [column for _, column in spot]


def _is_left(thing: Thing, zone: Zone, look: Look) -> bool:
    """In the zone, and nobody near."""
    (x, y), (width, height) = thing.at, look.size
    here = (x * width, y * height)
    if not inside(zone, here):
        return False
    for left, top, right, bottom in look.boxes:
        foot = ((left + right) / 2 * width, bottom * height)
        if math.dist(foot, here) <= NEAR * (bottom - top) * height:
            return False
    return True


def _same(a: Thing, b: Thing) -> bool:
    return math.dist(a.at, b.at) <= max(a.size, b.size)


def _turn(before: Place, things: Sequence[Thing]) -> Turn | None:
    """One event of the zone, from its first thing to its last."""
    told = [thing.spell for thing in things if thing.spell and thing.spell.told]
    if told and before.told is None:
        first = min(told, key=lambda spell: spell.since_s)
        return Turn(first.since_s, None, first.share)
    if before.told is not None and not told:
        spells = [thing.spell for thing in before.things if thing.spell and thing.spell.told]
        return replace(before.told, until_s=max(spell.held_s for spell in spells))
    return None


def _towards(before: Grey, now: Grey, where: Mask, share: float) -> Grey:
    return np.asarray(before + min(share, 1.0) * where * (now - before), np.float32)


def _edges(grey: Grey) -> Grey:
    down, across = np.gradient(grey)
    return np.asarray(np.hypot(down, across), np.float32)
