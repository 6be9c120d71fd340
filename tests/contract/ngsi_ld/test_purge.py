"""Purge entities by a query, or reduce them (clauses 5.6.21 and 6.4.3.3)."""

import httpx
import pytest

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


@pytest.fixture
async def city(http: httpx.AsyncClient) -> httpx.AsyncClient:
    for name, type, level in (("a", "Bin", 1), ("b", "Bin", 2), ("c", "Box", 3)):
        body = {
            "id": f"urn:ngsi-ld:Thing:{name}",
            "type": type,
            "scope": "/a",
            "level": [{"value": level}, {"value": level, "datasetId": "urn:d:1"}],
            "name": name,
            "owner": {"object": "urn:a:b"},
        }
        assert (await http.post("/entities", json=body)).status_code == 201
    return http


async def left(http: httpx.AsyncClient) -> dict[str, str]:
    """Names of the members that each entity still has."""
    found = (await http.get("/entities?type=Bin,Box&limit=100")).json()
    return {e["id"][-1]: " ".join(sorted(e.keys() - {"id", "type"})) for e in found}


ALL = "level name owner scope"
REST = "name owner scope"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=Bin", {"c": ALL}),
        ("type=Bin&id=urn:ngsi-ld:Thing:a", {"b": ALL, "c": ALL}),
        ("q=level>1", {"a": ALL}),
        ("attrs=name&idPattern=[bc]$", {"a": ALL}),
        ("type=Box&scopeQ=/a", {"a": ALL, "b": ALL}),
        ("local=true", {}),
        ("type=None", {"a": ALL, "b": ALL, "c": ALL}),
        ("type=Bin&drop=level,nothing", {"a": REST, "b": REST, "c": ALL}),
        ("type=Box&drop=scope", {"a": ALL, "b": ALL, "c": "level name owner"}),
        ("q=level&drop=level", {"a": REST, "b": REST, "c": REST}),
        ("type=Bin&keep=name", {"a": "name", "b": "name", "c": ALL}),
        ("type=Box&keep=name,scope", {"a": ALL, "b": ALL, "c": "name scope"}),
    ],
)
async def test_a_purge_deletes_or_reduces_what_it_selects(
    city: httpx.AsyncClient, query: str, expected: dict[str, str]
) -> None:
    answer = await city.delete(f"/entities?{query}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await left(city) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        "type=Bin&q=owner{name}",
        "attrs=createdAt",
        "q=modifiedAt>2000-01-01T00:00:00Z",
        "id=urn:ngsi-ld:Thing:a",
        "idPattern=.*",
        "keep=name",
        "type=Bin&keep=name&drop=level",
    ],
)
async def test_a_purge_that_is_too_wide_is_refused(city: httpx.AsyncClient, query: str) -> None:
    answer = await city.delete(f"/entities?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert len(await left(city)) == 3


async def test_a_purge_goes_on_behind_the_first_page(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsquare.context.api.purge.PAGE", 2)
    bins = [{"id": f"urn:ngsi-ld:Bin:{n}", "type": "Bin", "x": n, "y": n} for n in range(5)]
    await http.post("/entityOperations/create", json=bins)
    assert (await http.delete("/entities?q=x&drop=x")).status_code == 204
    found = (await http.get("/entities?type=Bin&format=simplified")).json()
    assert [sorted(e) for e in found] == [["id", "type", "y"]] * 5
    assert (await http.delete("/entities?type=Bin")).status_code == 204
    assert (await http.get("/entities?type=Bin")).json() == []
