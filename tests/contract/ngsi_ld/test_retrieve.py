"""How one entity is shown (clauses 4.5, 4.15, 4.21, 5.7.1)."""

from typing import Any

import httpx
import pytest

GEO, LD = "application/geo+json", "application/ld+json"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
FOUNTAIN = {
    "id": "urn:ngsi-ld:Fountain:1",
    "type": ["Fountain", "Monument"],
    "scope": "/town/park",
    "flow": {
        "type": "Property",
        "value": 2.5,
        "unitCode": "LTR",
        "observedAt": "2030-06-01T12:00:00Z",
    },
    "basins": {"type": "Property", "value": [1, 2]},
    "address": {"type": "Property", "value": {"street": "Main street"}},
    "raw": {"type": "Property", "value": {"type": "odd", "value": 1}},
    "name": [
        {"type": "Property", "value": "Fountain"},
        {"type": "Property", "value": "Brunnen", "datasetId": "urn:ngsi-ld:Dataset:de"},
    ],
    "label": {
        "type": "LanguageProperty",
        "languageMap": {"en": "Lion", "fr-CH": "Le lion", "@none": "Leo"},
    },
    "material": {"type": "VocabProperty", "vocab": "stone"},
    "extra": {"type": "JsonProperty", "json": {"id": 7}},
    "steps": {"type": "ListProperty", "valueList": [3, 4]},
    "path": {
        "type": "ListRelationship",
        "objectList": [{"object": "urn:ngsi-ld:Road:1"}, {"object": "urn:ngsi-ld:Road:2"}],
    },
    "in": {"type": "Relationship", "object": "urn:ngsi-ld:Park:1", "objectType": "Park"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13.5, 52.4]}},
}
PATH = "/entities/urn:ngsi-ld:Fountain:1"


@pytest.fixture
async def fountain(http: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await http.post("/entities", json=FOUNTAIN)
    assert answer.status_code == 201, answer.text
    return http


async def shown(http: httpx.AsyncClient, query: str = "", **headers: str) -> Any:
    answer = await http.get(f"{PATH}?{query}" if query else PATH, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_normalized_is_what_was_sent(fountain: httpx.AsyncClient) -> None:
    assert await shown(fountain) == FOUNTAIN
    assert await shown(fountain, "format=normalized&options=keyValues") == FOUNTAIN


async def test_concise_says_the_same_in_less(fountain: httpx.AsyncClient) -> None:
    concise = await shown(fountain, "format=concise")
    flow = {"value": 2.5, "unitCode": "LTR", "observedAt": "2030-06-01T12:00:00Z"}
    assert concise == {
        "id": FOUNTAIN["id"],
        "type": FOUNTAIN["type"],
        "scope": "/town/park",
        "flow": flow,
        "basins": [1, 2],
        "address": {"street": "Main street"},
        "raw": {"value": {"type": "odd", "value": 1}},
        "name": [
            {"value": "Fountain"},
            {"value": "Brunnen", "datasetId": "urn:ngsi-ld:Dataset:de"},
        ],
        "label": {"languageMap": {"en": "Lion", "fr-CH": "Le lion", "@none": "Leo"}},
        "material": {"vocab": "stone"},
        "extra": {"json": {"id": 7}},
        "steps": {"valueList": [3, 4]},
        "path": {"objectList": ["urn:ngsi-ld:Road:1", "urn:ngsi-ld:Road:2"]},
        "in": {"object": "urn:ngsi-ld:Park:1", "objectType": "Park"},
        "location": {"type": "Point", "coordinates": [13.5, 52.4]},
    }


async def test_simplified_keeps_the_values(fountain: httpx.AsyncClient) -> None:
    assert await shown(fountain, "options=keyValues") == {
        "id": FOUNTAIN["id"],
        "type": FOUNTAIN["type"],
        "scope": "/town/park",
        "flow": 2.5,
        "basins": [1, 2],
        "address": {"street": "Main street"},
        "raw": {"type": "odd", "value": 1},
        "name": {"dataset": {"@none": "Fountain", "urn:ngsi-ld:Dataset:de": "Brunnen"}},
        "label": {"languageMap": {"en": "Lion", "fr-CH": "Le lion", "@none": "Leo"}},
        "material": {"vocab": "stone"},
        "extra": {"json": {"id": 7}},
        "steps": [3, 4],
        "path": ["urn:ngsi-ld:Road:1", "urn:ngsi-ld:Road:2"],
        "in": "urn:ngsi-ld:Park:1",
        "location": {"type": "Point", "coordinates": [13.5, 52.4]},
    }


async def test_system_attributes_come_when_asked(fountain: httpx.AsyncClient) -> None:
    whole = await shown(fountain, "options=sysAttrs")
    assert {"createdAt", "modifiedAt"} <= whole.keys() & whole["flow"].keys()
    assert "expiresAt" not in whole


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("attrs=flow,basins", {"id", "type", "scope", "flow", "basins"}),
        ("pick=flow", {"flow"}),
        ("pick=id|flow", {"id", "flow"}),
        ("pick=flow,missing", {"flow"}),
        ("omit=type,scope,flow", FOUNTAIN.keys() - {"type", "scope", "flow"}),
        ("pick=id,name&datasetId=urn:ngsi-ld:Dataset:de", {"id", "name"}),
        ("pick=id,flow&datasetId=urn:ngsi-ld:Dataset:de", {"id"}),
        ("attrs=flow&datasetId=@none", {"id", "type", "scope", "flow"}),
    ],
)
async def test_members_are_picked_and_left_out(
    fountain: httpx.AsyncClient, query: str, members: set[str]
) -> None:
    assert (await shown(fountain, query)).keys() == members


