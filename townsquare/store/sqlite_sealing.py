"""Old days go from the SQLite store into files, and files are made anew when something in them
was erased, came late or has outlived its retention.

A file is written first, beside what there is; then one transaction takes its rows out of the
table and notes the file, instead of an earlier one. It does so only if nothing was written to
that day meanwhile. So a kill at any moment leaves every row in one place. A file that no note
names is known as a stray from before it is begun, and is removed; no other file ever is.

Files of one day and tenant have runs of series that do not overlap: what comes late goes into the
file of its run, and what is noted as erased concerns one file.
"""

import json
import logging
import sqlite3
from asyncio import Lock
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from heapq import merge
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from time import monotonic, time_ns
from urllib.parse import quote

from townsquare.model.errors import Unavailable
from townsquare.store import micros
from townsquare.store.archive import COLUMNS, INSTALL, Archive, Sealed
from townsquare.store.periods import Sum
from townsquare.store.series import day_of, hour_of, start_of_day
from townsquare.store.sqlite_sealed import PARTS, Part
from townsquare.store.sqlite_series import Series, advance
from townsquare.store.sqlite_upkeep import Runs

MOST_ROWS = 50_000  # in a file, unless one series alone has more
MOST_SERIES = 20_000  # that one look for rows goes through
TRIES = 3
READ_S = 60.0  # after which nobody reads a file any more that another one replaced
LONGEST_S = 60.0  # of reading one file
BEYOND = 1 << 62  # a series

NAMES = """
select id, entity, type, attribute, dataset from series
where id between ? and ? and +tenant = ? order by id"""
ROWS = """
select at, instance, observed, recorded, modified, deleted, number, json from history
where series = ? and at >= ? and at < ? order by at, instance"""
log = logging.getLogger(__name__)


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
            if self.rows >= MOST_ROWS:
                return

    def _count(
        self, row: Sealed, hour: tuple[int, int], hours: Collection[tuple[int, int]]
    ) -> None:
        self.rows += 1
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


