"""Snapshots: copies of what queries found (clauses 4.3.7, 5.5.15, 5.16, 6.3.22, 6.36 to 6.38)."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.conftest import Visit
from tests.contract.ngsi_ld.harbour import Harbour, registered
from tests.contract.ngsi_ld.receiver import Receiver
from tests.contract.ngsi_ld.snapshots.wood import (
    CLERK,
    ERRORS,
    EVER,
    HEADER,
    ROOM,
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
from townsquare.context.snapshots.copies import EVERYTHING
from townsquare.context.snapshots.snapshot import Snapshot
from townsquare.model.actor import ANYONE, Why
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Attribute, Entity
from townsquare.store import Find

# --- what is in one


@pytest.mark.usefixtures("room", "trees")
async def test_a_snapshot_stays_as_it_was(http: httpx.AsyncClient) -> None:
    inside = await taken(http, {**TREES, "q": "height>10"})
    await http.patch(f"/entities/{tree(1)}/attrs", json={"height": 99})
    await http.delete(f"/entities/{tree(2)}")
    await http.post("/entities", json={"id": tree(9), "type": "Tree", "height": 50})
    assert await heights(http, inside) == {tree(1): 11, tree(2): 12}
    assert (await http.get(f"/entities/{tree(0)}", headers=inside)).status_code == 404
    counted = (await http.get("/types/Tree", headers=inside)).json()
    assert counted["entityCount"] == 2


@pytest.mark.usefixtures("room", "trees")
async def test_what_is_tried_in_a_snapshot_changes_nothing_else(http: httpx.AsyncClient) -> None:
    inside, other = await taken(http, TREES), await taken(http, TREES)
    path = f"/entities/{tree(1)}"
    assert (await http.patch(f"{path}/attrs", json={"height": 1}, headers=inside)).is_success
    assert (await http.delete(f"/entities/{tree(2)}", headers=inside)).is_success
    body = {"id": tree(7), "type": "Tree", "height": 7}
    assert (await http.post("/entities", json=body, headers=inside)).is_success
    assert await heights(http, inside) == {tree(0): 10, tree(1): 1, tree(7): 7}
    assert await heights(http, other) == {tree(0): 10, tree(1): 11, tree(2): 12}
    assert (await http.get(f"{path}?options=keyValues")).json()["height"] == 11


@pytest.mark.usefixtures("room", "trees")
async def test_everything_there_is_can_be_asked_for_at_once(http: httpx.AsyncClient) -> None:
    inside = await taken(http, TREES)
    for query in ("", "type=*", f"id={tree(1)}", "q=height>0"):
        answer = await http.get(f"/entities?{query}", headers=inside)
        assert len(answer.json()) == (1 if query.startswith("id") else 3), query


@pytest.mark.usefixtures("room", "trees")
async def test_the_past_is_copied_where_it_is_asked_for(http: httpx.AsyncClient) -> None:
    past = {**TREES, "temporalQ": EVER, "q": "height<12"}
    inside = await taken(http, {**TREES, "q": "height>11"}, snapshotTemporalQueries=[past])
    await http.delete(f"/temporal/entities/{tree(1)}")
    of = "/temporal/entities?type=Tree&timerel=before&timeAt=2999-01-01T00:00:00Z"
    found = await http.get(f"{of}&timeproperty=createdAt&options=temporalValues", headers=inside)
    assert [(e["id"], e["height"]["values"]) for e in found.json()] == [
        (tree(0), [[10, "2030-01-01T00:00:00Z"]]),
        (tree(1), [[11, "2030-01-01T00:00:00Z"]]),
    ]
    assert await heights(http, inside) == {tree(0): 10, tree(1): 11, tree(2): 12}


@pytest.mark.usefixtures("room")
async def test_a_scope_of_the_past_can_be_asked_for_in_the_copy(http: httpx.AsyncClient) -> None:
    def told(value: Any, hour: int) -> dict[str, Any]:
        return {"type": "Property", "value": value, "observedAt": f"2029-05-01T{hour:02}:00:00Z"}

    scopes, heights = [told("/park", 1), told("/road", 5)], [told(1, 2), told(3, 4), told(6, 6)]
    body = {"id": tree(1), "type": "Tree", "scope": scopes, "height": heights}
    assert (await http.post("/temporal/entities", json=body)).status_code == 201
    window = {"timerel": "after", "timeAt": "2029-05-01T03:00:00Z"}
    asked = {**TREES, "scopeQ": "/park", "temporalQ": window}
    inside = await taken(http, snapshotTemporalQueries=[asked, asked])
    ask = {"type": "Tree", "scopeQ": "/park", **window}
    for headers in ({}, inside):
        found = await http.get("/temporal/entities", params=ask, headers=headers)
        [one] = found.json()
        assert [i["value"] for i in one["height"]] == [3]
        assert [i["value"] for i in one["scope"]] == ["/park"]


@pytest.mark.usefixtures("room", "trees")
async def test_what_two_questions_find_of_the_past_is_in_it_once(http: httpx.AsyncClient) -> None:
    past = {**TREES, "temporalQ": EVER}
    inside = await taken(http, snapshotTemporalQueries=[past, {**past, "q": "height>10"}])
    told = await http.get(f"/temporal/entities/{tree(1)}?options=temporalValues", headers=inside)
    assert [value for value, _ in told.json()["height"]["values"]] == [11]


async def test_what_sources_have_is_in_it_too(open_broker: OpenBroker, harbour: Harbour) -> None:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY, httpx.MockTransport(harbour)) as to_others:
        api = Api(open_broker(), to_others)
        async with client(visited(api)) as http:
            async for _ in running(api):
                await http.post("/entities", json={"id": tree(1), "type": "Tree", "height": 1})
                information = [{"entities": [{"type": "Tree"}]}]
                await registered(http, information=information, operations=["queryEntity"])
                there = [{"id": tree(i), "type": "Tree", "height": i, "age": i} for i in (1, 2)]
                harbour.answers["GET /ngsi-ld/v1/entities"] = (200, there)
                inside = await taken(http, TREES)
                assert len(harbour.heard) == 1
                assert await heights(http, inside) == {tree(1): 1, tree(2): 2}
                harbour.answers["GET /ngsi-ld/v1/entities"] = httpx.ConnectError("cut")
                told = await ready(http, await asked_for(http, TREES))
                assert told["snapshotStatus"] == "success"
                details = told["snapshotQueriesDetails"][0]
                assert "urn:x:a" in details["problemDetails"]["detail"]


async def test_nobody_takes_along_what_they_may_not_see(api: Api, visit: Visit) -> None:
    def safe(name: str, *scope: str) -> Entity:
        given = {"gold": (Attribute(5),), "code": (Attribute(1234),)}
        return Entity(f"urn:x:Safe:{name}", ("Safe",), given, scope=scope)

    changes = [Change("create", safe("1")), Change("create", safe("live", LIVE))]
    await api.broker.apply(changes, ROOM, Why("operations"))
    safes = {"type": "Query", "entities": [{"type": "Safe"}]}
    async for _ in running(api):
        clerk = visit(CLERK)
        inside = await taken(clerk, safes, {"type": "Query", "q": "gold>1", "attrs": ["gold"]})
        found = (await clerk.get("/entities?type=Safe&options=keyValues", headers=inside)).json()
        assert found == [{"id": "urn:x:Safe:1", "type": "Safe", "gold": 5}]
        stranger = visit(CLERK, "integration")
        answer = await stranger.get("/entities?local=true", headers=inside)
        assert (answer.status_code, answer.json()) == (200, [])
        written = await clerk.patch(
            "/entities/urn:x:Safe:1/attrs", json={"gold": 1}, headers=inside
        )
        assert written.status_code == 403


# --- the snapshots themselves


@pytest.mark.usefixtures("room", "trees")
async def test_each_question_tells_what_became_of_it(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {"type": "Query", "entities": [{"type": "Bush"}]}
    told = await ready(http, await asked_for(http, TREES, none, id="urn:x:mine"))
    assert told == {
        "id": "urn:x:mine",
        "type": "Snapshot",
        "snapshotQueries": [TREES, none],
        "snapshotPriority": 5,
        "snapshotStatus": "partial",
        "snapshotQueriesDetails": [{"resultStatus": "success"}, {"resultStatus": "empty"}],
        "createdAt": "2030-01-01T00:00:00Z",
        "modifiedAt": "2030-01-01T00:00:00Z",
        "lastUsedAt": "2030-01-01T00:00:00Z",
        "expiresAt": "2030-01-01T01:00:00Z",
    }
    assert (await ready(http, await asked_for(http, none)))["snapshotStatus"] == "empty"
    monkeypatch.setattr("townsquare.context.maps.entity_map.MOST", 2)
    failed = await ready(http, await asked_for(http, TREES))
    assert failed["snapshotStatus"] == "failure"
    [details] = failed["snapshotQueriesDetails"]
    assert details["problemDetails"]["type"] == ERRORS + "TooManyResults"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"snapshotQueries": []},
        {"snapshotQueries": ["type=Tree"]},
        {"snapshotQueries": [{"type": "Query"}]},
        {"snapshotQueries": [{**TREES, "temporalQ": EVER}]},
        {"snapshotQueries": [{**TREES, "q": ">"}]},
        {"snapshotTemporalQueries": [TREES]},
        {"snapshotQueries": [TREES], "type": "Query"},
        {"snapshotQueries": [TREES], "id": "no uri"},
        {"snapshotQueries": [TREES], "snapshotPriority": 11},
        {"snapshotQueries": [TREES], "snapshotLifetime": "an hour"},
        {"snapshotQueries": [TREES], "snapshotLifetime": "PT0S"},
        {"snapshotQueries": [TREES], "endpoint": "ftp://t"},
        {"snapshotQueries": [TREES] * 21},
    ],
)
async def test_what_is_no_snapshot_is_refused(
    http: httpx.AsyncClient, members: dict[str, Any]
) -> None:
    answer = await http.post("/snapshots", json={"type": "Snapshot", **members})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


@pytest.mark.usefixtures("room")
async def test_a_snapshot_is_changed_but_not_what_it_is_of(http: httpx.AsyncClient) -> None:
    path = await asked_for(http, TREES)
    assert (await ready(http, path))["expiresAt"] == "2030-01-01T01:00:00Z"
    changed = await http.patch(path, json={"snapshotPriority": 2, "snapshotStatus": "failure"})
    assert changed.status_code == 200
    assert (changed.json()["snapshotPriority"], changed.json()["snapshotStatus"]) == (2, "empty")
    longer = (await http.patch(path, json={"snapshotLifetime": "P3650D"})).json()
    assert (longer["expiresAt"], longer["snapshotPriority"]) == ("2030-01-02T00:00:00Z", 2)
    wrong: list[Any] = [{"snapshotQueries": []}, {"id": "urn:x:b"}, {"snapshotPriority": 0}, []]
    for fragment in wrong:
        assert (await http.patch(path, json=fragment)).status_code == 400
    again = {"type": "Snapshot", "id": longer["id"], "snapshotQueries": [TREES]}
    assert (await http.post("/snapshots", json=again)).status_code == 409
    assert [(await http.delete(path)).status_code for _ in range(2)] == [204, 404]


@pytest.mark.usefixtures("room", "trees")
async def test_a_clone_goes_its_own_way(http: httpx.AsyncClient) -> None:
    past = {**TREES, "temporalQ": EVER}
    path = await asked_for(http, snapshotTemporalQueries=[past])
    inside = {HEADER: (await ready(http, path))["id"]}
    await http.patch(f"/entities/{tree(1)}/attrs", json={"height": 5}, headers=inside)
    body = {"type": "Snapshot", "snapshotPriority": 9}
    answer = await http.post(f"{path}/clone", json=body)
    assert answer.status_code == 201
    cloned = answer.headers["location"].removeprefix("/ngsi-ld/v1")
    told = await ready(http, cloned)
    assert (told["snapshotStatus"], told["snapshotPriority"]) == ("success", 9)
    assert (await http.delete(path)).status_code == 204
    clone = {HEADER: told["id"]}
    assert await heights(http, clone) == {tree(0): 10, tree(1): 5, tree(2): 12}
    then = await http.get(f"/temporal/entities/{tree(1)}?options=temporalValues", headers=clone)
    assert [value for value, _ in then.json()["height"]["values"]] == [11, 5]
    wrong = {"type": "Snapshot", "snapshotQueries": [TREES]}
    assert (await http.post(f"{cloned}/clone", json=wrong)).status_code == 400
    assert (await http.post("/snapshots/urn:x:none/clone", json=body)).status_code == 404


@pytest.mark.usefixtures("trees")
async def test_a_clone_has_all_or_nothing(
    api: Api, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await asked_for(http, snapshotTemporalQueries=[{**TREES, "temporalQ": EVER}])

    async def cloned() -> str:
        answer = await http.post(f"{path}/clone", json={"type": "Snapshot"})
        return str(answer.headers["location"].removeprefix("/ngsi-ld/v1"))

    async for _ in running(api):
        await ready(http, path)
        monkeypatch.setattr("townsquare.context.snapshots.copies.MOST_PAST", 1)
        whole = {HEADER: (await ready(http, await cloned()))["id"]}
    for number in range(3):
        of = f"/temporal/entities/{tree(number)}?options=temporalValues"
        told = (await http.get(of, headers=whole)).json()
        assert [value for value, _ in told["height"]["values"]] == [10 + number]
    nothing = await cloned()
    assert (await http.delete(path)).status_code == 204
    async for _ in running(api):
        assert (await ready(http, nothing))["snapshotStatus"] == "failure"


@pytest.mark.usefixtures("room")
async def test_who_wants_to_know_is_told(http: httpx.AsyncClient, receiver: Receiver) -> None:
    wanted = {"endpoint": receiver.url, "receiverInfo": [{"key": "X-Case", "value": "7"}]}
    path = await asked_for(http, TREES, **wanted)
    told = await receiver.next()
    assert told.body["type"] == "SnapshotNotification"
    assert told.body["snapshotId"] == (await http.get(path)).json()["id"]
    assert (told.body["snapshotStatus"], told.body["snapshotPriority"]) == ("empty", 5)
    assert {name.lower(): value for name, value in told.headers.items()}["x-case"] == "7"
    await http.patch(path, json={"snapshotLifetime": "PT5M"})
    assert (await receiver.next()).body["expiresAt"] == "2030-01-01T00:05:00Z"


# --- whose they are


@pytest.mark.usefixtures("room", "trees")
async def test_somebody_elses_snapshot_is_not_there(http: httpx.AsyncClient, visit: Visit) -> None:
    path = await asked_for(http, TREES)
    inside = {HEADER: (await ready(http, path))["id"]}
    clerk = visit(CLERK)
    for answer in (
        await clerk.get(path),
        await clerk.patch(path, json={"snapshotPriority": 1}),
        await clerk.delete(path),
        await clerk.post(f"{path}/clone", json={"type": "Snapshot"}),
        await clerk.get("/entities?type=Tree", headers=inside),
        await clerk.delete("/snapshots?q=snapshotPriority>0"),
        await http.get("/entities?type=Tree", headers={HEADER: "urn:x:none"}),
    ):
        assert answer.status_code == 404, answer.text
    stranger = visit(ANYONE, "public information")
    body = {"type": "Snapshot", "snapshotQueries": [TREES]}
    assert (await stranger.post("/snapshots", json=body)).status_code == 403


@pytest.mark.usefixtures("room", "trees")
async def test_only_entities_are_in_a_snapshot(http: httpx.AsyncClient) -> None:
    inside = await taken(http, TREES)
    for path in ("/subscriptions", "/csourceRegistrations?type=Tree", "/snapshots/urn:x:none"):
        assert (await http.get(path, headers=inside)).status_code == 422
    apart = await http.get("/types", headers={"NGSILD-Tenant": "#1"})
    assert (apart.status_code, apart.json()["type"]) == (400, ERRORS + "InvalidRequest")


async def test_nothing_hidden_comes_with_the_past(api: Api, visit: Visit) -> None:
    given = {"gold": (Attribute(5),), "code": (Attribute(1234),)}
    safe = Change("create", Entity("urn:x:Safe:1", ("Safe",), given))
    await api.broker.apply([safe], ROOM, Why("operations"))
    past = {"type": "Query", "entities": [{"type": "Safe"}], "temporalQ": EVER}
    async for _ in running(api):
        clerk = visit(CLERK)
        assert await taken(clerk, snapshotTemporalQueries=[past])
    [row] = await api.broker.documents.listed("snapshot")
    place = msgspec.json.decode(row.body, type=Snapshot).place
    [copy] = await api.broker.store.find(place, Find(EVERYTHING))
    assert b"gold" in copy.body
    assert b"1234" not in copy.body
