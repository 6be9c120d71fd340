"""Index rows change how an answer is found and never what it is."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.postgres import Server
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change, Operation
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity, Kind
from townsquare.model.errors import TownsquareError
from townsquare.store import Store, open_store, postgres_values, queried, sqlite_values
from townsquare.store.conditions import Path as Path_
from townsquare.store.queried import Queried
from townsquare.trust.policy import policy

INTEGRATOR = Actor("machine:test", "machine", roles=frozenset({"integrator"}))
LINK = Why("integration")
TEXTS = st.sampled_from(
    [
        *("ok", "down", "", "x" * 101, "2030-01-01T00:00:00Z", "2030-01-01", "12:00:00Z"),
        *("urn:a:1", "https://uri.etsi.org/ngsi-ld/default-context/ok"),
    ]
)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 2.5, 1e300, 2**53, 2**53 + 1, 2**70])
SCALARS = TEXTS | NUMBERS | st.booleans()
KEYS = st.sampled_from(["x", "@value", "de"])
PARTS = SCALARS | st.none() | st.dictionaries(KEYS, SCALARS, max_size=1)
ANYTHING = SCALARS | st.lists(PARTS, max_size=3) | st.dictionaries(KEYS, PARTS)
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    "Property": ANYTHING | st.just(list(range(100))),
    "Relationship": st.sampled_from(["urn:a:1", ["urn:a:1", "urn:a:2"]]),
    "LanguageProperty": st.dictionaries(st.sampled_from(["de", "en"]), TEXTS | st.lists(TEXTS)),
    "JsonProperty": ANYTHING | st.none(),
    "VocabProperty": TEXTS | st.lists(TEXTS, min_size=1, max_size=2),
    "ListProperty": st.lists(PARTS | st.lists(SCALARS, max_size=2), max_size=3),
    "ListRelationship": st.just(["urn:a:1"]),
}
OPERATIONS: list[Operation] = ["merge", "append", "replace", "delete", "update", "create"]
OPERATORS = ["==", "!=", "<", "<=", ">", ">="]
OPERANDS = ["0", "2.5", "1e300", '"ok"', '"p"', "true", "2030-01-01T00:00:00Z", "2030-01-01"]
PATHS = ["a", "b", "a.c", "a[x]", "a[de]"]
QUESTIONS = [
    *(f"{path}{operator}{o}" for path in PATHS for operator in OPERATORS for o in OPERANDS),
    *(f"{path}{more}" for path in PATHS for more in ("", "~=o", "!~=o", "==urn:a:1", "==0..2")),
    *('a=="' + "x" * 101 + '"', 'a=="a".."p"', "a==1,2", 'a==1,"ok"', "a==9007199254740992"),
    *("a>9007199254740990", "a<9007199254740993", "a==2029-01-01..2031-01-01", "a!=ok;b"),
    *("a==https://uri.etsi.org/ngsi-ld/default-context/ok", "a==12:00:00Z", 'a[*]=="ok"'),
    *("a==1;b>0", "a>0|b>0", "(a>0|b==1);b<2", "b>1;a<=2", "a.observedAt>2030-01-01T00:00:00Z"),
]


@st.composite
def instances(draw: st.DrawFn, subs: bool = True) -> tuple[Attribute, ...]:
    def one(dataset_id: str | None) -> Attribute:
        kind = draw(st.sampled_from(sorted(VALUES)))
        sub = {"c": draw(instances(subs=False))[0]} if subs and draw(st.booleans()) else {}
        return Attribute(draw(VALUES[kind]), kind=kind, dataset_id=dataset_id, sub=sub)

    ids: list[str | None] = [None, "urn:d:1"]
    return tuple(one(id) for id in ids[: draw(st.integers(1, 2 if subs else 1))])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    names = draw(st.sets(st.sampled_from("ab"), min_size=1, max_size=2))
    attributes = {name: draw(instances()) for name in sorted(names)}
    id = f"urn:ngsi-ld:T:{draw(st.integers(1, 4))}"
    entity = Entity(id, (draw(st.sampled_from(["T", "U"])),), attributes)
    operation: Operation = draw(st.sampled_from(OPERATIONS))
    return Change(operation, entity, upsert=True)


CALLS = st.lists(st.lists(changes(), min_size=1, max_size=3), max_size=6)
ASKED = st.lists(st.sampled_from(QUESTIONS), min_size=20, max_size=20)


async def indexed(store: Store, paths: int) -> None:
    async with asyncio.timeout(60):
        while store.conditions.edition < paths:  # noqa: ASYNC110 - no one tells
            await asyncio.sleep(0.001)


async def apply(brokers: list[Broker], calls: list[list[Change]]) -> None:
    for call in calls:
        for broker in brokers:
            try:
                await broker.apply(call, INTEGRATOR, LINK)
            except TownsquareError:
                continue


async def answer(broker: Broker, q: str, types: tuple[str, ...], limit: int) -> object:
    query = Query(types=types, q=parse(q), limit=limit, count=True)
    page = await broker.find(query, INTEGRATOR, LINK)
    return page.count, page.more, [entity.id for entity in page.entities]


async def compare(plain: Broker, other: Broker, asked: list[str]) -> None:
    for q in asked:
        for types in ((), ("T",), ("T", "U")):
            expected = await answer(plain, q, types, 2)
            assert await answer(other, q, types, 2) == expected, q


Told = tuple[list[list[Change]], list[list[Change]], list[str]]  # before, after, and asked
FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("many", [0, 20_000])
@FEW
@given(told=st.tuples(CALLS, CALLS, ASKED))
def test_answers_are_the_same_with_index_rows_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int, told: Told
) -> None:
    """With searches that begin with them, and with none."""
    monkeypatch.setattr(sqlite_values, "MANY", many)
    asyncio.run(compare_all(tmp_path, monkeypatch, "memory:", told))


@settings(FEW, max_examples=5)
@given(told=st.tuples(CALLS, CALLS, ASKED))
def test_answers_of_postgres_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server, told: Told
) -> None:
    asyncio.run(compare_all(tmp_path, monkeypatch, postgres.emptied(), told))


async def compare_all(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, told: Told) -> None:
    """Rows that are made of what is there, and those that are kept from then on."""
    before, after, asked = told
    monkeypatch.setattr(queried, "ASKED", 1)
    monkeypatch.setattr(queried, "PAUSE_S", 0)
    plain, other = opened("memory:", folder), opened(url, folder)
    await apply([plain, other], before)
    for path in PATHS:
        await answer(other, path, (), 1)
    await indexed(other.store, len(PATHS))
    monkeypatch.setattr(queried, "ASKED", 10**9)  # the other one gets none
    await compare(plain, other, asked)
    await apply([plain, other], after)
    await compare(plain, other, asked)
    await plain.store.close()
    await other.store.close()


LAMPS = [Entity(f"urn:ngsi-ld:Lamp:{n}", ("Lamp",), {"level": (Attribute(n),)}) for n in (1, 2, 3)]
CREATED = [Change("create", lamp) for lamp in LAMPS]


def opened(url: str, folder: Path, *declared: str) -> Broker:
    return Broker(open_store(url, folder, queried=declared), open_bus("memory:"), policy(()))


async def test_what_is_asked_often_is_indexed_by_itself(tmp_path: Path, store_url: str) -> None:
    broker = opened(store_url, tmp_path)
    await broker.apply(CREATED, INTEGRATOR, LINK)
    for _ in range(queried.ASKED // 2):  # a page and its count each
        assert not broker.store.conditions.edition
        assert await answer(broker, "level>2", (), 5) == (1, False, [LAMPS[2].id])
    await indexed(broker.store, 1)
    assert await answer(broker, "level>2", (), 5) == (1, False, [LAMPS[2].id])
    await broker.store.close()
    again = opened(store_url, tmp_path)
    await again.store.ready()
    assert again.store.conditions.edition == (store_url != "memory:"), "and stays so"
    await again.store.close()


@pytest.fixture
def durable_url(store_url: str) -> str:
    if store_url == "memory:":
        pytest.skip("what is in memory alone ends with the store")
    return store_url


async def test_an_index_that_was_begun_is_finished_after_a_restart(
    tmp_path: Path, durable_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_values, "PIECE", 1)
    monkeypatch.setattr(postgres_values, "PIECE", 1)
    monkeypatch.setattr(queried, "PAUSE_S", 0.05)
    broker = opened(durable_url, tmp_path, "level")
    await broker.apply(CREATED, INTEGRATOR, LINK)
    await broker.store.ready()
    await asyncio.sleep(0.05)
    await broker.store.close()
    broker = opened(durable_url, tmp_path)
    assert not broker.store.conditions.edition
    await broker.store.ready()
    await broker.apply([Change("merge", lamp) for lamp in LAMPS[1:]], INTEGRATOR, LINK)
    await indexed(broker.store, 1)
    assert await answer(broker, "level>0", (), 2) == (3, True, [lamp.id for lamp in LAMPS[:2]])
    await broker.store.close()


async def asked_often(broker: Broker, q: str) -> None:
    for _ in range(queried.ASKED):
        await answer(broker, q, (), 5)


def slots(store: Any) -> Queried:
    found: Queried = store._queried if hasattr(store, "_queried") else store._values.queried
    return found


async def kept(store: Any, *names: str) -> None:
    """Waits until these paths are ready, no other is kept and no rows are left over."""
    found = slots(store)
    wanted = set(map(Path_, names))
    for _ in range(500):
        if set(found.kept) == found.ready == wanted and not found._left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError((found.kept, found.ready, found._left))


NAMES = ("level", "power", "heat")
MEASURED = [
    Entity(f"urn:ngsi-ld:Lamp:{n}", ("Lamp",), {name: (Attribute(n),) for name in NAMES})
    for n in (1, 2, 3)
]


async def of_lamps(url: str, folder: Path) -> Broker:
    """A town with lamps, which declares that it asks for their `level`."""
    broker = opened(url, folder, "level")
    await broker.apply([Change("create", e) for e in MEASURED], INTEGRATOR, LINK)
    await broker.store.ready()
    return broker


@pytest.fixture
def short_of_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MOST": 2, "IDLE_S": 0.0, "GRACE_S": 0.0, "PAUSE_S": 0.0}.items():
        monkeypatch.setattr(queried, name, value)
    monkeypatch.setattr(sqlite_values, "SWEPT", 2)
    monkeypatch.setattr(postgres_values, "SWEPT", 2)


@pytest.mark.usefixtures("short_of_slots")
async def test_what_was_asked_least_recently_gives_its_slot_to_what_is_asked_now(
    tmp_path: Path, store_url: str
) -> None:
    broker = await of_lamps(store_url, tmp_path)
    await asked_often(broker, "power>1")
    await kept(broker.store, "level", "power")
    await asked_often(broker, "heat>1")
    await kept(broker.store, "level", "heat")
    changed = Entity(MEASURED[0].id, ("Lamp",), {"power": (Attribute(9),), "heat": (Attribute(9),)})
    await broker.apply([Change("merge", changed)], INTEGRATOR, LINK)
    for q in ("power>1", "heat>1", "level>0"):
        assert await answer(broker, q, (), 5) == (3, False, [e.id for e in MEASURED]), q
    await asked_often(broker, "power>2")
    await kept(broker.store, "level", "power")
    assert await answer(broker, "power>2", (), 5) == (
        2,
        False,
        [MEASURED[0].id, MEASURED[2].id],
    )
    await broker.store.close()


@pytest.mark.usefixtures("short_of_slots")
async def test_slots_change_hands_while_others_write(tmp_path: Path, store_url: str) -> None:
    broker = await of_lamps(store_url, tmp_path)
    ended = asyncio.Event()

    async def write() -> int:
        number = 0
        while not ended.is_set():
            number += 1
            values = {name: (Attribute(number),) for name in NAMES}
            change = Change("merge", Entity(MEASURED[0].id, ("Lamp",), values))
            await broker.apply([change], INTEGRATOR, LINK)
        return number

    async with asyncio.TaskGroup() as tasks:
        written = tasks.create_task(write())
        for name in ("power", "heat", "power", "heat"):
            await asked_often(broker, f"{name}<0")
            await kept(broker.store, "level", name)
        ended.set()
    for name in NAMES:
        q = f"{name}=={written.result()}"
        assert await answer(broker, q, (), 5) == (1, False, [MEASURED[0].id]), q
    await broker.store.close()


@pytest.mark.usefixtures("short_of_slots")
async def test_what_was_asked_within_the_hour_keeps_its_slot(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queried, "IDLE_S", 3600.0)
    broker = await of_lamps(store_url, tmp_path)
    await asked_often(broker, "power>1")
    await kept(broker.store, "level", "power")
    await asked_often(broker, "heat>1")
    await kept(broker.store, "level", "power")
    monkeypatch.setattr(queried, "IDLE_S", 0.0)
    await asked_often(broker, "heat>1")
    await kept(broker.store, "level", "heat")
    await broker.store.close()


@pytest.mark.usefixtures("short_of_slots")
async def test_what_nobody_asks_for_any_more_gives_back_its_slot_and_a_restart_goes_on(
    tmp_path: Path, durable_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = await of_lamps(durable_url, tmp_path)
    await asked_often(broker, "power>1")
    await kept(broker.store, "level", "power")
    monkeypatch.setattr(queried, "FORGOTTEN_S", 0.0)
    monkeypatch.setattr(queried, "PAUSE_S", 60.0)  # as if it were killed after the first step
    now = datetime.now(UTC)
    await broker.store.trim(now, now, now)
    for _ in range(500):
        if len(slots(broker.store).kept) == 1:
            break
        await asyncio.sleep(0.01)
    await broker.store.close()
    monkeypatch.setattr(queried, "PAUSE_S", 0.0)
    again = opened(durable_url, tmp_path, "level")
    await again.store.ready()
    assert slots(again.store)._left
    await kept(again.store, "level")
    assert await answer(again, "power>1", (), 5) == (2, False, [e.id for e in MEASURED[1:]])
    await again.store.close()


async def test_what_a_grant_hides_is_absent_from_what_is_indexed(
    open_broker: Callable[..., Broker], store_url: str
) -> None:
    secret = EntityType(
        "Meter", owner="meters", readers=frozenset({"integrator"}), secret=frozenset({"level"})
    )
    broker = open_broker(secret, url=store_url)
    room = Actor("room:meters", "room", roles=frozenset({"room"}), room="meters")
    await broker.apply(CREATED, INTEGRATOR, LINK)
    meter = Entity("urn:ngsi-ld:Meter:1", ("Meter",), {"level": (Attribute(3),)})
    await broker.apply([Change("create", meter)], room, Why("operations"))
    for _ in range(queried.ASKED // 2):
        assert await answer(broker, "level==3", (), 5) == (1, False, [LAMPS[2].id])
    await indexed(broker.store, 1)
    for q in ("level==3", "level;level!=2;level!=1"):
        assert await answer(broker, q, (), 5) == (1, False, [LAMPS[2].id])
        assert await answer(broker, q, ("Meter",), 5) == (0, False, [])


async def test_a_database_of_the_third_schema_gets_index_rows(tmp_path: Path) -> None:
    broker = opened("sqlite:town.db", tmp_path)
    await broker.apply(CREATED, INTEGRATOR, LINK)
    await broker.store.close()
    with closing(sqlite3.connect(tmp_path / "town.db")) as db:
        db.executescript(
            "drop table attribute_value; drop table queried;"
            "update mark set value = 3 where name = 'schema';"
        )
    broker = opened("sqlite:town.db", tmp_path, "level")
    await broker.store.ready()
    await indexed(broker.store, 1)
    assert await answer(broker, "level>1", (), 5) == (2, False, [lamp.id for lamp in LAMPS[1:]])
    await broker.store.close()
