"""When a subscriber is told, how often, and what failures do (clauses 5.2.12 to 5.2.15)."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.receiver import Receiver, receiving, telling
from tests.contract.ngsi_ld.subscriber import (
    BIN,
    Subscriber,
    deleted,
    made,
    merged,
    silent,
)
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity


async def test_many_changes_make_one_notification_of_the_newest_state(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    await subscriber.asks({"showChanges": True})
    subscriber.receiver.held.clear()
    await merged(http, level=2)
    assert (await subscriber.receiver.next()).data[0]["level"]["value"] == 2
    async with receiving() as witness:
        await Subscriber(http, witness).asks(entities=[{"type": "Bin", "id": "urn:ngsi-ld:Bin:2"}])
        await merged(http, level=3)
        await merged(http, level=4)
        await made(http, id="urn:ngsi-ld:Bin:2")
        await witness.next()
    subscriber.receiver.held.set()
    told = await subscriber.receiver.next()
    assert [e["id"] for e in told.data] == ["urn:ngsi-ld:Bin:1", "urn:ngsi-ld:Bin:2"]
    assert told.data[0]["level"] == {"type": "Property", "value": 4, "previousValue": 2}


async def test_an_end_is_told_though_the_entity_is_there_again(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    await subscriber.asks(notificationTrigger=["entityCreated", "entityDeleted"])
    subscriber.receiver.held.clear()
    await made(http, id="urn:ngsi-ld:Bin:2")
    await subscriber.receiver.next()
    async with receiving() as witness:
        await Subscriber(http, witness).asks(notificationTrigger=["entityCreated"])
        await deleted(http)
        await made(http, level=7)
        await witness.next()
    subscriber.receiver.held.set()
    gone, back = await subscriber.receiver.next(), await subscriber.receiver.next()
    assert gone.data[0].keys() == {"id", "type", "deletedAt"}
    assert back.data[0]["level"] == {"type": "Property", "value": 7}


async def test_throttling_keeps_the_newest_until_its_time(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    await subscriber.asks(throttling=0.3)
    loop = asyncio.get_running_loop()
    await merged(http, level=2)
    await subscriber.receiver.next()
    first = loop.time()
    await merged(http, level=3)
    await merged(http, level=4)
    told = await subscriber.receiver.next()
    assert loop.time() - first >= 0.25
    assert told.data[0]["level"]["value"] == 4


async def test_time_interval(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await made(http)
    await made(http, id="urn:ngsi-ld:Bin:2", level=5)
    id = await subscriber.asks(timeInterval=0.1, q="level>1")
    for _ in range(2):
        told = await subscriber.receiver.next()
        assert [e["id"] for e in told.data] == ["urn:ngsi-ld:Bin:2"]
    assert (await http.patch(f"/subscriptions/{id}", json={"q": "level>9"})).status_code == 204
    await asyncio.sleep(0.1)
    while not subscriber.receiver.told.empty():
        subscriber.receiver.told.get_nowait()
    await asyncio.sleep(0.1)
    assert subscriber.receiver.told.empty()


async def test_a_pause_and_an_end(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    id = await subscriber.asks(isActive=False)
    await made(http)
    await silent(subscriber, http)
    assert (await http.patch(f"/subscriptions/{id}", json={"isActive": True})).status_code == 204
    await merged(http, level=2)
    assert (await subscriber.receiver.next()).body["subscriptionId"] == id
    assert (await http.delete(f"/subscriptions/{id}")).status_code == 204
    await merged(http, level=3)
    assert (await http.delete("/entities/urn:ngsi-ld:LastWord:1")).status_code == 204
    await silent(subscriber, http)


# --- how it went


async def test_what_was_told_is_counted(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    id = await subscriber.asks()
    await made(http)
    await subscriber.receiver.next()
    found = (await subscriber.until(id, status="ok", timesSent=1))["notification"]
    assert found.keys() == {"endpoint", "status", "timesSent", "lastNotification", "lastSuccess"}


async def test_who_asks_just_behind_a_notification_is_told_how_it_went(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    id = await subscriber.asks()
    subscriber.receiver.held.clear()
    await made(http)
    await subscriber.receiver.next()
    asking = asyncio.create_task(subscriber.of(id))
    await asyncio.sleep(0.01)
    subscriber.receiver.held.set()
    assert (await asking)["notification"]["status"] == "ok"


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_what_failed_is_counted_and_holds_up_nobody(
    api: Api, http: httpx.AsyncClient, subscriber: Subscriber, status: int
) -> None:
    subscriber.receiver.status = status
    id = await subscriber.asks()
    down = await subscriber.asks({"endpoint": {"uri": "http://127.0.0.1:1/n"}})
    await made(http)
    await subscriber.receiver.next()
    for one in (id, down):
        found = await subscriber.until(one, status="failed", timesSent=1, timesFailed=1)
        assert found["notification"].keys() >= {"lastNotification", "lastFailure"}
        assert found["status"] == "active"
    assert max(lag.total_seconds() for lag in api.broker.lags().values()) < 1
    subscriber.receiver.status = 200
    await merged(http, level=2)
    if status != 500:  # that is tried again later, with what came meanwhile
        await subscriber.receiver.next()
        await subscriber.until(id, status="ok")


async def test_a_failure_is_tried_again_with_all_that_came_meanwhile(
    http: httpx.AsyncClient, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsquare.context.subscriptions.desk.AGAIN_S", 0.05)
    await made(http)
    id = await subscriber.asks({"showChanges": True})
    subscriber.receiver.status = 503
    await merged(http, level=2)
    await subscriber.receiver.next()
    subscriber.receiver.status = 200
    await merged(http, level=3)
    told = await subscriber.receiver.next()
    assert told.data[0]["level"] == {"type": "Property", "value": 3, "previousValue": 1}
    await subscriber.until(id, status="ok", timesFailed=1)


async def test_one_that_hangs_delays_only_itself(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    async with receiving() as slow:
        slow.held.clear()
        for _ in range(20):
            await subscriber.asks({"endpoint": {"uri": slow.url}})
        await subscriber.asks()
        await made(http)
        assert (await subscriber.receiver.next()).data == [BIN]


async def test_nothing_is_lost_or_told_twice_by_an_orderly_restart(
    api: Api, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    subscriber = Subscriber(http, receiver)
    async with telling(api):
        id = await subscriber.asks()
        await made(http)
        await receiver.next()
        await subscriber.until(id, status="ok")
    await merged(http, level=2)
    again = Api(api.broker, api.courier.client)
    async with telling(again), client(visited(again)) as visitor:
        told = await receiver.next()
        assert told.data[0]["level"]["value"] == 2
        await Subscriber(visitor, receiver).until(id, timesSent=2, status="ok")
    assert receiver.told.empty()


async def test_what_was_not_told_is_told_after_a_restart(
    api: Api, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    subscriber = Subscriber(http, receiver)
    async with telling(api):
        failing = await subscriber.asks(q="level>1")
        receiver.status = 503
        await made(http, level=2)
        await receiver.next()
        await subscriber.until(failing, status="failed")
        receiver.status = 200
        prompt = await subscriber.asks(entities=[{"type": "Other"}])
        other = {"id": "urn:x:1", "type": "Other", "a": 1}
        assert (await http.post("/entities", json=other)).status_code == 201
        assert (await receiver.next()).data[0]["id"] == "urn:x:1"
        await subscriber.until(prompt, status="ok")
    async with telling(Api(api.broker, api.courier.client)):
        told = await receiver.next()
        assert told.body["subscriptionId"] == failing
    assert receiver.told.empty()


# --- what is hidden


async def test_what_is_hidden_is_never_told(open_broker: OpenBroker, receiver: Receiver) -> None:
    kind = EntityType("Case", "office", readers=frozenset({"open"}), secret=frozenset({"name"}))
    office = Actor("room:office", "room", roles=frozenset({"room"}), room="office")
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(kind), to_others)

        async def told(operation: Any, **attributes: Any) -> None:
            given = {name: (Attribute(value),) for name, value in attributes.items()}
            change = Change(operation, Entity("urn:x:1", ("Case",), given))
            await api.broker.apply([change], office, Why("operations"))

        async with client(visited(api)) as http, telling(api):
            subscriber = Subscriber(http, receiver)
            case = {"entities": [{"type": "Case"}], "notificationTrigger": ["entityUpdated"]}
            await subscriber.asks({"showChanges": True}, **case)
            await told("create", name="Ada", state=1)
            assert (await receiver.next()).data[0].keys() == {"id", "type", "state"}
            await told("merge", name="Eve")
            await told("merge", state=2, name="Bob")
            (found,) = (await receiver.next()).data
            assert found.keys() == {"id", "type", "state"}
            assert found["state"]["previousValue"] == 1
            await told("delete")
            assert (await receiver.next()).data[0].keys() == {"id", "type", "state", "deletedAt"}
    assert receiver.told.empty()


async def test_nothing_is_done_while_there_is_nothing_to_tell(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine has been up for days, as servers are."""
    long_s = 1e6
    clock = time.monotonic
    monkeypatch.setattr("townsquare.context.subscriptions.desk.monotonic", lambda: clock() + long_s)
    async with telling(api):
        await asyncio.sleep(0.05)
        before = time.thread_time()
        await asyncio.sleep(0.1)
        assert time.thread_time() - before < 0.01


async def test_an_endpoint_cools_down_after_a_failure(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    subscriber.receiver.status = 404
    id = await subscriber.asks({"endpoint": {"cooldown": 300}})
    await merged(http, level=2)
    await subscriber.receiver.next()
    await subscriber.until(id, status="failed")
    loop = asyncio.get_running_loop()
    failed = loop.time()
    subscriber.receiver.status = 200
    await merged(http, level=3)
    await subscriber.receiver.next()
    assert loop.time() - failed >= 0.25


async def test_one_that_is_told_from_time_to_time_is_told_once_at_a_time(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    subscriber.receiver.held.clear()
    id = await subscriber.asks(timeInterval=0.1)
    await subscriber.receiver.next()
    await asyncio.sleep(0.3)
    assert (await subscriber.of(id))["notification"]["timesSent"] == 1
    subscriber.receiver.held.set()
    await subscriber.receiver.next()