@pytest.mark.parametrize(
    ("lang", "text", "tag"),
    [
        ("en", "Lion", "en"),
        ("EN-gb", "Lion", "en"),
        ("fr", "Le lion", "fr-CH"),
        ("fr;q=0.2,en;q=0.9", "Lion", "en"),
        ("de,*;q=0.5", "Leo", "@none"),
        ("xx", "Leo", "@none"),
    ],
)
async def test_one_language_is_chosen(
    fountain: httpx.AsyncClient, lang: str, text: str, tag: str
) -> None:
    label = (await shown(fountain, f"lang={lang}"))["label"]
    assert label == {"type": "Property", "value": text, "lang": tag}
    assert (await shown(fountain, f"lang={lang}&format=simplified"))["label"] == text


@pytest.mark.parametrize(
    ("query", "status", "type"),
    [
        ("pick=missing", 404, "ResourceNotFound"),
        ("attrs=missing", 404, "ResourceNotFound"),
        ("type=Bench", 404, "ResourceNotFound"),
        ("omit=" + ",".join(FOUNTAIN), 404, "ResourceNotFound"),
        ("attrs=id", 400, "BadRequestData"),
        ("pick=flow&attrs=flow", 400, "BadRequestData"),
        ("pick=flow&omit=flow", 400, "BadRequestData"),
        ("pick=a,,b", 400, "BadRequestData"),
        ("pick=a{b", 400, "BadRequestData"),
        ("pick=a;b", 400, "BadRequestData"),
        ("pick=", 400, "BadRequestData"),
        ("pick=in{name}", 400, "BadRequestData"),
        ("pick=in{name{x}}&join=inline", 400, "BadRequestData"),
        ("omit=" + "a{" * 30 + "b" + "}" * 30 + "&join=inline", 400, "BadRequestData"),
        ("lang=!", 400, "BadRequestData"),
        ("datasetId=five", 400, "BadRequestData"),
        ("geometryProperty=location", 400, "BadRequestData"),
        ("join=sideways", 400, "BadRequestData"),
        ("join=inline&joinLevel=0", 400, "BadRequestData"),
        ("format=odd", 400, "InvalidRequest"),
        ("options=keyValues,odd", 400, "InvalidRequest"),
        ("q=flow", 400, "InvalidRequest"),
    ],
)
async def test_what_cannot_be_shown(
    fountain: httpx.AsyncClient, query: str, status: int, type: str
) -> None:
    answer = await fountain.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + type)


async def test_an_id_is_a_uri(http: httpx.AsyncClient) -> None:
    assert (await http.get("/entities/five")).json()["type"] == ERRORS + "BadRequestData"


async def test_the_type_can_be_asked_for(fountain: httpx.AsyncClient) -> None:
    assert (await shown(fountain, "type=(Fountain;Monument),Bench"))["id"] == FOUNTAIN["id"]


async def test_geojson(fountain: httpx.AsyncClient) -> None:
    feature = await shown(fountain, "format=simplified", accept=GEO)
    assert (feature["type"], feature["id"]) == ("Feature", FOUNTAIN["id"])
    assert feature["geometry"] == {"type": "Point", "coordinates": [13.5, 52.4]}
    assert feature["properties"]["flow"] == 2.5
    assert "id" not in feature["properties"]
    assert "@context" in feature
    assert (await shown(fountain, "geometryProperty=flow", accept=GEO))["geometry"] is None
    plain = await fountain.get(PATH, headers={"accept": GEO, "prefer": "body=json"})
    assert "@context" not in plain.json()
    assert "ngsi-ld-core-context" in plain.headers["link"]


async def test_an_earlier_version_is_told_what_it_knows(fountain: httpx.AsyncClient) -> None:
    answer = await fountain.get(PATH, headers={"prefer": "ngsi-ld=1.2"})
    told = answer.json()
    assert (answer.status_code, answer.headers["preference-applied"]) == (203, "ngsi-ld=1.2")
    assert (told["type"], "scope" in told) == ("Fountain", False)
    assert told["flow"] == {"type": "Property", "value": 2.5}
    assert told["name"] == {"type": "Property", "value": "Fountain"}
    assert told["material"] == {"type": "Property", "value": "stone"}
    assert told["path"]["type"] == "Relationship"
    assert told["in"] == {"type": "Relationship", "object": "urn:ngsi-ld:Park:1"}
    same = await fountain.get(PATH, headers={"prefer": "ngsi-ld=1.9"})
    assert (same.status_code, same.headers["preference-applied"]) == (200, "ngsi-ld=1.9")
    assert same.json() == FOUNTAIN


async def test_words_are_told_in_the_askers_context(fountain: httpx.AsyncClient) -> None:
    context = {"stein": "https://uri.etsi.org/ngsi-ld/default-context/stone"}
    body = {**FOUNTAIN, "id": "urn:ngsi-ld:Fountain:2", "@context": context}
    body |= {"material": {"type": "VocabProperty", "vocab": ["stein", "stone"]}}
    made = await fountain.post("/entities", json=body, headers={"content-type": LD})
    assert made.status_code == 201, made.text
    found = (await fountain.get("/entities/urn:ngsi-ld:Fountain:2")).json()
    assert found["material"]["vocab"] == ["stone", "stone"]
