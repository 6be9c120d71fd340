"""What the broker remembers of entities is what their rows say."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.decoded import MOST, Decoded
from townsquare.store import Key, Row

ID = "urn:ngsi-ld:Hall:1"
HALL: dict[str, Any] = {
    "id": ID,
    "type": ["Hall", "Building"],
    "scope": ["/north", "/public"],
    "temperature": [
        {
            "type": "Property",
            "value": 20.0,
            "observedAt": "2030-06-01T14:00:00.5Z",
            "unitCode": "CEL",
            "accuracy": {"type": "Property", "value": 1e-3},
        },
        {"type": "Property", "value": 21, "datasetId": "urn:ngsi-ld:Dataset:roof"},
    ],
    "seats": {"type": "Property", "value": 12345678901234567890},
    "open": {"type": "Property", "value": True},
    "plan": {"type": "Property", "value": {"rooms": [1, 2.50, "ü", {"a": []}]}},
    "refOwner": {"type": "Relationship", "object": ["urn:ngsi-ld:P:1", "urn:ngsi-ld:P:2"]},
    "name": {"type": "LanguageProperty", "languageMap": {"de": "Halle", "en": ["hall", "barn"]}},
    "use": {"type": "VocabProperty", "vocab": ["sport", "market"]},
    "raw": {"type": "JsonProperty", "json": {"type": "x", "value": None}},
    "days": {"type": "ListProperty", "valueList": [1, "two", [3.0]]},
    "doors": {"type": "ListRelationship", "objectList": [{"object": "urn:ngsi-ld:D:1"}]},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13.0, 52]}},
}
CHANGES: list[tuple[str, str, Any]] = [
    ("PATCH", f"/entities/{ID}", {"plan": {"value": {"rooms": "urn:ngsi-ld:null", "b": 2.0}}}),
    ("PATCH", f"/entities/{ID}/attrs", {"temperature": {"type": "Property", "value": 30}}),
    ("POST", f"/entities/{ID}/attrs", {"days": {"type": "ListProperty", "valueList": [0.10]}}),
    ("PATCH", f"/entities/{ID}/attrs/temperature", {"observedAt": "2030-06-01T12:00:00Z"}),
    ("PUT", f"/entities/{ID}", {k: v for k, v in HALL.items() if k != "scope"}),
]


@pytest.fixture
async def cold(open_broker: OpenBroker) -> AsyncIterator[tuple[httpx.AsyncClient, Broker]]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as others:
        broker = open_broker()
        async with client(visited(Api(broker, others))) as http:
            yield http, broker


async def test_an_answer_is_the_same_from_memory_and_from_the_store(
    cold: tuple[httpx.AsyncClient, Broker],
) -> None:
    http, broker = cold
    made = await http.post("/entities", json=HALL)
    assert made.status_code == 201, made.text
    for method, path, body in [("GET", f"/entities/{ID}", None), *CHANGES]:
        done = await http.request(method, path, json=body)
        assert done.status_code in (200, 204), done.text
        assert await read(broker) == await read(fresh(broker))


async def test_an_entity_that_is_made_again_is_not_taken_for_the_old_one(
    cold: tuple[httpx.AsyncClient, Broker],
) -> None:
    http, _ = cold
    for level in (1, 2):
        lamp = {"id": "urn:ngsi-ld:Lamp:1", "type": "Lamp", "level": level}
        assert (await http.post("/entities", json=lamp)).status_code == 201
        found = await http.get("/entities/urn:ngsi-ld:Lamp:1?options=keyValues")
        assert found.json()["level"] == level
        await http.delete("/entities/urn:ngsi-ld:Lamp:1")


def fresh(broker: Broker) -> Broker:
    """Another one on the same store, that knows nothing yet."""
    listener = broker.store.listener
    other = Broker(broker.store, open_bus("memory:"), broker.policy)
    broker.store.listener = listener
    return other


async def read(broker: Broker) -> str:
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as others,
        client(visited(Api(broker, others))) as http,
    ):
        options = ("sysAttrs", "sysAttrs,concise", "keyValues")
        paths = [f"/entities/{ID}?options={option}" for option in options]
        return "\n".join([a.text for a in await asyncio.gather(*map(http.get, paths))])


def test_it_forgets_those_that_nobody_asks_for() -> None:
    decoded = Decoded()

    def row(number: int, more: str = "") -> Row:
        id = f"urn:ngsi-ld:Lamp:{number}"
        body = f'{{"id":"{id}","types":["Lamp"],"attributes":{{"a":[{{"value":"{more}"}}]}}}}'
        return Row(Key("", "context", id), 1, body.encode())

    first = decoded.of(row(0))
    assert decoded.of(row(0)) is first
    for number in range(1, 20):
        decoded.of(row(number, "x" * (MOST // 9)))
    assert decoded.of(row(0)) is not first
