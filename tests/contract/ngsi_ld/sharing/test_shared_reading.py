"""Reading where context sources have a part in it (clauses 4.3.6, 4.5.5, 5.7.1, 5.7.2, 6.3.17)."""

from typing import Any

import httpx
import pytest

from tests.conftest import client, visited
from tests.contract.ngsi_ld.harbour import FERRY, ID, Harbour, of, registered
from townsquare.context.api.app import Api
from townsquare.context.sources.calling import BIGGEST
from townsquare.model.actor import ANYONE

PATH = f"GET /ngsi-ld/v1/entities/{ID}"
MANY = "GET /ngsi-ld/v1/entities"
BY_POST = "POST /ngsi-ld/v1/entityOperations/query"
EARLY, LATE = "2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z"


@pytest.fixture
def harbour() -> Harbour:
    harbour = Harbour()
    harbour.answers[PATH] = harbour.answers[MANY] = 404
    return harbour


def there(**attributes: Any) -> dict[str, Any]:
    return {"id": ID, "type": "Ferry", **attributes}


def seen(value: Any, **times: str) -> dict[str, Any]:
    return {"type": "Property", "value": value, **times}


async def found(http: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    answer = await http.get(f"/entities/{ID}?format=simplified{query}")
    assert answer.status_code == 200, answer.text
    entity: dict[str, Any] = answer.json()
    return entity


async def here(http: httpx.AsyncClient, **attributes: Any) -> None:
    answer = await http.post("/entities?local=true", json=there(**attributes))
    assert answer.status_code == 201


# --- one entity


@pytest.mark.parametrize(
    ("operations", "asked"),
    [
        (["retrieveOps"], f"GET /ngsi-ld/v1/entities/{ID}?options=sysAttrs"),
        (["queryEntity"], f"{MANY}?type=Ferry&id=urn%3Ax%3AFerry%3A1&limit=1&options=sysAttrs"),
        (["queryBatch"], f"{BY_POST}?limit=1&options=sysAttrs"),
    ],
)
async def test_a_source_is_asked_in_a_way_that_it_offers(
    http: httpx.AsyncClient, harbour: Harbour, operations: list[str], asked: str
) -> None:
    await registered(http, operations=operations)
    harbour.answers[PATH] = (200, there(berth=seen("A")))
    harbour.answers[MANY] = harbour.answers[BY_POST] = (200, [there(berth=seen("A"))])
    assert await found(http) == there(berth="A")
    assert harbour.asked == [asked]


async def test_a_source_is_asked_for_what_it_has_of_what_is_wanted(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=of("berth", "captain"))
    harbour.answers[PATH] = (200, there(berth=seen("A"), depth=seen(1)))
    assert await found(http) == there(berth="A")
    assert await found(http, "&attrs=berth,depth") == there(berth="A")
    assert (await http.get(f"/entities/{ID}?attrs=depth")).status_code == 404
    path = f"GET /ngsi-ld/v1/entities/{ID}?options=sysAttrs&attrs="
    assert harbour.asked == [f"{path}berth%2Ccaptain", f"{path}berth"]


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        (seen("here"), None, "here"),
        (None, seen("there"), "there"),
        (seen("here", observedAt=EARLY), seen("there", observedAt=LATE), "there"),
        (seen("here", observedAt=LATE), seen("there", observedAt=EARLY), "here"),
        (seen("here"), seen("there", observedAt=EARLY), "there"),
        (seen("here"), seen("there", modifiedAt="2000-01-01T00:00:00Z"), "here"),
        (seen("here"), seen("there", modifiedAt="2090-01-01T00:00:00Z"), "there"),
        (seen("here"), seen("gone", observedAt=LATE, expiresAt="2000-01-01T00:00:00Z"), "here"),
    ],
)
async def test_the_newest_of_two_values_is_told(
    http: httpx.AsyncClient, harbour: Harbour, local: Any, remote: Any, expected: str
) -> None:
    await here(http, **({"berth": local} if local else {}))
    await registered(http)
    harbour.answers[PATH] = (200, there(depth=seen(3), **({"berth": remote} if remote else {})))
    assert await found(http) == there(berth=expected, depth=3)


async def test_an_auxiliary_source_only_adds(http: httpx.AsyncClient, harbour: Harbour) -> None:
    await here(http, berth=seen("here"))
    await registered(http, mode="auxiliary", operations=["retrieveOps"])
    harbour.answers[PATH] = (200, there(berth=seen("there", observedAt=LATE), depth=seen(3)))
    assert await found(http) == there(berth="here", depth=3)


