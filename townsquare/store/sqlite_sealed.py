"""Rows of history that lie in files, read as if they were in the table.

Which files there are, and what was erased of them since, stands in the database: whoever reads
both does so in one transaction. A file is not removed before every such reader has finished.
"""

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from time import monotonic
from typing import Any, NamedTuple, cast

import msgspec

from townsquare.model.errors import TooComplex, TownsquareError
from townsquare.store import micros
from townsquare.store.archive import Archive
from townsquare.store.conditions import Sql
from townsquare.store.past import TimeProperty, Window
from townsquare.store.series import day_of, start_of_day
from townsquare.store.sqlite_functions import iso
from townsquare.store.sqlite_reading import LONGEST_READ_S

FILES_AT_ONCE = 16  # of an answer that may need only some
MOST_ASKED = 200_000  # instances in one answer
MOST_GONE = 200_000  # notes that one question heeds; files that are made anew need none
MOST_READ = 100_000  # instances that a condition looks at together

NEVER = 1 << 40  # a day
PARTS = "select file, tenant, day, first, last, types, recorded from sealed"
TIMES: dict[TimeProperty, str] = {
    "observedAt": "case when h.observed then h.at end",
    "createdAt": "(h.at + h.recorded)",
    "modifiedAt": "coalesce(h.modified, h.at + h.recorded)",
    "deletedAt": "h.deleted",
}
COLUMNS = "h.at, h.instance, h.observed, h.recorded, h.modified, h.deleted, h.number, h.json"
FILES = "select * from read_parquet(?) f"
# Whole series are gone with their number, which is never given again.
LEFT = """ where not exists (
    select 1 from (select unnest(?) as series, unnest(?) as at, unnest(?) as instance) g
    where g.series = f.series and g.at = f.at
    and (g.instance = f.instance or g.instance = 0 and f.observed))"""


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
    """What lies in files; `archive` is None for a store that has no place for any."""

    def __init__(self, archive: Archive | None) -> None:
        self.archive = archive

    def files(
        self,
        db: sqlite3.Connection,
        tenant: str,
        since: int | None,
        until: int | None,
        longest_s: float = LONGEST_READ_S,
    ) -> "Files":
        """With rows from that time, in the order of days."""
        if self.archive is None:
            return Files(None, db, (), 0)
        text = f"{PARTS} where tenant = ? and day >= ? and day <= ? order by day, first"
        first = 0 if since is None else day_of(since)
        last = NEVER if until is None else day_of(until - 1)
        parts = tuple(Part(*found) for found in db.execute(text, (tenant, first, last)))
        return Files(self.archive, db, parts, monotonic() + longest_s)


@dataclass(frozen=True, slots=True)
class Files:
    """Some, as the database knows them at one moment, for one question."""

    archive: Archive | None
    db: sqlite3.Connection
    parts: tuple[Part, ...]
    end: float

    def ask(self, question: Sql, parts: Sequence[Part] | None = None) -> Iterator[tuple[Any, ...]]:
        """A statement on rows `h` of these parts (of all, if None) that are left. Raises
        Unavailable where one cannot be read, TooComplex where it takes too long.
        """
        parts = self.parts if parts is None else parts
        if not parts or self.archive is None:
            return
        gone = self._gone(parts)
        text = f"with h as ({FILES}{LEFT if gone else ''}) {question.text}"
        given = [*map(list, zip(*gone, strict=True)), *question.parameters]
        yield from self.archive.ask(text, [part.file for part in parts], given, self.end)

    def some(self, question: Sql, parts: Sequence[Part] | None = None) -> list[tuple[Any, ...]]:
        """All that is asked for. Raises TooComplex where that is too much."""
        found = list(islice(self.ask(question, parts), MOST_ASKED + 1))
        if len(found) > MOST_ASKED:
            raise TooComplex(
                f"over {MOST_ASKED} instances of the past would be looked at; ask for less time"
            )
        return found

    def of(
        self, series: Collection[int], since: int | None = None, until: int | None = None
    ) -> list[Part]:
        """Parts that may have rows of these series from that time."""
        first = 0 if since is None else day_of(since)
        last = NEVER if until is None else day_of(until - 1)
        return [
            part
            for part in self.parts
            if first <= part.day <= last and any(part.first <= one <= part.last for one in series)
        ]

    def _gone(self, parts: Sequence[Part]) -> list[tuple[int, int, int]]:
        """(series, at, instance) of what was erased since its file was made."""
        span = start_of_day(min(p.day for p in parts)), start_of_day(max(p.day for p in parts) + 1)
        run = min(part.first for part in parts), max(part.last for part in parts)
        text = "select series, at, instance from erased where series between ? and ?"
        found = self.db.execute(f"{text} and at >= ? and at < ? limit ?", (*run, *span, MOST_GONE))
        gone = found.fetchall()
        if len(gone) == MOST_GONE:
            raise TooComplex(
                "much of the past was recorded anew within the hour; ask for less time, or later"
            )
        return gone


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


