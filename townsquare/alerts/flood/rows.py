"""Which row of the queue an alarm comes into. Pure: alarms and the time in, a row out.

Always holds: every alarm of the queue is in one row, and in any ten minutes at most ten rows are
opened, whatever happens; one place of the ten is kept for all that fits nowhere else. A row stays
itself while anything in it is open, and for ten minutes after it was opened: what comes back so
soon is the same row. A critical alarm opens a row of its own as long as there is a place for one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import cos, hypot, radians

from townsquare.alerts.flood.alarm import Alarm, By, Place
from townsquare.model.entity import iso
from townsquare.model.position import Position

TEN_MINUTES = timedelta(minutes=10)
PLAIN = 7  # rows that any alarm may open in ten minutes
CRITICAL = PLAIN + 2  # that a critical one may; the tenth is for the rest
MANAGEABLE = 2  # in ten minutes (EEMUA 191); from then on alarms of one rule share a row,
BUSY = 5  # and from then on those of a quarter
WINDOW = timedelta(seconds=120)  # alarms so shortly after each other,
NEAR_M = 150  # and so near, are taken for one event
QUARTER_M = 500
REASONS: tuple[By, ...] = ("group", "asset", "near", "cause", "place")
DEGREE_M = 111_195  # of latitude
REST = "rest@"  # how the id of a row begins that holds what fits nowhere else


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    since: datetime
    first: Alarm  # by which others are measured

    @property
    def rest(self) -> bool:
        return self.id.startswith(REST)


class Rows:
    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self.alarms: dict[str, Alarm] = {}
        self._rows: dict[str, Row] = {}
        self._inside: defaultdict[str, set[str]] = defaultdict(set)  # alarms by row
        self._queued: Counter[str] = Counter()  # open alarms by row
        self._critical: Counter[str] = Counter()
        self._silencing: set[str] = set()
        self._silenced: set[str] = set()
        for alarm in alarms:
            self.see(alarm)

    def copy(self) -> "Rows":
        """To try something that may not come to be."""
        other = Rows()
        other.alarms, other._rows = dict(self.alarms), dict(self._rows)
        other._inside.update((row, set(ids)) for row, ids in self._inside.items())
        other._queued, other._critical = Counter(self._queued), Counter(self._critical)
        other._silencing, other._silenced = set(self._silencing), set(self._silenced)
        return other

    def see(self, alarm: Alarm) -> None:
        """As it stands now; what is older than what is known says nothing."""
        before = self.alarms.get(alarm.id)
        if before and before.version > alarm.version:
            return
        self.alarms[alarm.id] = alarm
        if before:
            self._count(before, -1)
            self._leave(before)
        self._count(alarm, 1)
        self._enter(alarm)
        _keep(self._silencing, alarm.id, alarm.silences and alarm.active)
        _keep(self._silenced, alarm.id, bool(alarm.silenced_by))

    def _enter(self, alarm: Alarm) -> None:
        if (at := alarm.place) is None:
            return
        self._inside[at.row].add(alarm.id)
        row = self._rows.get(at.row)
        if row is None or _opener(alarm) < _opener(row.first):
            self._rows[at.row] = Row(at.row, at.since, alarm)

    def _leave(self, before: Alarm) -> None:
        """What others are measured by follows from the alarms as they are, not from what was."""
        if (at := before.place) is None:
            return
        inside = self._inside[at.row]
        inside.discard(before.id)
        row = self._rows.get(at.row)
        if row is None or row.first.id != before.id:
            return
        if inside:
            first = min((self.alarms[id] for id in inside), key=_opener)
            self._rows[at.row] = replace(row, first=first)
        else:
            del self._rows[at.row]

    def _count(self, alarm: Alarm, number: int) -> None:
        if alarm.place and alarm.queued:
            self._queued[alarm.place.row] += number
            self._critical[alarm.place.row] += number * alarm.critical

    def silencing(self) -> list[Alarm]:
        """Alarms that last and name the cause of others."""
        return [self.alarms[id] for id in self._silencing]

    def silenced(self) -> list[Alarm]:
        return [self.alarms[id] for id in self._silenced]

    # --- what is in the queue

    def standing(self, now: datetime) -> list[Row]:
        """That alarms can come into; the oldest first. The others are forgotten."""
        gone = [id for id, row in self._rows.items() if not self._stands(row, now)]
        for id in gone:
            del self._rows[id], self._inside[id], self._queued[id], self._critical[id]
        return sorted(self._rows.values(), key=lambda row: (row.since, row.id))

    def _stands(self, row: Row, now: datetime) -> bool:
        return self._queued[row.id] > 0 or row.since > now - TEN_MINUTES

    # --- where a newcomer goes

    def place(self, alarm: Alarm, now: datetime) -> Place:
        rows = self.standing(now)
        lately = [row for row in rows if row.since > now - TEN_MINUTES and not row.rest]
        if alarm.place and _returns(alarm.place, rows, now):
            return alarm.place
        full = len(lately) >= (CRITICAL if alarm.critical else PLAIN)
        reasons = REASONS if full else _reasons(len(lately))
        if joined := self._joined(alarm, rows, now, reasons, full=full):
            return joined
        return _opened(alarm, rows, now, full=full)

    def _joined(
        self,
        alarm: Alarm,
        rows: Iterable[Row],
        now: datetime,
        reasons: Sequence[By],
        *,
        full: bool,
    ) -> Place | None:
        """A critical alarm joins what is not critical only where it can open no row."""
        kin = [row for row in rows if not row.rest]
        if alarm.critical and not full:
            kin = [row for row in kin if self._critical[row.id]]
        for by in reasons:
            for row in kin:
                if _belongs(alarm, row, by, now):
                    return Place(row.id, row.since, by)
        return None


def _keep(ids: set[str], id: str, is_in: bool) -> None:
    if is_in:
        ids.add(id)
    else:
        ids.discard(id)


def _opener(alarm: Alarm) -> tuple[bool, datetime, str]:
    opened = alarm.place is not None and alarm.place.by == "itself"
    return not opened, alarm.raised, alarm.id


def _returns(place: Place, rows: Iterable[Row], now: datetime) -> bool:
    """To the row where it was: what a flood brought together is together no longer than that."""
    lasting = place.by in ("itself", "group", "asset") or place.since > now - TEN_MINUTES
    return lasting and any(row.id == place.row for row in rows)


def _reasons(lately: int) -> Sequence[By]:
    """To share a row, when so many were opened lately."""
    if lately >= BUSY:
        return REASONS
    return REASONS[: 4 if lately >= MANAGEABLE else 3]


def _belongs(alarm: Alarm, row: Row, by: By, now: datetime) -> bool:
    first = row.first
    match by:
        case "group":
            return bool(alarm.group) and alarm.group == first.group
        case "asset":
            return bool(alarm.asset) and alarm.asset == first.asset
        case "near":
            soon = now - row.since <= WINDOW
            return soon and _within(alarm.position, first.position, NEAR_M)
        case "cause":
            return alarm.cause == first.cause
        case _:
            return _within(alarm.position, first.position, QUARTER_M)


def _opened(alarm: Alarm, rows: Iterable[Row], now: datetime, *, full: bool) -> Place:
    if not full:
        return Place(f"{alarm.id}@{iso(now)}", now, "itself")
    for row in rows:
        if row.rest:
            return Place(row.id, row.since, "rest")
    return Place(f"{REST}{iso(now)}", now, "rest")


def _within(one: Position | None, other: Position | None, metres: float) -> bool:
    return one is not None and other is not None and distance_m(one, other) <= metres


def distance_m(one: Position, other: Position) -> float:
    """Of two places in one town: the Earth is flat there."""
    wide = (one.lon - other.lon) * cos(radians((one.lat + other.lat) / 2))
    return hypot(wide, one.lat - other.lat) * DEGREE_M
