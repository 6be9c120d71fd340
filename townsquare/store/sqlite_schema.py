"""Tables of the SQLite store, and how those of older programs are brought up to them."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

import msgspec

from townsquare.model.entity import Entity
from townsquare.store import tables
from townsquare.store.census import CENSUS
from townsquare.store.narrow import Wide, narrowed, with_renamed_instances
from townsquare.store.series import DAY, YEAR_1
from townsquare.store.sqlite_series import Series

SCHEMA = 5  # counts changes of schema.sql that older programs cannot live with


def version(db: sqlite3.Connection) -> int:
    """0 for a new database."""
    there = db.execute("select 1 from sqlite_schema where name = 'mark'").fetchone()
    found = there and db.execute("select value from mark where name = 'schema'").fetchone()
    return int(found[0]) if found else 0


def bring_up(db: sqlite3.Connection) -> None:
    """In a transaction of the caller."""
    before = version(db)
    if before == 1:
        db.execute("alter table history rename to wide")
        db.execute("drop index history_of")
        db.execute("drop index history_age")
    if before == 2:
        db.execute("alter table series rename to series_2")
    with _committed(db):
        for statement in _statements():
            db.execute(statement)
    if before == 1:
        _narrow(db)
    if before == 2:
        db.execute("insert into series select * from series_2")
        db.execute("drop table series_2")
        db.execute(f"insert into kept_day select distinct (at + {YEAR_1}) / {DAY} from history")
    if not tables.mark(db, CENSUS):
        tables.count_anew(db)
        tables.set_mark(db, CENSUS, 1)
    db.execute("insert or replace into mark values ('schema', ?)", (SCHEMA,))


@contextmanager
def _committed(db: sqlite3.Connection) -> Iterator[None]:
    """Up to schema 4 the log kept hashes of leaves, from which no commitment is to be had."""
    text = "select 1 from pragma_table_info('log') where name = 'leaf'"
    bare = db.execute(text).fetchone() is not None
    if bare:
        db.execute("alter table log rename column leaf to commitment")
    yield
    if bare:
        _commit_entries(db)


def _commit_entries(db: sqlite3.Connection) -> None:
    """Nobody could erase a record then, so all are there."""
    entries = db.execute("select row, salt, record from log").fetchall()
    commitments = [(hashlib.sha256(s + r.encode()).digest(), row) for row, s, r in entries]
    db.executemany("update log set commitment = ? where row = ?", commitments)
    db.execute(
        "insert into log_count select substr(json_extract(record, '$.at'), 1, 7),"
        " json_extract(record, '$.purpose'), json_extract(record, '$.verb'), count(*)"
        " from log group by 1, 2, 3"
    )


def _statements() -> Iterator[str]:
    part = ""
    for line in resources.files("townsquare.store").joinpath("schema.sql").read_text().splitlines():
        part += line + "\n"
        if sqlite3.complete_statement(part):
            yield part
            part = ""


# --- from schema 1: rows of history had the names of entity and attribute in each


def _narrow(db: sqlite3.Connection) -> None:
    series = Series()
    rows = db.execute(
        "select tenant, entity, type, attribute, dataset_id, instance_id, observed_at,"
        # What was called modified_at is when the row was recorded.
        " modified_at, modified_at, deleted_at, number, json from wide order by tenant, row"
    )
    for tenant, *row in rows:
        series.add(db, tenant, [narrowed(Wide(*row))])
    db.execute("drop table wide")
    _rename_instances(db)


def _rename_instances(db: sqlite3.Connection) -> None:
    """In what is now, so that it has the same names there."""
    found = db.execute("select row, body from entity where kind = 'context'").fetchall()
    for row, body in found:
        entity = msgspec.json.decode(body, type=Entity)
        text = msgspec.json.encode(with_renamed_instances(entity)).decode()
        db.execute("update entity set body = ? where row = ?", (text, row))
