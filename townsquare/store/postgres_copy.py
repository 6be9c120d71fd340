"""A PostgreSQL database as files, one for each table, of one snapshot; and from them again.

The files are what COPY writes as text, which another PostgreSQL reads too. The server's own
tools (pg_dump, pg_basebackup) back up a whole server; this needs none of them and no superuser.
"""

import re
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import TypeVar

from asyncpg import exceptions

from townsquare.model.errors import CannotStart, Conflict, Unavailable
from townsquare.store.copied import POSTGRESQL, State, Told
from townsquare.store.postgres_link import LOST, Address, Connection, address
from townsquare.store.postgres_schema import prepare
from townsquare.store.postgres_writer import LOCK

COUNTED = ("entity", "series", "history", "log")
COUNTING = (("entity", "row"), ("queried", "id"))  # columns that PostgreSQL counts by itself
NOTED = "select body from entity where tenant = '' and kind = 'private' and id = 'log:signed'"
T = TypeVar("T")


def tables() -> list[str]:
    text = resources.files("townsquare.store").joinpath("postgres.sql").read_text()
    return re.findall(r"^create table if not exists (\w+)", text, re.M)


async def taken(url: str, password: str, into: Path, told: Told) -> State:
    """Raises Unavailable. Writers go on, and what they write is not seen."""

    async def work(db: Connection) -> State:
        await require_town(db, there)
        async with db.transaction(isolation="repeatable_read", readonly=True):
            rows = {}
            for number, table in enumerate(names):
                told(number, len(names))
                # As a query: an operator may have made parts of a table.
                file = into / f"{table}.copy"
                done = await db.copy_from_query(f"select * from {table}", output=file)
                rows[table] = int(done.removeprefix("COPY "))
            schema = await db.fetchval("select value from mark where name = 'schema'")
            noted = await db.fetchval(NOTED) or b""
        told(len(names), len(names))
        counted = {table: rows[table] for table in COUNTED}
        return State(POSTGRESQL, schema, counted, rows["log"], noted.decode())

    names, there = tables(), address(url, password)
    return await _asked(there, work)


async def put_back(url: str, password: str, source: Path) -> None:
    """All or nothing. Raises Conflict where there is something already, or a town runs there."""
    there = address(url, password)

    async def work(db: Connection) -> None:
        if not await db.fetchval("select pg_try_advisory_lock($1)", LOCK):
            raise Conflict(f"a town runs on the database {there.shown}; name an empty one")
        await prepare(db, there.shown)
        async with db.transaction():
            await _require_empty(db, there)
            await db.execute("delete from mark")
            for table in tables():
                await db.copy_to_table(table, source=source / f"{table}.copy")
            for table, column in COUNTING:
                await db.execute(counted_on(table, column))
        await db.execute("analyze")

    await _asked(there, work)


def counted_on(table: str, column: str) -> str:
    """The statement, after which the next number is one that no row has."""
    return (
        f"select setval(pg_get_serial_sequence('{table}', '{column}'),"
        f" greatest(max({column}), 1), max({column}) is not null) from {table}"
    )


async def require_town(db: Connection, there: Address) -> None:
    if not await db.fetchval("select to_regclass('mark') is not null"):
        raise CannotStart(f"there is no town in the database {there.shown}")


async def _require_empty(db: Connection, there: Address) -> None:
    for table in ("entity", "series", "history", "log", "outbox"):
        if await db.fetchval(f"select exists (select 1 from {table})"):
            raise Conflict(f"the database {there.shown} is not empty; name one that is")


async def _asked(there: Address, work: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        db = await there.connect()
        try:
            return await work(db)
        finally:
            await db.close()
    except (exceptions.PostgresError, *LOST) as error:
        raise Unavailable(f"the database {there.shown}: {error}") from error
