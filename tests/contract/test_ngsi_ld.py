"""What an NGSI-LD client may rely on (ETSI GS CIM 009 V1.9.1, clauses 5 and 6)."""

import asyncio
import ipaddress
from typing import Any

import httpx
import pytest

from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.contexts import Contexts
from townsquare.context.shelf import Shelf
from townsquare.model.errors import ContextNotAvailable, Denied

BIN = {
    "id": "urn:ngsi-ld:WasteContainer:7",
    "type": "WasteContainer",
    "fillingLevel": {
        "type": "Property",
        "value": 0.5,
        "unitCode": "C62",
        "observedAt": "2030-06-01T12:00:00Z",
        "accuracy": {"type": "Property", "value": 0.1},
    },
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13.5, 52.4]}},
    "refRoad": {"type": "Relationship", "object": "urn:ngsi-ld:Road:1"},
}
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


async def created(http: httpx.AsyncClient, **changes: Any) -> str:
    body = {**BIN, **changes}
    answer = await http.post("/entities", json=body)
    assert answer.status_code == 201, answer.text
    return str(body["id"])


async def test_create_retrieve_and_delete(http: httpx.AsyncClient) -> None:
    answer = await http.post("/entities", json=BIN)
    assert (answer.status_code, answer.headers["location"]) == (
        201,
        "/ngsi-ld/v1/entities/urn:ngsi-ld:WasteContainer:7",
    )
    found = await http.get(f"/entities/{BIN['id']}")
    assert found.json() == BIN
    assert found.headers["content-type"] == "application/json"
    assert "ngsi-ld-core-context" in found.headers["link"]
    assert (await http.delete(f"/entities/{BIN['id']}")).status_code == 204
    assert (await http.get(f"/entities/{BIN['id']}")).status_code == 404


async def test_a_second_create_is_a_conflict(http: httpx.AsyncClient) -> None:
    await created(http)
    answer = await http.post("/entities", json=BIN)
    assert (answer.status_code, answer.json()["type"]) == (409, ERRORS + "AlreadyExists")


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("[1]", "must be a JSON object"),
        ('{"type":"T"}', "id must be a URI"),
        ('{"id":"x","type":"T"}', "id must be a URI"),
        ('{"id":"urn:x","a":1}', "type is missing"),
        ('{"id":"urn:x","type":"T","a":null}', "null is no value"),
        ('{"id":"urn:x","type":"T","a":{"type":"Property"}}', "Property needs value"),
        ('{"id":"urn:x","type":"T","a":{"type":"Thing","value":1}}', "'Thing' is none of"),
        ('{"id":"urn:x","type":"T","a":{"type":"Relationship","object":"no"}}', "must be a URI"),
        ('{"id":"urn:x","type":"T","a":{"value":1,"observedAt":"now"}}', "UTC time"),
        ('{"id":"urn:x","type":"T","a b":1}', "no name"),
        ('{"id":"urn:x","type":"T","location":{"type":"Point","coordinates":[999,0]}}', "on Earth"),
        ('{"id":"urn:x","type":"T","stream":"rtsp://me:pw@cam/1"}', "user info"),
    ],
)
async def test_a_wrong_entity_is_refused_with_the_reason(
    http: httpx.AsyncClient, body: str, part: str
) -> None:
    answer = await http.post(
        "/entities", content=body, headers={"content-type": "application/json"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (400, 400)
    assert problem["type"] == ERRORS + "BadRequestData"
    assert part in problem["detail"]
    assert problem["detail"] != problem["title"]


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("keyValues", {"fillingLevel": 0.5, "refRoad": "urn:ngsi-ld:Road:1"}),
        ("concise", {"refRoad": {"object": "urn:ngsi-ld:Road:1"}}),
    ],
)
async def test_formats(http: httpx.AsyncClient, format: str, expected: dict[str, Any]) -> None:
    id = await created(http)
    found = (await http.get(f"/entities/{id}", params={"options": format})).json()
    assert {name: found[name] for name in expected} == expected


async def test_geojson(http: httpx.AsyncClient) -> None:
    await created(http)
    answer = await http.get(
        "/entities", params={"type": "WasteContainer"}, headers={"accept": "application/geo+json"}
    )
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    assert body["features"][0]["geometry"] == BIN["location"]["value"]  # type: ignore[index]  # JSON


async def test_merge_changes_what_it_names_and_null_removes(http: httpx.AsyncClient) -> None:
    id = await created(http)
    change = {"fillingLevel": {"value": 0.9}, "refRoad": "urn:ngsi-ld:null"}
    answer = await http.patch(f"/entities/{id}", json=change)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    found = (await http.get(f"/entities/{id}")).json()
    assert found["fillingLevel"]["value"] == 0.9
    assert found["fillingLevel"]["accuracy"]["value"] == 0.1
    assert "refRoad" not in found


async def test_query_by_q_and_place_with_count_and_pages(http: httpx.AsyncClient) -> None:
    for n in range(5):
        level = {"type": "Property", "value": n / 10}
        await created(http, id=f"urn:ngsi-ld:WasteContainer:{n}", fillingLevel=level)
    answer = await http.get(
        "/entities",
        params={
            "type": "WasteContainer",
            "q": "fillingLevel>=0.1",
            "georel": "near;maxDistance==10",
            "geometry": "Point",
            "coordinates": "[13.5,52.4]",
            "limit": 2,
            "offset": 1,
            "count": "true",
            "options": "keyValues",
        },
    )
    assert [e["fillingLevel"] for e in answer.json()] == [0.2, 0.3]
    assert answer.headers["ngsild-results-count"] == "4"
    assert 'rel="next"' in answer.headers["link"]
    assert 'rel="prev"' in answer.headers["link"]


