"""The past where context sources have a part in it (clauses 4.3.6, 4.5.5, 5.7.3, 5.7.4)."""

from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.fleet import Ship, afloat
from tests.contract.ngsi_ld.harbour import FERRY, ID, Harbour, of, registered
from townsquare.context.api.app import Api
from townsquare.model.actor import ANYONE

PATH = f"GET /ngsi-ld/v1/temporal/entities/{ID}"
MANY = "GET /ngsi-ld/v1/temporal/entities"
ALWAYS = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
PAST: dict[str, Any] = {"operations": ["retrieveTemporal", "queryTemporal"]}


@pytest.fixture
def harbour() -> Harbour:
    harbour = Harbour()
    harbour.answers[PATH] = harbour.answers[MANY] = 404
    return harbour


def at(minute: int) -> str:
    return f"2020-06-01T12:{minute:02}:00Z"


def told(value: Any, minute: int, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute), **members}


def there(**attributes: Any) -> dict[str, Any]:
    return {"id": ID, "type": "Ferry", **attributes}


async def here(http: httpx.AsyncClient, id: str = ID, **attributes: Any) -> None:
    answer = await http.post("/temporal/entities", json={**there(**attributes), "id": id})
    assert answer.status_code in (201, 204), answer.text


async def depths(http: httpx.AsyncClient, **parameters: str) -> list[Any]:
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS | parameters)
    assert answer.status_code in (200, 206), answer.text
    return [i["value"] for i in answer.json().get("depth", [])]


LATER = {**PAST, "observationInterval": {"startAt": at(5)}}
NEW, OLD = "2090-01-01T00:00:00Z", "2000-01-01T00:00:00Z"


# --- one entity


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"lastN": "2"}, [2, 3]),
        ({"timerel": "between", "timeAt": at(1), "endTimeAt": at(3)}, [1, 2]),
        ({"attrs": "name"}, []),
    ],
)
async def test_what_is_here_and_there_is_one_past(
    http: httpx.AsyncClient, harbour: Harbour, parameters: dict[str, str], expected: list[Any]
) -> None:
    await here(http, depth=[told(1, 1), told(3, 3)], name=[told("a", 1)])
    await registered(http, **PAST)
    harbour.answers[PATH] = (200, there(depth=[told(2, 2, instanceId="urn:x:I:2")]))
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS | parameters)
    instances = answer.json().get("depth", [])
    assert [i["value"] for i in instances] == expected
    assert [i["instanceId"] for i in instances if i["value"] == 2] in ([], ["urn:x:I:2"])
    asked = harbour.heard[-1].url.params
    assert {n: asked[n] for n in parameters} == parameters
    assert asked["options"] == "sysAttrs"


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (told("there", 1, modifiedAt=NEW), ["there"]),
        (told("there", 1, modifiedAt=OLD), ["here"]),
        (told("there", 1, datasetId="urn:x:D"), ["here", "there"]),
        (told("there", 2), ["here", "there"]),
    ],
)
async def test_of_one_time_and_dataset_the_newer_instance_is_told(
    http: httpx.AsyncClient, harbour: Harbour, remote: Any, expected: list[str]
) -> None:
    await here(http, depth=[told("here", 1)])
    await registered(http, **PAST)
    harbour.answers[PATH] = (200, there(depth=[remote]))
    assert sorted(await depths(http)) == expected


async def test_sums_are_of_all_instances(http: httpx.AsyncClient, harbour: Harbour) -> None:
    await here(http, depth=[told(1, 1), told(3, 3)])
    await registered(http, **PAST)

    def part(request: httpx.Request) -> httpx.Response:
        later = request.url.params["timeAt"] == at(5)
        values = [told(5, 5), told(11, 6)] if later else [told(2, 2), told(5, 5)]
        status = 200 if later else 206
        edge = {"content-range": f"date-time {at(0)}-{at(5)}/*"}
        return httpx.Response(status, json=there(depth=values), headers=edge)

    harbour.answers[PATH] = part
    how = {"format": "aggregatedValues", "aggrMethods": "sum,totalCount"}
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS | how)
    depth = answer.json()["depth"]
    assert (depth["sum"][0][0], depth["totalCount"][0][0]) == (22, 5)
    assert len(harbour.heard) == 2
    assert "format" not in harbour.heard[0].url.params


