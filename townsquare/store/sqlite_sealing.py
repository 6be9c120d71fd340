"""Old days go from the SQLite store into files, and files are made anew when something in them
was erased, came late or has outlived its retention.

A file is written first, beside what there is; then one transaction takes its rows out of the
table and notes the file instead of an earlier one. It does so only if nothing was written to
that day meanwhile. So a kill at any moment leaves every row in one place, and at the most a file
that nobody knows, which is removed later.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import time_ns
from urllib.parse import quote

from townsquare.store import micros
from townsquare.store.archive import Archive, Sealed
from townsquare.store.series import day_of, hour_of, start_of_day
from townsquare.store.sqlite_sealed import PARTS, Part, SealedDays, erased, left
from townsquare.store.sqlite_series import ANY_DAY, Series
from townsquare.store.sqlite_upkeep import Runs

MOST_ROWS = 50_000  # in a file, unless one series alone has more
TRIES = 3

KEPT = """
select s.id, s.entity, s.type, s.attribute, s.dataset, h.at, h.instance, h.observed, h.recorded,
    h.modified, h.deleted, h.number, h.json
from series s join history h on h.series = s.id
where s.tenant = ? and s.id >= ? and s.id <= ? and h.at >= ? and h.at < ?
order by s.id, h.at, h.instance limit ?"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one file will hold, and the file in whose place it comes."""

    tenant: str
    day: int
    rows: Sequence[Sealed]
    old: Part | None
    stirred: tuple[int, int]


class Sealing:
    def __init__(self, write: Runs, read: Runs, series: Series, sealed: SealedDays) -> None:
        self._write = write
        self._read = read
        self._series = series
        self._sealed = sealed
        self._unknown: set[str] = set()

    async def seal(self, before: datetime) -> None:
        """Days that end before this, and what is due of those that are sealed."""
        archive = self._sealed.archive
        if archive is None:
            return
        await self._remove_unknown(archive)
        await self._rewrite_due(archive)
        text = "select day from kept_day where day < ? order by day"
        last = day_of(micros(before))
        for (day,) in await self._read(lambda db: db.execute(text, (last,)).fetchall()):
            await self._seal_day(archive, day)

    async def forget(self, types: Collection[str], before: datetime, *, others: bool) -> None:
        """Rows of these types (or of all others) in files whose retention has ended."""
        archive = self._sealed.archive
        if archive is None or not self._sealed.days:
            return
        limit = micros(before)
        text = f"{PARTS} where day < ? and recorded < ?"
        for found in await self._read(
            lambda db: db.execute(text, (day_of(limit), limit)).fetchall()
        ):
            part = Part(*found)
            outlived = {t for t in json.loads(part.types) if (t not in types) == others}
            if outlived:
                await self._rewrite(archive, part, without=outlived)

    # --- days

    async def _seal_day(self, archive: Archive, day: int) -> None:
        for part in await self._read(partial(_parts_of, day=day)):
            if await self._read(partial(_has_late, part=part)):
                await self._rewrite(archive, part)
        stirred = await self._write(lambda _: self._stirred(day))
        for tenant in await self._read(_tenants):
            first = 0
            while rows := await self._read(partial(_some, tenant=tenant, day=day, first=first)):
                if not await self._put(archive, Load(tenant, day, rows, None, stirred)):
                    return  # the next time
                first = rows[-1].series + 1
        await self._write(partial(self._done, day=day, stirred=stirred))

    def _done(self, db: sqlite3.Connection, day: int, stirred: tuple[int, int]) -> None:
        """No more is kept of the day, unless something came while it was sealed."""
        if self._stirred(day) == stirred:
            db.execute("delete from kept_day where day = ?", (day,))
            self._series.unlearn()

    # --- files

    async def _rewrite_due(self, archive: Archive) -> None:
        """Files with rows that were erased, or whose series are gone."""
        due = await self._read(_with_erased)
        dropped = {id for (id,) in await self._read(_dropped)}
        if dropped:
            for part in await self._read(_parts):
                among = [id for id in dropped if part.first <= id <= part.last]
                if among and archive.read([part.file], among):
                    due.add(part)
        for part in due:
            await self._rewrite(archive, part)
        if dropped:
            forgotten = [(id,) for id in dropped]
            text = "delete from dropped where series = ?"
            await self._write(lambda db: db.executemany(text, forgotten) and None)

    async def _rewrite(self, archive: Archive, part: Part, without: Collection[str] = ()) -> None:
        for _ in range(TRIES):
            stirred = await self._write(lambda _: self._stirred(part.day))
            rows = await self._read(partial(_merged, archive=archive, part=part, without=without))
            load = Load(part.tenant, part.day, rows, part, stirred)
            if await self._put(archive, load):
                return

    async def _put(self, archive: Archive, load: Load) -> bool:
        """False where something was written to that day meanwhile."""
        name = ""
        if load.rows:
            day = datetime.min.date().fromordinal(load.day + 1).isoformat()
            name = f"t-{quote(load.tenant, safe='')}/{day}.{time_ns()}.parquet"
            await self._read(lambda _: archive.write(name, load.rows))
        put = await self._write(partial(self._swap, name=name, load=load))
        if put:
            await self._read(self._sealed.learn)
            self._series.sealed = self._sealed.days
        return put

    def _swap(self, db: sqlite3.Connection, name: str, load: Load) -> bool:
        if self._stirred(load.day) != load.stirred:
            return False
        ids = sorted({row.series for row in load.rows})
        # From now on notes are taken of what is erased of that day.
        self._series.sealed |= {load.day}
        if load.old:
            _take_over(db, load.old, load)
            db.execute("delete from sealed where file = ?", (load.old.file,))
        else:
            self._series.roll_through(db, ids, load.day)
        span = _span(load.day)
        for table in ("history", "erased"):
            gone = f"delete from {table} where series = ? and at >= ? and at < ?"
            db.executemany(gone, [(id, *span) for id in ids])
        if name:
            db.execute("insert into sealed values (?, ?, ?, ?, ?, ?, ?)", _note(name, load))
        return True

    def _stirred(self, day: int) -> tuple[int, int]:
        return self._series.stirred[day], self._series.stirred[ANY_DAY]

    async def _remove_unknown(self, archive: Archive) -> None:
        """Files that no note names; readers may still be at those that had one a moment ago."""
        archive.tidy()
        noted = {part.file for part in await self._read(_parts)}
        unknown = archive.present() - noted
        for name in unknown & self._unknown:
            archive.remove(name)
        self._unknown = unknown


