"""Old days go from the SQLite store into files, and files are made anew when something in them
was erased, came late or has outlived its retention.

A file is written first, beside what there is; then one transaction takes its rows out of the
table and notes the file, instead of an earlier one. It does so only if nothing was written to
that day meanwhile. So a kill at any moment leaves every row in one place. A file that no note
names is known as a stray from before it is begun, and is removed; no other file ever is.
"""

import json
import logging
import sqlite3
from asyncio import Lock
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from operator import attrgetter
from time import monotonic, time_ns
from urllib.parse import quote

from townsquare.model.errors import Conflict, TooComplex, Unavailable
from townsquare.store import micros
from townsquare.store.archive import INSTALL, Archive
from townsquare.store.series import day_of, start_of_day
from townsquare.store.sqlite_runs import (
    LONGEST_S,
    Filling,
    Load,
    Run,
    joined,
    kept,
    late_series,
    left,
    soiled_hours,
    stray,
    swap,
)
from townsquare.store.sqlite_sealed import PARTS, Part
from townsquare.store.sqlite_series import Series
from townsquare.store.sqlite_upkeep import Runs

MOST_SERIES = 20_000  # that one look for rows goes through
TRIES = 3
READ_S = 60.0  # after which nobody reads a file any more that another one replaced
log = logging.getLogger(__name__)


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
                if await self._read(partial(late_series, run=run)):
                    done = await self._rewrite(part) and done
            newest = await self._read(_newest)
            for first, last in _between([(p.first, p.last) for p in parts], newest):
                done = await self._seal_run(Run(tenant, day, first, last)) and done
        if done:
            await self._write(partial(self._done, day=day, stirred=stirred))

    async def _seal_run(self, run: Run) -> bool:
        """Of series without a file of that day. False where something is left for another time."""
        first, done = run.first, True
        while first <= run.last:
            part = replace(run, first=first, last=min(run.last, first + MOST_SERIES))
            try:
                file = await self._seal_some(part)
            except Conflict:
                file, done = None, False
            except (Unavailable, TooComplex) as error:  # others can be sealed nevertheless
                log.error(str(error))  # noqa: TRY400 - it says where to look
                file, done = None, False
            first = (file.series[-1] if file and file.full else part.last) + 1
        return done

    async def _seal_some(self, run: Run) -> Filling | None:
        """A file of the first series of the run; None where there is nothing of them. Raises
        Conflict where something came meanwhile.
        """
        stirred = await self._stirred(run.day)
        soiled = await self._read(partial(soiled_hours, run=run))
        file = await self._fill(run, None, soiled)
        if file is not None:
            of_file = replace(run, last=file.series[-1])
            hours = [hour for hour in soiled if hour[0] <= of_file.last]
            load = Load(of_file, (file,), stirred, late=file.series, soiled=hours)
            if not await self._write(partial(swap, series=self._series, load=load)):
                raise Conflict(f"something came while {file.name} was made")
        return file

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
                if await self._write(partial(swap, series=self._series, load=load)):
                    return True
        except (Unavailable, TooComplex) as error:  # the other files are as good as before
            log.error(str(error))  # noqa: TRY400 - it says where to look
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
        late = await self._read(partial(late_series, run=run))
        soiled = await self._read(partial(soiled_hours, run=run, outlived=outlived))
        files: list[Filling] = []
        empty = not late and set(json.loads(part.types)) <= set(outlived)
        rest: Run | None = None if empty else run
        while rest is not None:
            file = await self._fill(rest, (part, outlived), soiled)
            files += [file] if file else []
            more = file is not None and file.full and file.series[-1] < run.last
            rest = replace(run, first=file.series[-1] + 1) if file and more else None
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
        await self._write(lambda db: stray(db, file.name))
        archive = self._archive

        def work(db: sqlite3.Connection) -> bool:
            rows = kept(db, run)
            if old:
                rows = joined(left(db, archive, run, *old), rows)
            return archive.write(file.name, file.through(rows, soiled))

        return file if await self._read(work) else None

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


def _between(runs: Sequence[tuple[int, int]], newest: int) -> Iterator[tuple[int, int]]:
    """What lies outside of runs that are in order."""
    for (_, last), (first, _) in pairwise([(0, 0), *runs, (newest + 1, newest + 1)]):
        if last + 1 < first:
            yield last + 1, first - 1


def _newest(db: sqlite3.Connection) -> int:
    return int(db.execute("select coalesce(max(id), 0) from series").fetchone()[0])


def _tenants(db: sqlite3.Connection) -> list[str]:
    return ["", *(name for (name,) in db.execute("select name from tenant"))]


def _parts(db: sqlite3.Connection, text: str, of: tuple[int | str, ...]) -> list[Part]:
    return [Part(*found) for found in db.execute(text, of)]


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
