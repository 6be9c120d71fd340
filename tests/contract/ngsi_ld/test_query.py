"""What a query selects and how its pages are told (clauses 4.10, 4.12, 4.17, 4.19, 5.7.2)."""

from typing import Any

import httpx
import pytest

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
SQUARE = [[[13, 52], [14, 52], [14, 53], [13, 53], [13, 52]]]


def point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}


ENTITIES: list[dict[str, Any]] = [
    {
        "id": "urn:ngsi-ld:A:1",
        "type": "A",
        "scope": "/north/park",
        "level": 1,
        "location": point(13.5, 52.5),
    },
    {
        "id": "urn:ngsi-ld:A:2",
        "type": ["A", "B"],
        "scope": ["/north", "/blue/sea"],
        "level": 2,
        "location": point(13.5, 53.5),
    },
    {"id": "urn:ngsi-ld:B:3", "type": "B", "scope": "/south/park", "level": "high"},
    {
        "id": "urn:ngsi-ld:C:4",
        "type": "C",
        "level": {"type": "VocabProperty", "vocab": "low"},
        "area": {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": SQUARE}},
        "location": [
            point(0, 0),
            {**point(13.1, 52.5), "datasetId": "urn:ngsi-ld:Dataset:2"},
        ],
    },
]


@pytest.fixture
async def city(http: httpx.AsyncClient) -> httpx.AsyncClient:
    for entity in ENTITIES:
        answer = await http.post("/entities", json=entity)
        assert answer.status_code == 201, answer.text
    return http


async def selected(http: httpx.AsyncClient, **parameters: str) -> str:
    answer = await http.get("/entities", params=parameters)
    assert answer.status_code == 200, answer.text
    return " ".join(e["id"].rpartition(":")[2] for e in answer.json())


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("A", "1 2"),
        ("A,C", "1 2 4"),
        ("A|C", "1 2 4"),
        ("(A;B)", "2"),
        ("A;B", "2"),
        ("(A;B),C", "2 4"),
        ("(A|C);B", "2"),
        ("*", "1 2 3 4"),
        ("D", ""),
    ],
)
async def test_types_are_chosen(city: httpx.AsyncClient, types: str, expected: str) -> None:
    assert await selected(city, type=types) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("/north", "2"),
        ("/north/#", "1 2"),
        ("/+/park", "1 3"),
        ("/#", "1 2 3"),
        ("/north/park,/south/park", "1 3"),
        ("/north;/blue/sea", "2"),
        ("(/north;/blue/+)|/south/park", "2 3"),
        ("(/north;/south)", ""),
    ],
)
async def test_scopes_are_chosen(city: httpx.AsyncClient, scope: str, expected: str) -> None:
    assert await selected(city, type="*", scopeQ=scope) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"id": "urn:ngsi-ld:A:1,urn:ngsi-ld:C:4", "local": "true"}, "1 4"),
        ({"type": "A", "id": "urn:ngsi-ld:B:3"}, ""),
        ({"idPattern": "B:[0-9]$", "local": "true"}, "3"),
        ({"attrs": "area,missing"}, "4"),
        ({"type": "A", "pick": "id,area"}, "1 2"),
        ({"q": "level==low", "expandValues": "level"}, "4"),
        ({"q": "level>1"}, "2"),
        ({"type": "A", "csf": "x==1"}, "1 2"),
        ({"type": "A", "jsonKeys": "level", "splitEntities": "false", "entityMap": "false"}, "1 2"),
    ],
)
async def test_more_ways_to_select(
    city: httpx.AsyncClient, query: dict[str, str], expected: str
) -> None:
    assert await selected(city, **query) == expected


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "expected"),
    [
        ("near;maxDistance==1000", "Point", "[13.5,52.5]", "1"),
        ("near;minDistance==1000", "Point", "[13.5,52.5]", "2 4"),
        ("near;maxDistance==2000", "LineString", "[[13,52.51],[14,52.51]]", "1 4"),
        ("within", "Polygon", str(SQUARE), "1 4"),
        ("intersects", "Polygon", str(SQUARE), "1 4"),
        ("disjoint", "Polygon", str(SQUARE), "2 4"),
        ("equals", "Point", "[13.5,53.5]", "2"),
        ("within", "Polygon", "[[[13,52],[14,53],[14,52],[13,53],[13,52]]]", "4"),
    ],
)
async def test_places(
    city: httpx.AsyncClient, georel: str, geometry: str, coordinates: str, expected: str
) -> None:
    place = {"georel": georel, "geometry": geometry, "coordinates": coordinates}
    assert await selected(city, **place) == expected


