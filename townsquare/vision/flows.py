"""Who turned where, and how fast road users crossed lines: told once a window has closed. Pure.

Always holds: only numbers are remembered here, so a break in time takes nothing away. Of speeds
only what so many passed that nobody's can be read from it; turns that were seen once are told again
as 0 when nobody took them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsquare.model.camera import Direction, RoadUser
from townsquare.vision.aligned import WINDOW, window_of
from townsquare.vision.observation import Speeds, Turns
from townsquare.vision.speed import Passing, bands, told
from townsquare.vision.turns import Turn
from townsquare.vision.wire import Watched

Set = tuple[str, RoadUser, Direction]
LONGEST_STEP = timedelta(seconds=8)  # between looks; what went on in a longer gap is not known


@dataclass(slots=True)
class Flows:
    """Of one camera since the window of `since` began; `last` is the picture before."""

    camera: Watched
    since: datetime | None = None
    last: datetime | None = None
    watched: timedelta = timedelta()
    turns: Counter[Turn] = field(default_factory=Counter)
    passed: Counter[Passing] = field(default_factory=Counter)

    def add(
        self, turns: Mapping[Turn, int], passed: Mapping[Passing, int], at: datetime
    ) -> list[Turns | Speeds]:
        """What the picture at `at` adds; gives the window that has closed by then."""
        closed = self.close(at)
        self.since = self.since or window_of(at)
        if self.last is not None and self.last < at <= self.last + LONGEST_STEP:
            self.watched += at - max(self.last, self.since)
        self.last = at
        classes = self.camera.classes
        self.turns.update({turn: n for turn, n in turns.items() if turn.of in classes})
        self.passed.update({one: n for one, n in passed.items() if one.of in classes})
        return closed

    def lose(self) -> None:
        """At a break in time."""
        self.last = None

    def close(self, at: datetime) -> list[Turns | Speeds]:
        """The window of which nothing more comes by `at`."""
        since = self.since
        if since is None or at < since + WINDOW:
            return []
        if self.last is not None and self.last < since + WINDOW <= at <= self.last + LONGEST_STEP:
            self.watched += since + WINDOW - self.last
        share = min(1.0, round(self.watched / WINDOW, 4))
        when = (since, since + WINDOW, share)
        found: list[Turns | Speeds] = [
            Turns(self.camera.name, turn.entry, turn.exit, turn.of, n, *when)
            for turn, n in self.turns.items()
        ]
        for (line, of, direction), counts in _sets(told(self.passed)).items():
            found.append(Speeds(self.camera.name, line, of, direction, counts, *when))
        self.since, self.watched, self.passed = None, timedelta(), Counter()
        self.turns = Counter(dict.fromkeys(self.turns, 0))
        return found


def _sets(passed: Mapping[Passing, int]) -> dict[Set, tuple[int, ...]]:
    """How many in each band, in their order."""
    sets: defaultdict[Set, Counter[int]] = defaultdict(Counter)
    for one, n in passed.items():
        sets[one.line, one.of, one.direction][one.from_kmh] += n
    return {key: tuple(found[low] for low in bands(key[1])) for key, found in sets.items()}
