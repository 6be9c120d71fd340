"""Old days lie in files, and nobody who asks for the past notices."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Sequence
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

from townsquare.model.entity import Attribute
from townsquare.store import (
    Find,
    Instance,
    Job,
    Key,
    Place,
    Row,
    Store,
    Writes,
    open_store,
    sqlite_runs,
    sqlite_sealing,
)
from townsquare.store.conditions import Path as Where
from townsquare.store.past import Erase, Past, Tally, Whose, Window, instance_id

pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
START = datetime(2031, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
METERS = [f"urn:ngsi-ld:Meter:{n}" for n in range(1, 6)]
METER, TANK, *_ = METERS
WHOSE = (Whose(tuple(METERS), ("Meter",)),)
ALL = Past(WHOSE, Window())
EDGES = [START + n * timedelta(hours=5, minutes=30) for n in range(24)]


def instance(number: int, minute: int, value: float | str, entity: str = METER) -> Instance:
    at = START + timedelta(minutes=minute)
    return Instance(
        entity,
        "Meter",
        "flow",
        None,
        instance_id(number),
        observed_at=at,
        created_at=START,
        modified_at=START,
        deleted_at=None,
        number=value if isinstance(value, float) else None,
        json=msgspec.json.encode(Attribute(None if isinstance(value, float) else value)),
    )


def row(entity: str) -> Row:
    return Row(Key("", "context", entity), 1, b"{}", Place(("Meter",), (), None, None))


async def write(store: Store, writes: Writes) -> None:
    await store.commit(Job(START, "", (), lambda _: writes))


@dataclass(frozen=True)
class Add:
    minute: int
    value: float | str
    entity: str


@dataclass(frozen=True)
class Again:
    """What is recorded of the time of another takes its place."""

    place: int
    value: float


@dataclass(frozen=True)
class Take:
    place: int  # among those that are there


@dataclass(frozen=True)
class Correct:
    place: int
    value: float


@dataclass(frozen=True)
class Drop:
    entity: str


@dataclass(frozen=True)
class Seal:
    day: int


@dataclass(frozen=True)
class RollUp:
    day: int


@dataclass(frozen=True)
class Reopen:
    pass


minutes = st.one_of(st.integers(0, 4 * 24 * 60), st.sampled_from([0, 1, 1439, 1440, 1500]))
values = st.integers(-50, 50).map(float)
places = st.integers(0, 100)
entities = st.sampled_from(METERS)
steps = st.lists(
    st.one_of(
        st.builds(Add, minutes, st.one_of(values, st.sampled_from(["low", "high"])), entities),
        st.builds(Add, minutes, values, entities),
        st.builds(Add, minutes, values, entities),
        st.builds(Seal, st.integers(1, 6)),
        st.builds(RollUp, st.integers(1, 6)),
        st.builds(Again, places, values),
        st.builds(Take, places),
        st.builds(Correct, places, values),
        st.builds(Drop, entities),
        st.builds(Reopen),
    ),
    max_size=40,
)


class Town:
    """A store, and what it should tell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = open_store("sqlite:town.db", folder)
        self.there: list[Instance] = []

    async def do(self, number: int, step: object) -> None:
        match step:
            case Seal(day):
                await self.store.seal(START + day * DAY)
            case RollUp(day):
                await self.store.roll_up(START + day * DAY)
            case Reopen():
                await self.store.close()
                self.store = open_store("sqlite:town.db", self.folder)
            case Add(minute, value, entity):
                new = instance(number, minute, value, entity)
                await self.erase_and_add(Erase(entity, "flow", observed=self.times([new])), [new])
            case Drop(entity):
                await self.erase_and_add(Erase(entity, "flow"), [])
            case Take(place) | Correct(place) | Again(place) if self.there:
                await self.change(number, step, self.there[place % len(self.there)])

    async def change(self, number: int, step: object, old: Instance) -> None:
        erase = Erase(old.entity, "flow", None, old.instance_id, old.observed_at)
        new: list[Instance] = []
        if isinstance(step, Correct):
            new = [replace(old, number=step.value, json=None)]
        if isinstance(step, Again):
            erase = Erase(old.entity, "flow", observed=self.times([old]))
            new = [replace(old, number=step.value, json=None, instance_id=instance_id(number))]
        await self.erase_and_add(erase, new)

    async def erase_and_add(self, erase: Erase, new: list[Instance]) -> None:
        await write(self.store, Writes(erase=[erase], history=new))
        self.there = [i for i in self.there if not self.meant(i, erase)] + new

    def meant(self, i: Instance, erase: Erase) -> bool:
        if i.entity != erase.entity or (erase.instance_id and i.instance_id != erase.instance_id):
            return False
        return not erase.observed or i.observed_at in erase.observed

    def times(self, instances: Sequence[Instance]) -> tuple[datetime, ...]:
        return tuple(i.observed_at for i in instances if i.observed_at)

    def expected(self) -> list[Instance]:
        return sorted(self.there, key=lambda i: (i.observed_at or START, i.instance_id))


