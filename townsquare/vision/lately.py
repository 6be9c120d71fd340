"""Ways of the last five minutes, to tell what lines would have counted had they been there. Pure.

Always holds: they stay in the worker; they have no number and no time of day, only places; none is
older than five minutes, none goes on over a break, and their memory is bounded. What leaves is how
often each line was crossed, by the code that counts live.
"""

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from townsquare.model.camera import Line, Point, RoadUser
from townsquare.vision.count import Crossing, Sides, crossed
from townsquare.vision.track import Step

KEPT_S = 300.0
MOST_MARKS = 100_000  # 5 MB: thirty road users, ten times a second, for five minutes
PRUNED_S = 10.0  # as often as this the old is dropped; in between it is left out
KINDS: tuple[RoadUser, ...] = get_args(RoadUser)
FIELDS = 5  # of a mark: second, x, y, height of the box, class


@dataclass(slots=True)
class Way:
    """One road user's, marks end to end. The bounds are those of its places: left, top, right,
    bottom.
    """

    start: Point
    marks: "array[float]" = field(default_factory=lambda: array("d"))
    bounds: tuple[float, float, float, float] = (0, 0, 0, 0)

    def go(self, at_s: float, step: Step) -> None:
        self.marks.extend((at_s, *step.now, step.height, KINDS.index(step.of)))
        left, top, right, bottom = self.bounds
        x, y = step.now
        self.bounds = (min(left, x), min(top, y), max(right, x), max(bottom, y))

    @property
    def last_s(self) -> float:
        return self.marks[-FIELDS]

    def __len__(self) -> int:
        return len(self.marks) // FIELDS

    def drop_before(self, at_s: float) -> None:
        """The first mark that is kept is where it came from."""
        old = 0
        while old < len(self) and self.marks[old * FIELDS] < at_s:
            old += 1
        if old:
            x, y = self.marks[(old - 1) * FIELDS + 1 : (old - 1) * FIELDS + 3]
            self.start = (x, y)
            del self.marks[: old * FIELDS]

    def steps(self, number: int, since_s: float) -> Iterator[Step]:
        before = self.start
        for n in range(0, len(self.marks), FIELDS):
            at_s, x, y, height, kind = self.marks[n : n + FIELDS]
            if at_s >= since_s:
                yield Step(number, KINDS[int(kind)], before, (x, y), height)
            before = (x, y)

    def may_cross(self, line: Line) -> bool:
        """Only who was left of its right end, and so on, can have crossed it."""
        left, top, right, bottom = self.bounds
        (ax, ay), (bx, by) = line.a, line.b
        across = left <= max(ax, bx) and right >= min(ax, bx)
        return across and top <= max(ay, by) and bottom >= min(ay, by)


@dataclass(slots=True)
class Lately:
    """`alive` is by number of the track, which is forgotten with its end. Seconds are those of a
    clock that is never set.
    """

    alive: dict[int, Way] = field(default_factory=dict)
    ended: deque[Way] = field(default_factory=deque)
    watched: deque[tuple[float, float]] = field(default_factory=deque)  # stretches without a break
    goes_on: bool = False  # the last of these
    marks: int = 0
    pruned_s: float = 0.0

    def see(self, at_s: float, steps: Iterable[Step], alive: Iterable[int]) -> None:
        since = self.watched.pop()[0] if self.goes_on else at_s
        self.watched.append((since, at_s))
        self.goes_on = True
        for step in steps:
            way = self.alive.get(step.number)
            if way is None:
                way = self.alive[step.number] = Way(step.before, bounds=_at(step.before))
            way.go(at_s, step)
            self.marks += 1
        self._end(self.alive.keys() - set(alive))
        if at_s - self.pruned_s >= PRUNED_S or self.marks > MOST_MARKS:
            self._prune(at_s)

    def lose(self) -> None:
        """A break in time: nobody is followed over it."""
        self._end(set(self.alive))
        self.goes_on = False

    def counted(self, lines: Sequence[Line], at_s: float) -> Counter[Crossing]:
        since_s, found = at_s - KEPT_S, Counter[Crossing]()
        for number, way in enumerate([*self.ended, *self.alive.values()]):
            near = [line for line in lines if way.may_cross(line)]
            sides: Sides = {}
            for step in way.steps(number, since_s) if near else ():
                crossings, sides = crossed(near, [step], sides)
                found.update(crossing for _, crossing in crossings)
        return found

    def watched_s(self, at_s: float) -> float:
        since_s = at_s - KEPT_S
        return sum(max(0.0, end - max(begin, since_s)) for begin, end in self.watched)

    def _end(self, numbers: Iterable[int]) -> None:
        ways = [self.alive.pop(number) for number in list(numbers)]
        self.ended.extend(way for way in ways if way.marks)

    def _prune(self, at_s: float) -> None:
        self.pruned_s, since_s = at_s, at_s - KEPT_S
        while self.watched and self.watched[0][1] < since_s:
            self.watched.popleft()
        while self.ended and self.ended[0].last_s < since_s:
            self.ended.popleft()
        for way in self.alive.values():
            way.drop_before(since_s)
        self._bound()

    def _bound(self) -> None:
        """Where more passes than memory is for, what is told is of a shorter time."""
        self.marks = sum(map(len, (*self.ended, *self.alive.values())))
        while self.marks > MOST_MARKS and self.ended:
            gone = self.ended.popleft()
            self.marks -= len(gone)
            self._forget_before(gone.last_s)

    def _forget_before(self, at_s: float) -> None:
        kept = [(max(begin, at_s), end) for begin, end in self.watched if end > at_s]
        self.watched = deque(kept)
        self.goes_on &= bool(kept)


def _at(p: Point) -> tuple[float, float, float, float]:
    return (*p, *p)
