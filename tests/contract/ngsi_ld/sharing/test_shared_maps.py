"""Entity maps where context sources have a part in what is asked (clauses 4.3.6.7, 5.14.4)."""

from typing import Any

import httpx
import pytest

from tests.contract.ngsi_ld.harbour import Harbour, registered

HEADER = "NGSILD-EntityMap"
MANY, MAPS = "GET /ngsi-ld/v1/entities", "GET /ngsi-ld/v1/entityMaps"
THEIRS = "urn:x:their:map"


def ferry(number: int, **attributes: Any) -> dict[str, Any]:
    return {"id": f"urn:x:Ferry:{number}", "type": "Ferry", **attributes}


def chart(*numbers: int, **members: Any) -> tuple[int, dict[str, Any]]:
    entities = {f"urn:x:Ferry:{n}": ["@none"] for n in numbers}
    return 201, {"id": THEIRS, "type": "EntityMap", "entityMap": entities, **members}


async def source(http: httpx.AsyncClient, *operations: str, **changes: Any) -> None:
    information = [{"entities": [{"type": "Ferry"}]}]
    offered = list(operations) or ["federationOps"]
    await registered(http, **{"information": information, "operations": offered, **changes})


async def here(http: httpx.AsyncClient, *numbers: int) -> None:
    for number in numbers:
        answer = await http.post("/entities?local=true", json=ferry(number, berth="here"))
        assert answer.status_code == 201


async def asked(http: httpx.AsyncClient, query: str = "", location: str = "") -> httpx.Response:
    headers = {HEADER: location} if location else {}
    answer = await http.get(f"/entities?type=Ferry&entityMap=true{query}", headers=headers)
    assert answer.status_code == (200 if location else 201), answer.text
    return answer


def ids(answer: httpx.Response) -> list[int]:
    return [int(entity["id"].rsplit(":", 1)[1]) for entity in answer.json()]


async def mapped(http: httpx.AsyncClient, answer: httpx.Response) -> Any:
    return (await http.get(answer.headers[HEADER].removeprefix("/ngsi-ld/v1"))).json()


async def test_a_source_that_makes_maps_is_told_to_use_its_own(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, 1, 2)
    await source(http)
    harbour.answers[MAPS] = chart(2, 3)
    harbour.answers[MANY] = (200, [ferry(2, depth=2), ferry(3, depth=3)])
    answer = await asked(http, "&q=depth>1&entityMapLifetime=PT1M")
    assert harbour.asked == [
        f"{MAPS}?type=Ferry&q=depth%3E1&entityMapLifetime=PT1M",
        f"{MANY}?type=Ferry&id=urn%3Ax%3AFerry%3A2%2Curn%3Ax%3AFerry%3A3"
        "&q=depth%3E1&limit=2&options=sysAttrs",
    ]
    assert harbour.heard[-1].headers[HEADER] == THEIRS
    assert ids(answer) == [2, 3]
    told = await mapped(http, answer)
    assert told["linkedMaps"] == {"urn:x:a": THEIRS}
    assert told["entityMap"] == {"urn:x:Ferry:2": ["urn:x:a"], "urn:x:Ferry:3": ["urn:x:a"]}


async def test_pages_ask_each_source_for_what_it_has_of_them(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, 1, 2)
    await source(http)
    harbour.answers[MAPS] = chart(2, 3)
    harbour.answers[MANY] = (200, [ferry(2, depth=2), ferry(3, depth=3)])
    first = await asked(http, "&limit=1&options=keyValues&count=true")
    location = first.headers[HEADER]
    assert (first.json(), first.headers["NGSILD-Results-Count"]) == ([ferry(1, berth="here")], "3")
    told = (await mapped(http, first))["entityMap"]
    assert told["urn:x:Ferry:2"] == ["@none", "urn:x:a"]
    harbour.heard.clear()
    second = await asked(http, "&limit=1&offset=1&options=keyValues", location)
    assert second.json() == [ferry(2, berth="here", depth=2)]
    last = await asked(http, "&limit=2&offset=2&options=keyValues", location)
    assert last.json() == [ferry(3, depth=3)]
    assert "id=urn%3Ax%3AFerry%3A3&" in harbour.asked[-1]
    assert not any("entityMaps" in path for path in harbour.asked)


@pytest.mark.parametrize("said", [404, 501, (200, []), (201, {"type": "EntityMap"})])
@pytest.mark.parametrize("operations", [["federationOps"], ["retrieveOps"]])
async def test_a_source_without_maps_is_looked_through(
    http: httpx.AsyncClient, harbour: Harbour, said: Any, operations: list[str]
) -> None:
    await source(http, *operations)
    harbour.answers[MAPS] = said
    harbour.answers[MANY] = (200, [ferry(3, depth=3), ferry(4, depth=4)])
    answer = await asked(http, "&limit=1")
    assert ids(answer) == [3]
    assert ("entityMaps" in harbour.asked[0]) == (operations == ["federationOps"])
    told = await mapped(http, answer)
    assert list(told["entityMap"]) == ["urn:x:Ferry:3", "urn:x:Ferry:4"]
    assert "linkedMaps" not in told