class Sealing:
    def __init__(self, write: Runs, read: Runs, series: Series, archive: Archive) -> None:
        self._write = write
        self._read = read
        self._series = series
        self._archive = archive
        self._lock = Lock()
        self.unreadable = ""

    def begin(self, db: sqlite3.Connection) -> None:
        """Nobody reads yet, so that no stray is left."""
        for (name,) in db.execute("select file from stray"):
            self._archive.remove(name)
        db.execute("delete from stray")
        self._series.sealed = frozenset(day for (day,) in db.execute("select day from sealed"))
        self._look(db)

    async def seal(self, before: datetime) -> None:
        """Days that end before this, and what is due of those that are sealed."""
        if not self._archive.able:
            return
        async with self._lock:
            await self._remove_strays()
            await self._rewrite_due()
            text = "select day from kept_day where day < ? order by day"
            last = day_of(micros(before))
            for (day,) in await self._read(lambda db: db.execute(text, (last,)).fetchall()):
                await self._seal_day(day)
            await self._read(self._look)

    def _look(self, db: sqlite3.Connection) -> None:
        noted = [name for (name,) in db.execute("select file from sealed order by day, first")]
        missing = [name for name in noted if not (self._archive.folder / name).exists()]
        self.unreadable = ""
        if missing:
            self.unreadable = (
                f"{len(missing)} of {len(noted)} files of history are missing, first {missing[0]};"
                " bring them back from a backup"
            )
        elif noted and not self._archive.able:
            self.unreadable = f"old history lies in Parquet files; {INSTALL}"
        if self.unreadable:
            log.error("%s", self.unreadable)

    async def forget(self, types: Collection[str], before: datetime, *, others: bool) -> None:
        """Rows of these types (or of all others) in files whose retention has ended.

        Does nothing while days are sealed: there is a next time.
        """
        if not self._archive.able or self._lock.locked() or not self._series.sealed:
            return
        async with self._lock:
            limit = micros(before)
            text = f"{PARTS} where day < ? and recorded < ?"
            for part in await self._read(partial(_parts, text=text, of=(day_of(limit), limit))):
                outlived = {t for t in json.loads(part.types) if (t not in types) == others}
                if outlived:
                    await self._rewrite(part, outlived)

    # --- days

    async def _seal_day(self, day: int) -> None:
        stirred = await self._stirred(day)
        done = True
        for tenant in await self._read(_tenants):
            of_day = partial(_parts, text=f"{PARTS} where day = ? and tenant = ?", of=(day, tenant))
            parts = sorted(await self._read(of_day), key=attrgetter("first"))
            for part in parts:
                run = Run(tenant, day, part.first, part.last)
                if await self._read(partial(_late, run=run)):
                    done = await self._rewrite(part) and done
            newest = await self._read(_newest)
            for first, last in _between([(p.first, p.last) for p in parts], newest):
                done = await self._seal_run(Run(tenant, day, first, last)) and done
        if done:
            await self._write(partial(self._done, day=day, stirred=stirred))

    async def _seal_run(self, run: Run) -> bool:
        """Of series without a file of that day. False where something came meanwhile."""
        first = run.first
        while first <= run.last:
            left = replace(run, first=first, last=min(run.last, first + MOST_SERIES))
            stirred = await self._stirred(run.day)
            soiled = await self._read(partial(_soiled, run=left))
            file = await self._fill(left, None, soiled)
            if file is None:
                first = left.last + 1
                continue
            left = replace(left, last=file.series[-1])
            of_file = [hour for hour in soiled if hour[0] <= left.last]
            load = Load(left, (file,), stirred, late=file.series, soiled=of_file)
            if not await self._write(partial(self._swap, load=load)):
                return False
            first = left.last + 1
        return True

    def _done(self, db: sqlite3.Connection, day: int, stirred: int) -> None:
        """No more is kept of the day, unless something came while it was sealed."""
        if self._series.stirred[day] == stirred:
            db.execute("delete from kept_day where day = ?", (day,))
            self._series.unlearn()

    # --- files

    async def _rewrite_due(self) -> None:
        """Files with rows that were erased, or whose series are gone."""
        due = await self._read(_with_erased)
        dropped = await self._read(_dropped)
        among = f"{PARTS} where exists (select 1 from dropped where series between first and last)"
        maybe = await self._read(partial(_parts, text=among, of=())) if dropped else []
        due += [part for part in maybe if part not in due and await self._has(part, dropped)]
        done = [await self._rewrite(part) for part in due]
        if dropped and all(done):
            gone = [(id,) for id in dropped]
            text = "delete from dropped where series = ?"
            await self._write(lambda db: db.executemany(text, gone) and None)

    async def _rewrite(self, part: Part, outlived: Collection[str] = ()) -> bool:
        """Without its rows of those types, and with what came late. False: the next time."""
        try:
            for _ in range(TRIES):
                load = await self._made_anew(part, outlived)
                if await self._write(partial(self._swap, load=load)):
                    return True
        except Unavailable as error:  # the other files are as good as before
            log.error("%s", error)  # noqa: TRY400 - it says where to look
        return False

    async def _has(self, part: Part, series: Sequence[int]) -> bool:
        """Also a file that cannot be read, so that it is not forgotten."""
        text = "select 1 from read_parquet(?) where series in (select unnest(?)) limit 1"
        end = monotonic() + LONGEST_S

        def has(_: sqlite3.Connection) -> bool:
            try:
                return any(self._archive.ask(text, [part.file], (list(series),), end))
            except Unavailable:
                return True

        return await self._read(has)

    async def _made_anew(self, part: Part, outlived: Collection[str]) -> Load:
        run = Run(part.tenant, part.day, part.first, part.last)
        stirred = await self._stirred(run.day)
        late = await self._read(partial(_late, run=run))
        soiled = await self._read(partial(_soiled, run=run, outlived=outlived))
        files: list[Filling] = []
        empty = not late and set(json.loads(part.types)) <= set(outlived)
        left: Run | None = None if empty else run
        while left is not None:
            file = await self._fill(left, (part, outlived), soiled)
            files += [file] if file else []
            more = file is not None and file.rows >= MOST_ROWS and file.series[-1] < run.last
            left = replace(run, first=file.series[-1] + 1) if file and more else None
        return Load(run, files, stirred, part, outlived, late, soiled)

    async def _fill(
        self,
        run: Run,
        old: tuple[Part, Collection[str]] | None,
        soiled: Collection[tuple[int, int]],
    ) -> Filling | None:
        """None, and no file, where there is nothing in the run."""
        day = date.fromordinal(run.day + 1).isoformat()
        file = Filling(f"t-{quote(run.tenant, safe='')}/{day}.{time_ns()}.parquet")
        await self._write(lambda db: _stray(db, file.name))
        archive = self._archive

        def work(db: sqlite3.Connection) -> bool:
            rows = _kept(db, run)
            if old:
                rows = _joined(_left(db, archive, run, *old), rows)
            return archive.write(file.name, file.through(rows, soiled))

        return file if await self._read(work) else None

    def _swap(self, db: sqlite3.Connection, load: Load) -> bool:
        """Everything in one transaction, or nothing and False."""
        if self._series.stirred[load.run.day] != load.stirred:
            return False
        if load.old:
            db.execute("delete from sealed where file = ?", (load.old.file,))
            _stray(db, load.old.file)
        for file in load.files:
            db.execute("insert into sealed values (?, ?, ?, ?, ?, ?, ?)", _note(file, load.run))
            db.execute("delete from stray where file = ?", (file.name,))
        # From now on notes are taken of what is erased of that day.
        self._series.sealed |= {load.run.day}
        _settle_sums(db, load)
        # What else of these series is not summed yet is in the table, until the next statement.
        advance(db, load.late, load.run.hours[1])
        self._series.unlearn()
        gone = "delete from history where series = ? and at >= ? and at < ?"
        db.executemany(gone, [(id, *load.run.span) for id in load.late])
        noted = "delete from erased where series between ? and ? and at >= ? and at < ?"
        db.execute(noted, (load.run.first, load.run.last, *load.run.span))
        _settle_series(db, load)
        return True

    async def _stirred(self, day: int) -> int:
        """Asked of the writer, so that a read after this sees all that it counts."""
        return await self._write(lambda _: self._series.stirred[day])

    async def _remove_strays(self) -> None:
        text = "select file from stray where since < ?"
        since = time_ns() // 1000 - int(READ_S * 1_000_000)
        found = await self._read(lambda db: db.execute(text, (since,)).fetchall())
        for (name,) in found:
            self._archive.remove(name)
        if found:
            gone = "delete from stray where file = ?"
            await self._write(lambda db: db.executemany(gone, found) and None)


