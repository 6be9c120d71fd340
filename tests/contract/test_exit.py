"""What is exported is open, whole and verifiable, and gives the same answers in another town."""

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import keeping
from tests.conftest import OpenBroker
from tests.contract.test_backup import quiet, settings_of
from tests.postgres import Server
from tests.sealing import SEALED
from townsquare.app import TYPES, Store
from townsquare.app.exit import arriving, leaving, lines, noting
from townsquare.app.exit.arriving import Arrived
from townsquare.app.exit.manifest import Export, folder_of, tenant_of
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import AlreadyExists, CannotStart, Conflict, Invalid
from townsquare.store import Instance, open_store
from townsquare.store.past import instance_id
from townsquare.trust import audit

NOON = datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=UTC)
WAYS = [
    ("sqlite:town.db", "sqlite:other.db"),
    (SEALED, "sqlite:other.db"),
    ("sqlite:town.db", "postgresql:"),
    ("postgresql:", "sqlite:other.db"),
    ("postgresql:", "postgresql:"),
]


def export(url: str, data: Path, target: Path) -> Export:
    return leaving.export(settings_of(url), data / "townsquare.toml", data, target, quiet)


def arrive(url: str, source: Path, data: Path) -> Arrived:
    return arriving.arrive(source, Store(url), data, TYPES, quiet)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The URL of an empty store of that kind."""

    def emptied(url: str) -> str:
        if url == SEALED:
            pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")
        if url != "postgresql:":
            return url
        postgres: Server = request.getfixturevalue("postgres")
        return postgres.emptied()

    return emptied


@pytest.mark.parametrize(("old", "new"), WAYS)
async def test_another_town_gives_the_same_answers(
    open_broker: OpenBroker,
    server: Callable[[str], str],
    tmp_path: Path,
    old: str,
    new: str,
) -> None:
    url, data, exported = server(old), tmp_path / "new", tmp_path / "export"
    broker = open_broker(*audit.TYPES, url=url)
    await keeping.lived(broker, tmp_path)
    expected = dict(await keeping.answers(broker))
    made = await asyncio.to_thread(export, url, tmp_path, exported)
    await broker.store.close()
    to = server(new)
    arrived = await asyncio.to_thread(arrive, to, exported, data)
    again = Broker(open_store(to, data), open_bus("memory:"), broker.policy)
    await again.store.ready()
    found = dict(await keeping.answers(again))
    census = await again.store.census("")
    await again.store.close()
    assert (made.entries, len(found.pop("log"))) == (len(expected.pop("log")), 1)
    assert found == expected
    assert (arrived.entities, arrived.instances, arrived.left) == (made.entities, made.instances, 0)
    assert sum(n for what, n in census.items() if not what.attribute) == made.entities - 1


@pytest.fixture
async def exported(open_broker: OpenBroker, tmp_path: Path) -> Path:
    broker = open_broker(*audit.TYPES, url="sqlite:town.db")
    await keeping.lived(broker, tmp_path)
    await asyncio.to_thread(export, "sqlite:town.db", tmp_path, tmp_path / "export")
    return tmp_path / "export"


async def test_any_program_can_read_it(exported: Path) -> None:
    entities = [json.loads(text) for text in open_lines(exported / "default" / "entities.jsonl")]
    (first, *_) = [one for one in entities if one["id"] == keeping.BINS[0]]
    assert first["type"] == "WasteContainer"
    assert first["level"]["value"] == 64
    assert first["level"]["unitCode"] == "P1"
    rows = list(csv.DictReader(open_lines(exported / "default" / "history.csv")))
    levels = [r for r in rows if r["attribute"] == "level" and r["entity"] == keeping.BINS[0]]
    assert [float(row["number"]) for row in levels] == list(range(0, 72, 8))
    assert levels[0]["observedAt"] == "2026-05-01T00:00:00Z"
    assert "history.csv" in (exported / "README.txt").read_text()


def open_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


async def test_its_log_verifies_without_the_town_until_a_record_is_changed(
    exported: Path, townsquare_says: Callable[..., tuple[int, str]]
) -> None:
    code, said = townsquare_says("log", "verify", exported)
    assert (code, "All entries and hashes fit" in said) == (0, True), said
    file = exported / "log" / "entries.jsonl"
    file.write_text(file.read_text().replace("T-3", "T-4"))
    assert townsquare_says("log", "verify", exported)[0] == 1


@pytest.fixture
def townsquare_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    from tests.contract.test_command import Townsquare

    command = Townsquare(monkeypatch, capsys)

    def said(*words: object) -> tuple[int, str]:
        code, out, err = command(*words)
        return code, out + err

    return said


async def test_what_was_changed_on_the_way_or_has_a_place_already_is_refused(
    exported: Path, tmp_path: Path
) -> None:
    with pytest.raises(AlreadyExists, match="stays as it is"):
        await asyncio.to_thread(export, "sqlite:town.db", tmp_path, exported)
    history = exported / "default" / "history.csv"
    whole = history.read_bytes()
    history.write_bytes(whole.replace(b",64.0,", b",65.0,", 1))
    with pytest.raises(Invalid, match=r"history\.csv is not as it was"):
        await asyncio.to_thread(arrive, "sqlite:new.db", exported, tmp_path / "new")
    history.unlink()
    with pytest.raises(Invalid, match=r"history\.csv is missing"):
        await asyncio.to_thread(arrive, "sqlite:new.db", exported, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    history.write_bytes(whole)
    await asyncio.to_thread(arrive, "sqlite:new.db", exported, tmp_path / "new")
    with pytest.raises(Conflict, match="is not empty"):
        await asyncio.to_thread(arrive, "sqlite:new.db", exported, tmp_path / "new")


async def test_that_all_of_it_is_handed_out_stands_in_the_log(tmp_path: Path) -> None:
    store = Store("sqlite:town.db")
    with pytest.raises(Invalid, match="--to and --reason"):
        await asyncio.to_thread(noting.note, store, tmp_path, "", "why")
    with pytest.raises(CannotStart, match="there is no database"):
        await asyncio.to_thread(noting.note, store, tmp_path, "the archive", "why")
    await open_store(store.url, tmp_path).close()
    await asyncio.to_thread(noting.note, store, tmp_path, "the archive", "law of archives, 5")
    again = open_store(store.url, tmp_path)
    (entry,) = await again.log(0, 10)
    await again.close()
    record = json.loads(entry.record)
    assert (record["verb"], record["recipients"]) == ("disclosure", ["the archive"])
    assert record["justification"] == "law of archives, 5"


async def test_a_town_that_runs_is_not_written_to(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="in use by another"):
        await asyncio.to_thread(arrive, "sqlite:town.db", exported, tmp_path)


async def test_what_is_of_the_old_town_alone_stays_in_the_export(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(url="sqlite:town.db")
    own = Entity("urn:ngsi-ld:Person:1", ("Person",), {"role": (Attribute("operator"),)})
    await keeping.put(broker, own)
    await asyncio.to_thread(export, "sqlite:town.db", tmp_path, tmp_path / "export")
    arrived = await asyncio.to_thread(arrive, "sqlite:b.db", tmp_path / "export", tmp_path / "b")
    assert (arrived.entities, arrived.left) == (0, 1)
    assert "Person:1" in (tmp_path / "export" / "default" / "entities.jsonl").read_text()


async def test_what_ngsi_ld_has_no_words_for_comes_along_as_it_is(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    odd = Entity("urn:ngsi-ld:A:1", ("A",), {"location": (Attribute("not a place"),)})
    assert lines.line(odd) is None
    broker = open_broker(url="sqlite:town.db")
    await keeping.put(broker, odd)
    await asyncio.to_thread(export, "sqlite:town.db", tmp_path, tmp_path / "export")
    await asyncio.to_thread(arrive, "sqlite:b.db", tmp_path / "export", tmp_path / "b")
    again = open_store("sqlite:b.db", tmp_path / "b")
    row = await again.get(keeping.key(odd))
    await again.close()
    assert row
    assert msgspec.json.decode(row.body, type=Entity) == msgspec.structs.replace(odd, version=1)


async def test_a_server_s_town_is_exported_while_it_runs(postgres: Server, tmp_path: Path) -> None:
    store = open_store(postgres.emptied(), tmp_path)
    await store.ready()
    made = await asyncio.to_thread(export, postgres.url, tmp_path, tmp_path / "export")
    await store.close()
    assert (made.entities, made.instances) == (0, 0)


@pytest.mark.parametrize("tenant", ["", "b", "default", "a/../b", "tenant-x", "ä b"])
def test_the_folder_of_a_tenant_says_which(tenant: str) -> None:
    folder = folder_of(tenant)
    assert tenant_of(folder) == tenant
    assert "/" not in folder


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))


@given(
    value=st.none() | st.booleans() | TEXT | st.lists(TEXT),
    number=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    dataset=st.none() | st.just('urn:ngsi-ld:Dataset:a,"b"\n'),
    observed=st.none() | TIMES,
    deleted=st.none() | TIMES,
)
def test_an_instance_comes_back_from_its_line(
    value: object,
    number: float | None,
    dataset: str | None,
    observed: datetime | None,
    deleted: datetime | None,
) -> None:
    there = Instance(
        "urn:a",
        "A",
        "level",
        dataset,
        instance_id(7),
        observed,
        NOON,
        NOON,
        deleted,
        number,
        msgspec.json.encode(Attribute(value)),
    )
    text = "".join(_csv(lines.cells(there)))
    (row,) = csv.reader(text.splitlines(keepends=True))
    assert lines.instance(row) == there


def _csv(row: tuple[str, ...]) -> list[str]:
    import io

    file = io.StringIO(newline="")
    csv.writer(file).writerow(row)
    return [file.getvalue()]


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["urn:a"] * 11,
        ["urn:a", "A", "n", "", "mine", "", *["2026-05-01T00:00:00Z"] * 2, "", "1", ""],
        ["", "A", "n", "", instance_id(1), "", *["2026-05-01T00:00:00Z"] * 2, "", "1", ""],
        ["urn:a", "A", "n", "", instance_id(1), "", *["1 May"] * 2, "", "1", ""],
        ["urn:a", "A", "n", "", instance_id(1), "", *["2026-05-01T00:00:00Z"] * 2, "", "x", ""],
        ["urn:a", "A", "n", "", instance_id(1), "", *["2026-05-01T00:00:00Z"] * 2, "", "", "[]"],
    ],
)
def test_a_line_that_is_no_instance_is_refused(row: list[str]) -> None:
    with pytest.raises(Invalid):
        lines.instance(row)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"id": "x", "type": "A"}', b'{"id": 1}'])
def test_a_line_that_is_no_entity_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        lines.read(text)
