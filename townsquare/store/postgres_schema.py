"""Tables of the PostgreSQL store, and how those of older programs are brought up to them."""

from collections import Counter
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any
from zlib import crc32

import msgspec
from asyncpg import exceptions

from townsquare.model.entity import Entity
from townsquare.model.errors import CannotStart, Unavailable
from townsquare.store.census import CENSUS, counted_anew
from townsquare.store.narrow import Wide, narrowed, with_renamed_instances
from townsquare.store.postgres_link import LOST, Connection
from townsquare.store.postgres_series import COLUMNS, Pending, Series
from townsquare.store.postgres_words import across, numbered

SCHEMA = 4  # counts changes of postgres.sql that older programs cannot live with
AT_ONCE = 5000  # rows
SET_MARK = "insert into mark values (?, ?) on conflict (name) do update set value = excluded.value"


async def prepare(db: Connection, shown: str) -> None:
    """Make the tables, where they are not as this program has them.

    Raises CannotStart for a database that a newer program has changed.
    """
    text = resources.files("townsquare.store").joinpath("postgres.sql").read_text()
    tables = crc32(text.encode())
    try:
        marks = await _marks(db)
        if marks.get("schema", 0) > SCHEMA:
            raise CannotStart(f"{shown} was written by a newer townsquare; start that one")
        if marks.get("tables") != tables:
            async with db.transaction():
                await _bring_up(db, text, marks)
                for mark in {CENSUS: 1, "schema": SCHEMA, "tables": tables}.items():
                    await db.execute(*numbered(SET_MARK, mark))
    except (exceptions.PostgresError, *LOST) as error:
        raise Unavailable(f"the database {shown} cannot be prepared: {error}") from error


async def _marks(db: Connection) -> dict[str, int]:
    if not await db.fetchval("select to_regclass('mark') is not null"):
        return {}
    return {name: value for name, value in await db.fetch("select * from mark")}


async def _bring_up(db: Connection, text: str, marks: dict[str, int]) -> None:
    await db.execute("set local statement_timeout = 0")
    if marks.get("schema") == 1:
        await db.execute("alter table history rename to wide")
        await db.execute("drop index history_of")
        await db.execute("drop index history_age")
    bare = await _has_leaves(db)
    if bare:
        await db.execute("alter table log rename column leaf to commitment")
    await db.execute(text)
    if bare:
        await _commit_entries(db)
    if marks.get("schema") == 1:
        await _narrow(db)
        await _rename_instances(db)
        await db.execute("drop table wide")
    if CENSUS not in marks:
        await _count_anew(db)


async def _has_leaves(db: Connection) -> bool:
    """Up to schema 3 the log kept hashes of leaves, from which no commitment is to be had."""
    text = (
        "select 1 from pg_attribute where attrelid = to_regclass('log') and attname = 'leaf'"
        " and not attisdropped"
    )
    return await db.fetchval(text) is not None


async def _commit_entries(db: Connection) -> None:
    """Nobody could erase a record then, so all are there."""
    await db.execute("update log set commitment = sha256(salt || record)")
    await db.execute(
        "insert into log_count select substr(town_field(record, 'at'), 1, 7),"
        " town_field(record, 'purpose'), town_field(record, 'verb'), count(*)"
        " from log group by 1, 2, 3"
    )


async def _in_parts(db: Connection, columns: str, table: str) -> AsyncIterator[list[Any]]:
    """With the number of the row before the columns."""
    where = "and" if " where " in table else "where"
    text = f"select row, {columns} from {table} {where} row > $1 order by row limit {AT_ONCE}"
    last = 0
    while found := await db.fetch(text, last):
        yield found
        last = found[-1][0]


# --- from schema 1: rows of history had the names of entity and attribute in each


async def _narrow(db: Connection) -> None:
    series = Series()
    columns = (
        "tenant, entity, type, attribute, dataset_id, instance_id, observed_at, created_at,"
        " modified_at, deleted_at, number, json"
    )
    async for found in _in_parts(db, columns, "wide"):
        pending = Pending()
        for _, tenant, *row in found:
            pending.add(tenant, [narrowed(Wide(*row))])
        rows = await series.rows(db, pending)
        await db.copy_records_to_table("history", records=rows.kept, columns=COLUMNS)
        await db.copy_records_to_table("series", records=rows.begun, columns=SERIES)


SERIES = ("id", "tenant", "entity", "attribute", "dataset", "type")


async def _rename_instances(db: Connection) -> None:
    """In what is now, so that it has the same names there."""
    text = (
        "update entity e set body = n.body, doc = town_doc(n.body)"
        " from unnest(?::int8[], ?::bytea[]) as n(row, body) where e.row = n.row"
    )
    async for found in _in_parts(db, "body", "entity where kind = 'context'"):
        given = [(row, body, _renamed(body)) for row, body in found]
        changed = [(row, new) for row, body, new in given if new != body]
        await db.execute(*numbered(text, across(changed, 2)))


def _renamed(body: bytes) -> bytes:
    return msgspec.json.encode(with_renamed_instances(msgspec.json.decode(body, type=Entity)))


# --- from before there was a census


async def _count_anew(db: Connection) -> None:
    """Also where there was one since a day, which knows nothing from before that day."""
    await db.execute("delete from census")
    number: Counter[tuple[str, ...]] = Counter()
    async for found in _in_parts(db, "tenant, body", "entity where kind = 'context'"):
        number.update(counted_anew((tenant, body) for _, tenant, body in found))
    rows = [(*what, n) for what, n in number.items()]
    await db.copy_records_to_table("census", records=rows)
