"""Entities together with those that they lead to (clauses 4.5.23 and 4.21)."""

from typing import Any

import httpx
import pytest

TREE, PARK, TOWN = "urn:ngsi-ld:Tree:1", "urn:ngsi-ld:Park:1", "urn:ngsi-ld:Town:1"


def linked(id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": id, "type": id.split(":")[2], **attributes}


def to(*targets: str) -> dict[str, Any]:
    return {"type": "Relationship", "object": targets[0] if len(targets) == 1 else list(targets)}


def name(value: str) -> dict[str, Any]:
    return {"type": "Property", "value": value}


ENTITIES = [
    linked(TREE, name=name("Oak"), stands=to(PARK), gone=to("urn:ngsi-ld:Bench:9")),
    linked(PARK, name=name("Park"), town=to(TOWN), trees=to(TREE, "urn:ngsi-ld:Tree:9")),
    linked(TOWN, name=name("Town"), parks={"type": "ListRelationship", "objectList": [PARK]}),
]


@pytest.fixture
async def town(http: httpx.AsyncClient) -> httpx.AsyncClient:
    for entity in ENTITIES:
        answer = await http.post("/entities", json=entity)
        assert answer.status_code == 201, answer.text
    return http


async def joined(http: httpx.AsyncClient, query: str, id: str = TREE) -> Any:
    answer = await http.get(f"/entities/{id}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_one_level_inline(town: httpx.AsyncClient) -> None:
    tree = await joined(town, "join=inline")
    assert tree["stands"]["object"] == PARK
    assert tree["stands"]["entity"]["name"] == name("Park")
    assert "entity" not in tree["stands"]["entity"]["town"]
    assert tree["gone"] == to("urn:ngsi-ld:Bench:9")


async def test_more_levels_stop_at_what_was_met(town: httpx.AsyncClient) -> None:
    tree = await joined(town, "join=inline&joinLevel=10")
    park = tree["stands"]["entity"]
    assert "entity" not in park["trees"]
    assert "entityList" not in park["town"]["entity"]["parks"]
    town_itself = await joined(town, "join=inline&joinLevel=2", TOWN)
    assert town_itself["parks"]["entityList"][0]["trees"]["entity"][0]["id"] == TREE


async def test_simplified_inline(town: httpx.AsyncClient) -> None:
    park = await joined(town, "join=inline&options=keyValues", PARK)
    assert park["town"] == {"id": TOWN, "type": "Town", "name": "Town", "parks": [PARK]}
    assert park["trees"][0]["name"] == "Oak"
    assert park["trees"][1] == "urn:ngsi-ld:Tree:9"


async def test_flat(town: httpx.AsyncClient) -> None:
    found = await joined(town, "join=flat&joinLevel=2&options=keyValues")
    assert [e["id"] for e in found] == [TREE, PARK, TOWN]
    assert found[0]["stands"] == PARK


async def test_flat_with_nothing_beside_it(town: httpx.AsyncClient) -> None:
    await town.delete(f"/entities/{PARK}")
    assert (await joined(town, "join=flat"))["id"] == TREE


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pick=id,stands{name}", [{"id": TREE, "stands": PARK}, {"name": "Park"}]),
        ("pick=id,name", {"id": TREE, "name": "Oak"}),
        (
            "pick=stands{town{name}}&joinLevel=2",
            [{"stands": PARK}, {"town": TOWN}, {"name": "Town"}],
        ),
        (
            "omit=type,gone,stands{type,town,trees}",
            [{"id": TREE, "name": "Oak", "stands": PARK}, {"id": PARK, "name": "Park"}],
        ),
        ("containedBy=" + PARK + "&pick=stands", {"stands": PARK}),
        ("join=@none&pick=stands", {"stands": PARK}),
    ],
)
async def test_members_of_linked_entities_are_picked(
    town: httpx.AsyncClient, query: str, expected: Any
) -> None:
    form = "" if "join=" in query else "join=flat&"
    assert await joined(town, f"{form}options=keyValues&{query}") == expected


async def test_a_query_joins_as_well(town: httpx.AsyncClient) -> None:
    answer = await town.get("/entities?type=Tree&join=flat&options=keyValues")
    assert [e["id"] for e in answer.json()] == [TREE, PARK]
    answer = await town.get("/entities?type=Tree,Park&join=inline&pick=id,stands,town")
    assert answer.json()[0]["stands"]["entity"]["id"] == PARK
    assert answer.json()[1]["town"]["entity"]["id"] == TOWN


async def test_what_is_linked_can_be_asked_for(town: httpx.AsyncClient) -> None:
    answer = await town.get(
        '/entities?type=Tree&q=stands{town{name}}=="Town"&join=flat&joinLevel=2'
    )
    assert [e["id"] for e in answer.json()] == [TREE, PARK, TOWN]


async def test_geojson_of_a_join(town: httpx.AsyncClient) -> None:
    accept = {"accept": "application/geo+json"}
    flat = (await town.get(f"/entities/{TREE}?join=flat", headers=accept)).json()
    assert [f["id"] for f in flat["features"]] == [TREE, PARK]
    inline = (await town.get(f"/entities/{TREE}?join=inline", headers=accept)).json()
    assert inline["properties"]["stands"]["entity"]["id"] == PARK
