"""How the doors use HTTP (clauses 5.5.2 to 5.5.4, 5.5.10, 6.3)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tests.conftest import visited
from townsquare.context.api.app import Api
from townsquare.web.server import spelling

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
BENCH = {"id": "urn:ngsi-ld:Bench:1", "type": "Bench", "seats": {"type": "Property", "value": 4}}
PATH = "/entities/urn:ngsi-ld:Bench:1"
JSON, LD, GEO = "application/json", "application/ld+json", "application/geo+json"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"{", "not JSON"),
        (b"", "no body"),
        (b'{"id": "\xff"}', "not JSON"),
        (b'"\\ud800"', "not JSON"),
        (b"[" * 100_000, "too deeply"),
    ],
)
async def test_what_is_not_json_is_no_request(
    http: httpx.AsyncClient, content: bytes, part: str
) -> None:
    answer = await http.post("/entities", content=content, headers={"content-type": JSON})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, ERRORS + "InvalidRequest")
    assert part in problem["detail"]
    assert problem["title"] != problem["detail"]
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize(
    ("query", "status", "type", "part"),
    [
        ("type=T&nonsense=1", 400, "InvalidRequest", "unknown parameter 'nonsense'"),
        ("type=T&type=S", 400, "InvalidRequest", "twice"),
        ("type=T&count=perhaps", 400, "InvalidRequest", "true or false"),
        ("type=T&limit=-1", 400, "BadRequestData", "limit"),
        ("type=T&limit=5000", 403, "TooManyResults", "over 1000"),
        ("type=T&q=" + "a;" * 100 + "a", 403, "TooComplexQuery", "more than"),
    ],
)
async def test_a_wrong_parameter_is_told(
    http: httpx.AsyncClient, query: str, status: int, type: str, part: str
) -> None:
    answer = await http.get(f"/entities?{query}")
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + type)
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/entities", "/temporal/entities", "/subscriptions", "/entityOperations/query"],
)
async def test_parameters_are_looked_at_before_the_body(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.post(f"{path}?nonsense=1", json={"id": 5})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/subscriptions", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/entities?type=T", {"accept": "text/html"}, 406),
        ("PUT", "/entities", {}, 400),
        ("PATCH", "/entities/", {}, 400),
    ],
)
async def test_http_refuses_with_a_reason(
    http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await http.request(method, path, headers=headers, json={})
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert {"type", "title", "detail"} < problem.keys()
    assert ("allow" in answer.headers) == (status == 405)


async def test_who_accepts_nothing_is_told_what_there_is(http: httpx.AsyncClient) -> None:
    answer = await http.get("/entities?type=T", headers={"accept": "text/html"})
    assert answer.json()["availableRepresentations"] == [JSON, LD, GEO]


async def test_a_body_of_another_kind_is_refused_without_one(http: httpx.AsyncClient) -> None:
    for kind in ("text/plain", "application/merge-patch+json"):
        answer = await http.post("/entities", content=b"x", headers={"content-type": kind})
        assert (answer.status_code, answer.content) == (415, b"")


async def test_a_merge_patch_is_json(http: httpx.AsyncClient) -> None:
    await http.post("/entities", json=BENCH)
    headers = {"content-type": "application/merge-patch+json"}
    answer = await http.patch(PATH, content=b'{"seats": 5}', headers=headers)
    assert answer.status_code == 204


@pytest.mark.parametrize("tenant", [None, "nowhere"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_a_body_says_how_long_it_is(
    http: httpx.AsyncClient, method: str, tenant: str | None
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{}"

    headers = {"ngsild-tenant": tenant} if tenant else {}
    answer = await http.request(method, PATH, content=parts(), headers=headers)
    assert (answer.status_code, answer.content) == (411, b"")


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (f"{LD}, {JSON}", JSON),
        (f"{GEO}, {JSON}", JSON),
        (f"{JSON};q=0.1, {LD};q=0.9", LD),
        (LD, LD),
        ("*/*", JSON),
        (f"{JSON};q=0, */*", LD),
        (f"*/*;q=0.9, {LD};q=0.8", JSON),
        (f"{LD};q=notanumber", LD),
        (f"{LD};q=nan", LD),
        ('application/ld+json;profile="x"', LD),
        ("text/html, application/*;q=0.1", JSON),
    ],
)
async def test_the_best_of_what_is_accepted_is_sent(
    http: httpx.AsyncClient, accept: str, answered: str
) -> None:
    await http.post("/entities", json=BENCH)
    answer = await http.get(PATH, headers={"accept": accept})
    assert answer.headers["content-type"] == answered
    assert ("@context" in answer.json()) == (answered == LD)
    assert ("link" in answer.headers) == (answered == JSON)


async def test_tenants_know_nothing_of_each_other(http: httpx.AsyncClient) -> None:
    north, south = {"ngsild-tenant": "north"}, {"ngsild-tenant": "south"}
    made = await http.post("/entities", json=BENCH, headers=north)
    assert (made.status_code, made.headers["ngsild-tenant"]) == (201, "north")
    assert (await http.get(PATH, headers=north)).status_code == 200
    assert (await http.get(PATH)).json()["type"] == ERRORS + "ResourceNotFound"
    unknown = await http.get(PATH, headers=south)
    assert (unknown.status_code, unknown.headers["ngsild-tenant"]) == (404, "south")
    assert unknown.json()["type"] == ERRORS + "NonexistentTenant"


async def test_a_tenant_outlives_its_entities(http: httpx.AsyncClient) -> None:
    north = {"ngsild-tenant": "north"}
    await http.post("/entities", json=BENCH, headers=north)
    await http.delete(PATH, headers=north)
    answer = await http.get("/entities?type=Bench", headers=north)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", PATH), ("DELETE", PATH), ("POST", PATH + "/attrs"), ("GET", "/subscriptions")],
)
async def test_only_what_creates_makes_a_tenant(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    body: Any = {"seats": 1}
    answer = await http.request(method, path, json=body, headers={"ngsild-tenant": "new"})
    assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "NonexistentTenant")


@pytest.mark.parametrize("tenant", ["a b", "x" * 101, "ä", "a/b"])
async def test_a_tenant_has_a_plain_name(http: httpx.AsyncClient, tenant: str) -> None:
    headers = {b"ngsild-tenant": tenant.encode("latin-1")}
    answer = await http.get("/entities?type=T", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")


async def test_location_is_written_with_its_capital_on_the_wire(api: Api) -> None:
    """Where there are clients that look for it by case."""
    config = uvicorn.Config(spelling(visited(api)), lifespan="off", log_level="warning")
    config.load()
    protocol = partial(HttpToolsProtocol, config=config, server_state=ServerState(), app_state={})
    body = msgspec.json.encode(BENCH)
    async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        head = f"Host: t\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(b"POST /ngsi-ld/v1/entities HTTP/1.1\r\n" + head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 201")
    assert b"\r\nLocation: /ngsi-ld/v1/entities/urn:ngsi-ld:Bench:1\r\n" in answer


@pytest.mark.parametrize("door", ["entities", "temporal/entities"])
@pytest.mark.parametrize(
    ("id", "written"),
    [
        ("urn:ngsi-ld:Lamp:1", "urn:ngsi-ld:Lamp:1"),
        ("https://example.org/lamp?1", "https:%2F%2Fexample.org%2Flamp%3F1"),
        ("urn:lamp:ä", "urn:lamp:%C3%A4"),
    ],
)
async def test_a_place_says_the_id_as_far_as_a_path_can(
    http: httpx.AsyncClient, door: str, id: str, written: str
) -> None:
    lit = {"type": "Property", "value": 1, "observedAt": "2030-01-01T00:00:00Z"}
    made = await http.post(f"/{door}", json={"id": id, "type": "Lamp", "lit": lit})
    assert made.headers["location"] == f"/ngsi-ld/v1/{door}/{written}"
    there = await http.get(made.headers["location"].removeprefix("/ngsi-ld/v1"))
    assert there.json()["id"] == id
