"""Databases of earlier versions are brought up, newer ones refused, and neither is ever harmed.

Each file in tests/data/databases was made by the version of its schema (tools/keep_database.py).
"""

import asyncio
import json
import sqlite3
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from asyncpg.exceptions import DiskFullError

from tests import keeping
from tests.postgres import Server
from townsquare.app.backup import restoring
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.model.errors import CannotStart
from townsquare.store import copies, open_store, postgres_copy, sqlite_schema
from townsquare.store import postgres_schema as server_schema
from townsquare.trust import audit
from townsquare.trust.policy import policy

KEPT = Path(__file__).parents[1] / "data" / "databases"
SQLITE = sorted(KEPT.glob("sqlite-*.tar.gz"))
POSTGRESQL = sorted(KEPT.glob("postgresql-*.tar.gz"))


def unpacked(kept: Path, into: Path) -> Path:
    with tarfile.open(kept) as archive:
        archive.extractall(into, filter="data")
    return into


@pytest.mark.parametrize("store", [copies.SQLITE, copies.POSTGRESQL])
def test_the_present_schema_is_kept_for_those_who_come_after(store: str) -> None:
    name = f"{store}-{copies.schema(store)}.tar.gz"
    assert (KEPT / name).exists(), "run tools/keep_database.py as the last commit had it"


@pytest.mark.parametrize("kept", SQLITE, ids=lambda kept: kept.name)
async def test_a_database_of_each_version_gives_the_answers_of_then(
    kept: Path, tmp_path: Path
) -> None:
    pytest.importorskip("duckdb", reason="a day of it is sealed")
    there, again = unpacked(kept, tmp_path / "kept"), tmp_path / "again"
    await asyncio.to_thread(restoring.restore, there / "backup", again, lambda *_: None)
    await compare("sqlite:townsquare.db", again, there)
    await open_store("sqlite:fresh.db", tmp_path).close()
    assert shape(again / "townsquare.db")["rows"] == shape(tmp_path / "fresh.db")["rows"]


@pytest.mark.parametrize("kept", POSTGRESQL, ids=lambda kept: kept.name)
async def test_a_server_s_database_of_each_version_gives_the_answers_of_then(
    kept: Path, postgres: Server, tmp_path: Path
) -> None:
    there = unpacked(kept, tmp_path)
    postgres.execute(f"drop schema public cascade; create schema public; {tables_of(there)}")
    await copied(postgres.url, sorted((there / "backup" / "postgresql").glob("*.copy")))
    await compare(postgres.url, tmp_path, there)


def tables_of(there: Path) -> str:
    return (there / "tables.sql").read_text()


async def copied(url: str, files: Sequence[Path]) -> None:
    import asyncpg

    db = await asyncpg.connect(url)
    for file in files:
        await db.copy_to_table(file.stem, source=file)
    for table, column in postgres_copy.COUNTING:
        await db.execute(postgres_copy.counted_on(table, column))
    await db.close()


async def compare(url: str, data: Path, there: Path) -> None:
    """Twice: also after it was brought up."""
    expected = json.loads((there / "answers.json").read_text())
    for _ in range(2):
        broker = Broker(open_store(url, data), open_bus("memory:"), policy(audit.TYPES))
        await broker.store.ready()
        found = await keeping.answers(broker)
        await broker.store.close()
        assert found == expected


async def test_a_failed_upgrade_leaves_the_database_to_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its steps."""
    file = tmp_path / "town.db"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(OF_SCHEMA_3)
    before = shape(file)
    statements = list(sqlite_schema._statements())
    for step in (0, 1, len(statements) // 2, len(statements) - 1):

        def some(last: int = step) -> Iterator[str]:
            yield from statements[:last]
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as failing:
            failing.setattr(sqlite_schema, "_statements", some)
            with pytest.raises(CannotStart, match=r"is full.*is as it was.*version before"):
                open_store("sqlite:town.db", tmp_path)
        assert shape(file) == before
    await open_store("sqlite:town.db", tmp_path).close()
    assert shape(file)["rows"] == {**before["rows"], "schema": sqlite_schema.SCHEMA}


OF_SCHEMA_3 = """
create table mark (name text primary key, value integer not null);
insert into mark values ('schema', 3), ('census', 1);
create table log (row integer primary key, salt blob not null, record text, leaf blob not null);
insert into log values (1, x'00', '{"at": "2026-05-01", "purpose": "o", "verb": "x"}', x'');
"""


def shape(file: Path) -> dict[str, dict[str, object]]:
    with closing(sqlite3.connect(file)) as db:
        tables = dict(db.execute("select name, sql from sqlite_schema"))
        return {"tables": tables, "rows": dict(db.execute("select * from mark where name <> ''"))}


async def test_a_failed_upgrade_of_a_server_s_database_leaves_it_to_the_version_before(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute(OF_SERVER_SCHEMA_3)

    async def full(*_: object) -> None:
        raise DiskFullError("no space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(server_schema, "_count_anew", full)
        store = open_store(postgres.url, Path())
        with pytest.raises(CannotStart, match="cannot be prepared: no space left"):
            await store.ready()
        await store.close()
    postgres.execute("select leaf from log")  # as the version before has it
    store = open_store(postgres.url, Path())
    await store.ready()
    assert await store.log_size() == 1
    await store.close()


OF_SERVER_SCHEMA_3 = """
drop schema public cascade;
create schema public;
create table mark (name text primary key, value bigint not null);
insert into mark values ('schema', 3), ('tables', 7);
create table log (row bigint primary key, salt bytea not null, record bytea, leaf bytea not null);
insert into log values (1, '\\x00', '{"at": "2026-05-01", "purpose": "o", "verb": "x"}', '\\x');
"""


async def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    await open_store("sqlite:town.db", tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "town.db", isolation_level=None)) as db:
        db.execute("update mark set value = value + 1 where name = 'schema'")
    before = shape(tmp_path / "town.db")
    with pytest.raises(CannotStart, match="newer townsquare; start that one"):
        open_store("sqlite:town.db", tmp_path)
    assert shape(tmp_path / "town.db") == before
