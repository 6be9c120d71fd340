"""What was counted in recordings, by slot of time: the rows of a traffic engineer's table. Pure.

Always holds: where a recording was watched in a slot, every line has a row for each direction and
class that was counted at all, zeros too; where it was not, there is none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from operator import itemgetter

from townsquare.model.camera import Direction, RoadUser
from townsquare.vision.boxes import KINDS
from townsquare.vision.recordings.parts import Part, Stayed

DIRECTIONS: tuple[Direction, ...] = ("in", "out")


@dataclass(frozen=True, slots=True)
class Slots:
    """How a recording's time is cut. `start` is None where nobody knows when it was made; then
    slots begin with the recording, else they are aligned to the hour.
    """

    length: timedelta
    start: datetime | None = None

    @property
    def first_s(self) -> float:
        """Where the slot begins that the recording begins in: 0 or before."""
        if self.start is None:
            return 0.0
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        return -((self.start - midnight) % self.length).total_seconds()

    def number(self, at_s: float) -> int:
        return int((at_s - self.first_s) // self.length.total_seconds())

    def ends(self, number: int) -> tuple[str, str]:
        """As times where they are known, else as hours, minutes and seconds of the recording."""
        since_s = self.first_s + number * self.length.total_seconds()
        return self._text(since_s), self._text(since_s + self.length.total_seconds())

    def _text(self, at_s: float) -> str:
        if self.start is not None:
            return (self.start + timedelta(seconds=at_s)).isoformat()
        return f"{int(at_s) // 3600:02}:{int(at_s) // 60 % 60:02}:{int(at_s) % 60:02}"


@dataclass(frozen=True, slots=True)
class Count:
    recording: str
    line: str
    of: RoadUser
    direction: Direction
    since: str
    until: str
    n: int


@dataclass(frozen=True, slots=True)
class Flow:
    """From the line of `entry` to that of `exit`."""

    recording: str
    entry: str
    exit: str
    of: RoadUser
    since: str
    until: str
    n: int


@dataclass(frozen=True, slots=True)
class Presence:
    """In a zone: mean and most at once over the `watched_s` seconds of the slot."""

    recording: str
    zone: str
    of: RoadUser
    since: str
    until: str
    mean: float
    most: int
    watched_s: float


@dataclass(frozen=True, slots=True)
class Stay:
    number_s: float = 0.0
    most: int = 0
    for_s: float = 0.0

    def and_then(self, more: Stayed) -> "Stay":
        most = max(self.most, more.most)
        return Stay(self.number_s + more.number_s, most, self.for_s + more.for_s)


@dataclass(slots=True)
class Sheet:
    """Of one recording."""

    recording: str
    slots: Slots
    lines: Sequence[str]
    upto_s: float = 0.0
    seen: set[int] = field(default_factory=set)
    crossings: Counter[tuple[int, str, RoadUser, Direction]] = field(default_factory=Counter)
    turns: Counter[tuple[int, str, str, RoadUser]] = field(default_factory=Counter)
    stays: dict[tuple[int, str, RoadUser], Stay] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        slot = self.slots.number(part.upto_s)
        self.upto_s = part.upto_s
        self.seen.add(slot)
        for one in part.passed:
            self.crossings[slot, one.line, one.of, one.direction] += one.n
        for turn in part.turned:
            self.turns[slot, turn.entry, turn.exit, turn.of] += turn.n
        for stay in part.stayed:
            where = (slot, stay.zone, stay.of)
            self.stays[where] = self.stays.get(where, Stay()).and_then(stay)

    def classes(self) -> set[RoadUser]:
        return {of for _, _, of, _ in self.crossings} | {of for _, _, _, of in self.turns}

    def counts(self, classes: Iterable[RoadUser]) -> Iterator[Count]:
        listed = sorted(classes, key=KINDS.index)
        for key in product(sorted(self.seen), self.lines, listed, DIRECTIONS):
            slot, line, of, direction = key
            ends = self.slots.ends(slot)
            yield Count(self.recording, line, of, direction, *ends, self.crossings[key])

    def flows(self) -> Iterator[Flow]:
        for (slot, entry, exit, of), n in sorted(self.turns.items()):
            yield Flow(self.recording, entry, exit, of, *self.slots.ends(slot), n)

    def presences(self) -> Iterator[Presence]:
        for (slot, zone, of), stay in sorted(self.stays.items(), key=itemgetter(0)):
            if stay.most and stay.for_s:
                mean, for_s = round(stay.number_s / stay.for_s, 2), round(stay.for_s, 1)
                ends = self.slots.ends(slot)
                yield Presence(self.recording, zone, of, *ends, mean, stay.most, for_s)


@dataclass(frozen=True, slots=True)
class Results:
    """Of all recordings. `wanted` are the classes to list; all that were counted if empty."""

    sheets: Sequence[Sheet]
    wanted: Sequence[RoadUser] = ()

    @property
    def lines(self) -> Sequence[str]:
        return self.sheets[0].lines if self.sheets else ()

    @property
    def counts(self) -> list[Count]:
        seen = set().union(*(sheet.classes() for sheet in self.sheets))
        return [row for sheet in self.sheets for row in sheet.counts(self.wanted or seen)]

    @property
    def flows(self) -> list[Flow]:
        return [row for sheet in self.sheets for row in sheet.flows() if self._lists(row.of)]

    @property
    def presences(self) -> list[Presence]:
        return [row for sheet in self.sheets for row in sheet.presences() if self._lists(row.of)]

    def totals(self) -> dict[tuple[str, str, RoadUser], Counter[Direction]]:
        """By recording, line and class, over all the time."""
        found: dict[tuple[str, str, RoadUser], Counter[Direction]] = {}
        for row in self.counts:
            ways = found.setdefault((row.recording, row.line, row.of), Counter())
            ways[row.direction] += row.n
        return found

    def _lists(self, of: RoadUser) -> bool:
        return not self.wanted or of in self.wanted
