"""A backup is of one moment, brings back the same answers, and never what has ended."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import keeping, notary
from tests.conftest import OpenBroker
from tests.e2e.town import ROOT, command
from tests.postgres import Server
from tests.sealing import SEALED
from townsquare.app import Settings, Store
from townsquare.app.backup import making, restoring, safe
from townsquare.app.backup.manifest import Manifest
from townsquare.context.broker import Broker
from townsquare.model.errors import AlreadyExists, CannotStart, Conflict, Invalid, Unavailable
from townsquare.store import Store as Kept
from townsquare.store import open_store, sqlite_copy, sqlite_schema
from townsquare.store.postgres_schema import SCHEMA
from townsquare.trust import audit

KEPT = ("sqlite:town.db", SEALED, "postgresql:")


def quiet(what: str, done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture(params=KEPT)
def url(request: pytest.FixtureRequest) -> str:
    if request.param == SEALED:
        pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")
    if request.param != "postgresql:":
        return str(request.param)
    return prepared(request.getfixturevalue("postgres"))


def prepared(postgres: Server) -> str:
    """As after its first start, which the fixture takes back."""
    url = postgres.emptied()
    closed(open_store(url, Path()))
    postgres.execute(f"insert into mark values ('schema', {SCHEMA}) on conflict do nothing")
    return url


def settings_of(url: str) -> Settings:
    return Settings(store=Store("sqlite:town.db" if url == SEALED else url))


def backup(url: str, data: Path, target: Path) -> Manifest:
    return making.backup(settings_of(url), data / "townsquare.toml", data, target, quiet)


@pytest.fixture
def empty(url: str, request: pytest.FixtureRequest) -> Callable[[], None]:
    """The server, for what is restored to it."""

    def emptied() -> None:
        if url.startswith("postgresql:"):
            request.getfixturevalue("postgres").emptied()

    return emptied


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
async def test_what_is_restored_gives_the_same_answers(
    open_broker: OpenBroker, url: str, empty: Callable[[], None], tmp_path: Path, name: str
) -> None:
    """The backup is of the running town, which goes on."""
    broker = open_broker(*audit.TYPES, url=url)
    await keeping.lived(broker, tmp_path)
    expected = await keeping.answers(broker)
    made = await asyncio.to_thread(backup, url, tmp_path, tmp_path / name)
    await keeping.later(broker)
    assert await keeping.answers(broker) != expected
    await broker.store.close()
    empty()

    again = tmp_path / "again"
    await asyncio.to_thread(restoring.restore, tmp_path / name, again, quiet)
    shutil.copytree(tmp_path / "secrets", again / "secrets")
    restored = Broker(open_store(settings_of(url).store.url, again), broker.bus, broker.policy)
    try:
        assert await keeping.answers(restored) == expected
        assert made.log.entries == len(expected["log"])
        log = notary.log(restored, again)
        await log.open()
        assert log.note == made.log.checkpoint
    finally:
        await restored.store.close()


NOT_FOR_BACKUPS = (
    *("secrets/log-key", "hour-keys/2026-05-01T09"),
    *("sealed/square/1.seal", "openings/1", "drills/1"),
)


def town(folder: Path) -> Path:
    """A data folder with all that a town keeps, most of it not for a backup."""
    folder.mkdir()
    closed(open_store("sqlite:town.db", folder))
    for name in (
        "secrets/log-key",
        "hour-keys/2026-05-01T09",
        "sealed/square/1.seal",
        "openings/1",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
        (folder / name).chmod(0o600)
    (folder / "demo-token").write_text("token")
    return folder


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_neither_secrets_nor_footage_nor_keys_of_hours_are_in_it(tmp_path: Path, name: str) -> None:
    data = town(tmp_path / "data")
    (data / "townsquare.toml").write_text('[store]\nurl = "sqlite:town.db"\n')
    made = backup("sqlite:town.db", data, tmp_path / name)
    assert [file.path for file in made.files] == ["settings/townsquare.toml", "town.db"]
    assert {"hour-keys", "sealed", "secrets", "openings"} <= made.left_out.keys()
    restoring.restore(tmp_path / name, tmp_path / "again", quiet)
    for file in filter(Path.is_file, (tmp_path / "again").rglob("*")):
        assert b"content of" not in file.read_bytes(), file


def test_secrets_open_with_the_key_that_they_are_sealed_to(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    (data / "secrets" / "control-token").write_text("of this place")
    mine, other = tmp_path / "mine", tmp_path / "other"
    public = safe.new_key(mine)
    safe.new_key(other)
    safe.save(data, tmp_path / "sealed", public)
    assert b"content" not in (tmp_path / "sealed").read_bytes()
    assert safe.opened(tmp_path / "sealed", mine) == {"log-key": "content of secrets/log-key"}
    with pytest.raises(Invalid, match="sealed to the key"):
        safe.opened(tmp_path / "sealed", other)
    with pytest.raises(Invalid, match=r"without \.pub"):
        safe.opened(tmp_path / "sealed", public)
    with pytest.raises(Invalid, match=r"FILE\.pub"):
        safe.save(data, tmp_path / "more", mine)
    assert mine.stat().st_mode & 0o077 == 0


def test_a_changed_file_a_missing_one_and_a_strange_one_are_refused(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    made = tmp_path / "backup"
    backup("sqlite:town.db", data, made)

    def refused(words: str, backup: Path = made) -> None:
        with pytest.raises(Invalid, match=words):
            restoring.restore(backup, tmp_path / "again", quiet)
        assert not (tmp_path / "again").exists()
        assert not list(tmp_path.glob(".*"))

    whole = (made / "town.db").read_bytes()
    (made / "town.db").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused("not as it was")
    (made / "town.db").unlink()
    refused("town.db is missing")
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"][0]["path"] = "../outside"
    (made / "manifest.json").write_text(json.dumps(manifest))
    refused("no backup has")
    (made / "manifest.json").write_text("{}")
    refused("is no backup of a town")
    (made / "manifest.json").unlink()
    refused("is no backup of a town")
    (tmp_path / "notes.tar").write_text("hello")
    refused("is no backup of a town", tmp_path / "notes.tar")


def test_a_newer_schema_is_refused_with_the_version_that_made_it(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    with sqlite3.connect(data / "town.db") as db:
        newer = sqlite_schema.SCHEMA + 1
        db.execute("update mark set value = ? where name = 'schema'", (newer,))
    made = backup("sqlite:town.db", data, tmp_path / "backup")
    with pytest.raises(Invalid, match=f"schema {newer}, made by townsquare {made.townsquare}"):
        restoring.restore(tmp_path / "backup", tmp_path / "again", quiet)


def test_what_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    target = tmp_path / "backup"
    backup("sqlite:town.db", data, target)
    before = (target / "manifest.json").read_bytes()
    with pytest.raises(AlreadyExists, match="stays as it is"):
        backup("sqlite:town.db", data, target)
    assert (target / "manifest.json").read_bytes() == before
    with pytest.raises(AlreadyExists, match="not empty"):
        restoring.restore(target, data, quiet)
    assert (data / "demo-token").read_text() == "token"


@pytest.mark.parametrize(("name", "spare_kb"), [("backup", -64), ("b.tar", -64), ("b.tar", 8)])
def test_where_no_more_can_be_written_nothing_is_left(
    tmp_path: Path, name: str, spare_kb: int
) -> None:
    """Of the database, or of the archive that is made of it and of the log."""
    data = town(tmp_path / "data")
    (data / "log").mkdir()
    (data / "log" / "signed").write_bytes(bytes(50_000))
    most_kb = (data / "town.db").stat().st_size // 1024 + spare_kb
    words = [*command("backup", str(tmp_path / name)), "--data", str(data)]
    (tmp_path / "townsquare.toml").write_text('[store]\nurl = "sqlite:town.db"\n')
    done = subprocess.run(
        ["bash", "-c", f'ulimit -f {most_kb} && exec "$@"', "-", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (*_, last) = done.stderr.splitlines()
    assert last.startswith("townsquare: ")
    assert sorted(tmp_path.iterdir()) == [data, tmp_path / "townsquare.toml"]


def test_an_empty_folder_stays_the_folder_that_it_is(tmp_path: Path) -> None:
    """It may be a disk of its own."""
    data, again = town(tmp_path / "data"), tmp_path / "again"
    backup("sqlite:town.db", data, tmp_path / "b.tar")
    (again / ".restored.making").mkdir(parents=True)  # of a restore that was killed
    before = again.stat().st_ino
    restoring.restore(tmp_path / "b.tar", again, quiet)
    assert again.stat().st_ino == before
    assert sorted(file.name for file in again.iterdir()) == ["manifest.json", "town.db"]


def test_a_disk_that_has_too_little_room_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = town(tmp_path / "data")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(Unavailable, match="needs about 1 MB"):
        backup("sqlite:town.db", data, tmp_path / "backup")
    assert sorted(tmp_path.iterdir()) == [data]


async def test_a_file_of_a_day_that_goes_meanwhile_is_in_it(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    """As where something of that day was erased: another file takes its place."""
    pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")
    broker = open_broker(*audit.TYPES, url=SEALED)
    await keeping.lived(broker, tmp_path)
    expected = await keeping.answers(broker)
    days = list((tmp_path / "history").rglob("*.parquet"))

    def gone(what: str, done: int, total: int) -> None:
        for day in days:
            day.unlink(missing_ok=True)

    await asyncio.to_thread(
        making.backup, settings_of(SEALED), tmp_path / "none", tmp_path, tmp_path / "b", gone
    )
    await broker.store.close()
    await asyncio.to_thread(restoring.restore, tmp_path / "b", tmp_path / "again", quiet)
    restored = Broker(open_store("sqlite:town.db", tmp_path / "again"), broker.bus, broker.policy)
    try:
        assert days
        assert await keeping.answers(restored) == expected
    finally:
        await restored.store.close()


def test_what_a_killed_backup_left_is_taken_away_by_the_next(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    for left in (tmp_path / ".backup.making" / "town.db", data / sqlite_copy.HELD / "t-" / "day"):
        left.parent.mkdir(parents=True)
        left.write_text("half")
    before = {file: file.read_bytes() for file in filter(Path.is_file, data.rglob("*"))}
    backup("sqlite:town.db", data, tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backup", "data"]
    assert not (data / sqlite_copy.HELD).exists()
    kept = {file: file.read_bytes() for file in before if file.exists()}
    assert kept == {file: content for file, content in before.items() if file.name != "day"}


def test_no_database_and_no_place_are_told(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="there is no database"):
        backup("sqlite:town.db", tmp_path / "data", tmp_path / "backup")
    with pytest.raises(Invalid, match="keeps nothing"):
        backup("memory:", tmp_path, tmp_path / "backup")


def test_a_second_backup_waits_for_nobody_and_says_so(tmp_path: Path) -> None:
    data = town(tmp_path / "data")
    with sqlite_copy.alone(data), pytest.raises(Conflict, match="is being made already"):
        backup("sqlite:town.db", data, tmp_path / "backup")


def test_a_database_with_something_in_it_is_no_place_to_restore_to(
    postgres: Server, tmp_path: Path
) -> None:
    url = prepared(postgres)
    (tmp_path / "data").mkdir()
    backup(url, tmp_path / "data", tmp_path / "backup")
    postgres.execute("insert into log values (1, '', '{}', '')")
    with pytest.raises(Conflict, match="is not empty"):
        restoring.restore(tmp_path / "backup", tmp_path / "again", quiet)
    assert not (tmp_path / "again").exists()


def test_an_archive_names_its_manifest_first(tmp_path: Path) -> None:
    closed(open_store("sqlite:town.db", tmp_path / "data"))
    backup("sqlite:town.db", tmp_path / "data", tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert tar.getnames() == ["manifest.json", "town.db"]
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0


def closed(store: Kept) -> None:
    async def readied() -> None:
        await store.ready()
        await store.close()

    asyncio.run(readied())
