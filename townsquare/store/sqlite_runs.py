"""One file of sealed history: what goes into it, and how it takes the place of rows.

Files of one day and tenant have runs of series that do not overlap: what comes late goes into the
file of its run, and what is noted as erased concerns one file.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from time import monotonic, time_ns

from townsquare.model.errors import Unavailable
from townsquare.store.archive import COLUMNS, Archive, Sealed
from townsquare.store.past import SCOPE
from townsquare.store.periods import Sum
from townsquare.store.series import hour_of, start_of_day
from townsquare.store.sqlite_sealed import Part
from townsquare.store.sqlite_series import Series, advance

MOST_ROWS = 30_000  # in a file, unless one series alone has more: its transaction takes 0.2 s
MOST_BYTES = 16_000_000  # likewise, of JSON
LONGEST_S = 60.0  # of reading one file

# What a scope was is asked of all time (stays.py), so it stays in the table.
SEALED = f"attribute <> '{SCOPE}'"
NAMES = f"""
select id, entity, type, attribute, dataset from series
where id between ? and ? and +tenant = ? and {SEALED} order by id"""
ROWS = """
select at, instance, observed, recorded, modified, deleted, number, json from history
where series = ? and at >= ? and at < ? order by at, instance"""


@dataclass(frozen=True, slots=True)
class Run:
    """One day of some series, up to and with the last."""

    tenant: str
    day: int
    first: int
    last: int

    @property
    def span(self) -> tuple[int, int]:
        """Microseconds."""
        return start_of_day(self.day), start_of_day(self.day + 1)

    @property
    def hours(self) -> tuple[int, int]:
        return self.day * 24, (self.day + 1) * 24


@dataclass(slots=True)
class Filling:
    """What goes through it into one file. `sums` are of hours that need them."""

    name: str
    series: list[int] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    recorded: int = 0
    rows: int = 0
    bytes: int = 0
    sums: dict[tuple[int, int], Sum] = field(default_factory=dict)

    def through(
        self, rows: Iterable[Sealed], hours: Collection[tuple[int, int]]
    ) -> Iterator[Sealed]:
        """To the end of the series with which there are enough."""
        for series, some in groupby(rows, key=attrgetter("series")):
            if self.series and series < self.series[-1]:
                raise Unavailable(f"{self.name} would be out of order; nothing was changed")
            self.series.append(series)
            for row in some:
                self._count(row, (series, hour_of(row.at)), hours)
                yield row
            if self.full:
                return

    @property
    def full(self) -> bool:
        return self.rows >= MOST_ROWS or self.bytes >= MOST_BYTES

    def _count(
        self, row: Sealed, hour: tuple[int, int], hours: Collection[tuple[int, int]]
    ) -> None:
        self.rows += 1
        self.bytes += len(row.json or "")
        self.types.add(row.type)
        self.recorded = max(self.recorded, row.at + row.recorded)
        if hour in hours and row.observed and row.deleted is None:
            plain = row.number is not None
            number = row.number or 0.0
            bounds = (number, number) if plain else (None, None)
            one = (1, 0, int(plain), number, number * number, *bounds)
            self.sums.setdefault(hour, Sum()).add(one, ("number",))


@dataclass(frozen=True, slots=True)
class Load:
    """Files that take the rows of a run out of the table, and come in the place of another."""

    run: Run
    files: Sequence[Filling]
    stirred: int
    old: Part | None = None
    outlived: Collection[str] = ()  # types of which the old one's rows are left out
    late: Collection[int] = ()  # series with rows in the table
    soiled: Collection[tuple[int, int]] = ()  # (series, hour) that are summed anew


# --- what goes into a file


def kept(db: sqlite3.Connection, run: Run) -> Iterator[Sealed]:
    """Statement by statement, so that none keeps the write-ahead log from being folded in."""
    for series in db.execute(NAMES, (run.first, run.last, run.tenant)).fetchall():
        for row in db.execute(ROWS, (series[0], *run.span)):
            yield Sealed._make((*series, *row[:2], bool(row[2]), *row[3:]))


def left(
    db: sqlite3.Connection, archive: Archive, run: Run, part: Part, outlived: Collection[str]
) -> Iterator[Sealed]:
    """Rows of a file that go on, of a run of its series, in the order in which they lie there."""
    text = "select id from series where id between ? and ?"
    there = {id for (id,) in db.execute(text, (run.first, run.last))}
    text = "select series, at, instance from erased where series between ? and ?"
    noted = db.execute(f"{text} and at >= ? and at < ?", (run.first, run.last, *run.span))
    gone = set(noted.fetchall())
    # A join could bring them out of order, a sort would need all of them in memory.
    text = f"select {COLUMNS} from read_parquet(?) where series >= {run.first}"
    for found in archive.ask(text, [part.file], (), monotonic() + LONGEST_S):
        row = Sealed._make(found)
        if row.series not in there or row.type in outlived:
            continue
        instances = (row.instance, 0) if row.observed else (row.instance,)
        if not any((row.series, row.at, instance) in gone for instance in instances):
            yield row


def joined(files: Iterator[Sealed], table: Iterator[Sealed]) -> Iterator[Sealed]:
    """In order; where both have an instance, the table knows it better."""
    key = itemgetter(0, 5, 6)
    for _, same in groupby(merge(files, table, key=key), key=key):
        yield [*same][-1]


def late_series(db: sqlite3.Connection, run: Run) -> list[int]:
    """Series of the run with rows in the table."""
    text = (
        f"select id from series s where id between ? and ? and {SEALED}"
        " and exists (select 1 from history h"
        " where h.series = s.id and h.at >= ? and h.at < ?)"
    )
    return [id for (id,) in db.execute(text, (run.first, run.last, *run.span))]


def soiled_hours(
    db: sqlite3.Connection, run: Run, outlived: Collection[str] = ()
) -> set[tuple[int, int]]:
    """Hours to be summed anew: those that were written to, and all of what loses something."""
    values = (run.first, run.last, *run.hours)
    text = (
        "select series, hour from {0} where series between ? and ? and hour >= ? and hour < ?"
        f" and exists (select 1 from series s where s.id = {{0}}.series and {SEALED})"
    )
    found = set(db.execute(text.format("dirty"), values))
    if outlived:
        of_types = f" and series in (select id from series where type in ({_marks(outlived)}))"
        found |= set(db.execute(text.format("rollup") + of_types, (*values, *outlived)))
    return found


# --- how it takes the place of rows


def swap(db: sqlite3.Connection, series: Series, load: Load) -> bool:
    """Everything in one transaction, or nothing and False."""
    if series.stirred[load.run.day] != load.stirred:
        return False
    if load.old:
        db.execute("delete from sealed where file = ?", (load.old.file,))
        stray(db, load.old.file)
    for file in load.files:
        db.execute("insert into sealed values (?, ?, ?, ?, ?, ?, ?)", _note(file, load.run))
        db.execute("delete from stray where file = ?", (file.name,))
    # From now on notes are taken of what is erased of that day.
    series.sealed |= {load.run.day}
    _settle_sums(db, load)
    # What else of these series is not summed yet is in the table, until the next statement.
    advance(db, load.late, load.run.hours[1])
    series.unlearn()
    gone = "delete from history where series = ? and at >= ? and at < ?"
    db.executemany(gone, [(id, *load.run.span) for id in load.late])
    noted = "delete from erased where series between ? and ? and at >= ? and at < ?"
    db.execute(noted, (load.run.first, load.run.last, *load.run.span))
    _settle_series(db, load)
    return True


def stray(db: sqlite3.Connection, name: str) -> None:
    db.execute("insert or replace into stray values (?, ?)", (name, time_ns() // 1000))


def _note(file: Filling, run: Run) -> tuple[str | int, ...]:
    types = json.dumps(sorted(file.types))
    return file.name, run.tenant, run.day, file.series[0], file.series[-1], types, file.recorded


def _settle_sums(db: sqlite3.Connection, load: Load) -> None:
    for table in ("dirty", "rollup"):
        text = f"delete from {table} where series = ? and hour = ?"
        db.executemany(text, load.soiled)
    run = (load.run.first, load.run.last)
    there = {id for (id,) in db.execute("select id from series where id between ? and ?", run)}
    sums = [
        (*hour, s.instances, s.numbers, s.total, s.squares, s.least, s.greatest)
        for file in load.files
        for hour, s in file.sums.items()
        if hour[0] in there
    ]
    db.executemany("insert into rollup values (?, ?, ?, ?, ?, ?, ?, ?)", sums)


def _settle_series(db: sqlite3.Connection, load: Load) -> None:
    """Series that went while their rows went into a file, and those of which nothing is left."""
    among = "select value from json_each(?)"
    ids = json.dumps([id for file in load.files for id in file.series])
    text = f"insert or ignore into dropped {among} where value not in (select id from series)"
    db.execute(text, (ids,))
    if load.outlived:
        left = (
            "select 1 from history h where h.series = series.id"
            " union all select 1 from sealed where series.id between first and last"
        )
        run = (load.run.first, load.run.last, *load.outlived)
        db.execute(
            f"delete from series where id between ? and ? and type in ({_marks(load.outlived)})"
            f" and not exists ({left})",
            run,
        )


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
