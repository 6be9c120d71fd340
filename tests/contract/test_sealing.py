"""How days go into files, and what becomes of these when something goes wrong."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace as asked
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contract.test_sealed import (
    ALL,
    DAY,
    EDGES,
    METER,
    METERS,
    START,
    TANK,
    in_order,
    instance,
    row,
    told_text,
    write,
)
from townsquare.model.errors import TooComplex, Unavailable
from townsquare.store import (
    Find,
    Job,
    Key,
    Writes,
    archive,
    open_store,
    sqlite_sealed,
    sqlite_sealing,
)
from townsquare.store.conditions import Path as Where
from townsquare.store.past import Erase, Past, Whose, Window, instance_id
from townsquare.store.sqlite import SqliteStore

pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a file any more when it is replaced."""
    monkeypatch.setattr(sqlite_sealing, "READ_S", 0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = open_store("sqlite:town.db", tmp_path)
    assert isinstance(opened, SqliteStore)
    await write(opened, Writes(put=[row(METER), row(TANK)]))
    yield opened
    await opened.close()


def files(folder: Path) -> list[str]:
    return sorted(path.name[:10] for path in (folder / "history").glob("*/*.parquet"))


def read(path: Path, columns: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as db:
        return db.execute(f"select {columns} from read_parquet(?)", [str(path)]).fetchall()


async def rows(store: SqliteStore) -> int:
    with store._connection as db:  # what is left in the table is nobody else's to know
        return int(db.execute("select count(*) from history").fetchone()[0])


async def test_a_day_that_ended_goes_into_a_file(store: SqliteStore, tmp_path: Path) -> None:
    await write(store, Writes(history=[instance(n, n * 60, float(n)) for n in range(72)]))
    await store.seal(START + 2 * DAY + timedelta(hours=5))
    assert files(tmp_path) == ["2031-05-01", "2031-05-02"]
    assert await rows(store) == 24
    assert [i.number for i in await store.instances("", ALL)] == [float(n) for n in range(72)]
    await store.seal(START + 2 * DAY)
    assert files(tmp_path) == ["2031-05-01", "2031-05-02"]


@pytest.mark.usefixtures("unread")
async def test_what_is_erased_goes_from_the_file_too(store: SqliteStore, tmp_path: Path) -> None:
    secret = [instance(n, n, "low", TANK) for n in range(9)]
    await write(store, Writes(history=[instance(99, 5, 1.0), *secret]))
    await store.seal(START + DAY)
    await write(store, Writes(forget=[Key("", "context", TANK)]))
    assert [i.number for i in await store.instances("", ALL)] == [1.0]
    for _ in range(2):
        await store.seal(START + DAY)
    (path,) = (tmp_path / "history").glob("*/*.parquet")
    assert read(path, "entity, number") == [(METER, 1.0)]
    await write(store, Writes(forget=[Key("", "context", METER)]))
    for _ in range(2):
        await store.seal(START + DAY)
    assert files(tmp_path) == []
    assert not [*(tmp_path / "history").iterdir()], "nor a folder of a tenant that has nothing"


async def test_what_goes_while_it_is_sealed_is_not_in_the_file_for_long(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.0), instance(2, 2, 2.0, TANK)]))
    assert store._sealing
    fill = store._sealing._fill

    async def forget_meanwhile(*given: Any) -> Any:
        filled = await fill(*given)
        await write(store, Writes(forget=[Key("", "context", TANK)]))
        return filled

    monkeypatch.setattr(store._sealing, "_fill", forget_meanwhile)
    await store.seal(START + DAY)
    assert [i.number for i in await store.instances("", ALL)] == [1.0]
    monkeypatch.undo()
    await store.seal(START + DAY)
    await store.close()
    SqliteStore(store.path)._connection.close()
    (path,) = (tmp_path / "history").glob("*/*.parquet")
    assert read(path, "entity, number") == [(METER, 1.0)]


async def test_what_outlived_its_retention_goes_from_the_file(
    store: SqliteStore, tmp_path: Path
) -> None:
    other = replace(instance(2, 1, 2.0), type="Tank")
    await write(store, Writes(history=[instance(1, 1, 1.0), other]))
    await store.seal(START + DAY)
    await store.forget(["Meter"], START + timedelta(hours=5), others=False)
    assert [i.number for i in await store.instances("", ALL)] == [1.0], "the day is not over"
    await store.forget(["Meter"], START + 2 * DAY, others=False)
    assert await store.instances("", ALL) == []
    assert await store.tallies("", ALL, EDGES, distinct=False) == []
    tank = Past((Whose((METER,), ("Tank",)),))
    assert [i.number for i in await store.instances("", tank)] == [2.0]
    await store.forget([], START + 2 * DAY, others=True)
    assert await store.instances("", tank) == []


