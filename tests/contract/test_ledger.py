"""The log as it is written, searched, counted and erased, on every store."""

import sqlite3
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.conftest import OpenBroker
from tests.postgres import Server
from townsquare.context import ledger
from townsquare.context.broker import Broker
from townsquare.context.ledger import LogSearch, Read, Said
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.errors import Denied, Invalid
from townsquare.store import Key, logged, open_store
from townsquare.store.logged import MOST_FOUND
from townsquare.store.postgres import PostgresStore
from townsquare.store.postgres import _field as field_in_postgres
from townsquare.store.sqlite import _field as field_in_sqlite
from townsquare.trust import audit, tlog
from townsquare.web import outdated as outdated_records
from townsquare.web.notary import Settings
from townsquare.web.outdated import Outdated

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHY = Why("operations", "T-1")
OFFICER = Actor("urn:ngsi-ld:Person:dpo", "person", "Town", frozenset({"data-protection"}))
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))


@pytest.fixture
def broker(open_broker: OpenBroker, store_url: str) -> Broker:
    return open_broker(*audit.TYPES, url=store_url)


async def noted(broker: Broker, *subjects: str, by: Actor = OPERATOR, at: datetime = NOON) -> None:
    broker.clock = lambda: at
    for subject in subjects:
        await broker.ledger.note(subject, "consultation", by, WHY, Said(justification="a call"))


def subjects(found: list[Read]) -> list[str]:
    return [read.record.subject for read in found]


async def test_an_entry_says_who_what_why_and_under_which_policy(broker: Broker) -> None:
    broker.clock = lambda: NOON
    said = Said("one row", "request of 3 May", ("court",))
    await broker.ledger.note("urn:x", "disclosure", OPERATOR, WHY, said)
    (read,) = await broker.ledger.read(LogSearch(verb="disclosure"), OFFICER, WHY)
    record = read.record
    assert (read.index, record.at, record.subject, record.verb) == (0, NOON, "urn:x", "disclosure")
    assert (record.by, record.organisation) == (OPERATOR.id, "Town")
    assert (record.purpose, record.case) == ("operations", "T-1")
    assert (record.detail, record.justification) == ("one row", "request of 3 May")
    assert (record.recipients, record.policy) == (("court",), broker.policy.hash)


@pytest.mark.parametrize("said", [Said(justification="j"), Said(recipients=("r",))])
async def test_a_disclosure_names_its_recipients_and_its_reason(
    open_broker: OpenBroker, said: Said
) -> None:
    with pytest.raises(Invalid, match="recipients"):
        await open_broker().ledger.note("urn:x", "disclosure", OPERATOR, WHY, said)


async def test_a_search_finds_by_each_field_and_by_time(broker: Broker) -> None:
    await noted(broker, "urn:a", "urn:b")
    await noted(broker, "urn:a", by=OFFICER, at=NOON + timedelta(minutes=1, microseconds=5))
    later = NOON + timedelta(minutes=1)
    asked = {
        LogSearch(subject="urn:a"): ["urn:a", "urn:a"],
        LogSearch(by=OPERATOR.id): ["urn:b", "urn:a"],
        LogSearch(by=OPERATOR.id, subject="urn:b"): ["urn:b"],
        LogSearch(subject="urn:a", until=later): ["urn:a"],
        LogSearch(subject="urn:a", since=later, until=later + timedelta(seconds=1)): ["urn:a"],
        LogSearch(verb="erasure"): [],
        LogSearch(room="alerts"): [],
        LogSearch(purpose="operations", case="T-1", subject="urn:b"): ["urn:b"],
        LogSearch(case="' or 1=1 --"): [],
    }
    for search, expected in asked.items():
        assert subjects(await broker.ledger.read(search, OFFICER, WHY)) == expected, search


async def test_pages_follow_each_other_and_are_bounded(broker: Broker) -> None:
    await noted(broker, *(f"urn:{n}" for n in range(5)))
    first = await broker.ledger.read(LogSearch(by=OPERATOR.id, limit=2), OFFICER, WHY)
    below = LogSearch(by=OPERATOR.id, limit=9999, below=first[-1].index)
    second = await broker.ledger.read(below, OFFICER, WHY)
    assert subjects(first + second) == [f"urn:{n}" for n in (4, 3, 2, 1, 0)]
    assert len(await broker.store.log_found(LogSearch(limit=10**9))) <= MOST_FOUND


async def test_to_look_into_the_log_is_an_entry(broker: Broker) -> None:
    await noted(broker, "urn:a")
    found = await broker.ledger.read(LogSearch(subject="urn:a"), OFFICER, WHY, "complaint 7")
    assert subjects(found) == ["urn:a"]
    (looked,) = await broker.ledger.read(LogSearch(by=OFFICER.id, below=2), OFFICER, WHY)
    assert (looked.record.verb, looked.record.detail) == ("consultation", "subject urn:a")
    assert looked.record.justification == "complaint 7"


