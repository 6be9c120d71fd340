"""Which types and attributes there are (clauses 5.7.5 to 5.7.10)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LAMP = {
    "id": "urn:ngsi-ld:Lamp:1",
    "type": "Lamp",
    "power": 5,
    "location": {"type": "Point", "coordinates": [13.5, 52.4]},
}
MAST = {
    "id": "urn:ngsi-ld:Mast:1",
    "type": ["Lamp", "Mast"],
    "power": [
        {"type": "Property", "value": 7},
        {
            "type": "Relationship",
            "object": "urn:ngsi-ld:Plant:1",
            "datasetId": "urn:ngsi-ld:Dataset:1",
        },
    ],
}


@pytest.fixture
async def http(open_broker: OpenBroker, store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others,
        client(visited(Api(open_broker(url=store_url), to_others))) as visitor,
    ):
        for entity in (LAMP, MAST):
            assert (await visitor.post("/entities", json=entity)).status_code == 201
        yield visitor


async def got(http: httpx.AsyncClient, path: str, **headers: str) -> Any:
    answer = await http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_types(http: httpx.AsyncClient) -> None:
    found = await got(http, "/types")
    assert found.pop("id").startswith("urn:ngsi-ld:EntityTypeList:")
    assert found == {"type": "EntityTypeList", "typeList": ["Lamp", "Mast"]}
    assert await got(http, "/types?details=true") == [
        {
            "id": f"{DEFAULT}{name}",
            "type": "EntityType",
            "typeName": name,
            "attributeNames": attributes,
        }
        for name, attributes in (("Lamp", ["location", "power"]), ("Mast", ["power"]))
    ]


async def test_one_type(http: httpx.AsyncClient) -> None:
    found = await got(http, "/types/Lamp")
    assert (found["id"], found["typeName"], found["entityCount"]) == (DEFAULT + "Lamp", "Lamp", 2)
    assert found["attributeDetails"] == [
        {
            "id": "https://uri.etsi.org/ngsi-ld/location",
            "type": "Attribute",
            "attributeName": "location",
            "attributeTypes": ["GeoProperty"],
        },
        {
            "id": DEFAULT + "power",
            "type": "Attribute",
            "attributeName": "power",
            "attributeTypes": ["Property", "Relationship"],
        },
    ]


async def test_attributes(http: httpx.AsyncClient) -> None:
    assert (await got(http, "/attributes"))["attributeList"] == ["location", "power"]
    details = await got(http, "/attributes?details=true")
    assert [(a["attributeName"], a["typeNames"]) for a in details] == [
        ("location", ["Lamp"]),
        ("power", ["Lamp", "Mast"]),
    ]
    assert await got(http, "/attributes/power") == {
        "id": DEFAULT + "power",
        "type": "Attribute",
        "attributeName": "power",
        "attributeCount": 3,
        "attributeTypes": ["Property", "Relationship"],
        "typeNames": ["Lamp", "Mast"],
    }


async def test_what_goes_is_counted_no_more(http: httpx.AsyncClient) -> None:
    await http.delete("/entities/urn:ngsi-ld:Mast:1")
    await http.delete("/entities/urn:ngsi-ld:Lamp:1/attrs/location")
    await http.patch("/entities/urn:ngsi-ld:Lamp:1", json={"power": 6, "height": 3})
    assert (await got(http, "/types"))["typeList"] == ["Lamp"]
    assert (await got(http, "/attributes"))["attributeList"] == ["height", "power"]
    assert (await got(http, "/attributes/power"))["attributeCount"] == 1
    await http.patch("/entities/urn:ngsi-ld:Lamp:1", json={"type": "Lantern", "power": 6})
    assert (await got(http, "/types/Lantern"))["entityCount"] == 1


async def test_names_are_those_of_the_context(http: httpx.AsyncClient) -> None:
    assert (await got(http, f"/types/{DEFAULT.replace('/', '%2F')}Lamp"))["entityCount"] == 2
    labelled = await got(http, "/types", accept="application/ld+json")
    assert "@context" in labelled


async def test_lists_can_be_counted(http: httpx.AsyncClient) -> None:
    answer = await http.get("/attributes?count=true")
    assert answer.headers["ngsild-results-count"] == "2"


@pytest.mark.parametrize(
    ("path", "status", "type"),
    [
        ("/types/Nothing", 404, "ResourceNotFound"),
        ("/attributes/nothing", 404, "ResourceNotFound"),
        ("/attributes/createdAt", 404, "ResourceNotFound"),
        ("/attributes/id", 404, "ResourceNotFound"),
        ("/types/Lamp?details=true", 400, "InvalidRequest"),
        ("/attributes?limit=5", 400, "InvalidRequest"),
    ],
)
async def test_what_cannot_be_discovered(
    http: httpx.AsyncClient, path: str, status: int, type: str
) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + type)


async def test_tenants_have_types_of_their_own(http: httpx.AsyncClient) -> None:
    north = {"ngsild-tenant": "north"}
    await http.post("/entities", json={"id": "urn:ngsi-ld:Bin:1", "type": "Bin"}, headers=north)
    assert (await http.get("/types", headers=north)).json()["typeList"] == ["Bin"]
    assert (await http.get("/types/Bin")).status_code == 404
