"""Fold what workers say into aligned windows of 5 minutes. Pure.

Always holds: a window has a coverage, the share of its time that was watched; time that was not
watched adds nothing to it, so a gap is never a zero. What a window counted before the house was
restarted is taken up from the live entity.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from townsquare.vision.aligned import WINDOW, window_of
from townsquare.vision.evaluated import Known
from townsquare.vision.observation import Crossings, Event, Occupancy, Queued


@dataclass(frozen=True, slots=True)
class LineCount:
    """Of one line and one class of road user, since the start of the window that runs, and
    today: since the town's midnight, or since the counting began. `errors` are what is known of
    those of `towards` and `away`.
    """

    since: datetime
    today_since: datetime
    towards: int = 0
    away: int = 0
    today_towards: int = 0
    today_away: int = 0
    watched_s: float = 0.0
    errors: tuple[Known | None, Known | None] = (None, None)

    def crossed(self, seen: Crossings) -> "LineCount":
        towards = seen.n if seen.direction == "in" else 0
        away = seen.n - towards
        return replace(
            self,
            towards=self.towards + towards,
            away=self.away + away,
            today_towards=self.today_towards + towards,
            today_away=self.today_away + away,
        )

    def turned(self, at: datetime, midnight: datetime) -> "LineCount":
        """In the window of `at`, with nothing counted yet."""
        turned = replace(self, since=window_of(at), towards=0, away=0, watched_s=0.0)
        if self.today_since < midnight:
            turned = replace(turned, today_since=midnight, today_towards=0, today_away=0)
        return turned


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """Of one zone. `now` is None while it is unknown; `person_s` are people times seconds."""

    since: datetime
    now: int | None = None
    counted_s: float = 0.0
    person_s: float = 0.0
    most: int = 0
    watched_s: float = 0.0

    def stayed(self, seen: Occupancy) -> "ZoneCount":
        # Of a stretch that began in the window before, only the rest is this window's.
        for_s = max((seen.until - max(seen.since, self.since)).total_seconds(), 0.0)
        return replace(
            self,
            now=seen.max,
            counted_s=self.counted_s + for_s,
            person_s=self.person_s + for_s * seen.mean,
            most=max(self.most, seen.max),
        )

    @property
    def mean(self) -> float | None:
        return self.person_s / self.counted_s if self.counted_s else None

    def turned(self, at: datetime) -> "ZoneCount":
        return ZoneCount(window_of(at), self.now)


@dataclass(frozen=True, slots=True)
class EventCount:
    """Of one event, in the window that began at `since`. `begun` is when what lasts now began; None
    while nothing is known to last.
    """

    since: datetime
    begun: datetime | None = None
    confidence: float = 0.0
    count: int = 0
    lasted_s: float = 0.0
    watched_s: float = 0.0

    def began(self, seen: Event) -> "EventCount":
        # What is told again lasts on.
        fresh = self.begun is None
        begun, share = self.begun or seen.since, seen.confidence
        return replace(self, begun=begun, confidence=share, count=self.count + fresh)

    def ended(self, at: datetime) -> "EventCount":
        return replace(self, begun=None, lasted_s=self.lasted_upto(at))

    def lasted_upto(self, at: datetime) -> float:
        if self.begun is None:
            return self.lasted_s
        return self.lasted_s + max((at - max(self.begun, self.since)).total_seconds(), 0.0)

    def turned(self, at: datetime) -> "EventCount":
        if self.since >= window_of(at):
            return self
        return EventCount(window_of(at), self.begun, self.confidence)


@dataclass(frozen=True, slots=True)
class Level:
    """Of a number over the time in which it was known: `sum_s` is number times seconds."""

    for_s: float = 0.0
    sum_s: float = 0.0
    most: int = 0

    def held(self, number: int, for_s: float) -> "Level":
        return Level(self.for_s + for_s, self.sum_s + number * for_s, max(self.most, number))

    @property
    def mean(self) -> float | None:
        return self.sum_s / self.for_s if self.for_s else None


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Of the queue of one zone. `now` are its vehicles and, where known, its metres."""

    since: datetime
    now: tuple[int, int | None] | None = None
    vehicles: Level = Level()
    metres: Level = Level()
    watched_s: float = 0.0

    def waited(self, seen: Queued) -> "QueueCount":
        for_s = max((seen.until - max(seen.since, self.since)).total_seconds(), 0.0)
        known = seen.length_m is not None
        return replace(
            self,
            now=(seen.vehicles, seen.length_m),
            vehicles=self.vehicles.held(seen.vehicles, for_s),
            metres=self.metres.held(seen.length_m or 0, for_s) if known else self.metres,
        )

    def turned(self, at: datetime) -> "QueueCount":
        return QueueCount(window_of(at), self.now) if self.since < window_of(at) else self


def coverage(count: LineCount | ZoneCount | EventCount | QueueCount) -> float:
    return min(1.0, round(count.watched_s / WINDOW.total_seconds(), 4))


@dataclass(frozen=True, slots=True)
class Attention:
    """Whether a camera is being watched, and up to when that has been accounted for."""

    working: bool = False
    upto: datetime | None = None


# Health is told every 5 s; time without a word for longer than this was not watched.
LONGEST_SILENCE = timedelta(seconds=8)


def passed(attention: Attention, at: datetime) -> tuple[Attention, float]:
    """Seconds that were watched up to `at` and not accounted for."""
    if not attention.working or attention.upto is None:
        return attention, 0.0
    since = attention.upto
    watched = at - since if at - since <= LONGEST_SILENCE else timedelta()
    return replace(attention, upto=at), max(watched.total_seconds(), 0.0)


def heard(attention: Attention, working: bool, at: datetime) -> tuple[Attention, float]:
    """After a word of health: a camera that has failed was not watched since the word before."""
    watched_s = passed(attention, at)[1] if working else 0.0
    return Attention(working, at), watched_s
