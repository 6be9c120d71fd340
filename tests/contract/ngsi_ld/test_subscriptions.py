"""Subscriptions as documents: create, retrieve, list, change, delete (clause 5.8.1 to 5.8.5)."""

from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import ANYONE, Actor

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ID = "urn:ngsi-ld:Subscription:bins"
ENDPOINT = {"uri": "http://127.0.0.1:1/notify"}
BINS = {
    "id": ID,
    "type": "Subscription",
    "entities": [{"type": "Bin"}],
    "notification": {"endpoint": ENDPOINT},
}
HELD = {
    **BINS,
    "notificationTrigger": ["attributeCreated", "attributeUpdated"],
    "status": "active",
    "jsonldContext": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld",
}


async def subscribed(http: httpx.AsyncClient, **changes: Any) -> str:
    answer = await http.post("/subscriptions", json={**BINS, **changes})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


async def test_a_client_gets_back_what_it_gave_and_what_the_broker_adds(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/subscriptions", json=BINS)
    assert answer.headers["location"] == f"/ngsi-ld/v1/subscriptions/{ID}"
    assert (await http.get(f"/subscriptions/{ID}")).json() == HELD


async def test_every_member_of_the_standard_comes_back(http: httpx.AsyncClient) -> None:
    whole = {
        "id": ID,
        "type": "Subscription",
        "subscriptionName": "bins",
        "description": "bins that are full",
        "entities": [
            {"type": "Bin", "id": "urn:ngsi-ld:Bin:1"},
            {"type": "(Bin;Full)|Skip", "id": ["urn:ngsi-ld:Bin:2", "urn:ngsi-ld:Bin:3"]},
            {"type": "*", "idPattern": "^urn:ngsi-ld:Bin:"},
        ],
        "watchedAttributes": ["level"],
        "notificationTrigger": ["entityCreated", "entityUpdated", "entityDeleted"],
        "q": 'level>0.5;street=="Long street"',
        "geoQ": {
            "georel": "near;maxDistance==100",
            "geometry": "Point",
            "coordinates": [13.5, 52.4],
            "geoproperty": "place",
        },
        "scopeQ": "/north/#",
        "csf": 'provider=="town"',
        "datasetId": ["@none", "urn:ngsi-ld:Dataset:a"],
        "lang": "de",
        "splitEntities": False,
        "localOnly": True,
        "isActive": False,
        "expiresAt": "2040-01-01T00:00:00Z",
        "throttling": 0.5,
        "notification": {
            "attributes": ["level"],
            "format": "concise",
            "sysAttrs": True,
            "showChanges": True,
            "join": "flat",
            "joinLevel": 2,
            "endpoint": {
                **ENDPOINT,
                "accept": "application/ld+json",
                "receiverInfo": [{"key": "Authorization", "value": "Bearer x"}],
                "notifierInfo": [{"key": "anything", "value": "goes"}],
                "cooldown": 100,
                "timeout": 2000,
            },
        },
        "jsonldContext": HELD["jsonldContext"],
    }
    assert (await http.post("/subscriptions", json=whole)).status_code == 201
    assert (await http.get(f"/subscriptions/{ID}")).json() == {**whole, "status": "paused"}


async def test_read_only_and_unknown_members_are_ignored(http: httpx.AsyncClient) -> None:
    changes = {"status": "expired", "createdAt": "2020-01-01T00:00:00Z", "mine": {"a": 1}}
    told = {"endpoint": ENDPOINT, "timesSent": 42, "status": "failed"}
    await subscribed(http, **changes, notification=told)
    assert (await http.get(f"/subscriptions/{ID}")).json() == HELD


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"id": "bins"}, "id must be a URI"),
        ({"type": "Something"}, "type"),
        ({"entities": None}, "needs entities, watchedAttributes"),
        ({"entities": []}, "entities"),
        ({"entities": [{"id": "urn:x:1"}]}, "type"),
        ({"entities": [{"type": "A|"}]}, "selects no types"),
        ({"entities": [{"type": "(A;B"}]}, "selects no types"),
        ({"entities": [{"type": "A", "id": "one"}]}, "must be a URI"),
        ({"entities": [{"type": "A", "idPattern": "("}]}, "regular expression"),
        ({"entities": [{"type": "*"}], "localOnly": False}, "localOnly"),
        ({"watchedAttributes": []}, "watchedAttributes"),
        ({"notificationTrigger": ["entityChanged"]}, "notificationTrigger"),
        ({"timeInterval": 5, "throttling": 5}, "throttling"),
        ({"timeInterval": 5, "watchedAttributes": ["a"]}, "watchedAttributes"),
        ({"timeInterval": 0}, "timeInterval"),
        ({"throttling": -1}, "throttling"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "past"),
        ({"expiresAt": "2040-01-01T00:00:00"}, "expiresAt"),
        ({"q": "a>"}, "character 3"),
        ({"csf": "(("}, "q is wrong"),
        ({"geoQ": {"georel": "near", "geometry": "Point", "coordinates": [1, 2]}}, "georel"),
        ({"geoQ": {"georel": "within", "geometry": "Point", "coordinates": "[1"}}, "coordinates"),
        ({"temporalQ": {"timerel": "before"}}, "temporalQ"),
        ({"datasetId": ["one"]}, "datasetId"),
        ({"jsonldContext": "mine"}, "jsonldContext must be a URI"),
        ({"lang": "not a language"}, "lang"),
        ({"ngsildConformance": "latest"}, "ngsildConformance"),
        ({"scopeQ": "no scope"}, "scope"),
    ],
)
async def test_a_wrong_subscription_is_refused_with_the_reason(
    http: httpx.AsyncClient, changes: dict[str, Any], part: str
) -> None:
    answer = await http.post("/subscriptions", json={**BINS, **changes})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"endpoint": None}, "endpoint"),
        ({"format": "keyValues", "showChanges": True}, "showChanges"),
        ({"format": "simplified", "showChanges": True}, "showChanges"),
        ({"attributes": []}, "attributes"),
        ({"attributes": ["id"]}, "no attribute"),
        ({"pick": []}, "pick"),
        ({"omit": []}, "omit"),
        ({"pick": ["id"], "omit": ["id"]}, "in pick and in omit"),
        ({"pick": ["a"], "attributes": ["a"]}, "not both"),
        ({"join": "all"}, "join"),
        ({"joinLevel": 0}, "joinLevel"),
        ({"join": "flat", "joinLevel": 99}, "joinLevel"),
        ({"pick": ["road{name}"]}, "join"),
    ],
)
async def test_wrong_notification_parameters_are_refused(
    http: httpx.AsyncClient, told: dict[str, Any], part: str
) -> None:
    params = {"endpoint": ENDPOINT, **told}
    answer = await http.post("/subscriptions", json={**BINS, "notification": params})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    ("endpoint", "part"),
    [
        ({"uri": "http://[::1"}, "no address"),
        ({"uri": "/notify"}, "no address"),
        ({"uri": "ftp://h/"}, "mqtts"),
        ({"uri": "http://u:secret@h/"}, "no login"),
        ({"uri": "mqtt://h"}, "topic"),
        ({"uri": "mqtt://h/a/+/b"}, "topic"),
        ({"uri": "mqtt://h:99999/a"}, "no address"),
        ({"uri": "mqtt://h/a", "notifierInfo": [{"key": "MQTT-QoS", "value": "3"}]}, "QoS"),
        ({"uri": "mqtt://h/a", "notifierInfo": [{"key": "MQTT-Version", "value": "4"}]}, "Version"),
        ({"uri": "http://h/", "accept": "text/x"}, "accept"),
        ({"uri": "http://h/", "receiverInfo": [{"key": "K", "value": 42}]}, "receiverInfo"),
        ({"uri": "http://h/", "receiverInfo": [{"key": "K"}]}, "receiverInfo"),
        ({"uri": "http://h/", "receiverInfo": [{"key": "K", "value": "a\r\nb: c"}]}, "header"),
        ({"uri": "http://h/", "receiverInfo": [{"key": "a b", "value": "c"}]}, "header"),
        ({"uri": "http://h/", "receiverInfo": [{"key": "Host", "value": "c"}]}, "Host"),
        ({"uri": "http://h/", "timeout": 0}, "timeout"),
    ],
)
async def test_a_wrong_endpoint_is_refused(
    http: httpx.AsyncClient, endpoint: dict[str, Any], part: str
) -> None:
    body = {**BINS, "notification": {"endpoint": endpoint}}
    answer = await http.post("/subscriptions", json=body)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert part in answer.json()["detail"]
    assert "secret" not in answer.text


