"""Rows of history that lie in files, read as if they were in the table.

Which files there are, and what was erased of them since, stands in the database: whoever reads
both does so in one transaction.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from townsquare.model.errors import TooComplex, TownsquareError, Unavailable
from townsquare.store import micros
from townsquare.store.archive import Archive, Sealed
from townsquare.store.past import Window
from townsquare.store.series import day_of, start_of_day
from townsquare.store.sqlite_functions import iso

FILES_AT_ONCE = 16  # of an answer that may need only some
MOST_ASKED = 1_000_000  # instances that a condition looks at

NEVER = 1 << 40  # a day
PARTS = "select file, tenant, day, first, last, types, recorded from sealed"


class Part(NamedTuple):
    """A file, with the rows of one day of a run of series."""

    file: str
    tenant: str
    day: int
    first: int
    last: int
    types: str  # JSON
    recorded: int  # the latest createdAt


class SealedDays:
    """What lies in files. `days` may be behind for a moment; the notes in the database are not."""

    def __init__(self, archive: Archive | None) -> None:
        self.archive = archive
        self.days: frozenset[int] = frozenset()

    def learn(self, db: sqlite3.Connection) -> None:
        """Raises Unavailable where files cannot be read without the extra."""
        self.days = frozenset(day for (day,) in db.execute("select distinct day from sealed"))
        if self.days and self.archive is None:
            raise Unavailable(
                "old history lies in Parquet files; install the extra that reads them:"
                " pip install 'townsquare[analysis]'"
            )

    def parts(
        self, db: sqlite3.Connection, tenant: str, since: int | None, until: int | None
    ) -> list[Part]:
        """With rows from that time, in the order of days."""
        if self.archive is None:
            return []
        text = f"{PARTS} where tenant = ? and day >= ? and day <= ? order by day, first"
        first = 0 if since is None else day_of(since)
        last = NEVER if until is None else day_of(until - 1)
        return [Part(*found) for found in db.execute(text, (tenant, first, last))]

    def rows(
        self,
        db: sqlite3.Connection,
        parts: Iterable[Part],
        series: Collection[int],
        since: int | None = None,
        until: int | None = None,
    ) -> list[Sealed]:
        files = [p.file for p in parts if any(p.first <= one <= p.last for one in series)]
        if not files or self.archive is None:
            return []
        found = self.archive.read(files, series, since=since, until=until)
        return list(left(found, erased(db)))


Gone = Collection[tuple[int, int, int]]


def erased(db: sqlite3.Connection) -> Gone:
    """(series, at, instance) of what was erased since its file was made."""
    return set(db.execute("select series, at, instance from erased"))


def left(rows: Iterable[Sealed], gone: Gone) -> Iterator[Sealed]:
    for row in rows:
        whole = row.observed and (row.series, row.at, 0) in gone
        if not whole and (row.series, row.at, row.instance) not in gone:
            yield row


def by_days(parts: Sequence[Part], *, newest_first: bool) -> Iterator[tuple[int, list[Part]]]:
    """Some whole days at a time, with the time on which all that follows borders."""
    days = [list(group) for _, group in groupby(parts, key=lambda part: part.day)]
    batch: list[Part] = []
    for day in reversed(days) if newest_first else days:
        if not batch:
            border = start_of_day(day[0].day + newest_first)
        batch += day
        if len(batch) >= FILES_AT_ONCE:
            yield border, batch
            batch = []
    if batch:
        yield border, batch


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Reads see one state of the database."""
    db.execute("begin")
    try:
        yield
    finally:
        db.execute("rollback")


class Then:
    """Conditions on sealed instances within a window: functions for SQLite while it asks.

    `sealed_values(series, attribute)` are the instances as JSON, `sealed_some(series)` tells
    whether there is any. What one question needs is read once.
    """

    def __init__(
        self, days: SealedDays, db: sqlite3.Connection, tenant: str, window: Window | None
    ) -> None:
        self._days = days
        self._db = db
        self._window = window
        self._range = ranged(window)
        self._parts = days.parts(db, tenant, *self._range)
        self._erased = erased(db)
        self._values: dict[str, dict[int, str]] = {}
        self._some: set[int] | None = None
        self.failed: TownsquareError | None = None

    @contextmanager
    def asked(self) -> Iterator[None]:
        self._db.create_function("sealed_values", 2, self._guarded(self.values))
        self._db.create_function("sealed_some", 1, self._guarded(self.some))
        try:
            yield
        except sqlite3.OperationalError:
            if self.failed:
                raise self.failed from None
            raise

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """SQLite keeps to itself what went wrong in a function."""

        def guarded(*given: Any) -> Any:
            try:
                return function(*given)
            except TownsquareError as error:
                self.failed = error
                raise

        return guarded

    def values(self, series: int, attribute: str) -> str:
        if attribute not in self._values:
            documents: dict[int, list[msgspec.Raw]] = {}
            for row in self._read(attribute):
                documents.setdefault(row.series, []).append(document(row))
            encode = msgspec.json.encode
            self._values[attribute] = {n: encode(d).decode() for n, d in documents.items()}
        return self._values[attribute].get(series, "[]")

    def some(self, series: int) -> bool:
        if self._some is None:
            self._some = {row.series for row in self._read(None)}
        return series in self._some

    def _read(self, attribute: str | None) -> list[Sealed]:
        files = [part.file for part in self._parts]
        if not files or self._days.archive is None:
            return []
        since, until = self._range
        rows = self._days.archive.read(files, None, attribute, since, until)
        if len(rows) > MOST_ASKED:
            raise TooComplex(
                f"more than {MOST_ASKED} sealed instances would be looked at; ask for less time"
            )
        return [row for row in left(rows, self._erased) if within(row, self._window)]


def ranged(window: Window | None) -> tuple[int | None, int | None]:
    """In which `at` lies, where that is known."""
    if window is None or window.of != "observedAt":
        return None, None
    since, until = window.since, window.until
    return micros(since) if since else None, micros(until) if until else None


def time_of(row: Sequence[Any], window: Window | None) -> int | None:
    """By which it is asked; `row` has the columns of history from `at` on."""
    at, _, observed, recorded, modified, deleted = row[:6]
    match window.of if window else "":
        case "observedAt":
            return at if observed else None
        case "createdAt":
            return int(at + recorded)
        case "modifiedAt":
            return modified if modified is not None else int(at + recorded)
        case "deletedAt":
            return None if deleted is None else int(deleted)
    return int(at)


def within(row: Sealed, window: Window | None) -> bool:
    time = time_of(row[5:], window)
    if window is None:
        return True
    if time is None or (window.since and time < micros(window.since)):
        return False
    return not window.until or time < micros(window.until)


def document(row: Sealed) -> msgspec.Raw:
    """As a condition sees an instance."""
    json = msgspec.json.decode(row.json) if row.json else {}
    if row.number is not None:
        json["value"] = row.number
    created = row.at + row.recorded
    modified = created if row.modified is None else row.modified
    json["observedAt"] = iso(row.at) if row.observed else None
    json |= {"createdAt": iso(created), "modifiedAt": iso(modified), "deletedAt": iso(row.deleted)}
    told = {name: value for name, value in json.items() if value is not None or name == "value"}
    return msgspec.Raw(msgspec.json.encode(told))
