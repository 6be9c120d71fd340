"""Attributes one by one: append, update, partial update, replace, delete (clauses 5.6.2 to 5.6.5,
5.6.19 and 6.6, 6.7).
"""

from typing import Any

import httpx
import pytest

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
ID = "urn:ngsi-ld:Bin:1"
NULL = "urn:ngsi-ld:null"
TIME = "2030-01-01T00:00:00Z"
D1, D2 = "urn:d:1", "urn:d:2"
BIN = {
    "id": ID,
    "type": "Bin",
    "level": {"type": "Property", "value": 1, "unitCode": "C62", "accuracy": {"value": 0.1}},
    "speed": [
        {"type": "Property", "value": 10},
        {"type": "Property", "value": 20, "datasetId": D1},
    ],
    "only": {"type": "Property", "value": 5, "datasetId": D1},
    "owner": {"type": "Relationship", "object": "urn:ngsi-ld:Person:1"},
    "name": {"type": "LanguageProperty", "languageMap": {"de": "Tonne", "en": "bin"}},
}


@pytest.fixture
async def bin_(http: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await http.post("/entities", json=BIN)).status_code == 201
    return http


async def now(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get(f"/entities/{ID}")
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("fragment", "name", "expected"),
    [
        ({"level": 2}, "level", {"type": "Property", "value": 2}),
        ({"colour": "red"}, "colour", {"type": "Property", "value": "red"}),
        ({"type": "Box"}, "type", ["Bin", "Box"]),
        ({"scope": "/a"}, "scope", "/a"),
        ({"level": {"type": "Relationship", "object": "urn:a:b"}}, "level",
         {"type": "Relationship", "object": "urn:a:b"}),
    ],
)  # fmt: skip
async def test_append_adds_and_overwrites(
    bin_: httpx.AsyncClient, fragment: Any, name: str, expected: Any
) -> None:
    answer = await bin_.post(f"/entities/{ID}/attrs", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await now(bin_))[name] == expected


async def test_append_can_leave_what_is_there_and_says_so(bin_: httpx.AsyncClient) -> None:
    fragment = {
        "level": 9,
        "colour": "red",
        "speed": {"value": 30, "datasetId": D2},
    }
    answer = await bin_.post(f"/entities/{ID}/attrs?options=noOverwrite", json=fragment)
    assert answer.status_code == 207
    result = answer.json()
    assert result["updated"] == [DEFAULT + "colour", DEFAULT + "speed"]
    assert [left["attributeName"] for left in result["notUpdated"]] == [DEFAULT + "level"]
    assert result["notUpdated"][0]["reason"]
    found = await now(bin_)
    assert found["level"]["value"] == 1
    assert [i["value"] for i in found["speed"]] == [10, 20, 30]