async def test_an_id_is_made_or_must_be_free(http: httpx.AsyncClient) -> None:
    made = await subscribed(http, id=None)
    assert (await http.get(f"/subscriptions/{made}")).json()["id"] == made
    await subscribed(http)
    answer = await http.post("/subscriptions", json=BINS)
    assert (answer.status_code, answer.json()["type"]) == (409, ERRORS + "AlreadyExists")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("id", "status", "type"),
    [("bins", 400, "BadRequestData"), ("urn:x:none", 404, "ResourceNotFound")],
)
async def test_what_is_not_there(
    http: httpx.AsyncClient, method: str, id: str, status: int, type: str
) -> None:
    body = {"isActive": False} if method == "PATCH" else None
    answer = await http.request(method, f"/subscriptions/{id}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + type)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_without_an_id_there_is_nothing_to_change(
    http: httpx.AsyncClient, method: str
) -> None:
    answer = await http.request(method, "/subscriptions/", json={"isActive": False})
    assert answer.status_code == 405


async def test_a_fragment_replaces_members_and_null_removes_them(http: httpx.AsyncClient) -> None:
    await subscribed(http, throttling=5, description="old", q="level>1")
    changes = {
        "type": "Subscription",
        "description": "new",
        "throttling": None,
        "q": "urn:ngsi-ld:null",
        "notification": {"endpoint": ENDPOINT, "format": "concise"},
    }
    answer = await http.patch(f"/subscriptions/{ID}", json=changes)
    assert (answer.status_code, answer.content) == (204, b"")
    told = {"endpoint": ENDPOINT, "format": "concise"}
    found = (await http.get(f"/subscriptions/{ID}")).json()
    assert found == {**HELD, "description": "new", "notification": told}