async def test_a_part_is_told_as_a_part(http: httpx.AsyncClient, harbour: Harbour) -> None:
    await here(http, depth=[told(1, 1), told(9, 9)])
    await registered(http, **PAST)
    body = there(depth=[told(2, 2), told(4, 4)])
    edge = {"content-range": f"date-time {at(0)}-{at(4)}/*"}
    harbour.answers[PATH] = httpx.Response(206, json=body, headers=edge)
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS)
    assert answer.status_code == 206
    assert [i["value"] for i in answer.json()["depth"]] == [1, 2, 4]
    assert answer.headers["content-range"] == f"date-time {ALWAYS['timeAt']}-{at(4)}/*"


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        (500, '299 urn:x:a "Miscellaneous Persistent Warning"'),
        (httpx.ConnectError("no"), '199 urn:x:a "Miscellaneous Warning"'),
        (508, '199 urn:x:a "Miscellaneous Warning"'),
        ((200, {"id": 3}), '111 urn:x:a "Revalidation Failed"'),
        ((206, there(depth=[told(2, 2)])), '111 urn:x:a "Revalidation Failed"'),
        (404, None),
    ],
)
async def test_troubles_of_a_source_are_warnings(
    http: httpx.AsyncClient, harbour: Harbour, said: Any, warning: str | None
) -> None:
    await here(http, depth=[told(1, 1)])
    await registered(http, **PAST)
    harbour.answers[PATH] = said
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS)
    assert answer.status_code == 200
    assert [i["value"] for i in answer.json()["depth"]] == [1]
    assert answer.headers.get("ngsild-warning") == warning


async def test_where_nobody_has_it_the_troubles_are_told(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, **PAST)
    answer = await http.get(f"/temporal/entities/{ID}")
    assert answer.status_code == 404
    harbour.answers[PATH] = 500
    answer = await http.get(f"/temporal/entities/{ID}")
    assert answer.status_code == 404
    assert answer.headers["ngsild-warning"].startswith("299")


@pytest.mark.parametrize(
    ("registration", "parameters", "headers"),
    [
        ({"operations": ["federationOps"]}, {}, {}),
        (PAST, {"local": "true"}, {}),
        (PAST, {"attrs": "name"}, {}),
        (PAST, {}, {"via": "1.1 ship"}),
        (PAST, {}, {"via": "1.1 localhost:8400"}),
        (LATER, {"timerel": "before", "timeAt": at(4)}, {}),
    ],
)
async def test_who_has_no_part_in_it_is_not_asked(
    http: httpx.AsyncClient,
    harbour: Harbour,
    registration: dict[str, Any],
    parameters: dict[str, str],
    headers: dict[str, str],
) -> None:
    await here(http, depth=[told(1, 1)], name=[told("a", 1)])
    await registered(http, information=of("depth"), contextSourceAlias="ship", **registration)
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS | parameters, headers=headers)
    assert answer.status_code == 200
    assert harbour.asked == []


async def test_a_source_is_believed_for_what_it_has_alone(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, depth=[told(1, 1)])
    await registered(http, information=of("depth"), **PAST)
    harbour.answers[PATH] = (200, there(depth=[told(2, 2)], name=[told("x", 1)]))
    answer = await http.get(f"/temporal/entities/{ID}", params=ALWAYS)
    assert answer.json().keys() == {"id", "type", "depth"}
    harbour.answers[PATH] = (200, {**there(depth=[told(2, 2)]), "type": "Alert"})
    assert await depths(http) == [1]


async def test_strangers_are_told_nothing_of_sources(
    api: Api, http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, **PAST)
    harbour.answers[PATH] = (200, there(depth=[told(2, 2)]))
    async with client(visited(api, ANYONE, "public")) as stranger:
        answer = await stranger.get(f"/temporal/entities/{ID}", params=ALWAYS)
        assert answer.status_code in (403, 404)
    assert harbour.asked == []


