"""What an entity can hold, and what is refused at the door (clauses 4.5 to 4.8, 4.18, 5.5.4)."""

from typing import Any

import httpx
import pytest

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ID = "urn:ngsi-ld:Lamp:1"
NULL = "urn:ngsi-ld:null"
POINT = {"type": "Point", "coordinates": [13.5, 52.4]}
BOWTIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


async def create(http: httpx.AsyncClient, **members: Any) -> httpx.Response:
    return await http.post("/entities", json={"id": ID, "type": "Lamp", **members})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (5, {"type": "Property", "value": 5}),
        ([1, 2], {"type": "Property", "value": [1, 2]}),
        ([], {"type": "Property", "value": []}),
        (False, {"type": "Property", "value": False}),
        (
            {"city": "Rome", "zip": None},
            {"type": "Property", "value": {"city": "Rome", "zip": None}},
        ),
        ({"value": 5}, {"type": "Property", "value": 5}),
        ({"value": {"type": "Thing"}}, {"type": "Property", "value": {"type": "Thing"}}),
        (POINT, {"type": "GeoProperty", "value": POINT}),
        ({"value": POINT}, {"type": "GeoProperty", "value": POINT}),
        ({"type": "Property", "value": POINT}, {"type": "Property", "value": POINT}),
        (
            {"type": "GeoProperty", "value": '{"type":"Point","coordinates":[13.5,52.4]}'},
            {"type": "GeoProperty", "value": POINT},
        ),
        (BOWTIE, {"type": "GeoProperty", "value": BOWTIE}),
        ({"object": "urn:a:b"}, {"type": "Relationship", "object": "urn:a:b"}),
        (
            {"type": "Relationship", "object": ["urn:a:b", "urn:a:París"]},
            {"type": "Relationship", "object": ["urn:a:b", "urn:a:París"]},
        ),
        (
            {"languageMap": {"de": "Uhr", "en-GB": ["clock", "watch"], "@none": "?"}},
            {
                "type": "LanguageProperty",
                "languageMap": {"de": "Uhr", "en-GB": ["clock", "watch"], "@none": "?"},
            },
        ),
        ({"vocab": "warm"}, {"type": "VocabProperty", "vocab": "warm"}),
        (
            {"json": {"type": 1, "a": [None]}},
            {"type": "JsonProperty", "json": {"type": 1, "a": [None]}},
        ),
        ({"valueList": [3, "a"]}, {"type": "ListProperty", "valueList": [3, "a"]}),
        (
            {"type": "Property", "value": 1, "datasetId": "@none", "createdAt": "yesterday"},
            {"type": "Property", "value": 1},
        ),
        (
            [{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}],
            [
                {"type": "Property", "value": 1},
                {"type": "Property", "value": 2, "datasetId": "urn:d:2"},
            ],
        ),
        (
            {"value": 1, "observedAt": "2030-01-01T00:00:00,5Z", "accuracy": 0.1},
            {
                "type": "Property",
                "value": 1,
                "observedAt": "2030-01-01T00:00:00.5Z",
                "accuracy": {"type": "Property", "value": 0.1},
            },
        ),
        ("<b onclick='x()'>", {"type": "Property", "value": "<b onclick='x()'>"}),
    ],
)
async def test_an_attribute_is_kept_in_full(http: httpx.AsyncClient, given: Any, kept: Any) -> None:
    assert (await create(http, part=given)).status_code == 201
    found = (await http.get(f"/entities/{ID}")).json()["part"]
    if isinstance(kept, dict) and "observedAt" in kept:
        assert found.pop("observedAt").startswith("2030-01-01T00:00:00.5")
        kept = {name: value for name, value in kept.items() if name != "observedAt"}
    assert found == kept


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"type": "Property"}, "needs value"),
        ({"type": [], "value": 1}, "is none of"),
        ({"value": {"type": "Point", "coordinates": {}}}, "Geo"),
        ({"type": "Relationship"}, "needs object"),
        ({"type": "LanguageProperty"}, "needs languageMap"),
        ({"observedAt": "2030-01-01T00:00:00Z"}, "needs value"),
        ({"type": "Property", "value": None}, "null is no value"),
        (None, "null is no value"),
        (NULL, "removes"),
        ({"value": NULL}, "removes"),
        ({"object": NULL}, "removes"),
        ({"valueList": [NULL]}, "removes"),
        ({"objectList": [NULL]}, "removes"),
        ({"languageMap": {"@none": NULL}}, "removes"),
        ({"value": {"deep": {"er": NULL}}}, "removes"),
        ({"value": [NULL]}, "removes"),
        ("a\0b", "NUL"),
        ({"value": {"deep": ["\0"]}}, "NUL"),
        ({"languageMap": {"en": "\0"}}, "NUL"),
        ({"value": 1, "of": NULL}, "removes"),
        ({"value": 1, "object": "urn:a:b"}, "object is not for this"),
        ({"type": "Property", "value": 1, "languageMap": {}}, "languageMap is not for this"),
        ({"type": "Property", "value": 1, "previousValue": 0}, "previousValue is not for this"),
        ({"type": "Property", "value": 1, "entityIdSealed": "urn:a:b"}, "has no entityIdSealed"),
        ({"type": "Property", "value": 1, "@context": {}}, "@context is not for this"),
        ({"type": "ListProperty", "valueList": [1], "value": 1}, "value is not for this"),
        ({"type": "Relationship", "object": "urn:a:b", "unitCode": "C62"}, "has no unitCode"),
        ({"type": "JsonProperty", "json": {}, "unitCode": "C62"}, "has no unitCode"),
        ({"type": "Property", "value": 1, "objectType": "Lamp"}, "has no objectType"),
        ({"type": "Relationship", "object": "no uri"}, "must be a URI"),
        ({"type": "Relationship", "object": []}, "must be a URI"),
        ({"objectList": ["urn:a:b", {"object": 5}]}, "must be a URI"),
        ({"objectList": "urn:a:b"}, "must be a list"),
        ({"valueList": 5}, "must be a list"),
        ({"json": 5}, "must be an object"),
        ({"json": [5]}, "must be an object"),
        ({"vocab": 5}, "vocab must be"),
        ({"vocab": []}, "must not be empty"),
        ({"languageMap": {"en": 5}}, "must be a string or a list of strings"),
        ({"languageMap": {"en": ["a", 5]}}, "must be a string or a list of strings"),
        ({"languageMap": {"": "a"}}, "is no language"),
        ({"languageMap": {}}, "must be an object with languages"),
        ({"languageMap": {"en": "a"}, "valueType": "xsd:string"}, "langString"),
        ({"value": 1, "observedAt": "2030-01-01T12:00:00+02:00"}, "UTC time"),
        ({"value": 1, "observedAt": "2030-13-41T12:00:00Z"}, "UTC time"),
        ({"value": 1, "observedAt": {"value": "2030-01-01T12:00:00Z"}}, "UTC time"),
        ({"value": 1, "expiresAt": "soon"}, "UTC time"),
        ({"value": 1, "unitCode": 5}, "unitCode must be a string"),
        ({"value": 1, "datasetId": "red"}, "datasetId must be a URI"),
        ([{"value": 1}, {"value": 2, "datasetId": "@none"}], "two instances with the same"),
        ([{"value": 1, "datasetId": "urn:d:1"}] * 2, "two instances with the same"),
        ({"type": "GeoProperty", "value": 5}, "GeoJSON"),
        ({"type": "GeoProperty", "value": "a place"}, "GeoJSON"),
        ({"type": "GeoProperty", "value": {"type": "Circle", "coordinates": [1, 2]}}, "GeoJSON"),
        ({"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}}, "Geo"),
        ({"type": "GeoProperty", "value": {"type": "Point", "coordinates": ["1", 2]}}, "Geo"),
        ({"type": "GeoProperty", "value": {"type": "LineString", "coordinates": [[1, 2]]}}, "Geo"),
        ({"value": 1, "a b": 2}, "no name"),
        ({"value": 1, "9th": 2}, "no name"),
    ],
)
async def test_what_is_no_attribute_is_refused_with_the_reason(
    http: httpx.AsyncClient, part: Any, reason: str
) -> None:
    answer = await create(http, part=part)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, ERRORS + "BadRequestData")
    assert reason in problem["detail"]
    assert (await http.get(f"/entities/{ID}")).status_code == 404


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"type": "9Lamp"}, "no name"),
        ({"type": "type"}, "JSON-LD has it"),
        ({"type": ["Lamp", 5]}, "list of strings"),
        ({"type": []}, "type is missing"),
        ({"id": NULL}, "must be a URI"),
        ({"id": "urn:a:b\u202ec"}, "must be a URI"),
        ({"id": "urn:a:b\u200bc"}, "must be a URI"),
        ({"id": "urn:a:b\u3164c"}, "must be a URI"),
        ({"id": "urn:a:b\ufe0fc"}, "must be a URI"),
        ({"id": "urn:a:b\ufdd0c"}, "must be a URI"),
        ({"id": "urn:a:<b>"}, "must be a URI"),
        ({"id": "urn:a:" + "b" * 3000}, "must be a URI"),
        ({"scope": "9bad"}, "no scope"),
        ({"scope": "/a//b"}, "no scope"),
        ({"scope": "a-b"}, "no scope"),
        ({"scope": ["/ok", "/9"]}, "no scope"),
        ({"scope": NULL}, "no scope"),
        ({"expiresAt": "2030-13-45T00:00:00Z"}, "expiresAt must be a UTC time"),
        ({"location": {"type": "Property", "value": 7}}, "must be a GeoProperty"),
        ({"observationSpace": 7}, "must be a GeoProperty"),
        ({"datasetId": 1}, "meaning of its own"),
        ({"observedAt": "2030-01-01T00:00:00Z"}, "meaning of its own"),
        ({"deep": [[[]]] * 2 + [eval("[" * 60 + "]" * 60)]}, "nests deeper"),
        ({"many": {"value": 1, **{f"s{n}": n for n in range(3)}}, "x": {"value": NULL}}, "removes"),
    ],
)
async def test_what_is_no_entity_is_refused_with_the_reason(
    http: httpx.AsyncClient, members: dict[str, Any], reason: str
) -> None:
    answer = await create(http, **members)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, ERRORS + "BadRequestData")
    assert reason in problem["detail"]