async def test_what_a_proxied_source_has_is_not_read_here(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, mode="exclusive", information=of("berth"))
    await here(http, berth=seen("here"), depth=seen(3))
    assert await found(http) == there(depth=3)
    assert await found(http, "&local=true") == there(berth="here", depth=3)
    harbour.answers[PATH] = (200, there(berth=seen("there")))
    assert await found(http) == there(berth="there", depth=3)


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        (404, None),
        (403, "299"),
        (500, "299"),
        (508, "199"),
        (httpx.ConnectTimeout("slow"), "199"),
        ((200, None), "111"),
        ((200, "no entity"), "111"),
        ((200, {"id": ID}), "111"),
        ((200, [[]]), "111"),
        ((200, there(berth={"type": "Property"})), "111"),
        ((200, there(berth=seen("x" * (BIGGEST + 1)))), "111"),
        ((200, {**there(), "id": "urn:x:other"}), None),
        ((200, {**there(), "type": "Alert"}), None),
        ((200, {**there(), "type": ["Ferry", "Alert"]}), None),
        ((200, {**there(), "expiresAt": "2000-01-01T00:00:00Z"}), None),
    ],
)
async def test_a_sources_trouble_is_a_warning(
    http: httpx.AsyncClient, harbour: Harbour, said: Any, warning: str | None
) -> None:
    await registered(http)
    harbour.answers[PATH] = said
    absent = await http.get(f"/entities/{ID}")
    await here(http, berth=seen("here"))
    present = await http.get(f"/entities/{ID}?options=keyValues")
    assert (absent.status_code, present.json()) == (404, there(berth="here"))
    for answer in (absent, present):
        told = answer.headers.get("ngsild-warning")
        assert told is None if warning is None else told.startswith(f"{warning} urn:x:a ")


async def test_the_rooms_of_the_house_are_read_nowhere_else(
    api: Api, http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=[{"propertyNames": ["berth"]}])
    harbour.answers[MANY] = (200, [{"id": "urn:x:Alert:9", "type": "Alert", "berth": seen("A")}])
    assert (await http.get("/entities?type=Alert")).json() == []
    assert harbour.asked == []
    async with client(visited(api, ANYONE, "public information")) as stranger:
        assert (await stranger.get(f"/entities/{ID}")).status_code == 404
        await stranger.get("/entities?attrs=berth")
    assert harbour.asked == []
    assert (await http.get("/entities?attrs=berth")).json() == []
    assert len(harbour.asked) == 1


async def test_a_request_that_was_here_before_is_not_passed_on(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http)
    await registered(http, "b", contextSourceAlias="seen")
    alias = (await http.get("/info/sourceIdentity")).json()["contextSourceAlias"]
    for via in (f"1.1 {alias}", "1.1 seen"):
        answer = await http.get(f"/entities/{ID}", headers={"Via": via})
        assert answer.status_code == 404
        assert "199" in answer.headers["ngsild-warning"]
    assert [r.url.host for r in harbour.heard] == ["a.example"]


# --- many entities

FLEET = [{"entities": [{"type": "Ferry"}]}]


def fleet(*numbers: int, **attributes: Any) -> list[dict[str, Any]]:
    return [{"id": f"urn:x:Ferry:{n}", "type": "Ferry", **attributes} for n in numbers]


async def ids(http: httpx.AsyncClient, query: str) -> list[str]:
    answer = await http.get(f"/entities?{query}")
    assert answer.status_code == 200, answer.text
    return [entity["id"].rsplit(":", 1)[1] for entity in answer.json()]


