"""Entity maps: pages of what a query found once (clauses 5.5.9.3, 5.5.14, 5.14, 6.32 to 6.35)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.conftest import Visit
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
HEADER = "NGSILD-EntityMap"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
EVER = "timerel=before&timeAt=2999-01-01T00:00:00Z&timeproperty=createdAt"
# Both may look at safes as operators; the clerk for another purpose may not.
CLERK = Actor("person:clerk", "person", roles=frozenset({"operator", "integrator"}))
OTHER = Actor("person:other", "person", roles=frozenset({"operator", "integrator"}))
SAFE = EntityType("Safe", "register", frozenset({"operator"}))
ROOM = Actor("room:register", "room", roles=frozenset({"room"}), room="register")


def tree(number: int) -> str:
    return f"urn:x:Tree:{number}"


@pytest.fixture
async def api(open_broker: OpenBroker, store_url: str) -> AsyncIterator[Api]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(SAFE, url=store_url), to_others)
        api.broker.clock = lambda: NOW
        yield api


@pytest.fixture
async def trees(http: httpx.AsyncClient) -> None:
    for number in range(5):
        body = {"id": tree(number), "type": "Tree", "height": 10 + number}
        assert (await http.post("/entities", json=body)).status_code == 201


async def made(http: httpx.AsyncClient, query: str = "type=Tree") -> str:
    """Where a new map is, that this query for entities asks for beside its page."""
    answer = await http.get(f"/entities?{query}&entityMap=true")
    assert answer.status_code == 201, answer.text
    return answer.headers[HEADER]


async def page(http: httpx.AsyncClient, location: str, query: str) -> httpx.Response:
    answer = await http.get(f"/entities?{query}", headers={HEADER: location})
    assert answer.status_code == 200, answer.text
    assert answer.headers[HEADER] == location
    return answer


def ids(answer: httpx.Response) -> list[str]:
    return [entity["id"] for entity in answer.json()]


async def mapped(http: httpx.AsyncClient, location: str) -> Any:
    answer = await http.get(location.removeprefix("/ngsi-ld/v1"))
    assert answer.status_code == 200, answer.text
    return answer.json()["entityMap"]


# --- pages


@pytest.mark.usefixtures("trees")
async def test_all_pages_are_of_what_was_found_first(http: httpx.AsyncClient) -> None:
    location = await made(http)
    assert await mapped(http, location) == {tree(n): ["@none"] for n in range(5)}
    await http.post("/entities", json={"id": tree(9), "type": "Tree"})
    first = await page(http, location, "type=Tree&limit=2")
    await http.delete(f"/entities/{tree(0)}")
    second = await page(http, location, "type=Tree&limit=2&offset=2")
    third = await page(http, location, "type=Tree&limit=2&offset=4")
    assert [ids(p) for p in (first, second, third)] == [
        [tree(0), tree(1)],
        [tree(2), tree(3)],
        [tree(4)],
    ]
    assert "offset=2" in first.headers["link"]
    assert 'rel="next"' not in third.headers["link"]
    assert 'rel="prev"' in third.headers["link"]


@pytest.mark.usefixtures("trees")
async def test_what_no_longer_fits_gives_its_place_to_the_next(http: httpx.AsyncClient) -> None:
    location = await made(http, "type=Tree&q=height>10")
    await http.delete(f"/entities/{tree(1)}")
    await http.patch(f"/entities/{tree(2)}/attrs", json={"height": 1})
    found = await page(http, location, "type=Tree&q=height>10&limit=1&count=true")
    assert ids(found) == [tree(3)]
    assert found.headers["NGSILD-Results-Count"] == "2"
    assert list(await mapped(http, location)) == [tree(3), tree(4)]
    assert ids(await page(http, location, "type=Tree&q=height>10&limit=1&offset=1")) == [tree(4)]
    assert ids(await page(http, location, "type=Tree&q=height>10&offset=7")) == [tree(4)]


@pytest.mark.usefixtures("trees")
async def test_another_question_is_answered_and_takes_nothing_out(http: httpx.AsyncClient) -> None:
    location = await made(http)
    found = await page(http, location, "type=Tree&q=height>12&limit=1&offset=1")
    assert ids(found) == [tree(4)]
    assert ids(await page(http, location, f"type=Tree&id={tree(3)},{tree(9)}")) == [tree(3)]
    assert len(await mapped(http, location)) == 5


@pytest.mark.usefixtures("trees")
async def test_the_order_of_the_first_page_is_that_of_all(http: httpx.AsyncClient) -> None:
    query = "type=Tree&local=true&orderBy=height;desc&limit=2"
    location = await made(http, query)
    await http.patch(f"/entities/{tree(0)}/attrs", json={"height": 99})
    assert ids(await page(http, location, query)) == [tree(4), tree(3)]
    assert ids(await page(http, location, f"{query}&offset=4")) == [tree(0)]


@pytest.mark.usefixtures("trees")
async def test_a_query_by_post_has_a_map_too(http: httpx.AsyncClient) -> None:
    body = {"type": "Query", "entities": [{"type": "Tree"}], "q": "height<12", "entityMap": True}
    answer = await http.post("/entityOperations/query", json=body)
    assert (answer.status_code, ids(answer)) == (201, [tree(0), tree(1)])
    assert list(await mapped(http, answer.headers[HEADER])) == [tree(0), tree(1)]


@pytest.mark.usefixtures("trees")
async def test_one_entity_has_a_map_of_its_own(http: httpx.AsyncClient) -> None:
    for path in (f"/entities/{tree(1)}", f"/temporal/entities/{tree(1)}"):
        answer = await http.get(f"{path}?entityMap=true")
        assert answer.status_code == 200
        location = answer.headers[HEADER]
        assert await mapped(http, location) == {tree(1): ["@none"]}
        again = await http.get(path, headers={HEADER: location})
        assert again.headers[HEADER] == location


@pytest.mark.usefixtures("trees")
async def test_the_past_is_paged_by_a_map(http: httpx.AsyncClient) -> None:
    async def past(location: str, more: str) -> httpx.Response:
        return await http.get(
            f"/temporal/entities?type=Tree&{EVER}{more}", headers={HEADER: location}
        )

    answer = await http.get(f"/temporal/entities?type=Tree&{EVER}&entityMap=true&limit=2")
    location = answer.headers[HEADER]
    assert (answer.status_code, ids(answer)) == (201, [tree(0), tree(1)])
    await http.delete(f"/entities/{tree(2)}")
    second = await past(location, "&limit=2&offset=2&count=true")
    assert (second.status_code, ids(second)) == (200, [tree(3), tree(4)])
    assert second.headers["NGSILD-Results-Count"] == "4"
    assert second.headers[HEADER] == location
    assert list(await mapped(http, location)) == [tree(0), tree(1), tree(3), tree(4)]
    none = await past(location, "&q=height>99")
    assert (none.status_code, none.json()) == (200, [])
    sums = await past(location, "&format=aggregatedValues&aggrMethods=max&limit=1&offset=1")
    assert ids(sums) == [tree(1)]
    assert len(await mapped(http, location)) == 4


# --- the maps themselves


@pytest.mark.usefixtures("trees")
async def test_a_map_can_be_made_without_a_page(http: httpx.AsyncClient) -> None:
    body = {"type": "Query", "entities": [{"type": "Tree"}], "q": "height>12"}
    ever = dict(part.split("=") for part in EVER.split("&"))
    past = {**body, "temporalQ": ever}
    for answer in (
        await http.get("/entityMaps?type=Tree&q=height>12"),
        await http.post("/entityMaps", json=body),
        await http.get(f"/temporal/entityMaps?type=Tree&q=height>12&{EVER}"),
        await http.post("/temporal/entityMaps", json=past),
    ):
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["type"], told["expiresAt"]) == ("EntityMap", "2030-01-01T00:10:00Z")
        assert answer.headers[HEADER] == f"/ngsi-ld/v1/entityMaps/{told['id']}"
        assert told["entityMap"] == {tree(3): ["@none"], tree(4): ["@none"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entityMaps?id=urn:x:Tree:1", 400),
        ("/entityMaps?type=Tree&entityMapLifetime=1hour", 400),
        ("/entityMaps?type=Tree&entityMapLifetime=PT0S", 400),
        ("/entityMaps?type=Tree&geometryProperty=location", 400),
        ("/temporal/entityMaps?type=Tree", 400),
        ("/entityMaps/no uri", 400),
        ("/entityMaps/urn:x:none", 404),
    ],
)
async def test_what_is_no_question_makes_no_map(
    http: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await http.get(path)
    kind = "ResourceNotFound" if status == 404 else "BadRequestData"
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + kind)


@pytest.mark.parametrize(
    ("asked", "given"),
    [("PT5S", timedelta(seconds=5)), ("P3650D", timedelta(days=1)), ("P9999Y", timedelta(days=1))],
)
async def test_a_lifetime_is_a_suggestion(
    http: httpx.AsyncClient, asked: str, given: timedelta
) -> None:
    answer = await http.get(f"/entityMaps?type=Tree&entityMapLifetime={asked}")
    assert datetime.fromisoformat(answer.json()["expiresAt"]) == NOW + given


@pytest.mark.usefixtures("trees")
async def test_only_the_end_of_a_map_can_be_changed(http: httpx.AsyncClient) -> None:
    path = (await made(http)).removeprefix("/ngsi-ld/v1")

    async def changed(**fragment: Any) -> int:
        return (await http.patch(path, json=fragment)).status_code

    assert await changed(entityMap={}, linkedMaps={}, expiresAt="2030-01-01T00:30:00Z") == 204
    told = (await http.get(path)).json()
    assert (told["expiresAt"], len(told["entityMap"])) == ("2030-01-01T00:30:00Z", 5)
    assert await changed(expiresAt="2099-01-01T00:00:00Z") == 204
    assert (await http.get(path)).json()["expiresAt"] == "2030-01-02T00:00:00Z"
    assert await changed(expiresAt="tomorrow") == 400
    assert await changed(type="Tree") == 400
    assert (await http.patch(path, json=[])).status_code == 400
    assert await changed(expiresAt="2000-01-01T00:00:00Z") == 204
    assert (await http.get(path)).status_code == 404
    assert await changed(expiresAt="2031-01-01T00:00:00Z") == 404


@pytest.mark.usefixtures("trees")
async def test_a_map_that_is_gone_is_made_again(http: httpx.AsyncClient, api: Api) -> None:
    deleted, expired = await made(http), await made(http)
    path = deleted.removeprefix("/ngsi-ld/v1")
    assert [(await http.delete(path)).status_code for _ in range(2)] == [204, 404]
    api.broker.clock = lambda: NOW + timedelta(hours=1)
    for location in (deleted, expired, "urn:x:never", "%", ""):
        answer = await http.get("/entities?type=Tree&entityMap=true", headers={HEADER: location})
        assert answer.status_code == 201
        assert answer.headers[HEADER] not in (deleted, expired, location)
    assert len(await api.broker.documents.listed("map")) == 5


@pytest.mark.usefixtures("trees")
async def test_a_map_outlives_the_server(http: httpx.AsyncClient, api: Api, visit: Visit) -> None:
    location = await made(http)
    again = visit(api=Api(api.broker, api.courier.client))
    await http.delete(f"/entities/{tree(0)}")
    assert ids(await page(again, location, "type=Tree&limit=1")) == [tree(1)]


# --- whose they are


@pytest.mark.usefixtures("trees")
async def test_somebody_elses_map_is_not_there(visit: Visit) -> None:
    location = await made(visit(CLERK))
    path = location.removeprefix("/ngsi-ld/v1")
    other = visit(OTHER)
    assert (await other.get(path)).status_code == 404
    assert (await other.patch(path, json={})).status_code == 404
    assert (await other.delete(path)).status_code == 404
    answer = await other.get("/entities?type=Tree", headers={HEADER: location})
    assert (answer.status_code, answer.headers[HEADER] == location) == (201, False)
    assert len(await mapped(visit(CLERK), location)) == 5


async def test_a_map_shows_what_its_reader_may_see_now(api: Api, visit: Visit) -> None:
    safe = Entity("urn:x:Safe:1", ("Safe",), {"gold": (Attribute(5),)})
    await api.broker.apply([Change("create", safe)], ROOM, Why("operations"))
    location = await made(visit(CLERK), "type=Safe")
    assert list(await mapped(visit(CLERK), location)) == ["urn:x:Safe:1"]
    assert await mapped(visit(CLERK, "integration"), location) == {}
    found = await visit(CLERK, "integration").get(
        "/entities?local=true", headers={HEADER: location}
    )
    assert (found.status_code, found.json()) == (200, [])
    assert list(await mapped(visit(CLERK), location)) == ["urn:x:Safe:1"]


async def test_strangers_get_no_map(api: Api, visit: Visit) -> None:
    stranger = visit(ANYONE, "public information")
    answer = await stranger.get("/entities?local=true&entityMap=true")
    assert (answer.status_code, HEADER in answer.headers) == (200, False)
    assert (await stranger.get("/entityMaps?type=Tree")).status_code == 403
    assert await api.broker.documents.listed("map") == []


async def test_another_tenant_has_other_maps(http: httpx.AsyncClient) -> None:
    tenant = {"NGSILD-Tenant": "other"}
    await http.post("/entities", json={"id": tree(1), "type": "Tree"}, headers=tenant)
    path = (await made(http)).removeprefix("/ngsi-ld/v1")
    assert (await http.get(path, headers=tenant)).status_code == 404


# --- how much is kept


@pytest.mark.usefixtures("trees")
async def test_a_map_has_a_greatest_size(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsquare.context.maps.entity_map.MOST", 4)
    for path in ("/entityMaps?type=Tree", f"/temporal/entityMaps?type=Tree&{EVER}"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["type"]) == (403, ERRORS + "TooManyResults")
        assert (await http.get(f"{path}&q=height>10")).status_code == 201


@pytest.mark.usefixtures("trees")
async def test_one_map_too_many_takes_the_place_of_the_first_to_end(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsquare.context.maps.atlas.MOST_EACH", 2)
    lifetimes = ("PT20M", "PT10M", "PT30M")
    made_ = [await made(http, f"type=Tree&entityMapLifetime={t}") for t in lifetimes]
    statuses = [
        (await http.get(location.removeprefix("/ngsi-ld/v1"))).status_code for location in made_
    ]
    assert statuses == [200, 404, 200]