@pytest.mark.parametrize(
    ("parameters", "status", "part"),
    [
        ({}, 400, "too wide"),
        ({"type": "T", "limit": "0"}, 400, "limit 0"),
        ({"type": "T", "limit": "5000"}, 403, "over 1000"),
        ({"type": "T", "nonsense": "1"}, 400, "unknown parameter 'nonsense'"),
        ({"type": "T", "q": "a>"}, 400, "character 3"),
        ({"type": "T", "q": "a==1;;b"}, 400, "an attribute expected"),
        ({"type": "T", "georel": "near", "geometry": "Point", "coordinates": "[1,2]"}, 400, "=="),
        ({"type": "T", "idPattern": "("}, 400, "regular expression"),
        ({"type": "T", "attrs": 'a"b'}, 400, "no name"),
        ({"type": "T", "q": 'a~="("'}, 400, "regular expression"),
        ({"type": "T", "attrs": "a," * 300}, 403, "attrs lists more than"),
        ({"type": "T", "q": "a==" + ",".join("1" * 100)}, 403, "more than 64 terms"),
    ],
)
async def test_a_wrong_query_is_refused_with_the_reason(
    http: httpx.AsyncClient, parameters: dict[str, str], status: int, part: str
) -> None:
    answer = await http.get("/entities", params=parameters)
    assert answer.status_code == status
    assert part in answer.json()["detail"]


async def test_names_mean_what_their_context_says(http: httpx.AsyncClient) -> None:
    context = {"WasteContainer": "https://models.example/WasteContainer"}
    body = {**BIN, "@context": [context]}
    ld = {"content-type": "application/ld+json"}
    assert (await http.post("/entities", json=body, headers=ld)).status_code == 201
    assert (await http.get("/entities", params={"type": "WasteContainer"})).json() == []
    full = "https://models.example/WasteContainer"
    found = await http.get("/entities", params={"type": full})
    assert [e["type"] for e in found.json()] == [full]


async def test_a_context_that_cannot_be_loaded_is_named(http: httpx.AsyncClient) -> None:
    link = LINK.format("http://192.0.2.1/context.jsonld")
    answer = await http.get("/entities", params={"type": "T"}, headers={"link": link})
    assert (answer.status_code, answer.json()["type"]) == (504, ERRORS + "LdContextNotAvailable")
    assert "192.0.2.1" in answer.json()["detail"]


async def test_the_past_of_an_attribute(http: httpx.AsyncClient) -> None:
    id = await created(http)
    for minute in (1, 2):
        at = f"2030-06-01T12:0{minute}:00Z"
        level = {"type": "Property", "value": minute / 10, "observedAt": at}
        await http.patch(f"/entities/{id}", json={"fillingLevel": level})
    answer = await http.get(
        f"/temporal/entities/{id}",
        params={
            "timerel": "after",
            "timeAt": "2030-06-01T12:01:00Z",
            "attrs": "fillingLevel",
            "options": "temporalValues",
        },
    )
    assert answer.json()["fillingLevel"] == {
        "type": "Property",
        "values": [[0.1, "2030-06-01T12:01:00Z"], [0.2, "2030-06-01T12:02:00Z"]],
    }


async def test_an_id_may_be_an_address(http: httpx.AsyncClient) -> None:
    await created(http, id="http://example.org/bin/7")
    path = "/entities/http%3A%2F%2Fexample.org%2Fbin%2F7"
    assert (await http.get(path)).json()["id"] == "http://example.org/bin/7"
    assert (await http.delete(path)).status_code == 204


async def test_what_is_no_geometry_is_nowhere(http: httpx.AsyncClient) -> None:
    await created(http)
    where = {"georel": "within", "geometry": "Point", "coordinates": "[13.5,52.4]"}
    asked = {"type": "WasteContainer", "geoproperty": "fillingLevel", **where}
    assert (await http.get("/entities", params=asked)).json() == []


@pytest.mark.parametrize("body", ["[" * 100_000, '{"@context":' + "[" * 900 + "]" * 900 + "}"])
async def test_what_nests_too_deeply_is_refused(http: httpx.AsyncClient, body: str) -> None:
    ld = {"content-type": "application/ld+json"}
    assert (await http.post("/entities", content=body, headers=ld)).status_code == 400


async def test_a_past_that_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/temporal/entities/urn:ngsi-ld:Bin:none")
    assert answer.status_code == 404


async def test_a_context_is_loaded_whole_or_tried_again(api: Api) -> None:
    inner = {"up": False}

    async def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/outer":
            return httpx.Response(200, json={"@context": "http://c.example/inner"})
        terms = {"@context": {"Road": "https://m.example/Road"}}
        return httpx.Response(200, json=terms) if inner["up"] else httpx.Response(503)

    to_others = outgoing.Client(outgoing.LOOPBACK_ONLY, httpx.MockTransport(serve))
    contexts = Contexts(Shelf(api.broker, to_others, "http://t"))
    with pytest.raises(ContextNotAvailable):
        await contexts.terms("http://c.example/outer")
    inner["up"] = True
    assert (await contexts.terms("http://c.example/outer")).expand(
        "Road"
    ) == "https://m.example/Road"


async def test_no_look_up_leaves_for_a_host_that_is_not_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def looked_up(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", looked_up)
    async with outgoing.Client(outgoing.declared(outgoing.Settings(("ours.example",)))) as client:
        with pytest.raises(Denied, match=r"stolen\.example are not declared"):
            await client.get("http://stolen.example/")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.1", True),
        ("10.0.0.5", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::7f00:1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
    ],
)
def test_a_declared_host_is_never_this_machine(address: str, allowed: bool) -> None:
    rule = outgoing.declared(outgoing.Settings(("ours.example",)))
    assert rule.address(ipaddress.ip_address(address)) is allowed