async def test_a_long_list_of_a_source_is_read_to_its_end(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await source(http, "retrieveOps")

    def part(request: httpx.Request) -> Any:
        offset, limit = (int(request.url.params.get(name, "0")) for name in ("offset", "limit"))
        return 200, [ferry(n) for n in range(offset, min(offset + limit, 1300))]

    harbour.answers[MANY] = part
    answer = await http.get("/entityMaps?type=Ferry")
    assert len(answer.json()["entityMap"]) == 1300


async def test_what_a_silent_source_has_stays_in_the_map(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, 1)
    await source(http)
    harbour.answers[MAPS] = chart(2)
    harbour.answers[MANY] = httpx.ConnectError("cut")
    answer = await asked(http)
    assert (ids(answer), "199" in answer.headers["NGSILD-Warning"]) == ([1], True)
    harbour.answers[MANY] = (200, [ferry(2)])
    assert ids(await asked(http, "", answer.headers[HEADER])) == [1, 2]
    harbour.answers[MANY] = (200, [])
    assert ids(await asked(http, "", answer.headers[HEADER])) == [1]
    assert list((await mapped(http, answer))["entityMap"]) == ["urn:x:Ferry:1"]


async def test_a_source_that_cannot_be_asked_is_not_in_the_map(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, 1)
    await source(http)
    harbour.answers[MAPS] = httpx.ConnectError("cut")
    answer = await http.get("/entityMaps?type=Ferry")
    assert (answer.status_code, "199" in answer.headers["NGSILD-Warning"]) == (201, True)
    assert list(answer.json()["entityMap"]) == ["urn:x:Ferry:1"]


async def test_a_map_that_a_source_makes_anew_is_used_from_then_on(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await source(http)
    harbour.answers[MAPS] = chart(2)
    harbour.answers[MANY] = (200, [ferry(2)])
    answer = await asked(http)
    anew = {HEADER: "/ngsi-ld/v1/entityMaps/anew"}
    harbour.answers[MANY] = lambda _: httpx.Response(200, json=[ferry(2)], headers=anew)
    await asked(http, "", answer.headers[HEADER])
    await asked(http, "", answer.headers[HEADER])
    assert harbour.heard[-1].headers[HEADER] == anew[HEADER]
    assert (await mapped(http, answer))["linkedMaps"] == {"urn:x:a": anew[HEADER]}


async def test_a_source_says_nothing_of_what_it_is_not_registered_with(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    information = [{"entities": [{"type": "Ferry", "idPattern": "Ferry:[1-5]$"}]}]
    await source(http, information=information)
    status, told = chart(2, 9)
    told["entityMap"] |= {"no uri": ["@none"], "urn:x:Boat:1": ["@none"]}
    harbour.answers[MAPS] = (status, {**told, "id": "no\nlocation"})
    harbour.answers[MANY] = (200, [ferry(2), ferry(9)])
    answer = await asked(http)
    assert ids(answer) == [2]
    assert HEADER not in harbour.heard[-1].headers
    assert list((await mapped(http, answer))["entityMap"]) == ["urn:x:Ferry:2"]


async def test_one_entity_is_asked_of_the_sources_that_had_it(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    path = "/entities/urn:x:Ferry:1"
    await here(http, 1)
    await source(http, name="a")
    await source(http, name="b")
    harbour.answers[f"GET /ngsi-ld/v1{path}"] = 404
    answer = await http.get(f"{path}?entityMap=true")
    assert (await mapped(http, answer))["entityMap"] == {"urn:x:Ferry:1": ["@none"]}
    assert len(harbour.heard) == 2
    again = await http.get(path, headers={HEADER: answer.headers[HEADER]})
    assert (again.status_code, len(harbour.heard)) == (200, 2)
    harbour.answers[f"GET /ngsi-ld/v1{path}"] = (200, ferry(1, depth=1))
    answer = await http.get(f"{path}?entityMap=true")
    assert (await mapped(http, answer))["entityMap"] == {
        "urn:x:Ferry:1": ["@none", "urn:x:a", "urn:x:b"]
    }


async def test_a_map_cannot_keep_an_order_of_several_brokers(http: httpx.AsyncClient) -> None:
    await source(http)
    answer = await http.get("/entities?type=Ferry&entityMap=true&orderBy=id")
    assert answer.status_code == 400


async def test_a_page_of_this_broker_alone_takes_nothing_of_others_out(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await here(http, 1)
    await source(http, "queryEntity")
    harbour.answers[MANY] = (200, [ferry(7), ferry(8)])
    location = (await asked(http)).headers[HEADER]
    alone = await asked(http, "&local=true&count=true", location)
    assert (ids(alone), alone.headers["ngsild-results-count"]) == ([1], "1")
    both = await asked(http, "&count=true", location)
    assert (ids(both), both.headers["ngsild-results-count"]) == ([1, 7, 8], "3")
