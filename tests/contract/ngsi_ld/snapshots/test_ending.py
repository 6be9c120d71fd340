"""How long a snapshot lasts, and that nothing is left of it (clauses 4.3.7, 5.16)."""

import asyncio
from datetime import timedelta

import httpx
import msgspec
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.conftest import Visit
from tests.contract.ngsi_ld.harbour import registered
from tests.contract.ngsi_ld.snapshots.wood import (
    EVER,
    HEADER,
    NOW,
    TREES,
    asked_for,
    heights,
    ready,
    running,
    taken,
    tree,
)
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.snapshots.copies import EVERYTHING, Copies
from townsquare.context.snapshots.snapshot import Snapshot, fresh_place
from townsquare.model.entity import Entity
from townsquare.store import Find


@pytest.mark.usefixtures("room")
async def test_snapshots_are_purged_by_what_they_are(http: httpx.AsyncClient) -> None:
    paths = [await asked_for(http, TREES, snapshotPriority=n) for n in (2, 4, 6)]
    for path in paths:
        await ready(http, path)

    async def purged(q: str) -> tuple[int, list[bool]]:
        answer = await http.delete("/snapshots", params={"q": q} if q else {})
        return answer.status_code, [(await http.get(path)).is_success for path in paths]

    assert await purged("") == (400, [True] * 3)
    assert await purged("speed>50") == (400, [True] * 3)
    assert await purged("snapshotPriority{a}>1") == (400, [True] * 3)
    assert await purged("snapshotPriority>9") == (404, [True] * 3)
    assert await purged('snapshotPriority<5;snapshotStatus=="empty"') == (204, [False, False, True])
    assert await purged("createdAt<2000-01-01T00:00:00Z") == (404, [False, False, True])
    assert await purged("createdAt>=2030-01-01T00:00:00Z") == (204, [False] * 3)


async def test_nothing_is_left_of_what_has_ended(api: Api, http: httpx.AsyncClient) -> None:
    await http.post("/entities", json={"id": tree(1), "type": "Tree", "height": 1})
    path = await asked_for(http, TREES, snapshotTemporalQueries=[{**TREES, "temporalQ": EVER}])
    async for _ in running(api):
        told = await ready(http, path)
    [row] = await api.broker.documents.listed("snapshot")
    place = msgspec.json.decode(row.body, type=Snapshot).place
    assert await api.broker.store.census(place)
    api.broker.clock = lambda: NOW + timedelta(hours=2)
    assert (await http.get(path)).status_code == 404
    answer = await http.get("/entities?type=Tree", headers={HEADER: told["id"]})
    assert (answer.status_code, answer.headers[HEADER]) == (404, told["id"])
    async for _ in running(api):
        for _ in range(1000):
            if not await api.broker.documents.listed("snapshot"):
                break
            await asyncio.sleep(0.002)
    assert not await api.broker.documents.listed("snapshot")
    assert not any((await api.broker.store.census(place)).values())
    assert await api.broker.store.tenants() == []
    assert (await http.get(f"/entities/{tree(1)}")).status_code == 200


async def test_what_is_deleted_while_it_is_prepared_leaves_nothing(
    open_broker: OpenBroker,
) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def source(_: httpx.Request) -> httpx.Response:
        asked.set()
        await answers.wait()
        return httpx.Response(200, json=[{"id": tree(8), "type": "Tree"}])

    async with outgoing.Client(outgoing.LOOPBACK_ONLY, httpx.MockTransport(source)) as to_others:
        api = Api(open_broker(), to_others)
        async with client(visited(api)) as http:
            information = [{"entities": [{"type": "Tree"}]}]
            await registered(http, information=information, operations=["queryEntity"])
            async for _ in running(api):
                path = await asked_for(http, TREES, id="urn:x:Snapshot:1")
                [one] = await api.broker.documents.listed("snapshot")
                place = msgspec.json.decode(one.body, type=Snapshot).place
                await asked.wait()
                assert (await http.delete(path)).status_code == 204
                # The next one has the same id, and nothing of the first.
                assert await asked_for(http, TREES, id="urn:x:Snapshot:1") == path
                answers.set()
                inside = {HEADER: (await ready(http, path))["id"]}
                found = await http.get("/entities?type=Tree", headers=inside)
                assert [entity["id"] for entity in found.json()] == [tree(8)]
            assert not any((await api.broker.store.census(place)).values())


