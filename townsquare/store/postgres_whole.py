"""A PostgreSQL database read once from end to end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import exceptions

from townsquare.model.errors import Unavailable
from townsquare.store import Instance, LogEntry, Row
from townsquare.store.postgres_copy import require_town
from townsquare.store.postgres_history import COLUMNS, instance_of
from townsquare.store.postgres_link import LOST, Connection, address
from townsquare.store.postgres_tables import ROW, to_row

AT_ONCE = 5000  # rows
HISTORY = (
    f"select {COLUMNS}, s.tenant from history h join series s on s.id = h.series"
    " order by h.series, h.at, h.instance"
)
ENTRIES = "select salt, coalesce(record, ''), commitment from log order by row"


class WholePostgres:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def rows(self) -> AsyncIterator[Row]:
        async for found in self._db.cursor(f"{ROW} order by e.row", prefetch=AT_ONCE):
            yield to_row(found)

    async def instances(self) -> AsyncIterator[tuple[str, Instance]]:
        async for found in self._db.cursor(HISTORY, prefetch=AT_ONCE):
            yield found["tenant"], instance_of(found)

    async def log(self) -> AsyncIterator[LogEntry]:
        async for found in self._db.cursor(ENTRIES, prefetch=AT_ONCE):
            yield LogEntry(*found)


@asynccontextmanager
async def whole(url: str, password: str) -> AsyncIterator[WholePostgres]:
    """Raises CannotStart, Unavailable."""
    there = address(url, password)
    try:
        db = await there.connect()
        try:
            await require_town(db, there)
            async with db.transaction(isolation="repeatable_read", readonly=True):
                yield WholePostgres(db)
        finally:
            await db.close()
    except (exceptions.PostgresError, *LOST) as error:
        raise Unavailable(f"the database {there.shown}: {error}") from error