async def test_a_file_that_was_not_noted_is_removed_at_the_start(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one is left by a kill between file and note. What we did not make is left alone."""
    await write(store, Writes(history=[instance(1, 1, 1.0)]))
    assert store._sealing
    fill = store._sealing._fill

    async def fill_and_die(*given: Any) -> Any:
        await fill(*given)
        raise asyncio.CancelledError

    monkeypatch.setattr(store._sealing, "_fill", fill_and_die)
    with pytest.raises(asyncio.CancelledError):
        await store.seal(START + DAY)
    assert [i.number for i in await store.instances("", ALL)] == [1.0]
    assert files(tmp_path) == ["2031-05-01"]
    other = tmp_path / "history" / "t-" / "2031-05-02.parquet"
    other.write_bytes(b"somebody else's")
    await store.close()
    again = open_store("sqlite:town.db", tmp_path)
    assert [i.number for i in await again.instances("", ALL)] == [1.0]
    assert files(tmp_path) == ["2031-05-02"]
    await again.seal(START + DAY)
    assert [i.number for i in await again.instances("", ALL)] == [1.0]
    assert files(tmp_path) == ["2031-05-01", "2031-05-02"]
    await again.close()


async def test_a_file_is_there_while_somebody_may_read_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.0)]))
    await store.seal(START + DAY)
    await write(store, Writes(history=[instance(2, 2, 2.0)]))
    for _ in range(2):
        await store.seal(START + DAY)
    assert files(tmp_path) == ["2031-05-01"] * 2, "the earlier one and the one in its place"
    assert [i.number for i in await store.instances("", ALL)] == [1.0, 2.0]
    await store.close()
    SqliteStore(store.path)._connection.close()
    assert files(tmp_path) == ["2031-05-01"]


async def test_a_write_while_a_day_is_sealed_is_not_lost(
    store: SqliteStore, tmp_path: Path
) -> None:
    await write(store, Writes(history=[instance(n, n, float(n)) for n in range(50)]))
    late = [instance(100 + n, 200 + n, -1.0) for n in range(20)]

    async def come_late() -> None:
        for one in late:
            await write(store, Writes(history=[one]))

    await asyncio.gather(store.seal(START + DAY), come_late(), store.seal(START + DAY))
    await store.seal(START + DAY)
    assert len(await store.instances("", ALL)) == 70
    assert await rows(store) == 0


async def test_a_large_file_is_made_anew_in_order(store: SqliteStore, tmp_path: Path) -> None:
    each = [instance(n, n % 1440, float(n), id) for id in METERS for n in range(3000)]
    await write(store, Writes(history=each))
    await store.seal(START + 3 * DAY)
    late = [replace(i, instance_id=instance_id(9000 + n)) for n, i in enumerate(each[:40])]
    times = tuple(i.observed_at for i in late if i.observed_at)
    await write(store, Writes(erase=[Erase(METER, "flow", observed=times)], history=late))
    await store.seal(START + 3 * DAY)
    await store.close()
    in_order(tmp_path)
    with sqlite3.connect(tmp_path / "town.db") as db:
        assert db.execute("select first, last from sealed").fetchall() == [(1, 5)]
    db.close()
    again = open_store("sqlite:town.db", tmp_path)
    found = await again.tallies("", ALL, [START, START + DAY], distinct=False)
    # 40 took the place of what was observed at their times: 3 for most, since minutes repeat.
    assert [t.instances for t in found] == [3000 - 3 * 40 + 40 + 0, 3000, 3000, 3000, 3000]
    await again.close()


async def test_files_in_the_words_of_any_tool(store: SqliteStore, tmp_path: Path) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.5), instance(2, 2, "low")]))
    await store.seal(START + DAY)
    (path,) = (tmp_path / "history").glob("*/*.parquet")
    first, second = sorted(read(path, 'entity, type, attribute, "at", number, json'))
    at = int((START + timedelta(minutes=1)).timestamp()) * 1_000_000
    assert first[:5] == (METER, "Meter", "flow", at, 1.5)
    assert json.loads(second[5]) == {"value": "low"}


@pytest.mark.parametrize("left", [b"no parquet", None])
async def test_a_broken_file_is_no_empty_past(
    store: SqliteStore, tmp_path: Path, left: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.0), instance(2, 1500, 2.0)]))
    await store.seal(START + DAY)
    (path,) = (tmp_path / "history").glob("*/*.parquet")
    if left is None:
        path.unlink()
    else:
        path.write_bytes(left)
    with pytest.raises(Unavailable, match="look at t-/2031-05-01"):
        await store.instances("", ALL)
    then = store.past_conditions(Window())
    find = Find(then.holds(Where("flow"), ">", 0.0), types=("Meter",), words=then)
    with pytest.raises(Unavailable, match="cannot be read"):
        await store.find("", find)
    next_day = asked(ALL, window=Window(since=START + DAY))
    assert [i.number for i in await store.instances("", next_day)] == [2.0]
    await write(store, Writes(forget=[Key("", "context", METER)]))
    await write(store, Writes(history=[instance(3, 1501, 3.0)]))
    await store.seal(START + 2 * DAY)
    assert [i.number for i in await store.instances("", next_day)] == [3.0]
    assert len(files(tmp_path)) == (1 if left is None else 2), "other days are sealed nevertheless"
    assert "look at t-/2031-05-01" in caplog.text
    await store.close()
    SqliteStore(store.path)._connection.close()
    assert ("1 of 2 files of history are missing" in caplog.text) == (left is None)


async def test_without_the_extra_days_stay_where_they_are(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.0), instance(2, 1500, 2.0)]))
    await store.seal(START + DAY)
    await store.close()
    monkeypatch.setattr(archive, "NEEDS", "a_package_that_is_not_there")
    again = open_store("sqlite:town.db", tmp_path)
    await again.seal(START + 2 * DAY)
    assert files(tmp_path) == ["2031-05-01"]
    next_day = asked(ALL, window=Window(since=START + DAY))
    assert [i.number for i in await again.instances("", next_day)] == [2.0]
    with pytest.raises(Unavailable, match=r"pip install 'townsquare\[analysis\]'"):
        await again.instances("", ALL)
    await again.close()


async def test_more_of_the_past_than_fits_is_refused(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store, Writes(history=[instance(n, n, float(n)) for n in range(20)]))
    await store.seal(START + DAY)
    monkeypatch.setattr(sqlite_sealed, "MOST_ASKED", 10)
    with pytest.raises(TooComplex, match="ask for less time"):
        await store.instances("", ALL)
    assert len(await store.instances("", asked(ALL, most=5))) == 5


async def test_large_values_are_sealed_in_smaller_files(
    store: SqliteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    each = [instance(n, n, f"{n}" * 300_000, METERS[n % 5]) for n in range(10, 50)]
    await write(store, Writes(history=each))
    await store.seal(START + DAY)
    assert caplog.text == ""
    assert await rows(store) == 0
    assert len(files(tmp_path)) > 1
    found = await store.instances("", asked(ALL, most=10))
    assert [told_text(i) for i in found] == [f"{n}" * 300_000 for n in range(10, 20)]


async def test_what_cannot_be_sealed_stays_and_stops_no_other_day(
    store: SqliteStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await write(store, Writes(history=[instance(1, 1, 1.0), instance(2, 1500, 2.0)]))
    assert store._sealing
    convert = store._sealing._archive._convert

    def fail(lines: Path, made: Path) -> None:
        if "2031-05-01" in made.name:
            raise Unavailable("no more memory")
        convert(lines, made)

    monkeypatch.setattr(store._sealing._archive, "_convert", fail)
    await store.seal(START + 2 * DAY)
    assert files(tmp_path) == ["2031-05-02"]
    assert "no more memory" in caplog.text
    assert [i.number for i in await store.instances("", ALL)] == [1.0, 2.0]
    monkeypatch.undo()
    await store.seal(START + 2 * DAY)
    assert files(tmp_path) == ["2031-05-01", "2031-05-02"]


async def test_folders_and_tenants_with_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *town*?"
    store = open_store("sqlite:town.db", folder)
    tenant = "it's/../[*]?\"; drop"
    job = Job(START, tenant, (), lambda _: Writes(history=[instance(1, 1, 1.0)]))
    await store.commit(job)
    await store.seal(START + DAY)
    assert files(folder) == ["2031-05-01"]
    assert [i.number for i in await store.instances(tenant, ALL)] == [1.0]
    assert await store.instances("", ALL) == []
    await store.close()
