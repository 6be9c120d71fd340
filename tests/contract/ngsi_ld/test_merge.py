"""Merge and replace an entity (clauses 5.5.12, 5.6.17, 5.6.18, 6.5.3.3 and 6.5.3.4)."""

from typing import Any

import httpx
import pytest

ID = "urn:ngsi-ld:Tree:1"
NULL = "urn:ngsi-ld:null"
THEN, NOW = "2030-01-01T00:00:00Z", "2030-06-01T00:00:00Z"
D1 = "urn:d:1"
TREE = {
    "id": ID,
    "type": "Tree",
    "height": {"type": "Property", "value": 9, "unitCode": "MTR", "observedAt": THEN},
    "place": {"type": "Property", "value": {"street": "Linden", "town": {"zip": 1, "name": "B"}}},
    "owner": {"type": "Relationship", "object": "urn:a:b", "since": {"value": 2000}},
    "name": {"type": "LanguageProperty", "languageMap": {"de": "Linde", "en": "lime"}},
    "raw": {"type": "JsonProperty", "json": {"a": 1}},
    "rings": {"type": "ListProperty", "valueList": [1, 2]},
    "health": [{"value": 1}, {"value": 2, "datasetId": D1}],
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13, 52]}},
}


@pytest.fixture
async def tree(http: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await http.post("/entities", json=TREE)).status_code == 201
    return http


async def now(http: httpx.AsyncClient) -> dict[str, Any]:
    body: dict[str, Any] = (await http.get(f"/entities/{ID}")).json()
    return body


def prop(value: Any, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **members}


