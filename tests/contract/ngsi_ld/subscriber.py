"""Somebody who subscribes to bins, and the bin that things happen to."""

import asyncio
from typing import Any

import httpx

from tests.contract.ngsi_ld.receiver import Receiver

BIN = {
    "id": "urn:ngsi-ld:Bin:1",
    "type": "Bin",
    "level": {"type": "Property", "value": 1},
    "name": {"type": "LanguageProperty", "languageMap": {"de": "Tonne", "en": "bin"}},
    "road": {"type": "Relationship", "object": "urn:ngsi-ld:Road:1"},
}
PATH = f"/entities/{BIN['id']}"
NULL = "urn:ngsi-ld:null"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"


class Subscriber:
    def __init__(self, http: httpx.AsyncClient, receiver: Receiver) -> None:
        self.http = http
        self.receiver = receiver

    async def asks(self, told: dict[str, Any] | None = None, **members: Any) -> str:
        """Subscribes; `told` are notification parameters. The id of the subscription."""
        endpoint = {"uri": self.receiver.url, **(told or {}).pop("endpoint", {})}
        params = {**(told or {}), "endpoint": endpoint}
        body: dict[str, Any] = {"type": "Subscription", "notification": params}
        body |= {"entities": [{"type": "Bin"}]} if "watchedAttributes" not in members else {}
        answer = await self.http.post("/subscriptions", json={**body, **members})
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].rsplit("/", 1)[1]

    async def of(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"/subscriptions/{id}")).json()
        return found

    async def until(self, id: str, **expected: Any) -> dict[str, Any]:
        """The subscription, once its notification has these members."""
        for _ in range(200):
            found = await self.of(id)
            if expected.items() <= found["notification"].items():
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"never {expected}, but {found['notification']}")


async def made(http: httpx.AsyncClient, **changes: Any) -> None:
    answer = await http.post("/entities", json={**BIN, **changes})
    assert answer.status_code == 201, answer.text


async def merged(http: httpx.AsyncClient, **changes: Any) -> None:
    assert (await http.patch(PATH, json=changes)).status_code == 204


async def deleted(http: httpx.AsyncClient) -> None:
    assert (await http.delete(PATH)).status_code == 204


async def silent(subscriber: Subscriber, http: httpx.AsyncClient) -> None:
    """Nothing but the last word is told: news come in order, so nothing was on its way."""
    await subscriber.asks(entities=[{"type": "LastWord"}])
    word = {"id": "urn:ngsi-ld:LastWord:1", "type": "LastWord", "a": 1}
    assert (await http.post("/entities", json=word)).status_code == 201
    told = await subscriber.receiver.next()
    assert [e["id"] for e in told.data] == ["urn:ngsi-ld:LastWord:1"]
