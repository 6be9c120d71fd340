"""One state of a database, written into a folder of its own while writers go on.

    townsquare.db, history/    of a SQLite database, as they lie in a data folder
    postgresql/TABLE.copy      of a PostgreSQL database, as its COPY writes text

Always holds: all of it is of one moment; what the database names is there beside it.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from townsquare.model.errors import Invalid
from townsquare.store import driver
from townsquare.store.copied import POSTGRESQL, SQLITE, State, Told, Whole

__all__ = ["POSTGRESQL", "SQLITE", "kind", "put_back", "schema", "size", "taken", "whole"]


def kind(url: str) -> str:
    """Raises Invalid for a store that keeps nothing."""
    scheme = url.partition(":")[0]
    if scheme not in (SQLITE, POSTGRESQL):
        raise Invalid(f"[store] url {url!r} keeps nothing; there is nothing to back up")
    return scheme


def schema(store: str) -> int:
    """Of the databases that this program has."""
    if store == SQLITE:
        from townsquare.store.sqlite_schema import SCHEMA

        return SCHEMA
    with driver():
        from townsquare.store.postgres_schema import SCHEMA as POSTGRES_SCHEMA
    return POSTGRES_SCHEMA


def size(url: str, data: Path) -> int:
    """Bytes of the database on this machine, about; 0 where it lies elsewhere."""
    if kind(url) != SQLITE:
        return 0
    from townsquare.store import sqlite_copy

    return sqlite_copy.size(file(url, data))


def file(url: str, data: Path) -> Path:
    """Of a SQLite database."""
    return data / url.partition(":")[2]


async def taken(url: str, data: Path, password: str, into: Path, told: Told) -> State:
    """Raises CannotStart, Invalid or Unavailable."""
    if kind(url) == SQLITE:
        from townsquare.store import sqlite_copy

        return sqlite_copy.taken(file(url, data), data, into, told)
    with driver():
        from townsquare.store import postgres_copy

    tables = into / POSTGRESQL
    tables.mkdir()
    return await postgres_copy.taken(url, password, tables, told)


async def put_back(url: str, password: str, source: Path) -> None:
    """Into an empty PostgreSQL database, all or nothing. Raises Conflict where it is not empty."""
    with driver():
        from townsquare.store import postgres_copy

    await postgres_copy.put_back(url, password, source / POSTGRESQL)


def whole(url: str, data: Path, password: str) -> AbstractAsyncContextManager[Whole]:
    """To be read from end to end. Raises CannotStart, Conflict, Invalid, Unavailable."""
    if kind(url) == SQLITE:
        from townsquare.store import sqlite_whole

        return sqlite_whole.whole(file(url, data))
    with driver():
        from townsquare.store import postgres_whole
    return postgres_whole.whole(url, password)
