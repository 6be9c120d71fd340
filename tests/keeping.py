"""A small town with a past, and what it answers: to be compared with what becomes of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests import notary
from tests.conftest import client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.store import Job, Key, Place, Row, Writes

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
BINS = [f"urn:ngsi-ld:WasteContainer:{n}" for n in range(3)]
PERIOD = "timerel=between&timeAt=2026-05-01T00:00:00Z&endTimeAt=2026-06-01T00:00:00Z"
ASKED = (
    "/entities?type=WasteContainer&options=sysAttrs",
    "/entities?type=WasteContainer&q=level>50",
    "/entities?type=WasteContainer&q=note~=%22.*%C3%A4.*%22",
    "/entities?type=https://example.org/Kiosk",
    "/entities?type=WasteContainer&scopeQ=/Nord",
    "/entities?type=WasteContainer&count=true&limit=1",
    "/entities?type=WasteContainer&geometry=Point&coordinates=[13.4,52.5]"
    "&georel=near;maxDistance==2000",
    "/types?details=true",
    "/attributes?details=true",
    "/subscriptions",
    *(f"/temporal/entities/{id}?{PERIOD}&options=sysAttrs" for id in BINS),
    f"/temporal/entities?type=WasteContainer&{PERIOD}&options=aggregatedValues"
    "&aggrMethods=totalCount,avg,max,distinctCount&aggrPeriodDuration=P1D",
    f"/temporal/entities?type=WasteContainer&{PERIOD}&lastN=2",
)
Answers = Mapping[str, Any]
OF_B = {"NGSILD-Tenant": "b"}


@asynccontextmanager
async def asked(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as others,
        client(visited(Api(broker, others))) as http,
    ):
        yield http


async def lived(broker: Broker, folder: Path) -> None:
    """Days of levels, corrections, a kiosk of its own vocabulary, another tenant, a signed log."""
    async with asked(broker) as http:
        for hour in range(0, 72, 8):
            broker.clock = partial(START.__add__, timedelta(hours=hour, minutes=5))
            bins = [_bin(number, hour) for number in range(len(BINS))]
            done = await http.post("/entityOperations/upsert?options=update", json=bins)
            assert done.status_code in (201, 204), done.text
        for method, path, body, headers in CHANGES:
            done = await http.request(method, path, json=body, headers=headers)
            assert done.status_code in (201, 204), (path, done.text)
    for number in range(5):
        await broker.ledger.note(
            BINS[0], "consultation", OPERATOR, Why("operations", f"T-{number}"), Said("looked")
        )
    keeper = notary.notary(broker, folder)
    await keeper.open()
    await keeper.step()


def _bin(number: int, hour: int) -> dict[str, Any]:
    at = (START + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")
    return {
        "id": BINS[number],
        "type": "WasteContainer",
        "scope": "/Nord" if number else ["/Nord/Markt", "/S\u00fcd"],
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [13.4 + number / 10, 52.5]},
        },
        "level": {
            "type": "Property",
            "value": hour + number / 3,
            "unitCode": "P1",
            "observedAt": at,
            "sensor": {"type": "Relationship", "object": f"urn:ngsi-ld:Device:{number}"},
        },
        "note": {"type": "Property", "value": f'h\u00e4lt, "{hour}"\n;,'},
        "name": {"type": "LanguageProperty", "languageMap": {"de": "Tonne", "fr": "poubelle"}},
    }


KIOSK = {
    "id": "urn:ngsi-ld:Kiosk:1",
    "type": "https://example.org/Kiosk",
    "https://example.org/open": {"type": "Property", "value": {"days": [1, 2.5, None, True]}},
    "sells": [
        {"type": "Property", "value": "news", "datasetId": "urn:ngsi-ld:Dataset:a"},
        {"type": "Property", "value": 12345678901234567890},
    ],
}
SUBSCRIPTION = {
    "id": "urn:ngsi-ld:Subscription:levels",
    "type": "Subscription",
    "entities": [{"type": "WasteContainer"}],
    "notification": {"endpoint": {"uri": "http://localhost:9/nowhere"}},
    "isActive": False,
}
CHANGES: tuple[tuple[str, str, Any, dict[str, str]], ...] = (
    ("POST", "/entities", KIOSK, {}),
    (
        "POST",
        "/entities",
        {"id": "urn:a:1", "type": "A", "n": {"value": 1}},
        {"NGSILD-Tenant": "b"},
    ),
    ("DELETE", f"/entities/{BINS[2]}/attrs/note", None, {}),
    ("POST", "/subscriptions", SUBSCRIPTION, {}),
)


async def later(broker: Broker) -> None:
    """One more hour of it."""
    async with asked(broker) as http:
        done = await http.post("/entityOperations/upsert?options=update", json=[_bin(0, 73)])
        assert done.status_code == 204, done.text


async def answers(broker: Broker) -> Answers:
    """Of everything that is asked here, also of the log."""
    async with asked(broker) as http:
        found = {path: await _said(http, path, {}) for path in ASKED}
        found["of b"] = await _said(http, "/entities?type=A", OF_B)
    entries = await broker.store.log(0, 1000)
    log = [[e.salt.hex(), e.record.decode(), e.commitment.hex()] for e in entries]
    return found | {"log": log}


async def _said(http: Any, path: str, headers: dict[str, str]) -> Any:
    answer = await http.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def key(entity: Entity) -> Key:
    return Key("", "context", entity.id)


async def put(broker: Broker, entity: Entity) -> None:
    """As a room or an earlier version may have kept it."""
    kept = msgspec.structs.replace(entity, version=1)
    row = Row(key(kept), 1, msgspec.json.encode(kept), Place(kept.types, (), None, None))
    await broker.store.commit(Job(START, "", (row.key,), lambda _: Writes(put=[row])))
