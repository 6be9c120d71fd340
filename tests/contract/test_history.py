"""What a store keeps of the past: narrow rows, and sums of hours that never tell another story."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as asked
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.postgres import Server
from townsquare.model.entity import NULL, Attribute, Entity
from townsquare.store import Find, Instance, Job, Key, LogEntry, Row, Store, Writes, open_store
from townsquare.store.census import Counted
from townsquare.store.conditions import Path as Sought
from townsquare.store.past import (
    Erase,
    Past,
    Tally,
    Whose,
    Window,
    instance_id,
)

START = datetime(2031, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
METER = "urn:ngsi-ld:Meter:1"
ALL = Past((Whose((METER,), ("Meter",)),), Window())


def instance(number: int, minute: int, value: float | str, **changed: object) -> Instance:
    at = START + timedelta(minutes=minute)
    plain = isinstance(value, float)
    return replace(
        Instance(
            METER,
            "Meter",
            "flow",
            None,
            instance_id(number),
            observed_at=at,
            created_at=START,
            modified_at=START,
            deleted_at=None,
            number=value if isinstance(value, float) else None,
            json=None if plain else msgspec.json.encode(Attribute(value)),
        ),
        **changed,
    )


async def write(store: Store, writes: Writes, tenant: str = "") -> None:
    await store.commit(Job(START, tenant, (), lambda _: writes))


@dataclass(frozen=True)
class Add:
    minute: int
    value: float | str


@dataclass(frozen=True)
class Take:
    place: int  # among those that are there


@dataclass(frozen=True)
class Correct:
    place: int
    value: float


@dataclass(frozen=True)
class RollUp:
    hour: int


minutes = st.integers(0, 3 * 24 * 60)
values = st.integers(-50, 50).map(float)
steps = st.lists(
    st.one_of(
        st.builds(Add, minutes, values),
        st.builds(Add, minutes, values),
        st.builds(Add, minutes, st.sampled_from(["low", "high"])),
        st.builds(Take, st.integers(0, 100)),
        st.builds(Correct, st.integers(0, 100), values),
        st.builds(RollUp, st.integers(0, 100)),
    ),
    max_size=40,
)
periods = st.tuples(st.integers(-90, 90), st.sampled_from([20, 60, 120, 150, 1440]))


async def _do(store: Store, done: Sequence[object]) -> list[Instance]:
    """What is there then, as the steps say it."""
    there: list[Instance] = []
    for number, step in enumerate(done):
        if isinstance(step, RollUp):
            await store.roll_up(START + step.hour * HOUR)
        elif isinstance(step, Add):
            there.append(instance(number, step.minute, step.value))
            await write(store, Writes(history=[there[-1]]))
        elif isinstance(step, Take | Correct) and there:
            old = there.pop(step.place % len(there))
            erase = [Erase(METER, "flow", None, old.instance_id)]
            new = [replace(old, number=step.value, json=None)] if isinstance(step, Correct) else []
            there += new
            await write(store, Writes(erase=erase, history=new))
    return there


def _expected(there: Sequence[Instance], edges: Sequence[datetime]) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {}
    for place, (since, until) in enumerate(pairwise(edges)):
        within = [i for i in there if i.observed_at and since <= i.observed_at < until]
        numbers = [i.number for i in within if i.number is not None]
        least, greatest = min(numbers, default=None), max(numbers, default=None)
        if within:
            found[place] = [len(within), len(numbers), sum(numbers), least, greatest]
    return found


def _told(tallies: Sequence[Tally]) -> dict[int, list[object]]:
    return {t.period: [t.instances, t.numbers, t.total, t.least, t.greatest] for t in tallies}


async def _compare(store: Store, done: Sequence[object], every: tuple[int, int]) -> None:
    there = await _do(store, done)
    first, step = every
    count = 4 * 24 * 60 // step
    edges = [START + timedelta(minutes=first + n * step) for n in range(count)]
    expected = _expected(there, edges)
    for distinct in (False, True):  # with it, from the rows
        found = await store.tallies("", ALL, edges, distinct=distinct)
        assert _told(found) == expected
    await store.roll_up(START + 200 * HOUR)
    assert _told(await store.tallies("", ALL, edges, distinct=False)) == expected


def _tried(url: str, done: Sequence[object], every: tuple[int, int]) -> None:
    async def compare() -> None:
        store = open_store(url, Path())
        try:
            await _compare(store, done, every)
        finally:
            await store.close()

    asyncio.run(compare())


@settings(max_examples=60, deadline=None)
@given(steps, periods)
def test_sums_of_hours_say_what_the_rows_say(done: list[object], every: tuple[int, int]) -> None:
    _tried("memory:", done, every)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties it
)
@given(steps, periods)
def test_sums_of_hours_say_what_the_rows_say_in_postgresql(
    postgres: Server, done: list[object], every: tuple[int, int]
) -> None:
    _tried(postgres.emptied(), done, every)


@pytest.fixture
async def store(tmp_path: Path, store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url, tmp_path)
    yield opened
    await opened.close()


async def test_instances_by_their_times(store: Store) -> None:
    late = instance(1, 60, 1.0, created_at=START + 5 * HOUR, modified_at=START + 5 * HOUR)
    now = START + 6 * HOUR
    mended = instance(2, 120, 2.0, created_at=START + 2 * HOUR, modified_at=now)
    bare = instance(3, 0, 3.0, observed_at=None, created_at=START + HOUR, modified_at=START + HOUR)
    gone = replace(bare, instance_id=instance_id(4), number=None, json=b'{"value":null}')
    ended = replace(gone, created_at=now, modified_at=now, deleted_at=now)
    await write(store, Writes(history=[late, mended, bare, ended]))

    async def found(past: Past) -> list[int]:
        return [int(i.instance_id[-1]) for i in await store.instances("", past)]

    whose = ALL.whose
    assert await found(Past(whose)) == [1, 3, 2, 4]
    assert await found(ALL) == [1, 2]
    assert await found(Past(whose, Window(until=START + 2 * HOUR))) == [1]
    assert await found(Past(whose, Window(since=START + 2 * HOUR))) == [2]
    assert await found(Past(whose, Window("createdAt"))) == [3, 2, 1, 4]
    assert await found(Past(whose, Window("createdAt", since=START + 3 * HOUR))) == [1, 4]
    assert await found(Past(whose, Window("modifiedAt"))) == [3, 1, 2, 4]
    assert await found(Past(whose, Window("deletedAt"))) == [4]
    assert await found(Past(whose, last=2)) == [2, 4]
    assert await found(Past(whose, most=2)) == [1, 3]
    assert await found(Past(whose, instance_id=instance_id(2))) == [2]
    assert await found(Past(whose, instance_id="urn:ngsi-ld:Instance:none")) == []
    span = await store.span("", ALL)
    assert span == (START + HOUR, START + 2 * HOUR)
    assert await store.span("", Past(whose, Window("deletedAt"))) == (now, now)


async def test_the_last_are_of_each_attribute_whatever_its_datasets(store: Store) -> None:
    rows = [
        instance(n, n, float(n), dataset_id="urn:a" if n % 2 else None, attribute=attribute)
        for n, attribute in ((1, "flow"), (2, "flow"), (3, "flow"), (4, "heat"), (5, "heat"))
    ]
    await write(store, Writes(history=rows))

    async def found(**limits: object) -> list[float | None]:
        past = asked(ALL, **limits)  # type: ignore[arg-type]  # fields of the question
        return [i.number for i in await store.instances("", past)]

    assert await found(last=2) == [2, 3, 4, 5]
    assert await found(last=2, most=3) == [3, 4, 5]
    assert await found(datasets=(None,)) == [2, 4]
    assert await found(datasets=("urn:a",), last=1) == [3, 5]
    heat = (Whose((METER,), ("Meter",), frozenset({"heat"})),)
    assert await found(whose=heat) == [4, 5]
    assert await found(whose=(asked(heat[0], hidden=frozenset({"heat"})),)) == []
    assert await found(whose=(asked(heat[0], types=("Tank",)),)) == []


async def test_what_is_forgotten_is_in_no_sum(store: Store) -> None:
    old = [instance(n, n * 10, 1.0) for n in range(30)]
    await write(store, Writes(history=old))
    await store.roll_up(START + 100 * HOUR)
    edges = [START, START + 24 * HOUR]
    assert await store.forget(["Tank"], START + 24 * HOUR, others=False) == 0
    assert await store.forget(["Meter"], START + 150 * timedelta(minutes=1), others=False) == 15
    (left,) = await store.tallies("", ALL, edges, distinct=False)
    assert (left.instances, left.total) == (15, 15.0)
    await write(store, Writes(erase=[Erase(METER, "flow")]))
    assert await store.tallies("", ALL, edges, distinct=False) == []
    await write(store, Writes(history=old[:2]))
    (again,) = await store.tallies("", ALL, edges, distinct=False)
    assert again.instances == 2
    await write(store, Writes(forget=[Key("", "context", METER)]))
    assert await store.instances("", ALL) == []


async def test_what_is_forgotten_before_it_was_rolled_up_is_in_no_sum(store: Store) -> None:
    late = {"created_at": START + 30 * HOUR, "modified_at": START + 30 * HOUR}
    found = [instance(n, n * 10, 1.0, **(late if n % 2 else {})) for n in range(30)]
    await write(store, Writes(history=found))
    assert await store.forget(["Meter"], START + 24 * HOUR, others=False) == 15
    for _ in range(2):
        await store.roll_up(START + 100 * HOUR)
        (left,) = await store.tallies("", ALL, [START, START + 24 * HOUR], distinct=False)
        assert (left.instances, left.total) == (15, 15.0)


async def test_a_job_that_breaks_leaves_the_numbers_of_series_right(store: Store) -> None:
    other = replace(instance(1, 1, 1.0), entity="urn:ngsi-ld:Meter:2")
    unsalted = LogEntry(None, b"{}", b"")  # type: ignore[arg-type]  # so that it breaks
    with pytest.raises(Exception, match=r"(?i)not.null"):
        await write(store, Writes(history=[other], log=[unsalted]))
    await write(store, Writes(history=[other]))
    await write(store, Writes(history=[instance(2, 2, 2.0)]))
    assert [i.number for i in await store.instances("", ALL)] == [2.0]


async def test_a_job_that_takes_back_and_writes_again_leaves_what_it_wrote(store: Store) -> None:
    first, second = instance(1, 10, 1.0), instance(2, 20, 2.0)
    await write(store, Writes(history=[first, second]))
    await store.roll_up(START + 100 * HOUR)
    again = replace(second, number=5.0, modified_at=START + HOUR)
    only = Erase(METER, "flow", None, second.instance_id, second.observed_at)
    await write(store, Writes(erase=[only], history=[again]))
    assert await store.instances("", ALL) == [first, again]
    whole = [Erase(METER, "flow"), Erase(METER, "flow", observed=(START,))]
    await write(store, Writes(erase=whole, history=[second]))
    assert await store.instances("", ALL) == [second]
    gone = Writes(forget=[Key("", "context", METER)], history=[first])
    await asyncio.gather(write(store, Writes(history=[again])), write(store, gone))
    assert await store.instances("", ALL) == [first]
    (tally,) = await store.tallies("", ALL, [START, START + 24 * HOUR], distinct=False)
    assert (tally.instances, tally.total) == (1, 1.0)


async def test_many_instances_at_once_are_kept_as_few_are(store: Store) -> None:
    many = [instance(n, n, float(n) if n % 3 else "low") for n in range(250)]
    await write(store, Writes(history=many))
    assert await store.instances("", ALL) == many
    only = Erase(METER, "flow", observed=tuple(i.observed_at for i in many if i.observed_at))
    await write(store, Writes(erase=[only], history=many[:150]))
    assert await store.instances("", ALL) == many[:150]


WIDE = """
create table entity (row integer primary key, tenant text not null, kind text not null,
    id text not null, version integer not null, body text not null, unique (tenant, kind, id));
