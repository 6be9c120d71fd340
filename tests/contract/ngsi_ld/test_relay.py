"""Subscriptions passed on to sources, which are real brokers here (clauses 5.8.1.4, 5.8.6)."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.fleet import Ship, afloat
from tests.contract.ngsi_ld.receiver import Receiver, receiving
from tests.contract.ngsi_ld.subscriber import BIN, PATH, Subscriber, deleted, made, merged
from townsquare.context import outgoing
from townsquare.context.relay import relay
from townsquare.context.relay.relay import DOOR
from townsquare.context.subscriptions import desk
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity

BINS = [{"type": "Bin"}]
ENDPOINT = {"uri": "http://127.0.0.1:1/"}


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


async def test_a_copy_that_cannot_follow_is_made_anew(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    operations = ["createSubscription", "deleteSubscription"]
    await here.registers(there, operations=operations)
    id = await subscriber.asks()
    [copy] = await copies(there)
    await here.http.patch(f"/subscriptions/{id}", json={"q": "level>3"})
    [anew] = await until(lambda: copies(there), lambda found: "q" in found[0])
    assert anew["id"] != copy["id"]


async def test_each_is_told_in_its_own_words(here: Ship, there: Ship, receiver: Receiver) -> None:
    names = {"Tonne": "https://x.example/Bin", "hoehe": "https://x.example/level"}
    await here.registers(there, information=[{"entities": [{"type": "https://x.example/Bin"}]}])
    body = {
        "type": "Subscription",
        "entities": [{"type": "Tonne"}],
        "q": 'hoehe>2;hoehe!="Tonne"',
        "notification": {"endpoint": {"uri": receiver.url}},
        "@context": names,
    }
    ld = {"content-type": "application/ld+json"}
    answer = await here.http.post("/subscriptions", json=body, headers=ld)
    assert answer.status_code == 201
    [copy] = await copies(there)
    assert copy["q"] == body["q"]
    level = {"type": "Property", "value": 3}
    full = {"id": "urn:x:1", "type": "https://x.example/Bin", "https://x.example/level": level}
    assert (await there.http.post("/entities", json=full)).status_code == 201
    assert (await receiver.next()).data == [{"id": "urn:x:1", "type": "Tonne", "hoehe": level}]


# --- what a source tells


def notification(copy: str, *data: Any, **members: Any) -> dict[str, Any]:
    return {
        "id": "urn:x:Notification:1",
        "type": "Notification",
        "subscriptionId": copy,
        "data": list(data),
        **members,
    }


async def tell(ship: Ship, body: Any) -> int:
    async with httpx.AsyncClient() as source:
        answer = await source.post(f"{ship.url}{DOOR}", json=body)
    return answer.status_code


def bin_(level: Any, **members: Any) -> dict[str, Any]:
    return {"id": BIN["id"], "type": "Bin", "level": {"type": "Property", "value": level}} | members


async def passed_on(here: Ship, there: Ship, subscriber: Subscriber, **members: Any) -> str:
    """The id of the copy."""
    await here.registers(there)
    await subscriber.asks(**members)
    [copy] = await copies(there)
    return str(copy["id"])


async def test_what_comes_twice_is_told_once(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    copy = await passed_on(here, there, subscriber)
    for _ in range(2):
        assert await tell(here, notification(copy, bin_(3))) == 200
    assert (await subscriber.receiver.next()).data[0]["level"]["value"] == 3
    assert await tell(here, notification(copy, bin_(4), id="urn:x:Notification:2")) == 200
    assert (await subscriber.receiver.next()).data[0]["level"]["value"] == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (notification("urn:x:guessed", bin_(3)), 404),
        ({**notification("", bin_(3)), "subscriptionId": ["x"]}, 404),
        ([], 400),
        (None, 400),
        (notification("COPY", 3), 400),
        (notification("COPY", data={}), 400),
        (notification("COPY", bin_(3, id="no uri")), 400),
        (notification("COPY", bin_({"type": "Property"}, depth={"type": [1], "value": 1})), 400),
        (notification("COPY", *[bin_(3)] * 1001), 403),
        (notification("COPY", bin_("x" * 2**20)), 403),
    ],
)
async def test_what_is_no_notification_is_refused(
    here: Ship, there: Ship, subscriber: Subscriber, body: Any, status: int
) -> None:
    copy = await passed_on(here, there, subscriber)
    text = json.dumps(body).replace("COPY", copy)
    assert await tell(here, json.loads(text)) == status


async def test_a_source_is_believed_for_what_it_has_and_was_asked_for(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    names = [{"entities": BINS, "propertyNames": ["level"]}]
    await here.registers(there, information=names)
    await subscriber.asks()
    [copy] = await copies(there)
    tram = {"id": "urn:x:Tram:1", "type": "Tram"}
    name = {"type": "Property", "value": "x"}
    assert await tell(here, notification(copy["id"], tram, bin_(3, name=name))) == 200
    [entity] = (await subscriber.receiver.next()).data
    assert entity == bin_(3)


async def test_a_source_whose_host_is_not_allowed_any_more_tells_nobody(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    copy = await passed_on(here, there, subscriber)
    nobody = outgoing.declared(outgoing.Settings())
    here.to_others.allowed = nobody
    assert await tell(here, notification(copy, bin_(3))) == 403


async def test_parts_of_several_brokers_are_told_as_one(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    q = 'level>2;colour=="red"'
    copy = await passed_on(here, there, subscriber, q=q, splitEntities=True)
    [known] = await copies(there)
    assert "q" not in known
    red = {"id": BIN["id"], "type": "Bin", "colour": {"type": "Property", "value": "red"}}
    assert (await here.http.post("/entities?local=true", json=red)).status_code == 201
    assert await tell(here, notification(copy, bin_(1), id="urn:x:N:1")) == 200
    assert await tell(here, notification(copy, bin_(3), id="urn:x:N:2")) == 200
    [entity] = (await subscriber.receiver.next()).data
    assert (entity["level"]["value"], entity["colour"]["value"]) == (3, "red")


# --- loops and troubles


async def test_brokers_that_know_each_other_tell_once(
    here: Ship, there: Ship, subscriber: Subscriber
) -> None:
    await here.registers(there)
    await there.registers(here, "back")
    await subscriber.asks()
    await copies(there)
    await made(there.http)
    assert (await subscriber.receiver.next()).data[0]["id"] == BIN["id"]
    await made(here.http, id="urn:ngsi-ld:Bin:2")
    assert (await subscriber.receiver.next()).data[0]["id"] == "urn:ngsi-ld:Bin:2"
    assert len(await copies(here)) == 1
    alias = here.api.registry.alias("")
    body = {"type": "Subscription", "entities": BINS, "notification": {"endpoint": ENDPOINT}}
    answer = await here.http.post("/subscriptions", json=body, headers={"via": f"1.1 {alias}"})
    assert answer.status_code == 508


async def test_a_source_that_is_down_is_told_once_it_is_back(
    here: Ship, open_broker: OpenBroker, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "AGAIN_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    down = Ship(here.api, f"http://127.0.0.1:{port}", here.http, here.to_others)
    await here.registers(down)
    id = await subscriber.asks()
    source = "/csourceRegistrations/urn:x:there"

    async def failed() -> int:
        return int((await here.http.get(source)).json().get("timesFailed", 0))

    await until(failed, lambda times: times >= 2)
    async with afloat(open_broker(), port=port) as there:
        await copies(there)
        assert (await here.http.delete(f"/subscriptions/{id}")).status_code == 204
        await copies(there, 0)


async def test_tenants_are_kept_apart(here: Ship, there: Ship, receiver: Receiver) -> None:
    tenant = {"ngsild-tenant": "north"}
    here.http.headers.update(tenant)
    await here.registers(there, tenant="south")
    await Subscriber(here.http, receiver).asks()
    assert (await there.http.get("/subscriptions")).json() == []
    there.http.headers.update({"ngsild-tenant": "south"})
    await copies(there)
    await made(there.http)
    told = await receiver.next()
    assert told.headers["NGSILD-Tenant"] == "north"


async def test_it_brings_a_subscription_to_registrations(
    here: Ship, subscriber: Subscriber
) -> None:
    doors = "/csourceSubscriptions"
    id = await subscriber.asks()
    await subscriber.asks(localOnly=True)
    [brought] = (await here.http.get(doors)).json()
    assert brought["entities"] == BINS
    assert brought["notification"]["endpoint"]["uri"].startswith(here.url)
    path = f"{doors}/{brought['id']}"
    assert (await here.http.get(path)).json() == brought
    assert (await here.http.patch(path, json={"isActive": False})).status_code == 422
    assert (await here.http.delete(path)).status_code == 422
    assert (await here.http.delete(f"/subscriptions/{id}")).status_code == 204
    assert (await here.http.get(path)).status_code == 404


# --- grants


async def test_what_came_meanwhile_is_told_to_who_may_watch_then(
    here: Ship, there: Ship, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "AGAIN_S", 0.05)
    copy = await passed_on(here, there, subscriber)
    receiver, broker = subscriber.receiver, here.api.broker
    receiver.status = 503
    assert await tell(here, notification(copy, bin_(3))) == 200
    await receiver.next()
    broker.shut("trust", "nobody may see anything")
    receiver.status = 200
    while not receiver.told.empty():
        receiver.told.get_nowait()
    await asyncio.sleep(0.1)
    assert receiver.told.empty()
    broker.shut("trust", "")
    assert (await receiver.next()).data == [bin_(3)]


async def test_what_the_house_declares_is_nobody_elses(
    open_broker: OpenBroker, there: Ship, receiver: Receiver
) -> None:
    bins = EntityType("Bin", "register", frozenset({"open"}))
    async with afloat(open_broker(bins)) as here:
        subscriber = Subscriber(here.http, receiver)
        await here.registers(there, information=[{"propertyNames": ["level"]}])
        await subscriber.asks(entities=BINS)
        await subscriber.asks(entities=[*BINS, {"type": "Tub"}])
        [copy] = await copies(there)
        assert copy["watchedAttributes"] == ["level"]
        assert copy["entities"] == [{"type": "Tub"}]
        tub = {"id": "urn:x:Tub:1", "type": "Tub", "level": {"type": "Property", "value": 1}}
        entity = Entity("urn:x:Tub:2", ("Bin",), {"level": (Attribute(1),)})
        await here.api.broker.apply([Change("create", entity)], room("register"), Why("operations"))
        await receiver.next()  # twice: both ask for bins of the house
        await receiver.next()
        told = [bin_(3), {**tub, "id": "urn:x:Tub:2"}, tub]
        assert await tell(here, notification(copy["id"], *told)) == 200
        assert (await receiver.next()).data == [tub]
