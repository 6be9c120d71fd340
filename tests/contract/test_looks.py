"""To look at what is accountable is an entry: whoever it was, by any door, and not one a row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest

from tests.conftest import OpenBroker
from townsquare.alerts import run as alerts
from townsquare.context import looks
from townsquare.context.broker import Broker
from townsquare.context.form.view import View
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.looks import WINDOW, Looks
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import NotFound, Unavailable
from townsquare.store import Job
from townsquare.trust import audit

WHY = Why("operations", "2030/7")
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
OTHER = Actor("urn:ngsi-ld:AccessToken:ot", "machine", "Town", frozenset({"operator"}))
ALERTS, VISION = room("alerts"), room("vision")
FLOW = EntityType("Flow", "vision", frozenset({"operator"}))
NOW = datetime(2030, 6, 3, 12, tzinfo=UTC)
ID = "urn:ngsi-ld:Alert:1"
ALL = Query(types=("Alert",))


@pytest.fixture
async def broker(open_broker: OpenBroker, store_url: str) -> Broker:
    return await filled(open_broker(*audit.TYPES, *alerts.TYPES, FLOW, url=store_url))


@pytest.fixture
async def here(open_broker: OpenBroker) -> Broker:
    return await filled(open_broker(*audit.TYPES, *alerts.TYPES, FLOW))


async def filled(broker: Broker) -> Broker:
    broker.clock = lambda: NOW
    for number in range(1, 4):
        await broker.apply([made(number)], ALERTS, WHY)
    flow = Entity("urn:ngsi-ld:Flow:1", ("Flow",), {"n": (Attribute(1),)})
    await broker.apply([Change("create", flow)], VISION, WHY)
    return broker


def made(number: int) -> Change:
    alert = Entity(f"urn:ngsi-ld:Alert:{number}", ("Alert",), {"status": (Attribute("open"),)})
    return Change("create", alert)


async def entries(broker: Broker) -> list[audit.Record]:
    """Of looks, oldest first."""
    kept = [e.record for e in await broker.store.log(0, 1000)]
    found = [msgspec.json.decode(record, type=audit.Record) for record in kept]
    return [record for record in found if record.verb == "consultation"]


async def retrieved(broker: Broker, by: Actor) -> None:
    await broker.read(ID, by, WHY)


async def told(broker: Broker, by: Actor) -> None:
    await broker.tell(ID, by, WHY, broker.shape(Terms(), View(), ()))


async def queried(broker: Broker, by: Actor) -> None:
    await broker.find(ALL, by, WHY)


async def counted(broker: Broker, by: Actor) -> None:
    await broker.find(Query(types=("Alert",), limit=0, count=True), by, WHY)


async def found_by_id_alone(broker: Broker, by: Actor) -> None:
    await broker.find(Query(ids=(ID,)), by, WHY)


async def listed(broker: Broker, by: Actor) -> None:
    await broker.ids(ALL, by, WHY, 10)


async def past(broker: Broker, by: Actor) -> None:
    await broker.history(TemporalQuery(ALL), by, WHY)


async def notified(broker: Broker, by: Actor) -> None:
    await broker.find(ALL, by, WHY, act="watch")


async def followed(broker: Broker, by: Actor) -> None:
    with broker.watch(by, WHY, ["Alert"]) as news:
        change = Entity(ID, ("Alert",), {"status": (Attribute("closed"),)})
        await broker.apply([Change("merge", change)], ALERTS, WHY)
        assert await news.next(1)


WAYS = [
    (retrieved, ID, "retrieved, 1 found"),
    (told, ID, "retrieved, 1 found"),
    (queried, "Alert", "queried, 3 found"),
    (counted, "Alert", "queried, 3 found"),
    (found_by_id_alone, ID, "queried, 1 found"),
    (listed, "Alert", "queried, 3 found"),
    (past, "Alert", "history, 3 found"),
    (notified, "Alert", "notified, 3 found"),
    (followed, "Alert", "live, 1 found"),
]
Way = Callable[[Broker, Actor], Awaitable[None]]


@pytest.mark.parametrize(("way", "subject", "detail"), WAYS)
async def test_every_way_to_look_is_an_entry(
    here: Broker, way: Way, subject: str, detail: str
) -> None:
    await way(here, OPERATOR)
    (entry,) = await entries(here)
    assert (entry.by, entry.purpose, entry.case) == (OPERATOR.id, "operations", "2030/7")
    assert (entry.subject, entry.detail, entry.organisation) == (subject, detail, "Town")
    assert entry.policy == here.policy.hash


@pytest.mark.parametrize(("way", "subject", "detail"), WAYS)
async def test_without_it_nobody_would_know(
    here: Broker, way: Way, subject: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above: it can see."""
    monkeypatch.setattr(Looks, "concern", lambda *_: False)
    await way(here, OPERATOR)
    assert await entries(here) == []