async def test_what_several_brokers_have_is_one_answer(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    for one in fleet(1, 2, berth="A"):
        await http.post("/entities", json=one)
    await registered(http, information=FLEET)
    harbour.answers[MANY] = (200, [*fleet(2, depth=seen(3)), *fleet(3, 4)])
    answer = await http.get("/entities?type=Ferry&format=simplified&count=true&limit=2&offset=1")
    assert answer.json() == [{**fleet(2)[0], "berth": "A", "depth": 3}, *fleet(3)]
    assert answer.headers["ngsild-results-count"] == "4"
    assert 'rel="next"' in answer.headers["link"]
    assert harbour.asked == [f"{MANY}?type=Ferry&count=true&limit=3&options=sysAttrs"]
    assert await ids(http, "type=Ferry&limit=3&offset=3") == ["4"]
    assert await ids(http, "type=Ferry&local=true") == ["1", "2"]


@pytest.mark.parametrize(
    ("information", "query", "asked"),
    [
        (FLEET, "type=Ferry", "type=Ferry"),
        (FLEET, "type=Ferry,Tram", "type=Ferry"),
        (FLEET, "type=Ferry&id=urn:x:1", "type=Ferry&id=urn%3Ax%3A1"),
        (of("berth"), "type=Ferry", "type=Ferry&id=urn%3Ax%3AFerry%3A1&attrs=berth"),
        (of("berth"), "attrs=berth,depth", "type=Ferry&id=urn%3Ax%3AFerry%3A1&attrs=berth"),
        (of(idPattern="^urn"), "type=Ferry", "type=Ferry&idPattern=%5Eurn"),
        (of(idPattern="^urn"), "type=Ferry&id=urn:x:1,foo:2", "type=Ferry&id=urn%3Ax%3A1"),
        ([{"propertyNames": ["berth"]}], "type=Ferry", "type=Ferry&attrs=berth"),
        (FLEET, "type=Ferry&q=berth==1", "type=Ferry&q=berth%3D%3D1"),
        (
            *(FLEET, "type=Ferry&attrs=depth&q=berth==1"),
            "type=Ferry&attrs=berth%2Cdepth&q=berth%3D%3D1",
        ),
        (FLEET, "type=Ferry&scopeQ=/a", "type=Ferry&scopeQ=%2Fa"),
        (FLEET, "type=Tram", None),
        (of("berth"), "attrs=depth", None),
        (FLEET, 'type=Ferry&csf=endpoint~="nobody"', None),
        (FLEET, "type=*", None),
    ],
)
async def test_a_source_is_asked_for_no_more_than_it_is_registered_with(
    http: httpx.AsyncClient, harbour: Harbour, information: Any, query: str, asked: str | None
) -> None:
    await registered(http, information=information)
    assert await ids(http, query) == []
    wanted = [] if asked is None else [f"{MANY}?{asked}&limit=20&options=sysAttrs"]
    assert harbour.asked == wanted


async def test_a_source_is_believed_for_no_more_than_it_was_asked(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=of("berth", idPattern="[1-5]$"))
    tram = {"id": "urn:x:Tram:1", "type": "Tram"}
    harbour.answers[MANY] = (200, [tram, *fleet(1, berth=seen("A"), depth=seen(3))])
    answer = await http.get("/entities?type=Ferry&format=simplified")
    assert answer.json() == fleet(1, berth="A")


async def test_a_query_by_post_reaches_sources_too(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=FLEET, operations=["queryBatch"])
    harbour.answers[BY_POST] = (200, fleet(1, 2))
    body = {"type": "Query", "entities": [{"type": "Ferry", "id": ID}], "q": "berth"}
    answer = await http.post("/entityOperations/query", json=body)
    assert [entity["id"] for entity in answer.json()] == [ID]
    entities = [{"type": "Ferry", "id": ID}]
    assert harbour.body == {"type": "Query", "entities": entities, "q": "berth"}


async def test_all_that_a_source_has_of_whom_q_chooses_is_told(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=FLEET)
    harbour.answers[MANY] = (200, fleet(1, berth=seen("A"), depth=seen(3)))
    answer = await http.get('/entities?type=Ferry&q=berth=="A"&format=simplified')
    assert answer.json() == fleet(1, berth="A", depth=3)


async def test_what_several_brokers_have_cannot_be_ordered(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=FLEET)
    for query, status in (("", 400), ("&local=true", 200)):
        answer = await http.get(f"/entities?type=Ferry&orderBy=berth{query}")
        assert answer.status_code == status


async def test_names_in_a_filter_are_those_that_the_source_knows(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    words = {
        "Boat": "https://uri.etsi.org/ngsi-ld/default-context/Ferry",
        "quay": "https://q.example/q",
    }
    harbour.answers["GET /c.jsonld"] = (200, {"@context": words})
    url = "https://words.example/c.jsonld"
    await registered(
        http, information=FLEET, contextSourceInfo=[{"key": "jsonldContext", "value": url}]
    )
    harbour.answers[MANY] = (200, [{"id": ID, "type": "Boat", "quay": seen("A;quay")}])
    q = '(https://q.example/q=="A;quay"|berth<quay)'
    asked_for = {"type": "Ferry", "attrs": "https://q.example/q", "q": q, "format": "simplified"}
    answer = await http.get("/entities", params=asked_for)
    assert answer.json() == [there(**{"https://q.example/q": "A;quay"})]
    asked = httpx.URL(harbour.asked[-1].removeprefix("GET ")).params
    assert asked["q"] == '(quay=="A;quay"|berth<quay)'
    assert (asked["type"], asked["attrs"]) == ("Boat", "berth,quay")


# --- purging


@pytest.mark.parametrize(
    ("information", "query", "asked"),
    [
        (FLEET, "type=Ferry", "type=Ferry"),
        (FLEET, "type=Ferry&drop=berth", "type=Ferry&drop=berth"),
        (of("berth"), "type=Ferry", "type=Ferry&id=urn%3Ax%3AFerry%3A1&drop=berth"),
        (
            of("berth", "depth"),
            "type=Ferry&keep=berth",
            "type=Ferry&id=urn%3Ax%3AFerry%3A1&drop=depth",
        ),
    ],
)
async def test_a_source_purges_no_more_than_it_is_registered_with(
    http: httpx.AsyncClient, harbour: Harbour, information: Any, query: str, asked: str
) -> None:
    await registered(http, information=information)
    await here(http, **{name: FERRY[name] for name in ("berth", "captain")})
    answer = await http.delete(f"/entities?{query}")
    assert answer.status_code == 204
    assert harbour.asked == [f"DELETE /ngsi-ld/v1/entities?{asked}"]


async def test_what_a_source_did_not_purge_is_told(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=FLEET)
    await registered(http, "b", mode="redirect", information=FLEET, operations=["retrieveOps"])
    harbour.answers["DELETE /ngsi-ld/v1/entities"] = 403
    answer = await http.delete("/entities?type=Ferry")
    assert answer.status_code == 207
    told = {e["registrationId"]: e["error"]["status"] for e in answer.json()["errors"]}
    assert told == {"urn:x:a": 502, "urn:x:b": 409}