def _stray(db: sqlite3.Connection, name: str) -> None:
    db.execute("insert or replace into stray values (?, ?)", (name, time_ns() // 1000))


def _note(file: Filling, run: Run) -> tuple[str | int, ...]:
    types = json.dumps(sorted(file.types))
    return file.name, run.tenant, run.day, file.series[0], file.series[-1], types, file.recorded


def _between(runs: Sequence[tuple[int, int]], newest: int) -> Iterator[tuple[int, int]]:
    """What lies outside of runs that are in order."""
    for (_, last), (first, _) in pairwise([(0, 0), *runs, (newest + 1, newest + 1)]):
        if last + 1 < first:
            yield last + 1, first - 1


# --- what is in the table


def _newest(db: sqlite3.Connection) -> int:
    return int(db.execute("select coalesce(max(id), 0) from series").fetchone()[0])


def _tenants(db: sqlite3.Connection) -> list[str]:
    return ["", *(name for (name,) in db.execute("select name from tenant"))]


def _parts(db: sqlite3.Connection, text: str, of: tuple[int | str, ...]) -> list[Part]:
    return [Part(*found) for found in db.execute(text, of)]


def _kept(db: sqlite3.Connection, run: Run) -> Iterator[Sealed]:
    """Statement by statement, so that none keeps the write-ahead log from being folded in."""
    for series in db.execute(NAMES, (run.first, run.last, run.tenant)).fetchall():
        for row in db.execute(ROWS, (series[0], *run.span)):
            yield Sealed._make((*series, *row[:2], bool(row[2]), *row[3:]))


def _late(db: sqlite3.Connection, run: Run) -> list[int]:
    """Series of the run with rows in the table."""
    text = (
        "select id from series s where id between ? and ? and exists (select 1 from history h"
        " where h.series = s.id and h.at >= ? and h.at < ?)"
    )
    return [id for (id,) in db.execute(text, (run.first, run.last, *run.span))]


def _soiled(
    db: sqlite3.Connection, run: Run, outlived: Collection[str] = ()
) -> set[tuple[int, int]]:
    """Hours to be summed anew: those that were written to, and all of what loses something."""
    values = (run.first, run.last, *run.hours)
    text = "select series, hour from {} where series between ? and ? and hour >= ? and hour < ?"
    found = set(db.execute(text.format("dirty"), values))
    if outlived:
        of_types = f" and series in (select id from series where type in ({_marks(outlived)}))"
        found |= set(db.execute(text.format("rollup") + of_types, (*values, *outlived)))
    return found


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


# --- what is in files


def _with_erased(db: sqlite3.Connection) -> list[Part]:
    days = {day_of(at) for (at,) in db.execute("select distinct at from erased")}
    text = (
        f"{PARTS} where day = ? and exists (select 1 from erased e"
        " where e.series between first and last and e.at >= ? and e.at < ?)"
    )
    spans = ((day, start_of_day(day), start_of_day(day + 1)) for day in days)
    return [part for span in spans for part in _parts(db, text, span)]


def _dropped(db: sqlite3.Connection) -> list[int]:
    return [id for (id,) in db.execute("select series from dropped")]


def _left(
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


def _joined(files: Iterator[Sealed], table: Iterator[Sealed]) -> Iterator[Sealed]:
    """In order; where both have an instance, the table knows it better."""
    key = itemgetter(0, 5, 6)
    for _, same in groupby(merge(files, table, key=key), key=key):
        yield [*same][-1]