async def test_polling_is_one_entry_and_a_count(broker: Broker) -> None:
    for _ in range(100):
        await broker.find(ALL, OPERATOR, WHY)
    assert len(await entries(broker)) == 1
    broker.clock = lambda: NOW + WINDOW
    await broker.looks.settle()
    assert (await entries(broker))[
        -1
    ].detail == "queried 99 more times since 12:00:00 UTC, 297 found"
    await broker.looks.settle()
    assert len(await entries(broker)) == 2


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def test_the_next_window_is_another_entry(here: Broker) -> None:
    for minutes in (0, 4, 6, 12):
        here.clock = partial(later, minutes)
        await here.find(ALL, OPERATOR, WHY)
    said = [entry.detail.partition(",")[0] for entry in await entries(here)]
    again = "queried 1 more times since 12:00:00 UTC"
    assert said == ["queried", again, "queried", "queried"]


async def test_counts_are_kept_when_the_town_is_ended(here: Broker) -> None:
    for _ in range(2):
        await here.find(ALL, OPERATOR, WHY)
    await here.looks.settle(all=True)
    assert len(await entries(here)) == 2


async def test_what_is_asked_stands_in_it_and_tells_questions_apart(here: Broker) -> None:
    await here.find(Query(types=("Alert",), q=parse('status=="open";severity>3')), OPERATOR, WHY)
    await here.find(Query(types=("Alert",), pattern=".*:2"), OPERATOR, WHY)
    said = [entry.detail for entry in await entries(here)]
    assert said == [
        "queried, 0 found: q (status==open;severity>3.0)",
        "queried, 1 found: pattern .*:2",
    ]


async def test_everybody_has_an_entry_of_their_own(here: Broker) -> None:
    """An answer that is remembered is not told unseen."""
    for by, why in ((OPERATOR, WHY), (OTHER, WHY), (OTHER, Why("operations", "2030/8"))):
        for _ in range(2):
            await told(here, by) if why == WHY else await here.read(ID, by, why)
    found = [(entry.by, entry.case) for entry in await entries(here)]
    assert found == [(OPERATOR.id, "2030/7"), (OTHER.id, "2030/7"), (OTHER.id, "2030/8")]


async def test_the_house_and_what_is_not_accountable_leave_none(here: Broker) -> None:
    await here.find(ALL, ALERTS, WHY)
    await here.find(Query(types=("Flow",)), OPERATOR, WHY)
    await here.read("urn:ngsi-ld:Flow:1", OPERATOR, WHY)
    with pytest.raises(NotFound):
        await here.read("urn:ngsi-ld:Alert:99", OPERATOR, WHY)
    with pytest.raises(NotFound):
        await here.read(ID, ANYONE, Why("public information"))
    assert await entries(here) == []


async def test_many_questions_of_one_actor_are_told_together(here: Broker) -> None:
    for number in range(200):
        await here.find(Query(types=("Alert",), pattern=f".*:{number}"), OPERATOR, WHY)
    await here.looks.settle(all=True)
    found = await entries(here)
    assert len(found) == looks.MOST_EACH + 2
    assert looks.OTHERS in found[-1].detail


async def test_of_looks_at_once_none_is_answered_before_the_entry(here: Broker) -> None:
    before = len(await here.store.log(0, 1000))

    async def look() -> int:
        await here.find(ALL, OPERATOR, WHY)
        return len(await here.store.log(0, 1000)) - before

    assert await asyncio.gather(*(look() for _ in range(10))) == [1] * 10


async def test_where_the_log_cannot_be_written_nobody_looks(
    here: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(job: Job) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(here.store, "commit", full)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await here.read(ID, OPERATOR, WHY)
        assert (await here.read("urn:ngsi-ld:Flow:1", OPERATOR, WHY)).value("n") == 1
    await here.read(ID, OPERATOR, WHY)
    assert len(await entries(here)) == 1
