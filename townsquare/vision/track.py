"""Which box of this picture is which box of the one before: only as far as counting needs it.

Two stages as in SORT with low scores: first the boxes that the model is sure of find their
tracks, then the tracks that are left may have the unsure boxes; only sure boxes found a track.
A track moves with constant velocity. Whatever lasts or grows is in seconds, so that pictures may
come as often or as seldom as there is something to see. A track's number is local to this camera
and this run and dies with it: nothing compares looks, so nobody who left can be known again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from townsquare.model.camera import Point, RoadUser
from townsquare.vision.boxes import GROUPS, KINDS, MOTOR, Boxes, Floats, overlaps

SURE = 0.4  # score
UNSURE = 0.3
CONFIRMED = 2  # boxes; one alone is often a ghost
CONFIRMED_S = 0.15  # from the first of them on, or twice as many pictures have twice the ghosts
KEPT_S = 1.2  # without a box: a walker is hidden by another for about that long
KEPT_NEW_S = 0.45  # a track of one box: two pictures at 5 a second
# How far a box may lie from where its track is expected, in sizes (root of the area): as far as
# the model is off, and as it can have gone. A walker goes a third of his size in 0.2 s, a car at
# 50 km/h its whole size.
OFF = 0.4
SPEEDS = np.array([1.5, 3.0, 3.0, 5.0, 5.0, 5.0, 5.0])  # sizes a second
FURTHEST_S = 0.3  # who is hidden for longer is looked for around the way they went
SETTLED_REACH = 0.8  # of that, once the velocity is known
GAIN, VELOCITY_GAIN = (
    0.7,
    0.4,
)  # of a new box in place and velocity after `GAIN_S` (alpha-beta filter)
GAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Track:
    """`box` and `velocity` (pixels a second) are of `seen_s`; `told` is where counting last saw
    its foot. `votes` are sums of scores by kind. `sure_s` is when the model last was sure of it,
    `since_s` when it first was.
    """

    number: int
    box: tuple[float, float, float, float]
    velocity: Point
    seen_s: float
    boxes: int
    votes: tuple[float, ...]
    told: Point
    sure_s: float
    since_s: float

    @property
    def of(self) -> RoadUser:
        return KINDS[int(np.argmax(self.votes))]

    @property
    def confirmed(self) -> bool:
        return self.boxes >= CONFIRMED and self.seen_s - self.since_s >= CONFIRMED_S


@dataclass(frozen=True, slots=True)
class Step:
    """A confirmed road user moved: the foot of its box, before and now, and its height."""

    number: int
    of: RoadUser
    before: Point
    now: Point
    height: float


@dataclass(frozen=True, slots=True)
class Tracks:
    alive: tuple[Track, ...] = ()
    numbers: int = 0  # given so far


def foot(box: Sequence[float]) -> Point:
    """Where it touches the ground: the middle of the lower edge."""
    return ((box[0] + box[2]) / 2, box[3])


def follow(tracks: Tracks, found: Boxes, at_s: float) -> tuple[Tracks, list[Step]]:
    """The tracks after the picture at `at_s`, and the steps that were taken since the last."""
    sure = found.where(found.scores >= SURE)
    unsure = found.where((found.scores >= UNSURE) & (found.scores < SURE))
    seen, missed, new = _matched(tracks.alive, sure, at_s)
    again, missed, _ = _matched(missed, unsure, at_s)
    again, missed = _fresh(again, at_s), _fresh(missed, at_s)
    born = [_born(tracks.numbers + n, sure, i, at_s) for n, i in enumerate(new)]
    steps = [step for track in (*seen, *again) if (step := _step(track))]
    alive = [*map(_told, (*seen, *again)), *missed, *born]
    return Tracks(tuple(alive), tracks.numbers + len(born)), steps


def _fresh(tracks: Sequence[Track], at_s: float) -> list[Track]:
    """Unsure boxes alone do not keep a track alive: a bench is taken for a person for minutes."""
    return [track for track in tracks if at_s - track.sure_s < _patience_s(track)]


def _patience_s(track: Track) -> float:
    return KEPT_S if track.confirmed else KEPT_NEW_S


def _step(track: Track) -> Step | None:
    if not track.confirmed:
        return None
    height = track.box[3] - track.box[1]
    return Step(track.number, track.of, track.told, foot(track.box), height)


def _told(track: Track) -> Track:
    """What an unconfirmed track did is told when it is confirmed, from its first foot on."""
    return replace(track, told=foot(track.box)) if track.confirmed else track


def _born(number: int, found: Boxes, i: int, at_s: float) -> Track:
    x0, y0, x1, y1 = map(float, found.corners[i])
    votes = _votes((0.0,) * len(KINDS), found, i)
    box = (x0, y0, x1, y1)
    return Track(number, box, (0, 0), at_s, 1, votes, foot(box), sure_s=at_s, since_s=at_s)


def _votes(before: tuple[float, ...], found: Boxes, i: int) -> tuple[float, ...]:
    kind, score = int(found.kinds[i]), float(found.scores[i])
    return tuple(vote + score * (k == kind) for k, vote in enumerate(before))


def _matched(
    tracks: Sequence[Track], found: Boxes, at_s: float
) -> tuple[list[Track], list[Track], list[int]]:
    """Tracks with their new box, tracks without one, and the boxes that are left."""
    if not tracks or not len(found):
        return [], list(tracks), list(range(len(found)))
    cost = _cost(tracks, found, at_s)
    seen: dict[int, int] = {}
    # The best pair of all first; with few people in a picture nothing cleverer counts better.
    for flat in np.argsort(cost, axis=None, kind="stable"):
        t, b = divmod(int(flat), len(found))
        if not np.isfinite(cost[t, b]):
            break
        if t not in seen and b not in seen.values():
            seen[t] = b
    moved = [_moved(tracks[t], found, b, at_s) for t, b in sorted(seen.items())]
    missed = [track for t, track in enumerate(tracks) if t not in seen]
    return moved, missed, [b for b in range(len(found)) if b not in seen.values()]


def _cost(tracks: Sequence[Track], found: Boxes, at_s: float) -> Floats:
    """(tracks, boxes): distance of the centres in reaches and what does not overlap; inf where
    they cannot be the same.
    """
    expected = np.array([_expected(track, at_s) for track in tracks], np.float32)
    kinds = np.array([int(np.argmax(track.votes)) for track in tracks])
    size = np.sqrt((expected[:, 2:] - expected[:, :2]).prod(1))
    settled = np.array([SETTLED_REACH if t.confirmed else 1.0 for t in tracks])
    waited_s = np.array([at_s - t.seen_s for t in tracks])
    gone = SPEEDS[kinds] * np.minimum(waited_s, FURTHEST_S)
    reach = size * (OFF + gone) * settled * (1 + 0.5 * waited_s)
    apart = _centres(expected)[:, None] - _centres(found.corners)[None]
    distance = np.hypot(apart[..., 0], apart[..., 1]) / reach[:, None]
    overlap = overlaps(expected, found.corners)
    possible = ((distance < 1) | (overlap > 0.3)) & _same_sort(kinds, found)
    return np.asarray(np.where(possible, distance + (1 - overlap), np.inf), np.float32)


def _same_sort(kinds: "np.typing.NDArray[np.intp]", found: Boxes) -> "np.typing.NDArray[np.bool]":
    """A car may turn out to be a truck and a rider may be taken for a walker, but a walker does
    not become a car.
    """
    motor = GROUPS[kinds] == MOTOR
    return np.asarray(motor[:, None] == (GROUPS[found.kinds] == MOTOR)[None], bool)


def _centres(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)


def _expected(track: Track, at_s: float) -> tuple[float, float, float, float]:
    dx, dy = (v * (at_s - track.seen_s) for v in track.velocity)
    x0, y0, x1, y1 = track.box
    return (x0 + dx, y0 + dy, x1 + dx, y1 + dy)


def _moved(track: Track, found: Boxes, i: int, at_s: float) -> Track:
    expected = _expected(track, at_s)
    off = [float(b) - e for b, e in zip(found.corners[i], expected, strict=True)]
    for_s = max(at_s - track.seen_s, 1e-3)
    place = _gain(GAIN, for_s)
    x0, y0, x1, y1 = (e + place * o for e, o in zip(expected, off, strict=True))
    # The first step tells the velocity alone; later ones correct it.
    gain = _gain(VELOCITY_GAIN, for_s) if track.boxes > 1 else 1.0
    vx = track.velocity[0] + gain * (off[0] + off[2]) / 2 / for_s
    vy = track.velocity[1] + gain * (off[1] + off[3]) / 2 / for_s
    return replace(
        track,
        box=(x0, y0, x1, y1),
        velocity=(vx, vy),
        seen_s=at_s,
        boxes=track.boxes + 1,
        votes=_votes(track.votes, found, i),
        sure_s=at_s if found.scores[i] >= SURE else track.sure_s,
    )


def _gain(after: float, for_s: float) -> float:
    """Of a box after `for_s`, so that twice as many of them smooth over the same time."""
    return float(1 - (1 - after) ** (for_s / GAIN_S))