@pytest.mark.parametrize(
    ("fragment", "part"),
    [
        ({}, "fragment"),
        ({"id": "urn:x:other"}, "cannot change"),
        ({"notification": {"format": "concise"}}, "endpoint"),
        ({"notification": None}, "notification"),
        ({"entities": None}, "needs entities"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "past"),
        ({"timeInterval": -1}, "timeInterval"),
    ],
)
async def test_a_wrong_fragment_changes_nothing(
    http: httpx.AsyncClient, fragment: dict[str, Any], part: str
) -> None:
    await subscribed(http)
    answer = await http.patch(f"/subscriptions/{ID}", json=fragment)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert part in answer.json()["detail"]
    assert (await http.get(f"/subscriptions/{ID}")).json() == HELD


async def test_the_status_follows_what_is_asked_for(api: Api, http: httpx.AsyncClient) -> None:
    async def status(**fragment: Any) -> str:
        if fragment:
            assert (await http.patch(f"/subscriptions/{ID}", json=fragment)).status_code == 204
        return str((await http.get(f"/subscriptions/{ID}")).json()["status"])

    now = api.broker.clock()
    api.broker.clock = lambda: now
    await subscribed(http, isActive=False)
    assert await status() == "paused"
    assert await status(isActive=True) == "active"
    assert await status(expiresAt=str(now.replace(year=now.year + 1))) == "active"
    api.broker.clock = lambda: now.replace(year=now.year + 2)
    assert await status() == "expired"
    assert await status(isActive=False) == "expired"
    assert await status(isActive=True) == "expired"
    assert await status(expiresAt=str(now.replace(year=now.year + 3))) == "active"


async def test_names_are_shown_in_the_words_of_who_asks(http: httpx.AsyncClient) -> None:
    words = {"Bin": "https://m.example/Bin", "level": "https://m.example/level"}
    ld = {"content-type": "application/ld+json"}
    told = {"endpoint": ENDPOINT, "pick": ["id", "level"]}
    body = {**BINS, "watchedAttributes": ["level"], "notification": told, "@context": words}
    assert (await http.post("/subscriptions", json=body, headers=ld)).status_code == 201
    found = (await http.get(f"/subscriptions/{ID}")).json()
    assert found["entities"] == [{"type": "https://m.example/Bin"}]
    assert found["watchedAttributes"] == ["https://m.example/level"]
    assert found["notification"]["pick"] == ["id", "https://m.example/level"]
    link = f'<{found["jsonldContext"]}>; rel="http://www.w3.org/ns/json-ld#context"'
    again = (await http.get(f"/subscriptions/{ID}", headers={"link": link})).json()
    assert again["entities"] == [{"type": "Bin"}]
    assert again["notification"]["pick"] == ["id", "level"]


