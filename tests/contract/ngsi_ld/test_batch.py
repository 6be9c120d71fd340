"""Many entities in one request (clauses 5.5.11, 5.6.7 to 5.6.10, 5.6.20, 6.14 to 6.17, 6.31)."""

from typing import Any

import httpx
import pytest

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
NULL = "urn:ngsi-ld:null"
A, B, C = (f"urn:ngsi-ld:Bin:{name}" for name in "abc")


def bin_(id: str, **members: Any) -> dict[str, Any]:
    return {"id": id, "type": "Bin", **members}


async def post(http: httpx.AsyncClient, operation: str, *parts: Any) -> httpx.Response:
    return await http.post(f"/entityOperations/{operation}", json=list(parts))


async def state(http: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """Attributes of every bin, simplified, by the last letter of its id."""
    answer = await http.get("/entities?type=Bin&format=simplified&limit=100")
    return {
        e["id"][-1]: {n: v for n, v in e.items() if n not in ("id", "type")} for e in answer.json()
    }


def failed(answer: httpx.Response) -> dict[str, str]:
    """Ids and problem types of what could not be done."""
    assert answer.status_code == 207, answer.text
    errors = answer.json()["errors"]
    for each in errors:
        assert {"type", "title", "detail", "status"} <= each["error"].keys()
    return {e["entityId"][-1]: e["error"]["type"].removeprefix(ERRORS) for e in errors}


async def test_create_answers_with_the_ids(http: httpx.AsyncClient) -> None:
    answer = await post(http, "create", bin_(A, level=1), bin_(B))
    assert (answer.status_code, answer.json()) == (201, [A, B])
    assert await state(http) == {"a": {"level": 1}, "b": {}}


async def test_one_that_cannot_be_does_not_stop_the_others(http: httpx.AsyncClient) -> None:
    await post(http, "create", bin_(A, level=1))
    answer = await post(http, "create", bin_(A, level=2), bin_(B), {"id": C}, bin_(C, level=3))
    assert failed(answer) == {"a": "AlreadyExists", "c": "BadRequestData"}
    assert answer.json()["success"] == [B, C]
    assert await state(http) == {"a": {"level": 1}, "b": {}, "c": {"level": 3}}


@pytest.mark.parametrize(
    ("operation", "before", "parts", "status", "after"),
    [
        ("upsert", [], [bin_(A, x=1)], 201, {"a": {"x": 1}}),
        ("upsert", [bin_(A, x=1, y=1)], [bin_(A, x=2)], 204, {"a": {"x": 2}}),
        ("upsert?options=replace", [bin_(A, x=1, y=1)], [bin_(A, x=2)], 204, {"a": {"x": 2}}),
        ("upsert?options=update", [bin_(A, x=1, y=1)], [bin_(A, x=2)], 204,
         {"a": {"x": 2, "y": 1}}),
        ("upsert?options=update", [bin_(A, x=1)], [bin_(A)], 204, {"a": {"x": 1}}),
        ("upsert?options=update", [bin_(A, x=1)], [bin_(A, x=NULL, y=2)], 204, {"a": {"y": 2}}),
        ("update", [bin_(A, x=1, y=1)], [{"id": A, "x": 2, "z": 3}], 204,
         {"a": {"x": 2, "y": 1, "z": 3}}),
        ("update?options=noOverwrite", [bin_(A, x=1)], [{"id": A, "y": 2}], 204,
         {"a": {"x": 1, "y": 2}}),
        ("merge", [bin_(A, x={"k": 1, "l": 2})], [{"id": A, "x": {"k": NULL}}], 204,
         {"a": {"x": {"l": 2}}}),
        ("merge", [bin_(A, x=1, y=1)], [{"id": A, "x": NULL}], 204, {"a": {"y": 1}}),
        ("delete", [bin_(A), bin_(B)], [A, B], 204, {}),
    ],
)  # fmt: skip
async def test_when_all_could_be_done(
    http: httpx.AsyncClient, operation: str, before: Any, parts: Any, status: int, after: Any
) -> None:
    if before:
        await post(http, "create", *before)
    answer = await post(http, operation, *parts)
    assert answer.status_code == status, answer.text
    assert (answer.json() == [A]) if status == 201 else (answer.content == b"")
    assert await state(http) == after


@pytest.mark.parametrize(
    ("operation", "parts", "errors", "success", "after"),
    [
        ("upsert", [bin_(A, x=2), bin_(B), {"id": C}], {"c": "BadRequestData"}, [A, B],
         {"a": {"x": 2}, "b": {}}),
        ("update", [{"id": A, "x": 2}, {"id": B, "x": 2}], {"b": "ResourceNotFound"}, [A],
         {"a": {"x": 2}}),
        ("update", [{"id": A, "x": NULL}], {"a": "BadRequestData"}, [], {"a": {"x": 1}}),
        ("update?options=noOverwrite", [{"id": A, "x": 2, "y": 3}], {"a": "AlreadyExists"}, [],
         {"a": {"x": 1, "y": 3}}),
        ("merge", [{"id": A, "x": 2}, {"id": B}], {"b": "ResourceNotFound"}, [A], {"a": {"x": 2}}),
        ("delete", [A, B], {"b": "ResourceNotFound"}, [A], {}),
        ("delete", [A, A], {"a": "ResourceNotFound"}, [A], {}),
        ("delete", ["bin"], {"n": "BadRequestData"}, [], {"a": {"x": 1}}),
    ],
)  # fmt: skip
async def test_when_something_could_not_be_done(
    http: httpx.AsyncClient, operation: str, parts: Any, errors: Any, success: Any, after: Any
) -> None:
    await post(http, "create", bin_(A, x=1))
    answer = await post(http, operation, *parts)
    assert failed(answer) == errors
    assert answer.json()["success"] == success
    assert await state(http) == after


@pytest.mark.parametrize(
    ("operation", "parts", "status", "after"),
    [
        ("create", [bin_(A, x=1), bin_(A, x=2)], 207, {"a": {"x": 1}}),
        ("upsert", [bin_(A, x=1, y=1), bin_(A, x=2)], 201, {"a": {"x": 2}}),
        ("upsert?options=update", [bin_(A, x=1, y=1), bin_(A, x=2)], 201, {"a": {"x": 2, "y": 1}}),
    ],
)
async def test_instances_of_one_entity_are_taken_in_their_order(
    http: httpx.AsyncClient, operation: str, parts: Any, status: int, after: Any
) -> None:
    answer = await post(http, operation, *parts)
    assert answer.status_code == status, answer.text
    assert await state(http) == after
    if status == 201:
        assert answer.json() == [A]


async def test_the_past_has_every_instance_of_a_batch(http: httpx.AsyncClient) -> None:
    times = [f"2030-01-01T00:0{minute}:00Z" for minute in range(3)]
    states = [bin_(A, x={"value": n, "observedAt": time}) for n, time in enumerate(times)]
    assert (await post(http, "upsert", *states)).status_code == 201
    period = "timerel=after&timeAt=2029-01-01T00:00:00Z"
    past = (await http.get(f"/temporal/entities/{A}?{period}&options=temporalValues")).json()
    assert past["x"]["values"] == [list(pair) for pair in enumerate(times)]


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"[{]", "InvalidRequest"),
        (b"", "InvalidRequest"),
        (b"[]", "BadRequestData"),
        (b"{}", "BadRequestData"),
        (b'[{"id": "urn:ngsi-ld:Bin:a", "type": "Bin"}, null]', "BadRequestData"),
    ],
)
async def test_what_is_no_array_of_entities_is_refused_whole(
    http: httpx.AsyncClient, operation: str, content: bytes, type: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await http.post(f"/entityOperations/{operation}", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + type)
    assert await state(http) == {}


async def test_each_entity_brings_its_own_context(http: httpx.AsyncClient) -> None:
    def saying(id: str, iri: str) -> dict[str, Any]:
        return bin_(id, level=1, **{"@context": {"level": iri}})

    async def batch(content: list[Any], **headers: str) -> httpx.Response:
        return await http.post("/entityOperations/create", json=content, headers=headers)

    ld = {"content-type": "application/ld+json"}
    answer = await batch([saying(A, "https://x.org/l"), saying(B, "https://y.org/l")], **ld)
    assert (answer.status_code, answer.json()) == (201, [A, B])
    assert await state(http) == {"a": {"https://x.org/l": 1}, "b": {"https://y.org/l": 1}}
    assert failed(await batch([bin_(C)], **ld)) == {"c": "BadRequestData"}
    assert failed(await batch([saying(C, "https://x.org/l")])) == {"c": "BadRequestData"}
    answer = await batch([saying(C, "https://x.org/l")], **ld, link=LINK.format("https://z.org/"))
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


async def test_a_repeated_batch_changes_nothing_and_gets_the_first_answer(
    http: httpx.AsyncClient,
) -> None:
    await post(http, "create", bin_(B))
    answers = [
        await http.post(
            "/entityOperations/create",
            json=[bin_(A, x=1), bin_(B)],
            headers={"idempotency-key": "k1"},
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert failed(answers[1]) == {"b": "AlreadyExists"}