def within(window: Window | None) -> Sql:
    """Condition on rows of history (h), in the table as in files."""
    if window is None:
        return Sql("true")
    time = "h.at" if window.of == "observedAt" else TIMES[window.of]
    parts = ["h.observed" if window.of == "observedAt" else f"{time} is not null"]
    parts += [f"{time} >= ?"] if window.since else []
    parts += [f"{time} < ?"] if window.until else []
    bounds = tuple(micros(at) for at in (window.since, window.until) if at)
    return Sql(" and ".join(parts), bounds)


def ranged(window: Window | None) -> tuple[int | None, int | None]:
    """In which `at` lies, where that is known."""
    if window is None or window.of != "observedAt":
        return None, None
    since, until = window.since, window.until
    return micros(since) if since else None, micros(until) if until else None


def of_series(series: Collection[int]) -> str:
    """Condition on rows `h`."""
    return f"h.series in ({', '.join(map(str, series)) or 'null'})"


# As a condition sees the value of an instance; DuckDB writes a number as JSON does.
VALUE = """case when h.number is null then h.json
    when h.json is null then '{"value":' || h.number || '}'
    else json_merge_patch(h.json, '{"value":' || h.number || '}') end"""


class Then:
    """Conditions on sealed instances within a window: functions for SQLite while it asks.

    `sealed_values(series, attribute, member)` are the instances as JSON, or that time of each;
    `sealed_some(series)` tells whether there is any. Files are asked for many series at a time,
    of these entities (of all, where none is named).
    """

    def __init__(self, files: Files, window: Window | None, ids: Sequence[str]) -> None:
        self._files = files
        parts = [within(window), _among("h.entity", ids)]
        self._where = Sql(
            " and ".join(part.text for part in parts), sum((p.parameters for p in parts), ())
        )
        self._runs: dict[str, list[tuple[int, int]]] = {}  # of series that are read together
        self._values: dict[tuple[str, str], tuple[tuple[int, int], dict[int, str]]] = {}
        self._some: set[int] | None = None
        self.failed: TownsquareError | None = None

    @contextmanager
    def asked(self) -> Iterator[None]:
        db = self._files.db
        db.create_function("sealed_values", 3, self._guarded(self.values))
        db.create_function("sealed_some", 1, self._guarded(self.some))
        try:
            yield
        except sqlite3.OperationalError:
            if self.failed:
                raise self.failed from None
            raise
        finally:  # the connection would keep them, with all that was read
            db.create_function("sealed_values", 3, None)
            db.create_function("sealed_some", 1, None)

    def values(self, series: int, attribute: str, member: str) -> str:
        (first, last), known = self._values.get((attribute, member), ((0, -1), {}))
        if not first <= series <= last:
            run = self._run(series, attribute)
            known = {} if run is None else self._read(run, attribute, member)
            self._values[attribute, member] = (run or (series, series), known)
        return known.get(series, "[]")

    def some(self, series: int) -> bool:
        if self._some is None:
            text = f"select distinct h.series from h where {self._where.text}"
            self._some = {id for (id,) in self._files.ask(Sql(text, self._where.parameters))}
        return series in self._some

    def _run(self, series: int, attribute: str) -> tuple[int, int] | None:
        """Series that are read together with this one; None where it has nothing in files."""
        if attribute not in self._runs:
            text = f"select h.series, count(*) from h {self._of} group by 1"
            found = self._files.ask(Sql(text, (attribute, *self._where.parameters)))
            counts: Counter[int] = Counter()
            for one, number in found:
                counts[one] += number
            self._runs[attribute] = _runs(counts)
        runs = self._runs[attribute]
        place = bisect_right(runs, (series, NEVER)) - 1
        return runs[place] if place >= 0 and runs[place][1] >= series else None

    def _read(self, run: tuple[int, int], attribute: str, member: str) -> dict[int, str]:
        of_run = f"{self._of} and h.series between {run[0]} and {run[1]}"
        what = VALUE if not member else TIMES[cast(TimeProperty, member)]
        text = f"select h.series, list({what}) from h {of_run} group by 1"
        found: dict[int, list[str]] = {}
        for series, values in self._files.ask(Sql(text, (attribute, *self._where.parameters))):
            told = values if not member else [tell({member: iso(time)}) for time in values]
            found.setdefault(series, []).extend(told)
        return {series: f"[{','.join(documents)}]" for series, documents in found.items()}

    @property
    def _of(self) -> str:
        return f"where h.attribute = ? and {self._where.text}"

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """SQLite keeps to itself what went wrong in a function."""

        def guarded(*given: Any) -> Any:
            try:
                return function(*given)
            except TownsquareError as error:
                self.failed = error
                raise

        return guarded


def tell(json: dict[str, str | None]) -> str:
    return msgspec.json.encode(json).decode()


def _runs(counts: dict[int, int]) -> list[tuple[int, int]]:
    """Of about MOST_READ instances, in order."""
    runs: list[tuple[int, int]] = []
    read = MOST_READ
    for series, number in sorted(counts.items()):
        if read + number > MOST_READ:
            runs.append((series, series))
            read = 0
        runs[-1] = (runs[-1][0], series)
        read += number
    return runs


def _among(column: str, texts: Sequence[str]) -> Sql:
    if not texts:
        return Sql("true")
    return Sql(f"{column} in ({', '.join('?' * len(texts))})", tuple(texts))