@pytest.mark.parametrize("by", [OPERATOR, ANYONE])
async def test_only_data_protection_reads_or_erases(broker: Broker, by: Actor) -> None:
    with pytest.raises(Denied):
        await broker.ledger.read(LogSearch(), by, WHY)
    with pytest.raises(Denied):
        await broker.ledger.erase([0], by, WHY, "because")
    assert await broker.store.log_size() == 0


async def test_an_erased_record_is_gone_with_its_salt_and_its_commitment_stays(
    broker: Broker,
) -> None:
    await noted(broker, "urn:a", "urn:b")
    before = await broker.store.log(0, 10)
    await broker.ledger.erase([0], OFFICER, WHY, "request 12")
    after = await broker.store.log(0, 10)
    assert (after[0].salt, after[0].record) == (b"", b"")
    assert [e.commitment for e in after[:2]] == [e.commitment for e in before]
    assert after[1] == before[1]
    assert subjects(await broker.ledger.read(LogSearch(by=OPERATOR.id), OFFICER, WHY)) == ["urn:b"]
    (erasure,) = await broker.ledger.read(LogSearch(verb="erasure"), OFFICER, WHY)
    assert (erasure.record.detail, erasure.record.justification) == ("0", "request 12")


async def test_records_that_were_kept_for_long_enough_are_erased(broker: Broker) -> None:
    """The oldest first, a bounded number at once, and not those of subjects that are kept."""
    old = NOON - timedelta(days=1101)
    await noted(broker, "urn:old", "urn:agreed", "urn:older", at=old)
    await noted(broker, "urn:young", at=NOON - timedelta(days=1099))
    before = await broker.store.log(0, 10)
    broker.clock = lambda: NOON
    outdated = Outdated(broker, 1100, agreed)
    await outdated.erase()
    after = await broker.store.log(0, 10)
    assert [bool(e.record) for e in after] == [False, True, False, True, True]
    assert [e.commitment for e in after[:4]] == [e.commitment for e in before]
    (erasure,) = await broker.ledger.read(LogSearch(verb="erasure"), OFFICER, WHY)
    assert (erasure.record.room, erasure.record.detail) == ("log", "0, 2")
    assert "older than 1,100 days" in erasure.record.justification


async def agreed() -> Collection[str]:
    return ("urn:agreed",)


async def test_old_records_are_looked_for_once_a_day_until_none_is_left(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ledger, outdated_records):
        monkeypatch.setattr(module, "MOST_FOUND", 2)
    await noted(broker, *(f"urn:{n}" for n in range(3)), at=NOON - timedelta(days=200))
    outdated = Outdated(broker, 183, agreed)

    async def left(now: datetime) -> int:
        broker.clock = lambda: now
        await outdated.erase()
        return sum(bool(e.record) for e in await broker.store.log(0, 4))

    assert await left(NOON) == 2  # one of three, and that two were erased
    assert await left(NOON) == 1
    await noted(broker, "urn:late", at=NOON - timedelta(days=200))
    size = await broker.store.log_size()
    assert await left(NOON + timedelta(hours=23)) == 1
    assert await broker.store.log_size() == size
    await left(NOON + timedelta(hours=24))
    assert await broker.store.log_size() == size + 1


async def test_old_records_are_found_by_an_index(open_broker: OpenBroker, tmp_path: Path) -> None:
    """In a long log they are few, and every row of it would be read for them each day."""
    await noted(open_broker(*audit.TYPES, url="sqlite:town.db"), "urn:a")
    sql = logged.before(NOON, ["urn:kept"], 10, lambda name: FIELDS[name])
    with sqlite3.connect(tmp_path / "town.db") as db:
        plan = db.execute(f"explain query plan {sql.text}", sql.parameters).fetchall()
    assert [step for *_, step in plan] == ["SEARCH log USING INDEX log_at (<expr><?)"]


@pytest.mark.parametrize("below", [None, 500], ids=["first page", "next page"])
@pytest.mark.parametrize("since", [None, NOON], ids=["until", "since and until"])
async def test_a_page_of_long_ago_is_found_by_an_index(
    open_broker: OpenBroker, tmp_path: Path, since: datetime | None, below: int | None
) -> None:
    """Whatever came since is not read for it, and nothing is sorted."""
    await noted(open_broker(*audit.TYPES, url="sqlite:town.db"), "urn:a")
    until = NOON + timedelta(hours=1)
    sql = logged.found(LogSearch(since=since, until=until, below=below), field_in_sqlite)
    with sqlite3.connect(tmp_path / "town.db") as db:
        plan = db.execute(f"explain query plan {sql.text}", sql.parameters).fetchall()
    assert [step for *_, step in plan if "log_at" in step]
    assert not [step for *_, step in plan if step.startswith("SCAN") or "TEMP" in step], plan


