"""Who is told of which change, and in which form (clauses 5.3.1, 5.8.6 and 6.3.8)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from tests.contract.ngsi_ld.receiver import Told
from tests.contract.ngsi_ld.subscriber import (
    BIN,
    CORE,
    NULL,
    Subscriber,
    deleted,
    made,
    merged,
    silent,
)


async def test_a_notification_has_what_the_standard_says(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    id = await subscriber.asks()
    await made(http)
    told = await subscriber.receiver.next()
    assert told.body["data"] == [BIN]
    assert (told.body["type"], told.body["subscriptionId"]) == ("Notification", id)
    assert told.body["id"].startswith("urn:ngsi-ld:Notification:")
    assert told.body["notifiedAt"].endswith("Z")
    assert told.headers["Content-Type"] == "application/json"
    assert told.headers["Link"].startswith(f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"')


CREATED, UPDATED, ADDED, ATTRIBUTE_GONE, GONE = range(5)


@pytest.mark.parametrize(
    ("triggers", "watched", "expected"),
    [
        (None, None, {CREATED, UPDATED, ADDED}),
        (["entityCreated"], None, {CREATED}),
        (["entityUpdated"], None, {CREATED, UPDATED, ADDED, ATTRIBUTE_GONE, GONE}),
        (["entityDeleted"], None, {GONE}),
        (["attributeCreated"], None, {CREATED, ADDED}),
        (["attributeUpdated"], None, {UPDATED}),
        (["attributeDeleted"], None, {ATTRIBUTE_GONE, GONE}),
        (None, ["level"], {CREATED, UPDATED}),
        (["attributeDeleted"], ["level"], {GONE}),
        (["attributeDeleted"], ["road"], {ATTRIBUTE_GONE}),
        (["entityCreated", "entityDeleted"], ["absent"], set()),
    ],
)
async def test_each_trigger_fires_for_its_change_only(
    http: httpx.AsyncClient,
    subscriber: Subscriber,
    triggers: list[str] | None,
    watched: list[str] | None,
    expected: set[int],
) -> None:
    asked: dict[str, Any] = {"notificationTrigger": triggers, "watchedAttributes": watched}
    id = await subscriber.asks(None, **{n: v for n, v in asked.items() if v})
    told: dict[int, Told] = {}
    steps: Mapping[int, Callable[[], Awaitable[None]]] = {
        CREATED: lambda: made(http),
        UPDATED: lambda: merged(http, level=2),
        ADDED: lambda: merged(http, colour="red"),
        ATTRIBUTE_GONE: lambda: merged(http, road=NULL),
        GONE: lambda: deleted(http),
    }
    for step, do in steps.items():
        await do()
        if step in expected:
            told[step] = await subscriber.receiver.next()
    await silent(subscriber, http)
    assert told.keys() == expected
    assert {t.body["subscriptionId"] for t in told.values()} <= {id}


async def test_the_same_again_is_no_change(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    await made(http)
    await subscriber.asks()
    await merged(http, level=1)
    await silent(subscriber, http)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"entities": [{"type": "Bin", "id": "urn:ngsi-ld:Bin:2"}]}, ["2"]),
        ({"entities": [{"type": "Bin", "idPattern": "Bin:[23]$"}]}, ["2", "3"]),
        ({"entities": [{"type": "Skip|Bin"}]}, ["1", "2", "3"]),
        ({"entities": [{"type": "(Bin;Full)"}]}, ["3"]),
        ({"entities": [{"type": "*"}]}, ["1", "2", "3"]),
        ({"entities": [{"type": "Skip"}, {"type": "Full"}]}, ["3"]),
        ({"watchedAttributes": ["only3"]}, ["3"]),
        ({"q": "level>1"}, ["2", "3"]),
        ({"q": 'word=="two%20words"'}, ["2"]),
        ({"scopeQ": "/north/#"}, ["2"]),
        (
            {
                "geoQ": {
                    "georel": "near;maxDistance==9",
                    "geometry": "Point",
                    "coordinates": "[2,2]",
                }
            },
            ["3"],
        ),
    ],
)
async def test_only_who_is_selected_is_told_of(
    http: httpx.AsyncClient,
    subscriber: Subscriber,
    members: dict[str, Any],
    expected: list[str],
) -> None:
    await subscriber.asks(**members)
    await made(http)
    second = {"level": 2, "word": "two words", "scope": "/north/side"}
    await made(http, id="urn:ngsi-ld:Bin:2", **second)
    place = {"type": "Point", "coordinates": [2, 2]}
    third = {"level": 3, "only3": 1, "location": place, "type": ["Bin", "Full"]}
    await made(http, id="urn:ngsi-ld:Bin:3", **third)
    found: list[str] = []
    while len(found) < len(expected):
        found += [e["id"][-1] for e in (await subscriber.receiver.next()).data]
    assert found == expected
    await silent(subscriber, http)


# --- forms


async def changed(
    http: httpx.AsyncClient, subscriber: Subscriber, told: dict[str, Any], **members: Any
) -> Told:
    """What is told of a bin after its level changed."""
    await made(http)
    await subscriber.asks(told, **members)
    await merged(http, level=2)
    return await subscriber.receiver.next()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"attributes": ["level"]}, {"id", "type", "level"}),
        ({"pick": ["id", "road"]}, {"id", "road"}),
        ({"omit": ["type", "road"]}, {"id", "level", "name"}),
        ({"sysAttrs": True}, {"id", "type", "level", "name", "road", "createdAt", "modifiedAt"}),
    ],
)
async def test_members_that_are_told(
    http: httpx.AsyncClient, subscriber: Subscriber, told: dict[str, Any], expected: set[str]
) -> None:
    assert (await changed(http, subscriber, told)).data[0].keys() == expected


@pytest.mark.parametrize(
    ("format", "level", "road"),
    [
        ("concise", 2, {"object": "urn:ngsi-ld:Road:1"}),
        ("simplified", 2, "urn:ngsi-ld:Road:1"),
        ("keyValues", 2, "urn:ngsi-ld:Road:1"),
        ("normalized", {"type": "Property", "value": 2}, BIN["road"]),
    ],
)
async def test_formats(
    http: httpx.AsyncClient, subscriber: Subscriber, format: str, level: Any, road: Any
) -> None:
    (found,) = (await changed(http, subscriber, {"format": format})).data
    assert (found["level"], found["road"]) == (level, road)


async def test_json_ld_has_its_context_in_the_body(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    told = await changed(http, subscriber, {"endpoint": {"accept": "application/ld+json"}})
    assert told.headers["Content-Type"] == "application/ld+json"
    assert "Link" not in told.headers
    assert (told.body["@context"], told.data[0]["@context"]) == (CORE, CORE)


@pytest.mark.parametrize("plain", [True, False])
async def test_geojson(http: httpx.AsyncClient, subscriber: Subscriber, plain: bool) -> None:
    place = {"type": "Point", "coordinates": [1, 2]}
    await made(http, location=place)
    endpoint: dict[str, Any] = {"accept": "application/geo+json"}
    if plain:
        endpoint["receiverInfo"] = [{"key": "Prefer", "value": "body=json"}]
    await subscriber.asks({"endpoint": endpoint, "format": "simplified"})
    await merged(http, level=2)
    told = await subscriber.receiver.next()
    assert told.headers["Content-Type"] == "application/geo+json"
    assert told.data["type"] == "FeatureCollection"
    (feature,) = told.data["features"]
    assert (feature["id"], feature["type"], feature["geometry"]) == (BIN["id"], "Feature", place)
    assert (feature["properties"]["type"], feature["properties"]["level"]) == ("Bin", 2)
    assert ("Link" in told.headers, "@context" in told.data) == (plain, not plain)


async def test_the_words_of_a_notification(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    words = {"Box": "https://m.example/Box", "fill": "https://m.example/fill"}
    answer = await http.post("/jsonldContexts", json={"@context": words})
    url = "http://localhost:8400" + answer.headers["location"]
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"'
    box = {"id": "urn:x:1", "type": "Box", "fill": 1}
    await subscriber.asks(entities=[{"type": "https://m.example/Box"}], jsonldContext=url)
    await http.post("/entities", json=box, headers={"link": link})
    told = await subscriber.receiver.next()
    assert told.data[0].keys() == box.keys()
    assert f"<{url}>" in told.headers["Link"]


async def test_headers_and_the_tenant(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    tenant = {"NGSILD-Tenant": "harbour"}
    info = [{"key": "Authorization", "value": "Bearer x"}, {"key": "X-Mine", "value": "a b"}]
    body = {
        "type": "Subscription",
        "entities": [{"type": "Bin"}],
        "notification": {"endpoint": {"uri": subscriber.receiver.url, "receiverInfo": info}},
    }
    assert (await http.post("/subscriptions", json=body, headers=tenant)).status_code == 201
    await made(http)
    assert (await http.post("/entities", json=BIN, headers=tenant)).status_code == 201
    told = await subscriber.receiver.next()
    assert told.headers["NGSILD-Tenant"] == "harbour"
    assert (told.headers["Authorization"], told.headers["X-Mine"]) == ("Bearer x", "a b")
    await silent(subscriber, http)


ROAD = {"type": "Relationship", "object": "urn:ngsi-ld:Road:1"}
LINKED = {"id": "urn:ngsi-ld:Road:1", "type": "Road", "width": {"type": "Property", "value": 4}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"join": "flat"}, [{**BIN, "level": {"type": "Property", "value": 2}}, LINKED]),
        (
            {"join": "inline", "pick": ["id", "road{width}"]},
            [{"id": BIN["id"], "road": {**ROAD, "entity": {"width": LINKED["width"]}}}],
        ),
        (
            {"join": "inline", "format": "simplified", "attributes": ["road"]},
            [
                {
                    "id": BIN["id"],
                    "type": "Bin",
                    "road": {"id": LINKED["id"], "type": "Road", "width": 4},
                }
            ],
        ),
    ],
)
async def test_linked_entities(
    http: httpx.AsyncClient, subscriber: Subscriber, told: dict[str, Any], expected: list[Any]
) -> None:
    assert (await http.post("/entities", json=LINKED)).status_code == 201
    assert (await changed(http, subscriber, told)).data == expected


async def test_one_language(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    (found,) = (await changed(http, subscriber, {}, lang="en")).data
    assert found["name"] == {"type": "Property", "value": "bin", "lang": "en"}


async def test_an_earlier_version(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    (found,) = (await changed(http, subscriber, {}, ngsildConformance="1.3")).data
    assert found["name"]["type"] == "Property"


async def test_q_may_follow_a_link(http: httpx.AsyncClient, subscriber: Subscriber) -> None:
    assert (await http.post("/entities", json=LINKED)).status_code == 201
    await subscriber.asks(q="road{width}==4")
    await made(http, id="urn:ngsi-ld:Bin:2", road={"object": "urn:ngsi-ld:Road:2"})
    await made(http)
    assert [e["id"] for e in (await subscriber.receiver.next()).data] == [BIN["id"]]