async def test_names_and_scopes_may_be_in_any_script(http: httpx.AsyncClient) -> None:
    body = {
        "id": ID,
        "type": ["Škola", "ns:Lamp"],
        "výška_1": 7,
        "scope": ["/Wien/Straße_9", "Rom"],
    }
    assert (await http.post("/entities", json=body)).status_code == 201
    found = (await http.get(f"/entities/{ID}")).json()
    assert found["výška_1"] == {"type": "Property", "value": 7}
    assert (found["type"], found["scope"]) == (body["type"], body["scope"])


async def test_id_and_type_may_come_as_json_ld_writes_them(http: httpx.AsyncClient) -> None:
    answer = await http.post("/entities", json={"@id": ID, "@type": "Lamp", "on": True})
    assert answer.status_code == 201
    found = (await http.get(f"/entities/{ID}")).json()
    assert (found["id"], found["type"], "@id" in found) == (ID, "Lamp", False)


async def test_a_proof_says_what_it_seals(http: httpx.AsyncClient) -> None:
    proof = {
        "type": "Property",
        "value": {"type": "DataIntegrityProof", "proofValue": "z1"},
        "entityIdSealed": ID,
        "entityTypeSealed": "Lamp",
    }
    assert (await create(http, ngsildproof=proof)).status_code == 201
    assert (await http.get(f"/entities/{ID}")).json()["ngsildproof"] == proof


@pytest.mark.parametrize(
    "proof",
    [{"value": "none"}, {"value": {}, "entityTypeSealed": 42}, {"value": {}, "entityIdSealed": {}}],
)
async def test_a_proof_that_proves_nothing_is_refused(http: httpx.AsyncClient, proof: Any) -> None:
    assert (await create(http, ngsildproof=proof)).status_code == 400