async def test_scopes_are_overwritten_or_joined(bin_: httpx.AsyncClient) -> None:
    for query, scope, expected in (
        ("", "/a", "/a"),
        ("?options=noOverwrite", ["/a", "/b"], ["/a", "/b"]),
        ("", "/c", "/c"),
    ):
        answer = await bin_.post(f"/entities/{ID}/attrs{query}", json={"scope": scope})
        assert answer.status_code == 204
        assert (await now(bin_))["scope"] == expected


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ({"level": {"value": 2}}, {"level": {"type": "Property", "value": 2}}),
        ({"level": NULL}, {"level": None}),
        ({"level": {"type": "Property", "value": NULL}}, {"level": None}),
        ({"owner": {"type": "Relationship", "object": NULL}}, {"owner": None}),
        ({"name": {"languageMap": {"@none": NULL}}}, {"name": None}),
        ({"speed": NULL}, {"speed": {"type": "Property", "value": 20, "datasetId": D1}}),
        ({"speed": {"value": NULL, "datasetId": D1}}, {"speed": {"type": "Property", "value": 10}}),
        ({"colour": "red", "none": NULL}, {"colour": {"type": "Property", "value": "red"}}),
    ],
)
async def test_update_overwrites_whole_attributes_adds_and_removes(
    bin_: httpx.AsyncClient, fragment: Any, expected: dict[str, Any]
) -> None:
    answer = await bin_.patch(f"/entities/{ID}/attrs", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    found = await now(bin_)
    assert {name: found.get(name) for name in expected} == expected
    assert NULL not in str(found)


async def test_update_changes_a_scope_but_does_not_give_one(bin_: httpx.AsyncClient) -> None:
    answer = await bin_.patch(f"/entities/{ID}/attrs", json={"scope": "/a", "level": 2})
    assert answer.status_code == 207
    assert answer.json()["notUpdated"][0]["attributeName"].endswith("scope")
    assert "scope" not in await now(bin_)
    assert (await bin_.post(f"/entities/{ID}/attrs", json={"scope": "/a"})).status_code == 204
    answer = await bin_.patch(f"/entities/{ID}/attrs", json={"scope": "/b"})
    assert (answer.status_code, (await now(bin_))["scope"]) == (204, "/b")


@pytest.mark.parametrize(
    ("name", "fragment", "expected"),
    [
        ("level", {"value": 2, "observedAt": TIME},
         {"type": "Property", "value": 2, "unitCode": "C62", "observedAt": TIME,
          "accuracy": {"type": "Property", "value": 0.1}}),
        ("level", 2,
         {"type": "Property", "value": 2, "unitCode": "C62",
          "accuracy": {"type": "Property", "value": 0.1}}),
        ("level", {"unitCode": NULL, "accuracy": NULL}, {"type": "Property", "value": 1}),
        ("level", {"accuracy": {"value": 0.2, "unitCode": "P1"}, "unitCode": "P1"},
         {"type": "Property", "value": 1, "unitCode": "P1",
          "accuracy": {"type": "Property", "value": 0.2, "unitCode": "P1"}}),
        ("level", {"type": "Property", "value": NULL}, None),
        ("speed", {"value": 21, "datasetId": D1},
         [{"type": "Property", "value": 10}, {"type": "Property", "value": 21, "datasetId": D1}]),
        ("speed", {"value": 11},
         [{"type": "Property", "value": 11}, {"type": "Property", "value": 20, "datasetId": D1}]),
        ("owner", "urn:a:b", {"type": "Relationship", "object": "urn:a:b"}),
        ("name", {"languageMap": {"fr": "bac"}},
         {"type": "LanguageProperty", "languageMap": {"fr": "bac"}}),
    ],
)  # fmt: skip
async def test_partial_update_touches_what_it_names(
    bin_: httpx.AsyncClient, name: str, fragment: Any, expected: Any
) -> None:
    answer = await bin_.patch(f"/entities/{ID}/attrs/{name}", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await now(bin_)).get(name) == expected


OF_A_PATCH: list[tuple[str, Any, int, str]] = [
    ("level", {"type": "Relationship", "object": "urn:a:b"}, 400, "cannot become"),
    ("owner", {"value": 5}, 400, "say its type"),
    ("level", {"object": "urn:a:b"}, 400, "cannot become"),
    ("level", {"datasetId": NULL}, 400, "datasetId must be a URI"),
    ("level", {"sub": {"unitCode": "C62"}}, 400, "needs value"),
    ("owner", "not a uri", 400, "must be a URI"),
]
OF_BOTH: list[tuple[str, Any, int, str]] = [
    ("level", {}, 400, "empty"),
    ("level", {"value": {"a": NULL}}, 400, "removes"),
    ("level", {"value": None}, 400, "null is no value"),
    ("scope", {"value": "/a"}, 400, "scope is no attribute"),
    ("@bad", {"value": 1}, 400, "no name"),
    ("none", {"value": 1}, 404, "does not exist"),
    ("only", {"value": 1}, 404, "no default"),
    ("speed", {"value": 1, "datasetId": D2}, 404, "no instance with the datasetId"),
]


@pytest.mark.parametrize(
    ("method", "name", "fragment", "status", "reason"),
    [("PATCH", *case) for case in OF_A_PATCH + OF_BOTH] + [("PUT", *case) for case in OF_BOTH],
)
async def test_one_attribute_is_changed_only_as_it_is_there(
    bin_: httpx.AsyncClient, method: str, name: str, fragment: Any, status: int, reason: str
) -> None:
    before = await now(bin_)
    answer = await bin_.request(method, f"/entities/{ID}/attrs/{name}", json=fragment)
    assert answer.status_code == status, answer.text
    assert reason in answer.json()["detail"]
    assert await now(bin_) == before


@pytest.mark.parametrize(("id", "status"), [("", 400), ("bad", 400), ("urn:a:b", 404)])
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_the_entity_of_an_attribute_must_be_there(
    http: httpx.AsyncClient, method: str, id: str, status: int
) -> None:
    body = None if method == "DELETE" else {"value": 1}
    answer = await http.request(method, f"/entities/{id}/attrs/level", json=body)
    assert answer.status_code == status


async def test_put_replaces_one_instance_and_may_change_its_kind(bin_: httpx.AsyncClient) -> None:
    given = {"type": "Relationship", "object": "urn:a:b", "datasetId": D1}
    assert (await bin_.put(f"/entities/{ID}/attrs/speed", json=given)).status_code == 204
    assert (await now(bin_))["speed"] == [{"type": "Property", "value": 10}, given]
    assert (await bin_.put(f"/entities/{ID}/attrs/level", json=3)).status_code == 204
    assert (await now(bin_))["level"] == {"type": "Property", "value": 3}


@pytest.mark.parametrize(
    ("path", "status", "name", "left"),
    [
        ("level", 204, "level", None),
        ("speed", 204, "speed", {"type": "Property", "value": 20, "datasetId": D1}),
        (f"speed?datasetId={D1}", 204, "speed", {"type": "Property", "value": 10}),
        ("speed?datasetId=@none", 204, "speed", {"type": "Property", "value": 20, "datasetId": D1}),
        ("speed?deleteAll=true", 204, "speed", None),
        ("speed?deleteAll=True", 204, "speed", None),
        (f"speed?datasetId={D2}", 404, "speed", BIN["speed"]),
        ("only", 404, "only", BIN["only"]),
        ("none", 404, "none", None),
        ("none?deleteAll=true", 404, "none", None),
        ("scope", 404, "scope", None),
        ("@bad", 400, "bad", None),
        ("speed?datasetId=red", 400, "speed", BIN["speed"]),
        (f"speed?deleteAll=true&datasetId={D1}", 400, "speed", BIN["speed"]),
    ],
)
async def test_an_instance_or_all_of_them_can_be_deleted(
    bin_: httpx.AsyncClient, path: str, status: int, name: str, left: Any
) -> None:
    answer = await bin_.delete(f"/entities/{ID}/attrs/{path}")
    assert answer.status_code == status, answer.text
    assert (await now(bin_)).get(name) == left


async def test_a_scope_can_be_deleted(bin_: httpx.AsyncClient) -> None:
    await bin_.post(f"/entities/{ID}/attrs", json={"scope": "/a"})
    assert (await bin_.delete(f"/entities/{ID}/attrs/scope")).status_code == 204
    assert "scope" not in await now(bin_)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/attrs", {"level": 2}),
        ("PATCH", "/attrs", {"level": 2}),
        ("PATCH", "/attrs/level", {"value": 2}),
        ("PUT", "/attrs/level", {"value": 2}),
        ("DELETE", "/attrs/level", None),
        ("PATCH", "", {"level": 2}),
        ("PUT", "", {"type": "Bin", "level": 2}),
        ("DELETE", "", None),
    ],
)
async def test_a_type_in_the_address_must_be_the_entitys(
    bin_: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    for types in ("Box", "(Bin;Box)", "Box|Crate,(Bin;Crate)"):
        answer = await bin_.request(method, f"/entities/{ID}{path}?type={types}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "ResourceNotFound")
    assert (await now(bin_))["level"]["value"] == 1
    answer = await bin_.request(method, f"/entities/{ID}{path}?type=Box|Bin", json=body)
    assert answer.status_code == 204


async def test_what_stays_keeps_its_time_of_creation(bin_: httpx.AsyncClient) -> None:
    first = (await bin_.get(f"/entities/{ID}?options=sysAttrs")).json()
    await bin_.patch(f"/entities/{ID}/attrs", json={"level": 2})
    await bin_.put(f"/entities/{ID}/attrs/level", json=3)
    later = (await bin_.get(f"/entities/{ID}?options=sysAttrs")).json()
    assert later["createdAt"] == first["createdAt"]
    assert later["level"]["createdAt"] == first["level"]["createdAt"]
    assert later["level"]["modifiedAt"] > first["level"]["modifiedAt"]
    assert later["owner"] == first["owner"]