def _note(name: str, load: Load) -> tuple[str | int, ...]:
    series = [row.series for row in load.rows]
    types = json.dumps(sorted({row.type for row in load.rows}))
    recorded = max(row.at + row.recorded for row in load.rows)
    return name, load.tenant, load.day, min(series), max(series), types, recorded


def _span(day: int) -> tuple[int, int]:
    return start_of_day(day), start_of_day(day + 1)


def _dropped(db: sqlite3.Connection) -> list[tuple[int]]:
    return db.execute("select series from dropped").fetchall()


def _tenants(db: sqlite3.Connection) -> list[str]:
    return ["", *(name for (name,) in db.execute("select name from tenant"))]


def _parts(db: sqlite3.Connection) -> list[Part]:
    return [Part(*found) for found in db.execute(PARTS)]


def _parts_of(db: sqlite3.Connection, day: int) -> list[Part]:
    return [Part(*found) for found in db.execute(f"{PARTS} where day = ?", (day,))]


def _with_erased(db: sqlite3.Connection) -> set[Part]:
    text = (
        f"{PARTS} p where exists (select 1 from erased e where e.series between p.first and p.last"
        " and e.at >= ? and e.at < ?)"
    )
    days = [day for (day,) in db.execute("select distinct day from sealed")]
    return {
        Part(*found)
        for day in days
        for found in db.execute(f"{text} and p.day = ?", (*_span(day), day))
    }


def _kept(db: sqlite3.Connection, values: tuple[str | int, ...]) -> list[Sealed]:
    rows = db.execute(KEPT, values)
    return [Sealed._make((*row[:7], bool(row[7]), *row[8:])) for row in rows]


def _some(db: sqlite3.Connection, tenant: str, day: int, first: int) -> list[Sealed]:
    """The rows of the next series, all of each."""
    rows = _kept(db, (tenant, first, 1 << 62, *_span(day), MOST_ROWS + 1))
    if len(rows) <= MOST_ROWS:
        return rows
    last = rows[-1].series
    if rows[0].series == last:
        return _kept(db, (tenant, last, last, *_span(day), -1))
    return [row for row in rows if row.series != last]


def _has_late(db: sqlite3.Connection, part: Part) -> bool:
    return bool(_kept(db, (part.tenant, part.first, part.last, *_span(part.day), 1)))


def _merged(
    db: sqlite3.Connection, archive: Archive, part: Part, without: Collection[str]
) -> list[Sealed]:
    """What is left of a file, with what came late."""
    there = {
        id
        for (id,) in db.execute(
            "select id from series where id between ? and ?", (part.first, part.last)
        )
    }
    old = left(archive.read([part.file]), erased(db))
    late = _kept(db, (part.tenant, part.first, part.last, *_span(part.day), -1))
    found = {(row.series, row.at, row.instance): row for row in (*old, *late)}
    return [
        row for _, row in sorted(found.items()) if row.series in there and row.type not in without
    ]


def _take_over(db: sqlite3.Connection, old: Part, load: Load) -> None:
    """Notes on the old file are settled, and hours that changed are summed anew."""
    span = _span(old.day)
    run = (old.first, old.last)
    db.execute(
        "delete from erased where series between ? and ? and at >= ? and at < ?", (*run, *span)
    )
    hours = (hour_of(span[0]), hour_of(span[1]))
    dirty = db.execute(
        "delete from dirty where series between ? and ? and hour >= ? and hour < ?"
        " returning series, hour",
        (*run, *hours),
    ).fetchall()
    lost = _outlived(db, old, load)
    db.executemany("delete from rollup where series = ? and hour = ?", [*dirty, *lost])
    rows: defaultdict[tuple[int, int], list[Sealed]] = defaultdict(list)
    for row in load.rows:
        rows[row.series, hour_of(row.at)].append(row)
    sums = (_sums(key, rows[key]) for key in dirty if key in rows)
    db.executemany("insert into rollup values (?, ?, ?, ?, ?, ?, ?, ?)", filter(None, sums))


def _outlived(db: sqlite3.Connection, old: Part, load: Load) -> Iterator[tuple[int, int]]:
    """Hours of series that have no row any more."""
    there = {row.series for row in load.rows}
    span = _span(old.day)
    text = "select series, hour from rollup where series between ? and ? and hour >= ? and hour < ?"
    values = (old.first, old.last, hour_of(span[0]), hour_of(span[1]))
    return (found for found in db.execute(text, values).fetchall() if found[0] not in there)


def _sums(key: tuple[int, int], rows: Iterable[Sealed]) -> tuple[float | int | None, ...] | None:
    of = [row for row in rows if row.observed and row.deleted is None]
    numbers = [row.number for row in of if row.number is not None]
    if not of:
        return None
    squares = sum(number * number for number in numbers)
    bounds = (min(numbers), max(numbers)) if numbers else (None, None)
    return (*key, len(of), len(numbers), sum(numbers), squares, *bounds)