@pytest.mark.usefixtures("room", "trees")
async def test_no_snapshot_leaves_a_tenant_behind(api: Api, http: httpx.AsyncClient) -> None:
    store, town = api.broker.store, {"NGSILD-Tenant": "north"}
    body = {"id": tree(1), "type": "Tree", "height": 1}
    assert (await http.post("/entities", json=body, headers=town)).status_code == 201
    inside = await taken(http, TREES)
    changed = {"id": tree(9), "type": "Tree", "height": 9}
    assert (await http.post("/entities", json=changed, headers=inside)).status_code == 201
    assert len(await store.tenants()) == 2
    assert (await http.delete(f"/snapshots/{inside[HEADER]}")).status_code == 204
    assert await store.tenants() == ["north"]
    assert (await http.delete(f"/entities/{tree(1)}", headers=town)).status_code == 204
    assert await store.tenants() == ["north"]  # what a client has begun stays


async def test_what_a_kill_left_of_a_snapshot_goes_at_the_next_start(
    api: Api, http: httpx.AsyncClient
) -> None:
    place = fresh_place("")
    await Copies(api.broker).put(place, [Entity(tree(1), ("Tree",))])
    assert await api.broker.store.tenants() == [place]
    async for _ in running(api):
        path = await asked_for(http, TREES)
        await ready(http, path)
    assert place not in await api.broker.store.tenants()
    assert not await api.broker.store.find(place, Find(EVERYTHING))


@pytest.mark.usefixtures("trees")
async def test_a_snapshot_outlives_the_server(
    http: httpx.AsyncClient, api: Api, visit: Visit
) -> None:
    path = await asked_for(http, TREES)
    inside = {HEADER: (await http.get(path)).json()["id"]}
    waiting = await http.get("/entities?type=Tree", headers=inside)
    assert (waiting.status_code, "retry-after" in waiting.headers) == (503, True)
    assert (await http.post(f"{path}/clone", json={"type": "Snapshot"})).status_code == 503
    second = Api(api.broker, api.courier.client)
    async for _ in running(second):
        await ready(visit(api=second), path)
    third = visit(api=Api(api.broker, api.courier.client))
    assert await heights(third, inside) == {tree(0): 10, tree(1): 11, tree(2): 12}


@pytest.mark.usefixtures("room")
async def test_one_too_many_takes_the_place_of_the_least(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsquare.context.snapshots.gallery.MOST_EACH", 2)
    paths = [await asked_for(http, TREES, snapshotPriority=n) for n in (3, 1, 2)]
    assert [(await http.get(path)).status_code for path in paths] == [200, 404, 200]
    at_once = await asyncio.gather(*(asked_for(http, TREES) for _ in range(3)))
    assert len(set(at_once)) == 3


@pytest.mark.usefixtures("room", "trees")
async def test_no_copy_outlives_the_longest_time_of_what_was_copied(
    api: Api, http: httpx.AsyncClient
) -> None:
    path = await asked_for(http, TREES, snapshotLifetime="P1D")
    end = (await ready(http, path))["expiresAt"]
    api.broker.clock = lambda: NOW + timedelta(hours=23)
    renewed = await http.patch(path, json={"snapshotLifetime": "PT20H"})
    assert renewed.json()["expiresAt"] == end
    body = {"type": "Snapshot", "snapshotLifetime": "PT20H"}
    cloned = (await http.post(f"{path}/clone", json=body)).headers["location"]
    assert (await ready(http, cloned.removeprefix("/ngsi-ld/v1")))["expiresAt"] == end


@pytest.mark.usefixtures("trees")
async def test_what_was_cut_off_is_prepared_anew(api: Api, http: httpx.AsyncClient) -> None:
    past = {**TREES, "temporalQ": EVER}
    path = await asked_for(http, snapshotTemporalQueries=[past])
    [row] = await api.broker.documents.listed("snapshot")
    await api.snapshots.preparation.of(msgspec.json.decode(row.body, type=Snapshot))
    await http.delete(f"/entities/{tree(1)}")
    async for _ in running(api):
        inside = {HEADER: (await ready(http, path))["id"]}
    assert await heights(http, inside) == {tree(0): 10, tree(2): 12}
    told = await http.get(f"/temporal/entities/{tree(2)}?options=temporalValues", headers=inside)
    assert [value for value, _ in told.json()["height"]["values"]] == [12]
