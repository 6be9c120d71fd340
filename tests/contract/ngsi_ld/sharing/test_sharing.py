"""Writing where context sources have a part in it (clauses 4.3.6, 5.6 and 6.3.17 to 6.3.19)."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.conftest import client, visited
from tests.contract.ngsi_ld.harbour import FERRY, ID, Harbour, of, registered
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor

LD = "application/ld+json"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


async def local(http: httpx.AsyncClient) -> dict[str, Any] | None:
    answer = await http.get(f"/entities/{ID}?local=true&options=keyValues")
    return answer.json() if answer.status_code == 200 else None


PATH = f"/ngsi-ld/v1/entities/{ID}"
# What each operation is to a source, once the entity is here: method, path, body, what it is sent.
Operation = tuple[str, str, Any, Any]
OPERATIONS: list[Operation] = [
    ("PATCH", "", {"berth": "B"}, {"berth": "B"}),
    ("PUT", "", {**FERRY, "berth": "B"}, {**FERRY, "berth": "B"}),
    ("DELETE", "", None, None),
    ("POST", "/attrs", {"berth": "B"}, {"berth": "B"}),
    ("PATCH", "/attrs", {"berth": "B"}, {"berth": "B"}),
    ("PATCH", "/attrs/berth", {"value": "B"}, {"value": "B"}),
    ("PUT", "/attrs/berth", {"type": "Property", "value": "B"}, {"type": "Property", "value": "B"}),
    ("DELETE", "/attrs/berth", None, None),
]


async def do(http: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    return await http.request(method, f"/entities/{ID}{path}", json=body)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_inclusive_source_does_what_is_done_here(
    http: httpx.AsyncClient, harbour: Harbour, operation: Operation
) -> None:
    method, path, body, sent = operation
    await http.post("/entities", json=FERRY)
    await registered(http)
    answer = await do(http, method, path, body)
    assert answer.status_code == 204
    assert harbour.asked == [f"{method} {PATH}{path}"]
    assert (harbour.body if harbour.heard[-1].content else None) == sent
    found = await local(http)
    assert found is None if (method, path) == ("DELETE", "") else found != FERRY


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_a_redirect_source_has_is_not_touched_here(
    http: httpx.AsyncClient, harbour: Harbour, operation: Operation
) -> None:
    method, path, body, _ = operation
    await registered(http, mode="redirect")
    answer = await do(http, method, path, body)
    assert answer.status_code == 204
    assert harbour.asked == [f"{method} {PATH}{path}"]
    assert await local(http) is None


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_that_a_proxied_source_does_not_offer_is_a_conflict(
    http: httpx.AsyncClient, harbour: Harbour, operation: Operation
) -> None:
    method, path, body, _ = operation
    await registered(http, mode="redirect", operations=["retrieveOps"])
    answer = await do(http, method, path, body)
    assert (answer.status_code, answer.json()["type"]) == (409, ERRORS + "Conflict")
    assert harbour.asked == []


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("said", "status"),
    [
        (404, 404),
        (409, 409),
        (403, 502),
        (500, 502),
        (302, 502),
        (508, 508),
        (httpx.ConnectError("cut"), 504),
    ],
)
async def test_a_single_sources_trouble_is_told_as_such(
    http: httpx.AsyncClient,
    harbour: Harbour,
    operation: Operation,
    said: Any,
    status: int,
) -> None:
    method, path, body, _ = operation
    await registered(http, mode="redirect")
    harbour.answers[f"{method} {PATH}{path}"] = said
    answer = await do(http, method, path, body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert "urn:x:a" in answer.json()["detail"]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_only_one_of_two_did_is_told_with_the_reason(
    http: httpx.AsyncClient, harbour: Harbour, operation: Operation
) -> None:
    method, path, body, _ = operation
    await http.post("/entities", json=FERRY)
    await registered(http)
    harbour.answers[f"{method} {PATH}{path}"] = (403, {"detail": "not you"})
    answer = await do(http, method, path, body)
    assert answer.status_code == 207
    if path == "/attrs":
        [left] = answer.json()["notUpdated"]
        assert left["registrationId"] == "urn:x:a"
        assert "not you" in left["reason"]
    else:
        [error] = answer.json()["errors"]
        assert (error["entityId"], error["registrationId"]) == (ID, "urn:x:a")
        assert (error["error"]["status"], answer.json()["success"]) == (502, [ID])
        assert "not you" in error["error"]["detail"]


async def test_an_exclusive_source_takes_its_attributes_and_this_broker_the_rest(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, mode="exclusive", information=of("berth"))
    await registered(http, "b", information=of("berth", "captain"))
    harbour.answers["POST /ngsi-ld/v1/entities"] = 201
    answer = await http.post("/entities", json=FERRY)
    assert (answer.status_code, answer.headers["location"]) == (201, PATH)
    sent = {r.url.host: msgspec.json.decode(r.content) for r in harbour.heard}
    assert sent == {
        "a.example": {"id": ID, "type": "Ferry", "berth": "A"},
        "b.example": {"id": ID, "type": "Ferry", "captain": "Ada"},
    }
    assert await local(http) == {"id": ID, "type": "Ferry", "captain": "Ada"}
    answer = await http.post("/entities", json={"id": ID, "type": "Ferry", "berth": "B"})
    assert answer.status_code == 201
    assert len(harbour.heard) == 3


@pytest.mark.parametrize(
    ("changes", "query"),
    [
        ({}, "?local=true"),
        ({"mode": "auxiliary", "operations": ["retrieveOps"]}, ""),
        ({"operations": ["updateOps"]}, ""),
        ({"information": of("depth")}, ""),
        ({"information": [{"entities": [{"type": "Tram"}]}]}, ""),
        ({"information": [{"entities": [{"type": "Ferry", "idPattern": "2$"}]}]}, ""),
        ({"observationInterval": {"startAt": "2020-01-01T00:00:00Z"}}, ""),
        ({"contextSourceAlias": "seen"}, ""),
    ],
)
async def test_who_has_no_part_in_it_is_not_asked(
    http: httpx.AsyncClient, harbour: Harbour, changes: dict[str, Any], query: str
) -> None:
    await registered(http, **changes)
    answer = await http.post(f"/entities{query}", json=FERRY, headers={"Via": "1.1 seen"})
    assert answer.status_code == 201
    assert harbour.asked == []
    assert await local(http) == FERRY


async def test_a_request_that_comes_back_is_stopped(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, mode="redirect")
    harbour.answers["POST /ngsi-ld/v1/entities"] = 201
    await http.post("/entities", json=FERRY, headers={"Via": "1.1 first"})
    via = harbour.heard[-1].headers["via"]
    assert via.startswith("1.1 first, 1.1 ")
    answer = await http.delete(f"/entities/{ID}", headers={"Via": via})
    assert answer.status_code == 508
    assert len(harbour.heard) == 1


async def test_a_source_is_told_what_its_registration_names_and_no_more(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    info = [
        {"key": "X-Key", "value": "fixed"},
        {"key": "user", "value": "urn:ngsi-ld:request"},
        {"key": "Authorization", "value": "urn:ngsi-ld:request"},
        {"key": "Cookie", "value": "urn:ngsi-ld:request"},
        {"key": "Via", "value": "1.1 evil"},
        {"key": "NGSILD-Tenant", "value": "evil"},
        {"key": "Content-Length", "value": "1"},
    ]
    await registered(http, tenant="harbour", contextSourceInfo=info)
    secrets = {"Authorization": "Bearer mine", "Cookie": "visit=mine", "user": "ada"}
    await http.post("/entities", json=FERRY, headers=secrets)
    told = harbour.heard[-1].headers
    assert (told["x-key"], told["user"], told["ngsild-tenant"]) == ("fixed", "ada", "harbour")
    assert "evil" not in told["via"]
    assert not {"authorization", "cookie"} & told.keys()
    assert harbour.body == FERRY


WORDS = {
    "Boat": "https://uri.etsi.org/ngsi-ld/default-context/Ferry",
    "quay": "https://q.example/q",
}


async def test_a_source_is_told_in_words_that_it_can_look_up(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    """A context that stands in the request has no address, so full names are used."""
    await registered(http)
    body = {"id": ID, "type": "Boat", "quay": {"value": 1, "quay": {"value": 2}}, "@context": WORDS}
    assert (await http.post("/entities", json=body, headers={"content-type": LD})).is_success
    full = "https://q.example/q"
    assert harbour.body == {"id": ID, "type": "Ferry", full: {"value": 1, full: {"value": 2}}}
    assert harbour.heard[-1].headers["content-type"] == "application/json"
    assert "ngsi-ld-core-context" in harbour.heard[-1].headers["link"]


async def test_a_source_chooses_its_words(http: httpx.AsyncClient, harbour: Harbour) -> None:
    url = "https://words.example/c.jsonld"
    harbour.answers["GET /c.jsonld"] = (200, {"@context": WORDS})
    await registered(http, contextSourceInfo=[{"key": "jsonldContext", "value": url}])
    await http.post("/entities", json={"id": ID, "type": "Ferry", "https://q.example/q": 1})
    assert harbour.body == {"id": ID, "type": "Boat", "quay": 1}
    assert url in harbour.heard[-1].headers["link"]


async def test_a_source_can_have_the_context_in_the_body(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, contextSourceInfo=[{"key": "contentType", "value": LD}])
    await http.post("/entities", json=FERRY)
    assert harbour.heard[-1].headers["content-type"] == LD
    assert "ngsi-ld-core-context" in harbour.body["@context"]
    assert "link" not in harbour.heard[-1].headers


async def test_what_the_policy_refuses_goes_nowhere(
    api: Api, http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, information=[{"propertyNames": ["berth"]}])
    alert = {"id": "urn:x:Alert:1", "type": "Alert", "berth": "A"}
    assert (await http.post("/entities", json=alert)).status_code == 403
    officer = Actor("person:1", "person", roles=frozenset({"data-protection"}))
    async with client(visited(api, officer)) as reader:
        assert (await reader.post("/entities", json=FERRY)).status_code == 403
    assert harbour.asked == []


async def test_a_registration_tells_how_its_source_behaves(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await registered(http, management={"cooldown": 60_000})
    await http.post("/entities", json=FERRY)
    harbour.answers[f"DELETE {PATH}"] = httpx.ReadTimeout("slow")
    assert (await http.delete(f"/entities/{ID}")).status_code == 207
    told = (await http.get("/csourceRegistrations/urn:x:a")).json()
    assert (told["status"], told["timesSent"], told["timesFailed"]) == ("failed", 2, 1)
    assert {"lastSuccess", "lastFailure"} <= told.keys()
    # It is left alone for as long as its registration asks.
    assert (await http.post("/entities", json=FERRY)).status_code == 207
    assert len(harbour.heard) == 2


# --- batches

TWO = [{**FERRY, "id": f"urn:x:Ferry:{n}"} for n in (1, 2)]
IDS = [one["id"] for one in TWO]
ALL = [{"entities": [{"type": "Ferry", "idPattern": "^urn:x:Ferry"}]}]
Batch = tuple[str, str, Any, str, int]
BATCHES: list[Batch] = [
    ("create", "", TWO, "POST /ngsi-ld/v1/entities", 201),
    ("upsert", "", TWO, "PUT /ngsi-ld/v1/entities/{}", 204),
    ("upsert", "?options=update", TWO, "PATCH /ngsi-ld/v1/entities/{}/attrs", 204),
    ("update", "", TWO, "PATCH /ngsi-ld/v1/entities/{}/attrs", 204),
    (
        "update",
        "?options=noOverwrite",
        TWO,
        "POST /ngsi-ld/v1/entities/{}/attrs?options=noOverwrite",
        204,
    ),
    ("merge", "", TWO, "PATCH /ngsi-ld/v1/entities/{}", 204),
    ("delete", "", IDS, "DELETE /ngsi-ld/v1/entities/{}", 204),
]
BATCH_OPS = [f"{name}Batch" for name in ("create", "upsert", "update", "merge", "delete")]


@pytest.mark.parametrize("batch", BATCHES)
async def test_a_source_gets_its_part_of_a_batch_at_once(
    http: httpx.AsyncClient,
    harbour: Harbour,
    batch: Batch,
) -> None:
    name, query, body, _, status = batch
    await registered(http, mode="redirect", information=ALL, operations=BATCH_OPS)
    harbour.answers[f"POST /ngsi-ld/v1/entityOperations/{name}"] = status
    answer = await http.post(f"/entityOperations/{name}{query}", json=body)
    assert answer.status_code == status, answer.text
    assert harbour.asked == [f"POST /ngsi-ld/v1/entityOperations/{name}{query}"]
    assert harbour.body == body
    if status == 201:
        assert answer.json() == IDS


@pytest.mark.parametrize("batch", BATCHES)
async def test_a_source_without_batches_is_asked_for_one_after_the_other(
    http: httpx.AsyncClient,
    harbour: Harbour,
    batch: Batch,
) -> None:
    name, query, body, single, status = batch
    await registered(
        http, mode="redirect", information=ALL, operations=["redirectionOps", "appendAttrs"]
    )
    harbour.answers["POST /ngsi-ld/v1/entities"] = 409 if name == "upsert" else 201
    answer = await http.post(f"/entityOperations/{name}{query}", json=body)
    assert answer.status_code == status, answer.text
    asked = [one for one in harbour.asked if name != "upsert" or not one.startswith("POST")]
    assert sorted(asked) == sorted(single.format(id) for id in IDS)


async def test_each_entity_of_a_batch_is_told_of(http: httpx.AsyncClient, harbour: Harbour) -> None:
    await registered(http, information=ALL, operations=BATCH_OPS)
    await registered(
        http, "b", mode="exclusive", information=of("captain"), operations=["mergeBatch"]
    )
    error = {"entityId": IDS[1], "error": {"title": "full", "status": 403}}
    path = "POST /ngsi-ld/v1/entityOperations/create"
    harbour.answers[path] = (207, {"success": [IDS[0]], "errors": [error, 7, {"entityId": 5}]})
    answer = await http.post("/entityOperations/create", json=TWO)
    assert answer.status_code == 207
    assert answer.json()["success"] == IDS
    told = [
        (e["entityId"], e["registrationId"], e["error"]["status"]) for e in answer.json()["errors"]
    ]
    assert told == [(IDS[1], "urn:x:a", 403), (IDS[0], "urn:x:b", 409)]
    assert harbour.body == [{"id": IDS[0], "type": "Ferry", "berth": "A"}, TWO[1]]