async def test_a_list_comes_in_parts_with_links_and_a_count(http: httpx.AsyncClient) -> None:
    for n in range(3):
        await subscribed(http, id=f"urn:x:{n}")
    answer = await http.get("/subscriptions", params={"limit": 1, "offset": 1, "count": "true"})
    assert [s["id"] for s in answer.json()] == ["urn:x:1"]
    assert answer.headers["ngsild-results-count"] == "3"
    root, last = "/ngsi-ld/v1/subscriptions", 'type="application/ld+json"'
    for relation, offset in (("prev", 0), ("next", 2)):
        link = f'<{root}?limit=1&offset={offset}&count=true>; rel="{relation}"; {last}'
        assert link in answer.headers["link"]
    whole = await http.get("/subscriptions")
    assert [s["id"] for s in whole.json()] == ["urn:x:0", "urn:x:1", "urn:x:2"]
    assert 'rel="next"' not in whole.headers["link"]
    behind = await http.get("/subscriptions", params={"offset": 9})
    assert [s["id"] for s in behind.json()] == ["urn:x:2"]
    none = await http.get("/subscriptions", params={"limit": 0, "count": "true"})
    assert (none.json(), none.headers["ngsild-results-count"]) == ([], "3")


@pytest.mark.parametrize(
    ("parameters", "status"), [({"limit": 0}, 400), ({"limit": 5000}, 403), ({"page": 2}, 400)]
)
async def test_a_list_is_not_asked_for_wrongly(
    http: httpx.AsyncClient, parameters: dict[str, int], status: int
) -> None:
    assert (await http.get("/subscriptions", params=parameters)).status_code == status


async def test_times_are_shown_where_they_are_asked_for(http: httpx.AsyncClient) -> None:
    await subscribed(http)
    found = (await http.get(f"/subscriptions/{ID}", params={"options": "sysAttrs"})).json()
    assert {"createdAt", "modifiedAt"} <= found.keys()


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("ngsi-ld=1.0", "ngsi-ld=1.0"),
        ('respond-async, NGSI-LD="1.3"', "ngsi-ld=1.3"),
        ("respond-async", None),
    ],
)
async def test_an_earlier_version_leaves_a_subscription_as_it_is(
    http: httpx.AsyncClient, prefer: str, applied: str | None
) -> None:
    await subscribed(http)
    for path in ("/subscriptions", f"/subscriptions/{ID}"):
        answer = await http.get(path, headers={"prefer": prefer})
        assert (answer.status_code, answer.headers.get("preference-applied")) == (200, applied)


async def test_a_deleted_subscription_is_gone(http: httpx.AsyncClient) -> None:
    await subscribed(http)
    answer = await http.delete(f"/subscriptions/{ID}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await http.get(f"/subscriptions/{ID}")).status_code == 404
    await subscribed(http)


async def test_subscriptions_are_their_owners_and_tenants_own(open_broker: OpenBroker) -> None:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(), to_others)
        other = Actor("machine:other", "machine", roles=frozenset({"open"}))
        async with client(visited(api)) as one, client(visited(api, other)) as two:
            await subscribed(one)
            assert (await two.get(f"/subscriptions/{ID}")).status_code == 404
            assert (await two.patch(f"/subscriptions/{ID}", json={"q": "a"})).status_code == 404
            assert (await two.delete(f"/subscriptions/{ID}")).status_code == 404
            assert (await two.get("/subscriptions")).json() == []
            elsewhere = {"NGSILD-Tenant": "harbour"}
            answer = await one.post("/subscriptions", json=BINS, headers=elsewhere)
            assert answer.status_code == 201
            assert len((await one.get("/subscriptions", headers=elsewhere)).json()) == 1


async def test_a_stranger_may_not_subscribe(open_broker: OpenBroker) -> None:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(), to_others)
        async with client(visited(api, ANYONE, "public information")) as stranger:
            answer = await stranger.post("/subscriptions", json=BINS)
    assert answer.status_code == 403


async def test_subscriptions_are_there_after_a_restart(api: Api, http: httpx.AsyncClient) -> None:
    await subscribed(http, q="level>1")
    again = Api(api.broker, api.courier.client)
    async with client(visited(again)) as visitor:
        assert (await visitor.get(f"/subscriptions/{ID}")).json()["q"] == "level>1"
