"""Subscriptions passed on to sources, which are real brokers here (clauses 5.8.1.4, 5.8.6)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import ANY

import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.fleet import Ship, afloat
from tests.contract.ngsi_ld.receiver import Receiver, receiving
from tests.contract.ngsi_ld.subscriber import BIN, PATH, Subscriber, deleted, made, merged

BINS = [{"type": "Bin"}]


@pytest.fixture
async def here(open_broker: OpenBroker) -> AsyncIterator[Ship]:
    async with afloat(open_broker()) as ship:
        yield ship


@pytest.fixture
async def there(open_broker: OpenBroker) -> AsyncIterator[Ship]:
    async with afloat(open_broker()) as ship:
        yield ship


@pytest.fixture
def subscriber(here: Ship, receiver: Receiver) -> Subscriber:
    return Subscriber(here.http, receiver)


async def copies(ship: Ship, number: int = 1) -> list[dict[str, Any]]:
    """The subscriptions at a broker, once there are so many."""

    async def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await ship.http.get("/subscriptions")).json()
        return found

    found: list[dict[str, Any]] = await until(listed, lambda found: len(found) == number)
    return found


async def until(
    asked: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], seconds: float = 3.0
) -> Any:
    for _ in range(int(seconds / 0.01)):
        if good(found := await asked()):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"still {found}")


async def test_a_subscriber_here_is_told_what_happens_there(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    await here.registers(there)
    id = await subscriber.asks(q="level>0", subscriptionName="mine")
    [copy] = await copies(there)
    assert copy["entities"] == [{"type": "Bin"}]
    assert copy["q"] == "level>0"
    assert copy["notification"]["endpoint"]["uri"].startswith(here.url)
    assert "subscriptionName" not in copy
    assert copy["id"] != id
    await made(there.http)
    told = await subscriber.receiver.next()
    assert told.body["subscriptionId"] == id
    [entity] = told.data
    assert entity["id"] == BIN["id"]
    assert entity["level"] == {"type": "Property", "value": 1}
    await merged(there.http, level={"type": "Property", "value": "urn:ngsi-ld:null"})
    await subscriber.until(id, timesSent=1, status="ok")


async def test_what_ends_there_is_told_here(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    await here.registers(there)
    triggers = ["entityCreated", "entityDeleted", "attributeDeleted"]
    await subscriber.asks({"showChanges": True}, notificationTrigger=triggers)
    await copies(there)
    await made(there.http)
    await subscriber.receiver.next()
    await there.http.delete(f"{PATH}/attrs/level")
    [entity] = (await subscriber.receiver.next()).data
    null = {"type": "Property", "value": "urn:ngsi-ld:null", "previousValue": 1}
    assert entity["level"] == null
    await deleted(there.http)
    [entity] = (await subscriber.receiver.next()).data
    assert "deletedAt" in entity


async def test_a_copy_follows_its_subscription(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    await here.registers(there)
    id = await subscriber.asks(q="level>0")
    [copy] = await copies(there)
    path = f"/subscriptions/{id}"
    await here.http.patch(path, json={"q": None, "watchedAttributes": ["level"]})

    def changed(found: list[dict[str, Any]]) -> bool:
        return found[0].get("watchedAttributes") == ["level"] and "q" not in found[0]

    await until(lambda: copies(there), changed)
    assert (await copies(there))[0]["id"] == copy["id"]
    await here.http.patch(path, json={"isActive": False})
    await until(lambda: copies(there), lambda found: found[0]["status"] == "paused")
    assert (await here.http.delete(path)).status_code == 204
    await copies(there, 0)


async def test_a_copy_follows_its_registration(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    await subscriber.asks()
    source = await here.registers(there)
    await copies(there)
    names = [{"entities": [{"type": "Bin"}], "propertyNames": ["level"]}]
    path = f"/csourceRegistrations/{source}"
    assert (await here.http.patch(path, json={"information": names})).status_code == 204
    await until(lambda: copies(there), lambda found: found[0].get("watchedAttributes") == ["level"])
    assert (await here.http.delete(path)).status_code == 204
    await copies(there, 0)


@pytest.mark.parametrize(
    ("subscription", "registration"),
    [
        ({"localOnly": True}, {}),
        ({"entities": [{"type": "Tram"}]}, {}),
        (
            {"entities": BINS, "watchedAttributes": ["colour"]},
            {"information": [{"entities": BINS, "propertyNames": ["level"]}]},
        ),
        ({"csf": "speed>3"}, {}),
        ({}, {"operations": ["retrieveOps"]}),
        ({}, {"operations": ["retrieveOps"], "mode": "auxiliary"}),
    ],
)
async def test_a_source_that_has_no_part_in_it_is_not_told(
    here: Ship,
    there: Ship,
    subscriber: Subscriber,
    subscription: dict[str, Any],
    registration: dict[str, Any],
) -> None:
    await here.registers(there, **registration)
    await subscriber.asks(**subscription)
    await here.registers(there, "next", information=[{"entities": [{"type": "LastWord"}]}])
    await subscriber.asks(entities=[{"type": "LastWord"}])
    [copy] = await copies(there)
    assert copy["entities"] == [{"type": "LastWord"}]


async def test_what_was_passed_on_and_told_outlives_the_server(
    open_broker: OpenBroker, store_url: str, there: Ship
) -> None:
    broker = open_broker(url=store_url)
    async with receiving() as receiver:
        async with afloat(broker) as here:
            port = int(here.url.rsplit(":", 1)[1])
            receiver.status = 503
            await here.registers(there)
            id = await Subscriber(here.http, receiver).asks()
            [copy] = await copies(there)
            await made(there.http)
            await receiver.next()
        receiver.status = 200
        async with afloat(broker, port=port) as here:
            told = await receiver.next()
            assert told.body["subscriptionId"] == id
            assert told.data[0]["id"] == BIN["id"]
            assert (await copies(there)) == [copy | {"notification": ANY}]
            await here.http.delete(f"/subscriptions/{id}")
            await copies(there, 0)