async def test_another_place_can_be_meant(city: httpx.AsyncClient) -> None:
    place = {"georel": "contains", "geometry": "Point", "coordinates": "[13.5,52.5]"}
    assert await selected(city, **place, geoproperty="area") == "4"
    assert await selected(city, **place) == "1"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "attrs=createdAt",
        'q=modifiedAt>"2020-01-01T00:00:00Z"',
        "id=urn:ngsi-ld:A:1",
        "idPattern=.*",
        "scopeQ=/north",
        "pick=level",
        "type=A&id=five",
        "type=*&local=false",
        "type=(A;B",
        "type=A,,B",
        "type=A&scopeQ=north",
        "type=A&q=a{b}",
        "type=A&q=a{b{c}}&join=inline",
        "type=A&csf=))",
        "type=A&geometryProperty=location",
        "type=A&georel=within",
        "type=A&georel=touches&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near;maxDistance==0&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near;maxDistance==-1&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near;maxDistance==inf&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near;maxDistance==1e400&geometry=Point&coordinates=[1,2]",
        "type=A&georel=near;maxDistance==1;minDistance==1&geometry=Point&coordinates=[1,2]",
        "type=A&georel=within&geometry=Blob&coordinates=[1,2]",
        "type=A&georel=within&geometry=Point&coordinates=1,2",
        "type=A&georel=within&geometry=GeometryCollection&coordinates=[]",
        "type=A&georel=within&geometry=Point&coordinates=" + "[" * 2000,
        "type=A&orderBy=location;dist-asc",
        "type=A&orderBy=level;sideways",
        "type=A&orderBy=,",
        "type=A&orderBy=level&collation=!!",
        "type=A&orderBy=location;dist-asc&orderFrom=near",
        "type=A&limit=0",
    ],
)
async def test_a_wrong_query_is_bad_data(city: httpx.AsyncClient, query: str) -> None:
    answer = await city.get(f"/entities?{query}")
    if query.endswith("orderBy=,"):
        assert answer.status_code == 200  # a list of nothing asks for nothing
        return
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


async def test_pages_lead_to_each_other(city: httpx.AsyncClient) -> None:
    def links(answer: httpx.Response) -> dict[str, str]:
        return {rel: link["url"] for rel, link in answer.links.items() if rel in ("next", "prev")}

    asked = {"type": "*", "limit": "2", "count": "true", "idPattern": "urn:.*"}
    first = await city.get("/entities", params=asked)
    assert first.headers["ngsild-results-count"] == "4"
    following = "/ngsi-ld/v1/entities?count=true&idPattern=urn:.*&limit=2&offset=2&type=*"
    assert links(first) == {"next": following}
    assert first.links["next"]["type"] == "application/json"
    second = await city.get(following.removeprefix("/ngsi-ld/v1"))
    assert [e["id"][-1] for e in second.json()] == ["3", "4"]
    assert links(second) == {"prev": following.replace("offset=2", "offset=0")}


async def test_behind_the_end_is_the_last_one(city: httpx.AsyncClient) -> None:
    assert await selected(city, type="*", offset="50") == "4"
    assert await selected(city, type="D", offset="50") == ""


async def test_who_has_nothing_of_what_is_picked_is_not_there(city: httpx.AsyncClient) -> None:
    answer = await city.get("/entities?type=*&pick=area&count=true")
    assert [e.keys() for e in answer.json()] == [{"area"}]
    assert answer.headers["ngsild-results-count"] == "1"


async def test_only_a_count(city: httpx.AsyncClient) -> None:
    answer = await city.get("/entities", params={"type": "A", "limit": "0", "count": "true"})
    assert (answer.json(), answer.headers["ngsild-results-count"]) == ([], "2")
    assert "rel=next" not in answer.headers["link"]


async def test_order(city: httpx.AsyncClient) -> None:
    assert await selected(city, type="*", orderBy="level") == "1 2 3 4"
    assert await selected(city, type="*", orderBy="level;desc,id") == "4 3 2 1"
    near = {"orderBy": "location;dist-asc", "orderFrom": "[13.5,53.4]"}
    assert await selected(city, type="*", **near) == "2 1 4 3"