@pytest.mark.parametrize("below", [None, 500], ids=["first page", "next page"])
async def test_so_it_is_on_postgresql(
    open_broker: OpenBroker, postgres: Server, below: int | None
) -> None:
    broker = open_broker(*audit.TYPES, url=postgres.emptied())
    for minute in range(20):
        await noted(broker, *map(str, range(50)), at=NOON + timedelta(minutes=minute))
    # Far more than a page are older: to sort them all is never the shorter way.
    search = LogSearch(until=NOON + timedelta(minutes=19), below=below)
    sql = logged.found(search, field_in_postgres)
    assert isinstance(broker.store, PostgresStore)
    await broker.store._fetch("analyze log", ())
    plan = [
        str(line) for (line,) in await broker.store._fetch(f"explain {sql.text}", sql.parameters)
    ]
    assert any("Index Scan Backward using log_at" in line for line in plan), plan
    assert not any("Seq Scan" in line or "Sort" in line for line in plan), plan


async def test_pages_of_a_time_follow_each_other_though_the_clock_was_set(broker: Broker) -> None:
    for hours in (1, 2, 9, 3, 2, 4):
        await noted(broker, f"urn:{hours}", at=NOON + timedelta(hours=hours))
    search = LogSearch(until=NOON + timedelta(hours=8), limit=2)
    pages = [await broker.store.log_found(search)]
    while pages[-1]:
        search = msgspec.structs.replace(search, below=pages[-1][-1].index)
        pages.append(await broker.store.log_found(search))
    assert [one.index for page in pages for one in page] == [5, 3, 4, 1, 0]


FIELDS = {name: field_in_sqlite(name) for name in ("at", "subject")}


@pytest.mark.parametrize("days", [-1, 0, 182, 3654, 10**12])
def test_records_are_kept_for_six_months_and_not_for_ever(days: int) -> None:
    with pytest.raises(Invalid, match="keep_days"):
        Settings(keep_days=days)


async def test_numbers_by_month_and_purpose_are_open_and_outlast_records(broker: Broker) -> None:
    await noted(broker, "urn:a", "urn:b")
    await noted(broker, "urn:c", at=NOON + timedelta(days=30))
    await broker.ledger.erase([0, 1], OFFICER, WHY, "request 12")
    assert [(*c.kind, c.number) for c in await broker.ledger.counts()] == [
        ("2026-11", "operations", "consultation", 2),
        ("2026-12", "operations", "consultation", 1),
        ("2026-12", "operations", "erasure", 1),
    ]


async def test_a_log_of_the_fourth_schema_gets_commitments_and_counts(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "town.db") as db:
        db.executescript(
            "create table mark (name text primary key, value integer not null);"
            "insert into mark values ('schema', 4);"
            "create table log (row integer primary key, salt blob not null, record text,"
            " leaf blob not null);"
        )
        record = audit.record(OPERATOR, WHY, NOON, "urn:a", "alteration", "")
        entry = audit.entry(record)
        leaf = tlog.leaf(entry.commitment)
        db.execute("insert into log values (1, ?, ?, ?)", (entry.salt, entry.record.decode(), leaf))
    store = open_store("sqlite:town.db", tmp_path)
    try:
        assert [e.commitment for e in await store.log(0, 10)] == [entry.commitment]
        assert [c.number for c in await store.log_counts()] == [1]
        assert len(await store.log_found(LogSearch(subject="urn:a"))) == 1
    finally:
        await store.close()


async def test_a_document_says_too_which_policy_allowed_it(broker: Broker) -> None:
    await broker.documents.keep(Key("", "subscription", "urn:s"), b"{}", OPERATOR, WHY)
    (read,) = await broker.ledger.read(LogSearch(subject="urn:s"), OFFICER, WHY)
    assert read.record.policy == broker.policy.hash


@pytest.mark.parametrize(
    ("by", "why", "said"),
    [
        (OPERATOR, Why("operations", "F" * 201), Said()),
        (OPERATOR, Why("operations", "F\x00"), Said()),
        (OPERATOR, WHY, Said(justification="j" * 1001, recipients=("court",))),
        (OPERATOR, WHY, Said(justification="\ud800", recipients=("court",))),
        (OPERATOR, WHY, Said(justification="j", recipients=("r" * 201,))),
        (OPERATOR, WHY, Said(justification="j", recipients=("r\x1b[2J",))),
        (OPERATOR, WHY, Said(justification="j", recipients=("r",) * 21)),
        (OPERATOR, WHY, Said(detail="d" * 20_001)),
    ],
)
async def test_what_is_kept_for_years_is_bounded_and_can_be_read(
    open_broker: OpenBroker, by: Actor, why: Why, said: Said
) -> None:
    broker = open_broker()
    verb: audit.Verb = "disclosure" if said.recipients else "consultation"
    with pytest.raises(Invalid):
        await broker.ledger.note("urn:x", verb, by, why, said)
    key = Key("", "subscription", "urn:s")
    with pytest.raises(Invalid):
        await broker.documents.keep(key, b"{}", by, Why("operations", "F" * 201))
    assert await broker.store.log_size() == 0


async def test_a_reason_may_have_lines(open_broker: OpenBroker) -> None:
    said = Said(justification="request of 3 May\r\nby letter")
    await open_broker().ledger.note("urn:x", "consultation", OPERATOR, WHY, said)