# --- many


async def test_entities_of_all_brokers_are_found(http: httpx.AsyncClient, harbour: Harbour) -> None:
    await here(http, depth=[told(1, 1)])
    await here(http, "urn:x:Ferry:2", depth=[told(7, 1)])
    await registered(http, information=[{"entities": [{"type": "Ferry"}]}], **PAST)
    far = {**there(depth=[told(4, 4)]), "id": "urn:x:Ferry:3"}
    harbour.answers[MANY] = (200, [there(depth=[told(2, 2)]), far])

    async def found(**parameters: str) -> list[tuple[str, list[Any]]]:
        given = ALWAYS | {"type": "Ferry"} | parameters
        answer = await http.get("/temporal/entities", params=given)
        assert answer.status_code == 200, answer.text
        return [(e["id"][-1], [i["value"] for i in e["depth"]]) for e in answer.json()]

    assert await found() == [("1", [1, 2]), ("2", [7]), ("3", [4])]
    assert await found(limit="1", offset="1") == [("2", [7])]
    assert harbour.heard[-1].url.params["limit"] == "2"
    assert await found(q="depth>3") == [("2", [7]), ("1", [2]), ("3", [4])]
    assert harbour.heard[-1].url.params["q"] == "depth>3"
    assert "attrs" not in harbour.heard[-1].url.params
    split = {"splitEntities": "true"}
    assert await found(q="depth>3", **split) == [("2", [7]), ("3", [4])]
    assert "q" not in harbour.heard[-1].url.params
    count = {"type": "Ferry", "count": "true", **ALWAYS}
    answer = await http.get("/temporal/entities", params=count)
    assert answer.headers["ngsild-results-count"] == "3"


async def test_pages_of_entities_go_on_where_the_past_is_told_in_parts(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, depth=[told(1, 9)])
    await here(http, "urn:x:Ferry:2", depth=[told(7, 1), told(8, 9)])
    await registered(http, information=[{"entities": [{"type": "Ferry"}]}], **PAST)
    edge = {"content-range": f"date-time {at(0)}-{at(4)}/*"}
    far = [{**there(depth=[told(4, 4)]), "id": "urn:x:Ferry:3"}]
    harbour.answers[MANY] = httpx.Response(206, json=far, headers=edge)
    told_all = []
    for offset in range(3):
        given = ALWAYS | {"type": "Ferry", "limit": "1", "offset": str(offset)}
        answer = await http.get("/temporal/entities", params=given)
        assert answer.status_code == 206
        told_all += [(e["id"][-1], [i["value"] for i in e["depth"]]) for e in answer.json()]
    assert told_all == [("1", []), ("2", [7]), ("3", [4])]


async def test_two_real_brokers_have_one_past(open_broker: OpenBroker, store_url: str) -> None:
    async with afloat(open_broker(url=store_url)) as one, afloat(open_broker()) as other:
        await here(one.http, depth=[told(1, 1)])
        values = [told(minute, minute) for minute in range(2, 50)]
        await here(other.http, depth=values)
        await sharing(one, other)
        await sharing(other, one)  # a loop
        answer = await one.http.get(f"/temporal/entities/{ID}", params=ALWAYS)
        assert answer.status_code == 206
        assert len(answer.json()["depth"]) == 30
        how = {"format": "aggregatedValues", "aggrMethods": "totalCount"}
        answer = await one.http.get(f"/temporal/entities/{ID}", params=ALWAYS | how)
        assert answer.json()["depth"]["totalCount"][0][0] == 49
        last = await one.http.get(f"/temporal/entities/{ID}", params=ALWAYS | {"lastN": "2"})
        assert [i["value"] for i in last.json()["depth"]] == [48, 49]


async def sharing(one: Ship, other: Ship) -> None:
    await one.registers(other, **PAST, information=[{"entities": [{"type": FERRY["type"]}]}])
