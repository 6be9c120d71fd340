"""What tests of snapshots share: trees, and how a snapshot of them is taken."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx

from townsquare.context.api.app import Api
from townsquare.model.actor import Actor
from townsquare.model.declaration import EntityType

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
HEADER = "NGSILD-Snapshot"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
TREES = {"type": "Query", "entities": [{"type": "Tree"}]}
EVER = {"timerel": "before", "timeAt": "2999-01-01T00:00:00Z", "timeproperty": "createdAt"}
CLERK = Actor("person:clerk", "person", roles=frozenset({"operator", "integrator"}))
SAFE = EntityType("Safe", "register", frozenset({"operator"}), secret=frozenset({"code"}))
ROOM = Actor("room:register", "room", roles=frozenset({"room"}), room="register")


def tree(number: int) -> str:
    return f"urn:x:Tree:{number}"


async def running(api: Api) -> AsyncIterator[None]:
    task = asyncio.create_task(api.snapshots.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def asked_for(http: httpx.AsyncClient, *queries: Any, **members: Any) -> str:
    """Path of a new snapshot, which is not ready yet."""
    given = {"snapshotQueries": list(queries)} if queries else {}
    answer = await http.post("/snapshots", json={"type": "Snapshot", **given, **members})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


async def ready(http: httpx.AsyncClient, path: str) -> Any:
    for _ in range(1000):
        told = (await http.get(path)).json()
        if told["snapshotStatus"] != "preparing":
            return told
        await asyncio.sleep(0.002)
    raise AssertionError(told)


async def taken(http: httpx.AsyncClient, *queries: Any, **members: Any) -> dict[str, str]:
    """The header that leads into a new snapshot."""
    told = await ready(http, await asked_for(http, *queries, **members))
    return {HEADER: told["id"]}


async def heights(http: httpx.AsyncClient, inside: dict[str, str]) -> dict[str, int]:
    answer = await http.get("/entities?type=Tree&options=keyValues", headers=inside)
    assert (answer.status_code, answer.headers[HEADER]) == (200, inside[HEADER]), answer.text
    return {entity["id"]: entity["height"] for entity in answer.json()}