def told(instances: Sequence[Instance]) -> list[tuple[str, object, object]]:
    return [(i.instance_id, i.observed_at, i.number or told_text(i)) for i in instances]


def told_text(i: Instance) -> object:
    return msgspec.json.decode(i.json or b"{}").get("value")


def tallied(instances: Sequence[Instance]) -> dict[tuple[str, int], tuple[object, ...]]:
    found: dict[tuple[str, int], tuple[object, ...]] = {}
    for entity in METERS:
        of_entity = [i for i in instances if i.entity == entity]
        for place, (since, until) in enumerate(pairwise(EDGES)):
            of = [i for i in of_entity if i.observed_at and since <= i.observed_at < until]
            numbers = [i.number for i in of if i.number is not None]
            if of:
                bounds = (min(numbers, default=None), max(numbers, default=None))
                found[entity, place] = (len(of), len(numbers), sum(numbers), *bounds)
    return found


def shown(tallies: Sequence[Tally]) -> dict[tuple[str, int], tuple[object, ...]]:
    return {
        (t.entity, t.period): (t.instances, t.numbers, t.total, t.least, t.greatest)
        for t in tallies
    }


async def found_by(store: Store, window: Window, condition: str) -> list[str]:
    then = store.past_conditions(window)
    where = {
        "some": lambda: then.recorded(None, (), ()),
        "over 10": lambda: then.holds(Where("flow"), ">", 10.0),
        "low": lambda: then.holds(Where("flow"), "==", "low"),
    }[condition]()
    rows = await store.find("", Find(where, types=("Meter",), words=then))
    count = await store.count("", Find(where, types=("Meter",), words=then))
    assert count == len(rows)
    return [row.key.id for row in rows]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a file any more when it is replaced."""
    monkeypatch.setattr(sqlite_sealing, "READ_S", 0)


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some for each day."""
    monkeypatch.setattr(sqlite_runs, "MOST_ROWS", 3)
    monkeypatch.setattr(sqlite_sealing, "MOST_SERIES", 4)


@pytest.mark.usefixtures("small_files", "unread")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps)
def test_files_and_rows_tell_one_story(done: list[object]) -> None:
    async def compare(folder: Path) -> None:
        town = Town(folder)
        try:
            await write(town.store, Writes(put=[row(id) for id in METERS]))
            for number, step in enumerate(done):
                await town.do(number, step)
            await same(town)
        finally:
            await town.store.close()
        in_order(folder)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))


def in_order(folder: Path) -> None:
    """What lies in the folder is known, and no two files are about the same series of a day."""
    with sqlite3.connect(folder / "town.db") as db:
        noted = db.execute("select day, first, last, file from sealed order by 1, 2").fetchall()
        strays = {name for (name,) in db.execute("select file from stray")}
    db.close()
    there = {str(p.relative_to(folder / "history")) for p in folder.glob("history/*/*")}
    assert {file for *_, file in noted} <= there <= {file for *_, file in noted} | strays
    for (day, _, last, _), (next_day, first, _, _) in pairwise(noted):
        assert next_day > day or first > last


async def same(town: Town) -> None:
    store, every = town.store, town.expected()
    assert told(await store.instances("", ALL)) == told(every)
    assert told(await store.instances("", asked(ALL, most=3))) == told(every[:3])
    last = [i for e in METERS for i in [x for x in every if x.entity == e][-2:]]
    ordered = sorted(last, key=lambda i: (i.observed_at or START, i.instance_id))
    assert told(await store.instances("", asked(ALL, last=2))) == told(ordered)
    span = await store.span("", ALL)
    assert span == ((every[0].observed_at, every[-1].observed_at) if every else None)
    for distinct in (False, True):
        found = await store.tallies("", ALL, EDGES, distinct=distinct)
        assert shown(found) == tallied(every)
    window = Window(since=START + DAY, until=START + 3 * DAY)
    within = [i for i in every if i.observed_at and START + DAY <= i.observed_at < START + 3 * DAY]
    assert told(await store.instances("", asked(ALL, window=window))) == told(within)
    conditions = {
        "some": within,
        "over 10": [i for i in within if (i.number or 0) > 10],
        "low": [i for i in within if told_text(i) == "low"],
    }
    for condition, meant in conditions.items():
        ids = [e for e in METERS if any(i.entity == e for i in meant)]
        assert await found_by(store, window, condition) == ids