create table history (row integer primary key, tenant text not null, entity text not null,
    type text not null, attribute text not null, dataset_id text, instance_id text not null,
    observed_at integer, created_at integer not null, modified_at integer not null,
    deleted_at integer, number real, json text);
create index history_of on history (tenant, entity, attribute, observed_at);
create index history_age on history (type, modified_at);
create table mark (name text primary key, value integer not null) without rowid;
insert into mark values ('schema', 1);
"""
OLD = "urn:ngsi-ld:Instance:8ad40c1f-9995-408a-8651-51be67124a4d"


CELSIUS = Attribute(21.5, observed_at=START, unit_code="CEL", created_at=START, instance_id=OLD)
WAS = msgspec.json.encode(Entity(METER, ("Meter",), {"heat": (CELSIUS,)}, version=4)).decode()
KEPT = msgspec.json.encode(CELSIUS).decode()
MOMENT = int(START.timestamp()) * 1_000_000
WIDE_ROWS = (
    ("flow", None, OLD[:-1] + "1", MOMENT, MOMENT, MOMENT + 5, None, 7.0, None),
    ("heat", None, OLD, MOMENT, MOMENT, MOMENT + 6, None, None, KEPT),
    ("heat", "urn:a", OLD[:-1] + "2", None, MOMENT, MOMENT + 7, MOMENT + 7, None, KEPT),
)


async def test_a_database_of_the_first_schema_is_brought_up(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "town.db")
    db.executescript(WIDE)
    db.execute("insert into entity values (1, '', 'context', ?, 4, ?)", (METER, WAS))
    for row in WIDE_ROWS:
        db.execute(
            "insert into history (tenant, entity, type, attribute, dataset_id, instance_id,"
            " observed_at, created_at, modified_at, deleted_at, number, json)"
            " values ('', ?, 'Meter', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (METER, *row),
        )
    db.commit()
    db.close()
    for _ in range(2):  # the second time nothing is left to do
        store = open_store("sqlite:town.db", tmp_path)
        flow = await _brought_up(store)
        await store.close()
    assert flow.created_at == START + timedelta(microseconds=5)


async def _brought_up(store: Store) -> Instance:
    flow, heat, ended = await store.instances("", Past(ALL.whose))
    present = await store.get(Key("", "context", METER))
    assert (flow.number, flow.observed_at, flow.json) == (7.0, START, None)
    assert heat.number == 21.5
    assert msgspec.json.decode(heat.json or b"", type=Attribute).unit_code == "CEL"
    assert ended.deleted_at == START + timedelta(microseconds=7)
    assert msgspec.json.decode(ended.json or b"", type=Attribute).value == NULL
    assert isinstance(present, Row)
    now = msgspec.json.decode(present.body, type=Entity)
    assert now.attributes["heat"][0].instance_id == heat.instance_id
    return flow


WIDE_POSTGRES = """
drop schema public cascade;
create schema public;
create table entity (row bigint generated by default as identity primary key, tenant text not null,
    kind text not null, id text not null, version bigint not null, body bytea not null,
    doc jsonb not null, unique (tenant, kind, id));
