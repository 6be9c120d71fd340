"""A SQLite database read once from end to end, with its files of sealed days."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from townsquare.store import Instance, LogEntry, Row, tables
from townsquare.store.archive import Archive
from townsquare.store.conditions import Sql
from townsquare.store.series import Series
from townsquare.store.sqlite import ARCHIVE
from townsquare.store.sqlite_copy import alone, at_one_moment, held, require_room
from townsquare.store.sqlite_functions import register
from townsquare.store.sqlite_history import instance_of
from townsquare.store.sqlite_sealed import COLUMNS, SealedDays

PATIENCE_S = 24 * 3600.0
ROOM_EVERY = 100_000  # instances
KEPT = f"select h.series, {COLUMNS} from history h where h.series = ? order by h.at, h.instance"
SEALED = f"select h.series, {COLUMNS} from h order by 1, 2, 3"
NUMBERED = "select tenant, id, entity, type, attribute, dataset, rolled from series order by id"
ENTRIES = "select salt, coalesce(record, ''), commitment from log order by row"


class WholeSqlite:
    def __init__(self, db: sqlite3.Connection, database: Path, archive: Archive) -> None:
        self._db = db
        self._database = database
        self._sealed = SealedDays(archive)

    async def rows(self) -> AsyncIterator[Row]:
        for found in self._db.execute(f"{tables.ROW} order by e.row"):
            yield tables.to_row(found)

    async def instances(self) -> AsyncIterator[tuple[str, Instance]]:
        for number, found in enumerate(self._instances()):
            if number % ROOM_EVERY == 0:
                require_room(self._database)
            yield found

    async def log(self) -> AsyncIterator[LogEntry]:
        for salt, record, commitment in self._db.execute(ENTRIES):
            yield LogEntry(salt, record.encode(), commitment)

    def _instances(self) -> Iterator[tuple[str, Instance]]:
        of = {id: (tenant, Series(id, *rest)) for tenant, id, *rest in self._db.execute(NUMBERED)}
        for id, (tenant, series) in of.items():
            for _, *row in self._db.execute(KEPT, (id,)):
                yield tenant, instance_of(series, row)
        for tenant in dict.fromkeys(tenant for tenant, _ in of.values()):
            files = self._sealed.files(self._db, tenant, None, None, PATIENCE_S)
            for part in files.parts:
                for id, *row in files.ask(Sql(SEALED), [part]):
                    if id in of:  # others went with all that they had
                        yield tenant, instance_of(of[id][1], row)


@asynccontextmanager
async def whole(database: Path) -> AsyncIterator[WholeSqlite]:
    """Raises CannotStart, Conflict, Unavailable."""
    with alone(database.parent), closing(at_one_moment(database)) as db:
        register(db)
        names = [name for (name,) in db.execute("select file from sealed")]
        with held(database.parent / ARCHIVE, names) as folder:
            archive = Archive(folder.absolute())
            try:
                yield WholeSqlite(db, database, archive)
            finally:
                archive.close()
