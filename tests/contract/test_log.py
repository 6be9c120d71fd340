"""The log as it is signed and served: what was signed stays, or nobody is let in."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests import notary as made
from tests.conftest import OpenBroker
from townsquare.alerts import run as alerts
from townsquare.context.broker import Broker
from townsquare.context.ledger import LogSearch
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import Denied, Unavailable
from townsquare.store import Key
from townsquare.trust import audit, note, tlog
from townsquare.trust.log import Log
from townsquare.web import log as site
from townsquare.web import notary
from townsquare.web.notary import Notary

WHY = Why("operations")
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
OFFICER = Actor("urn:ngsi-ld:Person:dpo", "person", "Town", frozenset({"data-protection"}))
ALERTS, VISION = room("alerts"), room("vision")
FLOW = EntityType("Flow", "vision", frozenset({"operator"}))
TYPES = (*audit.TYPES, *notary.TYPES, *alerts.TYPES, FLOW)
URL = "sqlite:town.db"


async def noted(broker: Broker, number: int = 1) -> None:
    for _ in range(number):
        await broker.ledger.note("urn:x", "consultation", OPERATOR, WHY)


async def signed(broker: Broker, folder: Path, entries: int = 3) -> Log:
    """A log of so many entries, signed and published."""
    await noted(broker, entries)
    keeper = made.notary(broker, folder)
    await keeper.open()
    await keeper.step()
    assert keeper.trouble == ""
    return keeper.log


async def opened(broker: Broker, folder: Path) -> Notary:
    keeper = made.notary(broker, folder)
    await keeper.open()
    await keeper.step()
    return keeper


@pytest.fixture
def broker(open_broker: OpenBroker, store_url: str) -> Broker:
    return open_broker(*TYPES, url=store_url)


async def test_what_is_committed_is_signed_and_proven(broker: Broker, tmp_path: Path) -> None:
    log = await signed(broker, tmp_path, 5)
    found = note.checkpoint(log.published, log.key)
    assert found is not None
    leaves = [tlog.leaf(e.commitment) for e in await broker.store.log(0, 10)]
    assert (found.origin, found.size, found.root) == (made.ORIGIN, 5, made.tree_head(leaves))
    assert log.inclusion(4, 5) == [made.tree_head(leaves[:4])]


async def test_there_is_no_new_checkpoint_without_a_new_entry(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    log = await signed(broker, tmp_path)
    first = log.published
    keeper = await opened(broker, tmp_path)
    assert keeper.log.published == first
    await noted(broker)
    await keeper.step()
    assert keeper.log.published != first
    days = list((tmp_path / "log" / "checkpoints").iterdir())
    assert [day.read_text() for day in days] == [keeper.log.published]


async def test_the_log_goes_on_after_a_restart(broker: Broker, tmp_path: Path) -> None:
    await signed(broker, tmp_path, 300)
    await noted(broker, 3)
    keeper = await opened(broker, tmp_path)
    leaves = [tlog.leaf(e.commitment) for e in await broker.store.log(0, 1000)]
    assert keeper.trouble == ""
    assert keeper.log.signed is not None
    assert keeper.log.signed.root == made.tree_head(leaves)


async def test_lost_or_damaged_tiles_are_made_again(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    before = (await signed(broker, tmp_path, 300)).published
    for damage in (shutil.rmtree, _spoil):
        damage(tmp_path / "log" / "tile")
        keeper = await opened(broker, tmp_path)
        assert (keeper.trouble, keeper.log.published) == ("", before)
        assert len(keeper.log.inclusion(0, 300)) == 9


def _spoil(tiles: Path) -> None:
    for tile in (tiles / "0").glob("*"):
        if tile.is_file():
            tile.write_bytes(bytes(len(tile.read_bytes())))
    (tiles / "1" / "000.p" / "1").write_bytes(bytes(32))


async def test_an_empty_folder_is_made_again_from_what_the_store_knows(
    broker: Broker, tmp_path: Path
) -> None:
    log = await signed(broker, tmp_path)
    shutil.rmtree(tmp_path / "log")
    keeper = await opened(broker, tmp_path)
    assert (keeper.trouble, keeper.log.signed) == ("", log.signed)


# --- an insider (abuse case A05)


def deletes(db: sqlite3.Connection) -> None:
    db.execute("delete from log where row > 2")


def deletes_in_the_middle(db: sqlite3.Connection) -> None:
    db.execute("delete from log where row = 2")


def edits(db: sqlite3.Connection) -> None:
    db.execute("update log set record = replace(record, 'urn:x', 'urn:y') where row = 2")


def edits_and_commits_anew(db: sqlite3.Connection) -> None:
    salt, record = db.execute("select salt, record from log where row = 2").fetchone()
    other = record.replace("urn:x", "urn:y")
    commitment = audit.commitment(salt, other.encode())
    db.execute("update log set record = ?, commitment = ? where row = 2", (other, commitment))


def reorders(db: sqlite3.Connection) -> None:
    db.executescript(
        "update log set row = 99 where row = 1; update log set row = 1 where row = 2;"
        "update log set row = 2 where row = 99"
    )


@pytest.mark.parametrize(
    "tamper", [deletes, deletes_in_the_middle, edits, edits_and_commits_anew, reorders]
)
async def test_a_changed_log_lets_nobody_in_and_says_why(
    open_broker: OpenBroker, tmp_path: Path, tamper: Callable[[sqlite3.Connection], None]
) -> None:
    broker = open_broker(*TYPES, url=URL)
    await signed(broker, tmp_path)
    with sqlite3.connect(tmp_path / "town.db") as db:
        tamper(db)
    keeper = await opened(broker, tmp_path)
    assert "log" in keeper.trouble
    await _closed(broker)


async def test_a_changed_log_is_found_also_without_its_folder(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES, url=URL)
    await signed(broker, tmp_path)
    shutil.rmtree(tmp_path / "log")
    with sqlite3.connect(tmp_path / "town.db") as db:
        edits_and_commits_anew(db)
    assert "others than those in the store" in (await opened(broker, tmp_path)).trouble


@pytest.mark.parametrize("more", [0, 5])
async def test_an_older_database_that_is_put_back_is_found(
    open_broker: OpenBroker, tmp_path: Path, more: int
) -> None:
    """Also where it has grown since beyond what was signed."""
    broker = open_broker(*TYPES, url=URL)
    await signed(broker, tmp_path)
    with sqlite3.connect(tmp_path / "town.db") as db, sqlite3.connect(tmp_path / "old.db") as old:
        db.backup(old)
    await signed(broker, tmp_path)
    await broker.store.close()
    for name in ("town.db-wal", "town.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "old.db").replace(tmp_path / "town.db")
    again = open_broker(*TYPES, url=URL)
    await noted(again, more)
    assert "earlier state" in (await opened(again, tmp_path)).trouble
    await _closed(again)


async def test_another_key_is_not_taken_for_ours(open_broker: OpenBroker, tmp_path: Path) -> None:
    broker = open_broker(*TYPES)
    await signed(broker, tmp_path)
    (tmp_path / "secrets" / "log-key").unlink()
    assert "not signed by the key" in (await opened(broker, tmp_path)).trouble


async def _closed(broker: Broker) -> None:
    """To people; rooms go on, and an alarm is raised by what they can see."""
    with pytest.raises(Denied, match="log"):
        await broker.find(Query(types=("Flow",)), OPERATOR, WHY)
    with pytest.raises(Denied, match="log"):
        await broker.ledger.read(LogSearch(), OFFICER, WHY)
    flow = Entity("urn:ngsi-ld:Flow:a", ("Flow",), {"count": (Attribute(1),)})
    await broker.apply([Change("create", flow)], VISION, WHY)
    status = await broker.read(notary.ID, ALERTS, WHY)
    assert status.value("broken") == 1
    assert "log" in str(status.value("why"))


async def test_trouble_raises_an_alarm(open_broker: OpenBroker, tmp_path: Path) -> None:
    broker = open_broker(*TYPES)
    await made.notary(broker, tmp_path, spare=lambda: -1).step()
    room = asyncio.create_task(alerts.run(broker, notary.RULES))
    with broker.watch(ALERTS, WHY, ["Alert"]) as news:
        found = await asyncio.wait_for(news.next(), 5)
    room.cancel()
    assert found is not None
    assert found.subject.value("name") == "The disk is nearly full"


# --- a disk that fills


async def test_a_disk_that_fills_stops_all_but_log_alarms_and_counting(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker, spare = open_broker(*TYPES), [-1]
    keeper = made.notary(broker, tmp_path, spare=lambda: spare[0])
    await keeper.open()
    await keeper.step()
    thing = Entity("urn:ngsi-ld:Thing:a", ("Thing",), {})
    engineer = Actor("urn:ngsi-ld:Person:e", "person", "Town", frozenset({"engineer"}))
    refused: list[Callable[[], Awaitable[object]]] = [
        lambda: broker.apply([Change("create", thing)], engineer, WHY),
        lambda: broker.apply([Change("create", thing)], room("register"), WHY),
        lambda: broker.documents.keep(Key("", "subscription", "urn:s"), b"{}", engineer, WHY),
    ]
    for attempt in refused:
        with pytest.raises(Unavailable, match="nearly full"):
            await attempt()
    flow = Entity("urn:ngsi-ld:Flow:a", ("Flow",), {"count": (Attribute(1),)})
    await broker.apply([Change("create", flow)], VISION, WHY)
    await noted(broker)
    await keeper.step()
    assert keeper.log.signed is not None
    assert (await broker.read(notary.ID, ALERTS, WHY)).value("short") == 1
    spare[0] = 1
    await keeper.step()
    await broker.apply([Change("create", thing)], engineer, WHY)
    assert (await broker.read(notary.ID, ALERTS, WHY)).value("short") == 0


async def test_a_log_that_cannot_be_written_lets_nobody_in_until_it_can(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    keeper = made.notary(broker, tmp_path)
    await noted(broker)
    (tmp_path / "log").write_text("in the way")
    await keeper.open()
    await keeper.step()
    assert "cannot be written" in keeper.trouble
    await _closed(broker)
    (tmp_path / "log").unlink()
    await keeper.step()
    assert keeper.trouble == ""
    assert (await broker.find(Query(types=("Flow",)), OPERATOR, WHY)).entities != []


# --- for everyone


async def test_checkpoint_tiles_and_key_are_served_to_everyone(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    log = await signed(broker, tmp_path, 300)
    transport = httpx.ASGITransport(app=Starlette(routes=site.routes(log)))
    async with httpx.AsyncClient(transport=transport, base_url="http://t/log/") as http:
        checkpoint = await http.get("checkpoint")
        assert checkpoint.text == log.published
        assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
        assert (await http.get("key")).text == f"{log.key}\n"
        tile = await http.get("tile/0/000")
        assert (len(tile.content), tile.headers["content-type"]) == (
            8192,
            "application/octet-stream",
        )
        entries = (await http.get("tile/entries/001.p/44")).content
        assert entries[:2] == b"\x00\x20"
        assert len(entries) == 44 * 34
        wrong = ("0/002", "0/000.p/0", "9/000", "0/../../signed", "entries/1", "64/000", "0/.000")
        for path in wrong:
            assert (await http.get(f"tile/{path}")).status_code == 404, path