create table history (row bigint generated by default as identity primary key,
    tenant text not null, entity text not null, type text not null, attribute text not null,
    dataset_id text, instance_id text not null, observed_at bigint, created_at bigint not null,
    modified_at bigint not null, deleted_at bigint, number double precision, json bytea);
create index history_of on history (tenant, entity, attribute, observed_at);
create index history_age on history (type, modified_at);
create table mark (name text primary key, value bigint not null);
insert into mark values ('schema', 1), ('tables', 7), ('seq', 3);
"""


async def test_a_database_of_the_first_schema_in_postgresql_is_brought_up(
    postgres: Server,
) -> None:
    postgres.execute(WIDE_POSTGRES)
    body = f"convert_to({_quoted(WAS)}, 'UTF8')"
    postgres.execute(f"insert into entity values (1, '', 'context', '{METER}', 4, {body}, '{WAS}')")
    for row in WIDE_ROWS:
        *said, json = map(_quoted, row)
        kept = f"convert_to({json}, 'UTF8')"
        postgres.execute(
            "insert into history (tenant, entity, type, attribute, dataset_id, instance_id,"
            " observed_at, created_at, modified_at, deleted_at, number, json)"
            f" values ('', '{METER}', 'Meter', {', '.join(said)}, {kept})"
        )
    for _ in range(2):
        store = open_store(postgres.url, Path())
        flow = await _brought_up(store)
        census = await store.census("")
        found = await store.count("", Find(store.conditions.exists(Sought("heat"))))
        await store.close()
    assert flow.modified_at == START + timedelta(microseconds=5)
    assert census == {Counted("Meter", ""): 1, Counted("Meter", "", "heat", "Property"): 1}
    assert found == 1


def _quoted(value: str | float | None) -> str:
    return "null" if value is None else f"'{value}'"


SECOND = """
alter table series rename to numbered;
create table series (
    id integer primary key, tenant text not null, entity text not null, attribute text not null,
    dataset text not null, type text not null, rolled integer not null default 0,
    unique (tenant, entity, attribute, dataset, type));
insert into series select * from numbered;
drop table numbered;
drop table kept_day;
drop table sealed;
drop table erased;
drop table dropped;
drop table stray;
update mark set value = 2 where name = 'schema';
"""


async def test_a_database_of_the_second_schema_is_brought_up(tmp_path: Path) -> None:
    store = open_store("sqlite:town.db", tmp_path)
    await write(store, Writes(history=[instance(1, 1, 1.0), instance(2, 2, 2.0)]))
    await store.close()
    db = sqlite3.connect(tmp_path / "town.db")
    db.executescript(SECOND)
    db.close()
    store = open_store("sqlite:town.db", tmp_path)
    await write(store, Writes(forget=[Key("", "context", METER)]))
    await write(store, Writes(history=[instance(3, 3, 3.0)]))
    assert [i.number for i in await store.instances("", ALL)] == [3.0]
    await store.close()
    with sqlite3.connect(tmp_path / "town.db") as db:
        assert db.execute("select id from series").fetchone() == (2,), "no number is given twice"
    db.close()