async def test_geojson_of_many(city: httpx.AsyncClient) -> None:
    found = await city.get("/entities?type=A&limit=1", headers={"accept": "application/geo+json"})
    body = found.json()
    assert (body["type"], len(body["features"])) == ("FeatureCollection", 1)
    assert "@context" in body
    assert "@context" not in body["features"][0]
    assert found.links["next"]["type"] == "application/geo+json"


# --- by POST


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"entities": [{"type": "A"}]}, "1 2"),
        ({"entities": [{"type": "A", "id": "urn:ngsi-ld:A:1"}, {"type": "C"}]}, "1 4"),
        ({"entities": [{"type": "A", "idPattern": "1$"}, {"type": "B", "idPattern": "3$"}]}, "1 3"),
        ({"entities": [{"type": "A", "id": ["urn:ngsi-ld:A:2"], "idPattern": "1$"}]}, "2"),
        ({"entities": [{"type": "*"}], "q": "level>1"}, "2"),
        (
            {"entities": [{"type": "*", "idPattern": "[34]$"}, {"type": "A"}], "q": "level"},
            "1 2 3 4",
        ),
        ({"q": "level", "scopeQ": "/+/park"}, "1 3"),
        ({"attrs": ["area"]}, "4"),
        (
            {"geoQ": {"georel": "within", "geometry": "Polygon", "coordinates": SQUARE}},
            "1 4",
        ),
        ({"q": "level==low", "expandValues": "level"}, "4"),
        (
            {
                "entities": [{"type": "A"}],
                "ordering": {"orderBy": ["location;dist-desc"], "coordinates": [13.5, 52.5]},
            },
            "2 1",
        ),
    ],
)
async def test_a_query_can_be_a_body(
    city: httpx.AsyncClient, body: dict[str, Any], expected: str
) -> None:
    parameters = {"local": "true", "options": "keyValues"}
    answer = await city.post(
        "/entityOperations/query", json={"type": "Query", **body}, params=parameters
    )
    assert answer.status_code == 200, answer.text
    assert " ".join(e["id"].rpartition(":")[2] for e in answer.json()) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"type": "Question"},
        {"type": "Query"},
        {"type": "Query", "entities": []},
        {"type": "Query", "entities": [{"id": "urn:ngsi-ld:A:1"}]},
        {"type": "Query", "entities": [{"type": "A", "id": "five"}]},
        {"type": "Query", "entities": [{"type": "A", "id": ["urn:ngsi-ld:A:1", 5]}]},
        {"type": "Query", "entities": [{"type": "A", "size": 5}]},
        {"type": "Query", "entities": [{"type": "A"}], "attrs": []},
        {"type": "Query", "entities": [{"type": "A"}], "pick": "level"},
        {"type": "Query", "entities": [{"type": "A"}], "q": 42},
        {"type": "Query", "entities": [{"type": "A"}], "join": "inline", "joinLevel": 0},
        {"type": "Query", "entities": [{"type": "A"}], "temporalQ": {"timerel": "after"}},
        {"type": "Query", "entities": [{"type": "A"}], "nonsense": 1},
        {"type": "Query", "entities": [{"type": "A"}], "geoQ": {"georel": 1}},
        {"type": "Query", "entities": [{"type": "A"}], "geoQ": {"near": 1}},
        {"type": "Query", "entities": [{"type": "A"}], "ordering": {"orderBy": "level"}},
        {"type": "Query", "entities": [{"type": "A"}], "ordering": {"coordinates": "8,40"}},
        {"type": "Query", "entities": [{"type": "A"}], "ordering": {"geometry": 5}},
        {"type": "Query", "entities": [{"type": "A"}], "splitEntities": "no"},
    ],
)
async def test_a_wrong_body_is_bad_data(city: httpx.AsyncClient, body: Any) -> None:
    answer = await city.post("/entityOperations/query", json=body)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


async def test_pages_of_a_query_by_post(city: httpx.AsyncClient) -> None:
    body = {"type": "Query", "entities": [{"type": "A"}]}
    answer = await city.post("/entityOperations/query?limit=1&count=true", json=body)
    assert answer.headers["ngsild-results-count"] == "2"
    assert answer.links["next"]["url"].startswith("/ngsi-ld/v1/entityOperations/query?")
