"""Who subscribes to context sources is told of them (clauses 5.11, 5.3.2 and 5.3.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.harbour import registered
from tests.contract.ngsi_ld.receiver import Receiver
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor

DOOR = "/csourceSubscriptions"
FERRY = [{"entities": [{"type": "Ferry"}]}]
TRAM = [{"entities": [{"type": "Tram"}]}]
LONG_AGO = {"startAt": "2001-01-01T00:00:00Z", "endAt": "2002-01-01T00:00:00Z"}


@asynccontextmanager
async def telling(api: Api) -> AsyncIterator[None]:
    task = asyncio.create_task(api.bulletin.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def bulletin(api: Api) -> AsyncIterator[None]:
    async with telling(api):
        yield


def wish(receiver: Receiver, told: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    params = {"endpoint": {"uri": receiver.url}, **(told or {})}
    return {
        "type": "Subscription",
        "entities": [{"type": "Ferry"}],
        "notification": params,
        **members,
    }


async def subscribed(http: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await http.post(DOOR, json=body)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


async def nothing_more(receiver: Receiver) -> None:
    await asyncio.sleep(0.05)
    assert receiver.told.empty()


async def changed(http: httpx.AsyncClient, id: str, **members: Any) -> None:
    answer = await http.patch(f"/csourceRegistrations/{id}", json=members)
    assert answer.status_code == 204, answer.text


async def until(http: httpx.AsyncClient, id: str, **expected: Any) -> dict[str, Any]:
    for _ in range(100):
        found: dict[str, Any] = (await http.get(f"{DOOR}/{id}")).json()
        if expected.items() <= found["notification"].items():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"never {expected}, but {found['notification']}")


# --- the doors


async def test_it_comes_back_as_it_went_in(http: httpx.AsyncClient, receiver: Receiver) -> None:
    given = wish(
        receiver,
        id="urn:x:S",
        csf="speed>3",
        scopeQ="/harbour/#",
        temporalQ={"timerel": "before", "timeAt": "2030-01-01T00:00:00Z"},
    )
    answer = await http.post(DOOR, json=given)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/ngsi-ld/v1{DOOR}/urn:x:S"
    found = await http.get(f"{DOOR}/urn:x:S")
    assert found.json() == {**given, "status": "active"}
    assert (await http.get(DOOR)).json() == [found.json()]
    assert (await http.get("/subscriptions")).json() == []
    assert (await http.post(DOOR, json=given)).status_code == 409
    assert (await http.delete(f"{DOOR}/urn:x:S")).status_code == 204
    assert (await http.get(f"{DOOR}/urn:x:S")).status_code == 404


@pytest.mark.parametrize(
    "members",
    [
        {"temporalQ": {"timerel": "sometimes", "timeAt": "2030-01-01T00:00:00Z"}},
        {"temporalQ": {"timeAt": "2030-01-01T00:00:00Z"}},
        {"temporalQ": {"timerel": "between", "timeAt": "2030-01-01T00:00:00Z"}},
        {"temporalQ": {"timerel": "before", "timeAt": 3}},
        {"temporalQ": "now"},
        {"csf": "speed>"},
        {"watchedAttributes": []},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"entities": None},
        {
            "notification": {
                "endpoint": {"uri": "http://a.example", "accept": "application/geo+json"}
            }
        },
    ],
)
async def test_what_no_registration_can_answer_is_refused(
    http: httpx.AsyncClient, receiver: Receiver, members: dict[str, Any]
) -> None:
    answer = await http.post(DOOR, json={**wish(receiver), **members})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("/BadRequestData")


async def test_an_amendment_that_makes_no_sense_changes_nothing(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    id = await subscribed(http, wish(receiver))
    before = (await http.get(f"{DOOR}/{id}")).json()
    answer = await http.patch(f"{DOOR}/{id}", json={"temporalQ": {"timerel": "never"}})
    assert answer.status_code == 400
    assert (await http.get(f"{DOOR}/{id}")).json() == before
    assert (await http.patch(f"{DOOR}/urn:x:other", json={"isActive": False})).status_code == 404


async def test_a_subscription_is_its_makers_own(api: Api, receiver: Receiver) -> None:
    other = Actor("machine:other", "machine", roles=frozenset({"open"}))
    async with client(visited(api)) as mine, client(visited(api, other)) as theirs:
        id = await subscribed(mine, wish(receiver))
        assert (await theirs.get(f"{DOOR}/{id}")).status_code == 404
        assert (await theirs.get(DOOR)).json() == []
        assert (await theirs.delete(f"{DOOR}/{id}")).status_code == 404


async def test_subscriptions_are_there_when_the_server_starts_again(
    open_broker: OpenBroker, receiver: Receiver
) -> None:
    broker = open_broker(url="sqlite:town.db")
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        async with client(visited(Api(broker, to_others))) as http:
            id = await subscribed(http, wish(receiver))
        again = Api(broker, to_others)
        async with client(visited(again)) as http, telling(again):
            assert [one["id"] for one in (await http.get(DOOR)).json()] == [id]
            await registered(http, information=FERRY)
            assert (await receiver.next()).body["triggerReason"] == "newlyMatching"


# --- what is told


async def test_who_subscribes_is_told_what_there_is_and_then_what_changes(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    first = await registered(http, "a", information=FERRY)
    second = await registered(http, "b", information=FERRY)
    await registered(http, "c", information=TRAM)
    id = await subscribed(http, wish(receiver))
    told = await receiver.next()
    assert told.body["type"] == "ContextSourceNotification"
    assert told.body["subscriptionId"] == id
    assert told.body["triggerReason"] == "newlyMatching"
    assert told.body["notifiedAt"].endswith("Z")
    assert [one["id"] for one in told.data] == [first, second]
    await changed(http, first, description="new")
    told = await receiver.next()
    assert (told.body["triggerReason"], told.data[0]["description"]) == ("updated", "new")
    await changed(http, first, information=TRAM)
    told = await receiver.next()
    assert (told.body["triggerReason"], told.data[0]["id"]) == ("noLongerMatching", first)
    assert told.data[0]["information"] == FERRY
    await http.delete(f"/csourceRegistrations/{second}")
    told = await receiver.next()
    assert (told.body["triggerReason"], told.data[0]["id"]) == ("noLongerMatching", second)
    await changed(http, first, description="newer")
    await nothing_more(receiver)


async def test_only_matching_information_is_told(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    await subscribed(http, wish(receiver))
    await registered(http, information=[*TRAM, *FERRY])
    assert (await receiver.next()).data[0]["information"] == FERRY


async def test_an_amendment_tells_all_that_match_now(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    await registered(http, "a", information=TRAM)
    id = await subscribed(http, wish(receiver))
    await nothing_more(receiver)
    entities = [{"type": "Tram"}, {"type": "Ferry"}]
    assert (await http.patch(f"{DOOR}/{id}", json={"entities": entities})).status_code == 204
    assert (await receiver.next()).data[0]["information"] == TRAM
    await http.delete(f"{DOOR}/{id}")
    await registered(http, "b", information=FERRY)
    await nothing_more(receiver)


async def test_a_registration_that_expires_is_told(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    await subscribed(http, wish(receiver))
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat().replace("+00:00", "Z")
    await registered(http, information=FERRY, expiresAt=soon)
    assert (await receiver.next()).body["triggerReason"] == "newlyMatching"
    assert (await receiver.next()).body["triggerReason"] == "noLongerMatching"


MATCHING: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"entities": [{"type": "Ferry", "id": "urn:x:1"}]}, {}, True),
    (
        {"entities": [{"type": "Ferry", "id": "urn:x:1"}]},
        {"information": [{"entities": [{"type": "Ferry", "id": "urn:x:2"}]}]},
        False,
    ),
    # Attributes narrow only where both what is watched and what is told are named.
    (
        {"watchedAttributes": ["berth"]},
        {"information": [{**FERRY[0], "propertyNames": ["speed"]}]},
        True,
    ),
    (
        {"watchedAttributes": ["berth"], "attributes": ["draught"]},
        {"information": [{**FERRY[0], "propertyNames": ["speed"]}]},
        False,
    ),
    (
        {"watchedAttributes": ["berth"], "attributes": ["draught"]},
        {"information": [{**FERRY[0], "propertyNames": ["draught"]}]},
        True,
    ),
    ({"csf": 'owner=="harbour"'}, {"owner": "harbour"}, True),
    ({"csf": 'owner=="harbour"'}, {"owner": "town"}, False),
    ({"scopeQ": "/harbour/#"}, {"scope": "/harbour/north"}, True),
    ({"scopeQ": "/harbour/#"}, {"scope": "/town"}, False),
    ({}, {"observationInterval": LONG_AGO}, False),
    (
        {"temporalQ": {"timerel": "after", "timeAt": "2001-06-01T00:00:00Z"}},
        {"observationInterval": LONG_AGO},
        True,
    ),
    (
        {"temporalQ": {"timerel": "after", "timeAt": "2003-06-01T00:00:00Z"}},
        {"observationInterval": LONG_AGO},
        False,
    ),
    (
        {
            "temporalQ": {
                "timerel": "before",
                "timeAt": "2001-06-01T00:00:00Z",
                "timeproperty": "modifiedAt",
            }
        },
        {"managementInterval": LONG_AGO},
        True,
    ),
    (
        {"geoQ": {"georel": "near;maxDistance==9", "geometry": "Point", "coordinates": [8, 49]}},
        {"location": {"type": "Point", "coordinates": [8, 49]}},
        True,
    ),
    (
        {"geoQ": {"georel": "near;maxDistance==9", "geometry": "Point", "coordinates": [8, 49]}},
        {"location": {"type": "Point", "coordinates": [9, 49]}},
        False,
    ),
]


@pytest.mark.parametrize(("asked", "registration", "matches"), MATCHING)
async def test_what_matches(
    http: httpx.AsyncClient,
    receiver: Receiver,
    bulletin: None,
    asked: dict[str, Any],
    registration: dict[str, Any],
    matches: bool,
) -> None:
    told = {"attributes": asked["attributes"]} if "attributes" in asked else {}
    members = {name: value for name, value in asked.items() if name != "attributes"}
    await registered(http, **{"information": FERRY, **registration})
    id = await subscribed(http, wish(receiver, told, **members))
    if matches:
        assert (await receiver.next()).data[0]["id"] == "urn:x:a"
    else:
        await nothing_more(receiver)
    assert (await http.get(f"{DOOR}/{id}")).status_code == 200


async def test_it_is_told_in_the_subscribers_words(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    context = {"Boat": "https://uri.etsi.org/ngsi-ld/default-context/Ferry"}
    endpoint = {"uri": receiver.url, "accept": "application/ld+json"}
    body = wish(receiver, {"endpoint": endpoint}, entities=[{"type": "Boat"}])
    answer = await http.post(
        DOOR, json={**body, "@context": context}, headers={"content-type": "application/ld+json"}
    )
    assert answer.status_code == 201
    await registered(http, information=FERRY)
    told = await receiver.next()
    assert told.data[0]["information"] == [{"entities": [{"type": "Boat"}]}]
    assert "@context" in told.body


async def test_who_may_not_register_is_not_told_the_key_of_a_source(
    api: Api, http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    key = [{"key": "Authorization", "value": "Bearer x"}]
    await registered(http, information=FERRY, contextSourceInfo=key)
    await subscribed(http, wish(receiver))
    assert (await receiver.next()).data[0]["contextSourceInfo"] == key
    watcher = Actor("machine:watcher", "machine", roles=frozenset({"operator"}))
    async with client(visited(api, watcher)) as other:
        await subscribed(other, wish(receiver))
    assert "contextSourceInfo" not in (await receiver.next()).data[0]


async def test_a_citizen_may_not_subscribe(api: Api, receiver: Receiver) -> None:
    citizen = Actor("person:c", "person", roles=frozenset({"citizen"}))
    async with client(visited(api, citizen, "public information")) as http:
        assert (await http.post(DOOR, json=wish(receiver))).status_code == 403


# --- when it is told


@pytest.mark.parametrize("members", [{"isActive": False}, {"expiresAt": "soon"}])
async def test_who_is_paused_or_expired_is_not_told(
    api: Api, http: httpx.AsyncClient, receiver: Receiver, bulletin: None, members: dict[str, Any]
) -> None:
    if "expiresAt" in members:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        members = {"expiresAt": soon.isoformat().replace("+00:00", "Z")}
    id = await subscribed(http, wish(receiver, **members))
    api.broker.clock = lambda: datetime.now(UTC) + timedelta(minutes=2)
    await registered(http, information=FERRY)
    await nothing_more(receiver)
    assert (await http.get(f"{DOOR}/{id}")).json()["status"] in ("paused", "expired")


async def test_who_wants_it_from_time_to_time_is_told_everything_each_time(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    first = await registered(http, "a", information=FERRY)
    await subscribed(http, wish(receiver, timeInterval=0.1))
    assert [one["id"] for one in (await receiver.next()).data] == [first]
    second = await registered(http, "b", information=FERRY)
    assert [one["id"] for one in (await receiver.next()).data] == [first, second]


async def test_who_is_throttled_is_told_later_what_is_still_true(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    await registered(http, "a", information=FERRY)
    await subscribed(http, wish(receiver, throttling=0.3))
    await receiver.next()
    for word in ("one", "two"):
        await changed(http, "urn:x:a", description=word)
    await registered(http, "b", information=FERRY)
    await http.delete("/csourceRegistrations/urn:x:b")
    told = await receiver.next()
    assert (told.body["triggerReason"], told.data[0]["description"]) == ("updated", "two")
    await nothing_more(receiver)


async def test_what_is_sent_and_what_fails_is_counted(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    id = await subscribed(http, wish(receiver))
    await registered(http, "a", information=FERRY)
    await receiver.next()
    found = await until(http, id, status="ok", timesSent=1)
    assert {"lastNotification", "lastSuccess"} <= found["notification"].keys()
    receiver.status = 500
    await changed(http, "urn:x:a", description="new")
    await receiver.next()
    found = await until(http, id, status="failed", timesSent=2, timesFailed=1)
    assert "lastFailure" in found["notification"]


async def test_one_that_does_not_answer_delays_nobody_else(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    receiver.held.clear()
    await subscribed(http, wish(receiver, id="urn:x:S1"))
    await subscribed(http, wish(receiver, id="urn:x:S2"))
    await registered(http, information=FERRY)
    told = {(await receiver.next()).body["subscriptionId"] for _ in range(2)}
    assert told == {"urn:x:S1", "urn:x:S2"}


async def test_tenants_are_told_apart(
    http: httpx.AsyncClient, receiver: Receiver, bulletin: None
) -> None:
    answer = await http.post(DOOR, json=wish(receiver), headers={"NGSILD-Tenant": "north"})
    assert answer.status_code == 201
    await registered(http, information=FERRY)
    await nothing_more(receiver)
    assert (await http.get(DOOR)).json() == []
