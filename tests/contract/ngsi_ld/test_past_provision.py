"""The past comes in: recorded, corrected, erased (clauses 5.6.11 to 5.6.16)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.sealing import SEALED
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.past import recording
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, entity
from townsquare.model.errors import Conflict, Denied

TANK = "urn:ngsi-ld:Tank:1"
PAST = f"/temporal/entities/{TANK}"
INTEGRATOR = Actor("person:i", "person", roles=frozenset({"integrator"}))
LINK = Why("integration")


def at(minute: int) -> str:
    return f"2020-06-01T12:{minute:02}:00Z"


def level(value: Any, minute: int, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute), **members}


@pytest.fixture(params=("memory:", SEALED))
async def api(request: pytest.FixtureRequest, open_broker: OpenBroker) -> AsyncIterator[Api]:
    if request.param == SEALED:
        pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        yield Api(open_broker(url=request.param), to_others)


def tank(*levels: Any, **attributes: Any) -> dict[str, Any]:
    return {"id": TANK, "type": "Tank", "level": list(levels), **attributes}


async def record(http: httpx.AsyncClient, *levels: Any, **attributes: Any) -> httpx.Response:
    return await http.post("/temporal/entities", json=tank(*levels, **attributes))


async def levels(http: httpx.AsyncClient, **parameters: str) -> list[Any]:
    answer = await http.get(PAST, params=parameters)
    return [i["value"] for i in answer.json().get("level", [])]


async def now(http: httpx.AsyncClient) -> Any:
    return (await http.get(f"/entities/{TANK}?options=keyValues")).json().get("level")


async def test_what_is_recorded_makes_the_entity_and_its_newest_is_the_state(
    http: httpx.AsyncClient,
) -> None:
    made = await record(http, level(3, 5), level(1, 1), level(2, 3))
    assert made.status_code == 201
    assert unquote(made.headers["location"]) == f"/ngsi-ld/v1{PAST}"
    assert (await levels(http), await now(http)) == ([1, 2, 3], 3)


async def test_what_is_added_later_is_the_state_only_if_it_is_newer(
    http: httpx.AsyncClient,
) -> None:
    await record(http, level(3, 5))
    assert (await record(http, level(2, 3))).status_code == 204
    assert await now(http) == 3
    assert (await http.post(f"{PAST}/attrs", json={"level": [level(9, 9)]})).status_code == 204
    assert (await levels(http), await now(http)) == ([2, 3, 9], 9)


async def test_an_instance_of_the_same_time_and_dataset_replaces(http: httpx.AsyncClient) -> None:
    await record(http, level(1, 1), level(2, 2), level(7, 2, datasetId="urn:sonar"))
    await record(http, level(5, 2))
    assert sorted(await levels(http)) == [1, 5, 7]
    assert await levels(http, datasetId="@none") == [1, 5]


async def test_types_are_added(http: httpx.AsyncClient) -> None:
    await record(http, level(1, 1))
    await http.post("/temporal/entities", json=tank(level(2, 2)) | {"type": ["Cistern", "Tank"]})
    assert (await http.get(PAST)).json()["type"] == ["Tank", "Cistern"]


async def test_news_tells_of_the_state_alone(open_broker: OpenBroker) -> None:
    broker = open_broker()
    new, old = (level_at(hour) for hour in ("13", "12"))
    await broker.apply([recording(new, upsert=True)], INTEGRATOR, LINK)
    seq = await broker.last_seq()
    await broker.apply([recording(old)], INTEGRATOR, LINK)
    assert await broker.last_seq() == seq


def level_at(hour: str) -> Any:
    when = datetime.fromisoformat(f"2020-06-01T{hour}:00:00+00:00")
    return entity(TANK, "Tank", level=Attribute(int(hour), observed_at=when))


async def test_a_past_value_that_ended_the_attribute_ends_it(http: httpx.AsyncClient) -> None:
    await record(http, level(1, 1), level("urn:ngsi-ld:null", 2))
    assert (await levels(http), await now(http)) == ([1, "urn:ngsi-ld:null"], None)


@pytest.mark.parametrize(
    ("parameters", "left", "state"),
    [
        ({}, [7], [7]),
        ({"datasetId": "urn:sonar"}, [1, 2], [2]),
        ({"deleteAll": "true"}, [], []),
    ],
)
async def test_an_attribute_is_erased_from_past_and_present(
    http: httpx.AsyncClient, parameters: dict[str, str], left: list[int], state: list[int]
) -> None:
    await record(http, level(1, 1), level(2, 2), level(7, 2, datasetId="urn:sonar"), label="a")
    answer = await http.delete(f"{PAST}/attrs/level", params=parameters)
    assert answer.status_code == 204
    assert sorted(await levels(http)) == left
    found = (await http.get(f"/entities/{TANK}")).json().get("level", [])
    assert [i["value"] for i in (found if isinstance(found, list) else [found])] == state


async def instance(http: httpx.AsyncClient, value: Any) -> str:
    found = (await http.get(f"{PAST}?options=sysAttrs")).json()["level"]
    return f"{PAST}/attrs/level/{next(i['instanceId'] for i in found if i['value'] == value)}"


async def test_one_instance_is_erased_and_the_one_before_is_the_state(
    http: httpx.AsyncClient,
) -> None:
    await record(http, level(1, 1), level(2, 2), level(3, 3))
    assert (await http.delete(await instance(http, 1))).status_code == 204
    assert (await levels(http), await now(http)) == ([2, 3], 3)
    assert (await http.delete(await instance(http, 3))).status_code == 204
    assert (await levels(http), await now(http)) == ([2], 2)
    assert (await http.delete(await instance(http, 2))).status_code == 204
    assert (await http.get(PAST)).status_code == 404
    assert await now(http) is None


async def test_one_instance_is_corrected(http: httpx.AsyncClient) -> None:
    await record(http, level(1, 1), level(2, 2), level(3, 3))
    place = await instance(http, 2)
    before = (await http.get(f"{PAST}?options=sysAttrs")).json()["level"][1]
    assert (await http.patch(place, json=level(20, 2))).status_code == 204
    after = (await http.get(f"{PAST}?options=sysAttrs")).json()["level"][1]
    assert after["value"] == 20
    assert (after["instanceId"], after["createdAt"]) == (before["instanceId"], before["createdAt"])
    assert after["modifiedAt"] > before["modifiedAt"]
    assert await now(http) == 3


@pytest.mark.parametrize(
    ("value", "minute", "state"), [(20, 9, 20), (20, 0, 3)], ids=["newest", "oldest"]
)
async def test_a_correction_decides_anew_what_is_the_state(
    http: httpx.AsyncClient, value: int, minute: int, state: int
) -> None:
    await record(http, level(2, 2), level(3, 3), level(4, 4))
    assert (await http.delete(await instance(http, 4))).status_code == 204
    await http.patch(await instance(http, 2), json={"level": [level(value, minute)]})
    assert await now(http) == state


async def test_a_corrected_state_is_corrected_now_too(http: httpx.AsyncClient) -> None:
    await record(http, level(2, 2), level(3, 3))
    await http.patch(await instance(http, 3), json=level(30, 3))
    assert await now(http) == 30
    await http.patch(await instance(http, 30), json=level(30, 1))
    assert await now(http) == 2


async def test_deleting_the_past_deletes_the_entity(http: httpx.AsyncClient) -> None:
    await record(http, level(1, 1))
    assert (await http.delete(PAST)).status_code == 204
    assert (await http.get(PAST)).status_code == 404
    assert (await http.get(f"/entities/{TANK}")).status_code == 404
    assert (await http.delete(PAST)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/temporal/entities/tank", 400),
        ("POST", "/temporal/entities/tank/attrs", 400),
        ("POST", "/temporal/entities/urn:ngsi-ld:Tank:9/attrs", 404),
        ("DELETE", "/temporal/entities/tank/attrs/level", 400),
        ("DELETE", f"{PAST}/attrs/le(vel", 400),
        ("DELETE", f"{PAST}/attrs/depth", 404),
        ("DELETE", f"{PAST}/attrs/level?datasetId=sonar", 400),
        ("DELETE", "/temporal/entities/urn:ngsi-ld:Tank:9/attrs/level", 404),
        ("DELETE", f"{PAST}/attrs/level/one", 400),
        ("DELETE", f"{PAST}/attrs/level/urn:ngsi-ld:Instance:none", 404),
        ("PATCH", f"{PAST}/attrs/level/one", 400),
        ("PATCH", f"{PAST}/attrs/level/urn:ngsi-ld:Instance:none", 404),
        ("PATCH", f"{PAST}/attrs/depth/urn:ngsi-ld:Instance:none", 404),
        ("PATCH", f"{PAST}/attrs/level", 405),
    ],
)
async def test_what_cannot_be_done_is_said(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    await record(http, level(1, 1))
    body = {"POST": {"level": [level(1, 1)]}, "PATCH": level(1, 1)}.get(method)
    answer = await http.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["title"] != answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "Tank", "level": [level(1, 1)]},
        {"id": TANK, "level": [level(1, 1)]},
        {"id": "tank", "type": "Tank"},
        tank(),
        tank({"type": "Property"}),
        tank(level(1, 1), scope=[{"type": "Property", "value": 5}]),
        [],
    ],
)
async def test_a_past_that_is_none_is_refused(http: httpx.AsyncClient, body: Any) -> None:
    answer = await http.post("/temporal/entities", json=body)
    assert answer.status_code == 400
    assert (await http.get(PAST)).status_code == 404


CAMERA = EntityType("Count", "vision", frozenset({"operator"}))
DEED = EntityType("Deed", "alerts", frozenset({"operator"}), accountable=True)


async def test_the_past_of_the_house_is_the_house_s(open_broker: OpenBroker) -> None:
    broker = open_broker(CAMERA, DEED)
    count = entity("urn:ngsi-ld:Count:1", "Count", people=Attribute(4))
    with pytest.raises(Denied):
        await broker.apply([recording(count, upsert=True)], INTEGRATOR, LINK)
    await broker.apply([recording(count, upsert=True)], room("vision"), Why("operations"))
    deed = entity("urn:ngsi-ld:Deed:1", "Deed", what=Attribute("opened"))
    await broker.apply([recording(deed, upsert=True)], room("alerts"), Why("operations"))
    assert len(await broker.store.log(0, 10)) == 1
    with pytest.raises(Denied, match="accountable"):
        await broker.apply([Change("delete", deed)], room("alerts"), Why("operations"))


async def test_values_of_the_moment_have_no_past(open_broker: OpenBroker) -> None:
    broker = open_broker(CAMERA)
    live = entity("urn:ngsi-ld:Count:1", "Count", (LIVE,), people=Attribute(4))
    with pytest.raises(Conflict, match="no past"):
        await broker.apply([recording(live, upsert=True)], room("vision"), Why("operations"))
    ask = TemporalQuery(Query(types=("Count",)))
    assert await broker.history(ask, room("vision"), Why("operations")) == []


async def test_the_scope_has_a_past(http: httpx.AsyncClient) -> None:
    scopes = [{"type": "Property", "value": "/north", "observedAt": at(1)}]
    await record(http, level(1, 1), scope=scopes)
    assert (await http.get(f"/entities/{TANK}")).json()["scope"] == "/north"
    await http.patch(f"/entities/{TANK}", json={"scope": ["/south", "/wet"]})
    found = (await http.get(f"{PAST}?options=sysAttrs")).json()["scope"]
    assert [i["value"] for i in found] == ["/north", ["/south", "/wet"]]
    assert found[1]["observedAt"] == found[1]["modifiedAt"]
    members = {"type", "value", "observedAt", "createdAt", "modifiedAt", "instanceId"}
    assert set(found[1]) == members


async def test_what_is_corrected_or_erased_of_the_scope_is_the_scope_now(
    http: httpx.AsyncClient,
) -> None:
    scopes = [
        {"type": "Property", "value": value, "observedAt": at(minute)}
        for minute, value in enumerate(("/north", "/east", "/south"), 1)
    ]
    await record(http, level(1, 1), scope=scopes)

    async def present() -> Any:
        return (await http.get(f"/entities/{TANK}")).json().get("scope")

    first, second, third = [i["instanceId"] for i in (await http.get(PAST)).json()["scope"]]
    wrong = {"type": "Property", "value": {"north": 1}, "observedAt": at(3)}
    assert (await http.patch(f"{PAST}/attrs/scope/{third}", json=wrong)).status_code == 400
    fixed = {"type": "Property", "value": ["/west", "/wet"], "observedAt": at(3)}
    assert (await http.patch(f"{PAST}/attrs/scope/{third}", json=fixed)).status_code == 204
    assert await present() == ["/west", "/wet"]
    assert (await http.delete(f"{PAST}/attrs/scope/{first}")).status_code == 204
    assert await present() == ["/west", "/wet"]
    assert (await http.delete(f"{PAST}/attrs/scope/{third}")).status_code == 204
    assert await present() == "/east"
    assert (await http.delete(f"{PAST}/attrs/scope/{second}")).status_code == 204
    assert await present() is None
    await record(http, level(1, 1), scope=scopes)
    assert (await http.delete(f"{PAST}/attrs/scope")).status_code == 204
    assert await present() is None
    assert (await http.get("/entities?type=Tank&scopeQ=/%23")).json() == []
