"""Writes that wait together share a commit: what each does is the same as if it were alone."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import TownsquareError
from townsquare.store import Job, Key, Row, Writes

INTEGRATOR = Actor("machine:test", "machine", roles=frozenset({"integrator"}))
LINK = Why("integration")
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
CITY = Query(types=("Bin", "Lamp"))
Changes = list[list[Change]]
Way = Callable[[Broker, Changes], Awaitable[list[str]]]


def drawn(seed: int) -> Changes:
    """Sixty calls of one to three changes of five things, many of which cannot be made."""
    draw = random.Random(seed)

    def change() -> Change:
        name = draw.choice("abcde")
        given: dict[str, Attribute] = {
            name: Attribute(draw.choice([draw.randrange(9), {"at": draw.randrange(9)}]))
            for name in draw.sample(["level", "colour", "state"], draw.randint(1, 2))
        }
        if draw.random() < 0.3:
            place = {"type": "Point", "coordinates": [draw.randrange(9), 50]}
            given["location"] = Attribute(place, kind="GeoProperty")
        scope = draw.choice([(), (), ("/north",), ("/south", "/north")])
        made = entity(f"urn:ngsi-ld:Bin:{name}", draw.choice(["Bin", "Lamp"]), scope, **given)
        operation = draw.choice(["create", "merge", "append", "replace", "delete", "merge"])
        return Change(operation, made, upsert=draw.random() < 0.5)  # type: ignore[arg-type]  # of these

    return [[change() for _ in range(draw.choice([1, 1, 1, 2, 3]))] for _ in range(60)]


async def alone(broker: Broker, calls: Changes) -> list[str]:
    return [await one(broker, changes) for changes in calls]


async def together(broker: Broker, calls: Changes) -> list[str]:
    return await asyncio.gather(*(one(broker, changes) for changes in calls))


async def one(broker: Broker, changes: list[Change]) -> str:
    try:
        return str((await broker.apply(changes, INTEGRATOR, LINK)).versions)
    except TownsquareError as refused:
        return repr(refused)


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_committed_together_is_as_if_each_came_alone(
    open_broker: OpenBroker, store_url: str, seed: int
) -> None:
    broker, other = open_broker(url=store_url), open_broker(url="memory:")
    broker.clock = other.clock = lambda: NOON
    calls = drawn(seed)
    assert await together(broker, calls) == await alone(other, calls)
    assert await everything(broker) == await everything(other)


async def everything(broker: Broker) -> list[Any]:
    """Entities under what they are found, their past, and the news of them."""
    found = [
        [plain(e) for e in (await broker.find(query, INTEGRATOR, LINK)).entities]
        for query in (CITY, replace(CITY, types=("Bin",)), replace(CITY, scope="/north"))
    ]
    news = [
        (n.seq, plain(n.before), plain(n.after), n.attributes)
        for n in await broker.store.after(0, 1000)
    ]
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        transport = httpx.ASGITransport(app=visited(Api(broker, client)))
        async with httpx.AsyncClient(transport=transport, base_url="http://t/ngsi-ld/v1") as http:
            asked = {"type": "Bin,Lamp", "timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
            asked |= {"timeproperty": "modifiedAt", "options": "temporalValues"}
            past = (await http.get("/temporal/entities", params=asked)).json()
    return [found, news, past]


def plain(given: Entity | None) -> Any:
    """Without what is drawn anew each time."""
    if given is None:
        return None
    attributes = {
        name: [(i.value, i.kind, i.created_at, i.modified_at) for i in instances]
        for name, instances in given.attributes.items()
    }
    return (given.id, given.types, given.scope, given.version, attributes)


@pytest.mark.parametrize("breaking", [(0,), (7,), (3, 4, 19)])
async def test_a_job_that_breaks_takes_no_other_with_it(
    open_broker: OpenBroker, store_url: str, breaking: tuple[int, ...]
) -> None:
    broker = open_broker(url=store_url)
    told: list[Changed] = []
    broker.store.listener = told.extend

    def job(number: int) -> Job:
        key = Key("", "context", f"urn:ngsi-ld:Bin:{number:02}")

        def decide(_: Mapping[Key, Row]) -> Writes:
            if number in breaking:
                raise ZeroDivisionError(f"job {number}")
            after = entity(key.id, "Bin", level=Attribute(number))
            news = Changed(0, NOON, "machine:test", "", None, after, frozenset({"level"}))
            return Writes(told=[news], answer=str(number).encode())

        return Job(NOON, "", (key,), decide)

    jobs = [broker.store.commit(job(number)) for number in range(20)]
    answers = await asyncio.gather(*jobs, return_exceptions=True)
    kept = [number for number in range(20) if number not in breaking]
    assert [a.answer for a in answers if not isinstance(a, BaseException)] == [
        str(number).encode() for number in kept
    ]
    broken = [str(a) for a in answers if isinstance(a, ZeroDivisionError)]
    assert broken == [f"job {number}" for number in breaking]
    assert [n.subject.id[-2:] for n in told] == [f"{number:02}" for number in kept]
    assert [n.seq for n in told] == list(range(1, len(kept) + 1))


async def test_what_is_found_fits_the_question_while_it_changes(broker: Broker) -> None:
    ids = [f"urn:x:Lamp:{number}" for number in range(5)]
    lit = Query(types=("Lamp",), q=parse("level==1", str))
    found: list[int] = []

    async def change(id: str) -> None:
        """On and off, by a change and by an end and a new beginning, which has the same version."""
        for level in (0, 1, 0, 1):
            lamp = entity(id, "Lamp", level=Attribute(level))
            await broker.apply([Change("create", lamp)], INTEGRATOR, LINK)
            dimmed = entity(id, "Lamp", level=Attribute(1 - level))
            await broker.apply([Change("merge", dimmed)], INTEGRATOR, LINK)
            await broker.apply([Change("delete", Entity(id, ()))], INTEGRATOR, LINK)

    async def ask() -> None:
        while not all(task.done() for task in changing):
            page = await broker.find(lit, INTEGRATOR, LINK)
            found.extend(one.value("level") for one in page.entities)
            await asyncio.sleep(0)

    changing = [asyncio.create_task(change(id)) for id in ids]
    await ask()
    await asyncio.gather(*changing)
    assert set(found) == {1}


async def test_what_was_asked_before_is_found_as_it_is_now(broker: Broker) -> None:
    query = Query(types=("Lamp",))
    for level in (1, 2, 3):
        lamp = entity("urn:x:Lamp:1", "Lamp", level=Attribute(level))
        await broker.apply([Change("merge", lamp, upsert=True)], INTEGRATOR, LINK)
        for _ in range(2):
            page = await broker.find(query, INTEGRATOR, LINK)
            assert [one.value("level") for one in page.entities] == [level]
    await broker.apply([Change("delete", Entity("urn:x:Lamp:1", ()))], INTEGRATOR, LINK)
    assert not (await broker.find(query, INTEGRATOR, LINK)).entities