@pytest.mark.parametrize(
    ("fragment", "name", "expected"),
    [
        ({"height": 10}, "height", prop(10, unitCode="MTR", observedAt=THEN)),
        ({"height": {"value": 10, "observedAt": NOW}}, "height",
         prop(10, unitCode="MTR", observedAt=NOW)),
        ({"height": {"unitCode": "CMT"}}, "height", prop(9, unitCode="CMT", observedAt=THEN)),
        ({"height": {"unitCode": NULL, "observedAt": NULL}}, "height", prop(9)),
        ({"height": {"by": {"value": "me"}}}, "height",
         prop({"by": {"value": "me"}}, unitCode="MTR", observedAt=THEN)),
        ({"height": {"type": "Property", "by": "me"}}, "height",
         prop(9, unitCode="MTR", observedAt=THEN, by=prop("me"))),
        ({"height": NULL}, "height", None),
        ({"place": {"value": {"street": "Eichen", "town": {"zip": NULL, "new": {"a": NULL}}}}},
         "place", prop({"street": "Eichen", "town": {"name": "B", "new": {}}})),
        ({"place": {"street": NULL}}, "place", prop({"town": {"zip": 1, "name": "B"}})),
        ({"place": [1]}, "place", prop([1])),
        ({"fresh": {"value": {"a": {"b": NULL, "c": 1}}}}, "fresh", prop({"a": {"c": 1}})),
        ({"fresh": {"value": 1, "sub": {"value": 2, "subsub": NULL}}}, "fresh",
         prop(1, sub=prop(2))),
        ({"none": NULL}, "none", None),
        ({"owner": {"object": "urn:a:c"}}, "owner",
         {"type": "Relationship", "object": "urn:a:c", "since": prop(2000)}),
        ({"owner": "urn:a:c"}, "owner",
         {"type": "Relationship", "object": "urn:a:c", "since": prop(2000)}),
        ({"owner": {"type": "Relationship", "since": NULL}}, "owner",
         {"type": "Relationship", "object": "urn:a:b"}),
        ({"owner": {"type": "Property", "value": "me"}}, "owner", prop("me")),
        ({"name": {"languageMap": {"fr": "tilleul", "en": NULL}}}, "name",
         {"type": "LanguageProperty", "languageMap": {"de": "Linde", "fr": "tilleul"}}),
        ({"name": {"languageMap": {"de": NULL, "en": NULL}}}, "name", None),
        ({"name": {"type": "LanguageProperty", "languageMap": {"@none": NULL}}}, "name", None),
        ({"owner": {"type": "Relationship", "of": {"languageMap": {"de": NULL}}}}, "owner",
         {"type": "Relationship", "object": "urn:a:b", "since": prop(2000)}),
        ({"raw": {"json": {"b": 2}}}, "raw", {"type": "JsonProperty", "json": {"a": 1, "b": 2}}),
        ({"rings": [3]}, "rings", {"type": "ListProperty", "valueList": [3]}),
        ({"rings": {"valueList": [NULL]}}, "rings", None),
        ({"health": {"value": 3, "datasetId": D1}}, "health",
         [prop(1), prop(3, datasetId=D1)]),
        ({"health": {"value": 4, "datasetId": "urn:d:2"}}, "health",
         [prop(1), prop(2, datasetId=D1), prop(4, datasetId="urn:d:2")]),
        ({"health": NULL}, "health", prop(2, datasetId=D1)),
        ({"location": {"type": "LineString", "coordinates": [[13, 52], [14, 52]]}}, "location",
         {"type": "GeoProperty",
          "value": {"type": "LineString", "coordinates": [[13, 52], [14, 52]]}}),
        ({"type": ["Plant", "Tree"]}, "type", ["Tree", "Plant"]),
        ({"scope": "/a"}, "scope", "/a"),
    ],
)  # fmt: skip
async def test_a_merge_goes_as_deep_as_it_is_given(
    tree: httpx.AsyncClient, fragment: Any, name: str, expected: Any
) -> None:
    before = await now(tree)
    answer = await tree.patch(f"/entities/{ID}", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    found = await now(tree)
    assert found.get(name) == expected
    assert NULL not in str(found)
    assert {**before, name: None} == {**found, name: None}


@pytest.mark.parametrize(
    ("query", "fragment", "name", "expected"),
    [
        (f"observedAt={NOW}", {"height": 10}, "height",
         prop(10, unitCode="MTR", observedAt=NOW)),
        (f"observedAt={NOW}", {"height": {"value": 10, "observedAt": THEN}}, "height",
         prop(10, unitCode="MTR", observedAt=THEN)),
        (f"observedAt={NOW}", {"place": 1}, "place", prop(1)),
        ("lang=en", {"name": "linden"}, "name",
         {"type": "LanguageProperty", "languageMap": {"de": "Linde", "en": "linden"}}),
        ("lang=fr", {"name": ["tilleul"]}, "name",
         {"type": "LanguageProperty",
          "languageMap": {"de": "Linde", "en": "lime", "fr": ["tilleul"]}}),
        ("format=simplified", {"owner": "urn:a:c"}, "owner",
         {"type": "Relationship", "object": "urn:a:c", "since": prop(2000)}),
        ("format=keyValues", {"rings": [5]}, "rings", {"type": "ListProperty", "valueList": [5]}),
        ("options=keyValues", {"place": {"value": 5}}, "place",
         prop({"street": "Linden", "town": {"zip": 1, "name": "B"}, "value": 5})),
        ("options=simplified", {"raw": {"json": {"a": 2}}}, "raw",
         {"type": "JsonProperty", "json": {"a": 2}}),
        ("format=simplified&lang=en", {"name": "linden"}, "name",
         {"type": "LanguageProperty", "languageMap": {"de": "Linde", "en": "linden"}}),
        ("format=simplified", {"health": {"dataset": {"@none": 7, D1: 8}}}, "health",
         [prop(7), prop(8, datasetId=D1)]),
        ("format=simplified", {"fresh": {"a": 1}}, "fresh", prop({"a": 1})),
    ],
)  # fmt: skip
async def test_a_merge_can_say_things_once_for_all(
    tree: httpx.AsyncClient, query: str, fragment: Any, name: str, expected: Any
) -> None:
    answer = await tree.patch(f"/entities/{ID}?{query}", json=fragment)
    assert answer.status_code == 204, answer.text
    assert (await now(tree))[name] == expected


@pytest.mark.parametrize(
    ("query", "fragment", "reason"),
    [
        ("", {"fresh": {"type": "Property", "unitCode": "MTR"}}, "needs a value"),
        ("", {"fresh": {"value": 1, "sub": {"observedAt": THEN}}}, "needs a value"),
        ("", {"height": {"value": 1, "datasetId": NULL}}, "datasetId must be a URI"),
        ("", {"height": {"value": [NULL]}}, "removes"),
        ("", {"owner": "no uri"}, "must be a URI"),
        ("", {"name": "linden"}, "say which one with lang"),
        ("", {"id": "urn:a:b"}, "the address about"),
        ("", {"location": 5}, "GeoJSON"),
        ("format=simplified", {"rings": 5}, "must be a list"),
        ("format=simplified", {"height": {"vocab": "a"}}, "say its type"),
        ("lang=9", {"name": "a"}, "lang must be a language"),
        ("observedAt=now", {"height": 1}, "observedAt must be a UTC time"),
        ("options=nonsense", {"height": 1}, "unknown option"),
    ],
)
async def test_a_merge_that_cannot_be_is_refused_whole(
    tree: httpx.AsyncClient, query: str, fragment: Any, reason: str
) -> None:
    before = await now(tree)
    answer = await tree.patch(f"/entities/{ID}?{query}", json={"new": 1, **fragment})
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["detail"]
    assert await now(tree) == before


async def test_a_merge_removes_a_scope_and_an_end(tree: httpx.AsyncClient) -> None:
    later = {"scope": ["/a", "/b"], "expiresAt": "2999-01-01T00:00:00Z"}
    assert (await tree.patch(f"/entities/{ID}", json=later)).status_code == 204
    assert (await now(tree))["scope"] == ["/a", "/b"]
    gone = {"scope": NULL, "expiresAt": NULL}
    assert (await tree.patch(f"/entities/{ID}", json=gone)).status_code == 204
    found = (await tree.get(f"/entities/{ID}?options=sysAttrs")).json()
    assert not {"scope", "expiresAt"} & found.keys()


async def test_replace_leaves_nothing_but_the_time_of_creation(tree: httpx.AsyncClient) -> None:
    first = (await tree.get(f"/entities/{ID}?options=sysAttrs")).json()
    assert (await tree.put(f"/entities/{ID}", json={"type": "Stump", "age": 1})).status_code == 204
    assert await now(tree) == {"id": ID, "type": "Stump", "age": prop(1)}
    later = (await tree.get(f"/entities/{ID}?options=sysAttrs")).json()
    assert later["createdAt"] == first["createdAt"]


@pytest.mark.parametrize(
    ("method", "id", "body", "status"),
    [
        ("PUT", ID, {"age": 1}, 400),
        ("PUT", ID, {"type": "Tree", "age": NULL}, 400),
        ("PUT", "urn:a:b", {"type": "Tree"}, 404),
        ("PUT", "tree", {"type": "Tree"}, 400),
        ("PUT", "", {"type": "Tree"}, 400),
        ("PATCH", "urn:a:b", {"age": 1}, 404),
        ("PATCH", "tree", {"age": 1}, 400),
        ("PATCH", "", {"age": 1}, 400),
        ("DELETE", "urn:a:b", None, 404),
        ("DELETE", "tree", None, 400),
    ],
)
async def test_what_is_to_change_must_be_there_and_be_named(
    tree: httpx.AsyncClient, method: str, id: str, body: Any, status: int
) -> None:
    answer = await tree.request(method, f"/entities/{id}", json=body)
    assert answer.status_code == status, answer.text
