"""Entities that lie in parts with several brokers (clauses 4.3.6.7, 5.7.2.4 and 5.5.9.3)."""

from typing import Any

import httpx
import pytest

from tests.contract.ngsi_ld.harbour import Harbour, registered

MANY = "GET /ngsi-ld/v1/entities"
PLACE = {"type": "Point", "coordinates": [8.0, 49.0]}
SPLIT = "/entities?type=Ferry&splitEntities=true&options=keyValues"


def ferry(number: int, **attributes: Any) -> dict[str, Any]:
    return {"id": f"urn:x:Ferry:{number}", "type": "Ferry", **attributes}


@pytest.fixture
def harbour() -> Harbour:
    harbour = Harbour()
    there = [
        ferry(1, depth=1),
        ferry(2, depth=2, place={"type": "GeoProperty", "value": PLACE}),
        ferry(3, depth=3, scope="/harbour/north"),
        ferry(4, depth=9, berth="A"),
    ]
    harbour.answers[MANY] = (200, there)
    return harbour


@pytest.fixture
async def ferries(http: httpx.AsyncClient) -> None:
    for number in (1, 2, 3):
        body = ferry(number, berth="ABC"[number - 1], length=10 * number)
        assert (await http.post("/entities", json=body)).status_code == 201
    information = [{"entities": [{"type": "Ferry"}]}]
    await registered(http, information=information, operations=["retrieveOps"])


def numbers(answer: httpx.Response) -> list[int]:
    assert answer.is_success, answer.text
    return [int(entity["id"].rsplit(":", 1)[1]) for entity in answer.json()]


@pytest.mark.usefixtures("ferries")
@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", [1, 2, 3, 4]),
        ("q=berth;depth>1", [2, 3, 4]),
        ("q=length>10;depth<3", [2]),
        ("q=length>20|depth>5", [3, 4]),
        ("q=length!=10", [2, 3]),
        ("scopeQ=/harbour/%23", [3]),
        ("attrs=length", [1, 2, 3]),
        (
            'q=berth=="B"&georel=near;maxDistance==10&geometry=Point&coordinates=[8,49]'
            "&geoproperty=place",
            [2],
        ),
        ("idPattern=[23]$&q=depth", [2, 3]),
    ],
)
async def test_filters_are_asked_of_the_whole(
    http: httpx.AsyncClient, harbour: Harbour, filter: str, found: list[int]
) -> None:
    assert numbers(await http.get(f"{SPLIT}&{filter}")) == found
    said = dict(harbour.heard[-1].url.params)
    assert said.keys() <= {"type", "idPattern", "limit", "options"}


@pytest.mark.usefixtures("ferries")
async def test_without_the_flag_each_broker_filters_its_own(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    harbour.answers[MANY] = (200, [])
    assert numbers(await http.get("/entities?type=Ferry&q=length>10;depth<3")) == []
    assert "q" in harbour.heard[-1].url.params


@pytest.mark.usefixtures("ferries")
async def test_a_part_is_joined_to_its_whole(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{SPLIT}&q=length>20")
    assert answer.json() == [
        ferry(3, berth="C", length=30, depth=3, scope="/harbour/north"),
    ]


@pytest.mark.usefixtures("ferries")
async def test_pages_count_what_fits(http: httpx.AsyncClient) -> None:
    pages = [
        await http.get(f"{SPLIT}&q=depth>1&count=true&limit=2&offset={offset}") for offset in (0, 2)
    ]
    assert [numbers(page) for page in pages] == [[2, 3], [4]]
    assert [page.headers["NGSILD-Results-Count"] for page in pages] == ["3", "3"]
    assert 'rel="next"' in pages[0].headers["link"]
    assert 'rel="next"' not in pages[1].headers["link"]


@pytest.mark.usefixtures("ferries")
async def test_a_map_has_what_may_fit_until_it_is_looked_at(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    made = await http.get("/entityMaps?type=Ferry&splitEntities=true&q=length>10;depth>1")
    assert len(made.json()["entityMap"]) == 4
    location = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
    page = f"{SPLIT}&q=length>10;depth>1"
    there = harbour.answers[MANY]
    harbour.answers[MANY] = httpx.ConnectError("cut")
    assert numbers(await http.get(page, headers=location)) == []
    harbour.answers[MANY] = there
    answer = await http.get(f"{page}&limit=1&count=true", headers=location)
    assert (numbers(answer), answer.headers["NGSILD-Results-Count"]) == ([2], "2")
    assert numbers(await http.get(f"{page}&limit=1&offset=1", headers=location)) == [3]
    left = await http.get(location["NGSILD-EntityMap"].removeprefix("/ngsi-ld/v1"))
    assert list(left.json()["entityMap"]) == ["urn:x:Ferry:2", "urn:x:Ferry:3"]


@pytest.mark.usefixtures("ferries")
async def test_here_alone_nothing_lies_in_parts(http: httpx.AsyncClient, harbour: Harbour) -> None:
    answer = await http.get(f"{SPLIT}&local=true&q=length>10&orderBy=length;desc")
    assert (numbers(answer), harbour.heard) == ([3, 2], [])


@pytest.mark.usefixtures("ferries")
async def test_links_cannot_be_followed_from_parts(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{SPLIT}&q=next{{depth}}>1&join=flat")
    assert (answer.status_code, "splitEntities" in answer.json()["detail"]) == (400, True)


async def test_a_part_without_what_is_asked_for_belongs_to_the_whole(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await http.post("/entities", json=ferry(1, length=10))
    information = [{"entities": [{"type": "Ferry"}], "propertyNames": ["depth"]}]
    await registered(http, information=information, operations=["retrieveOps"])
    answer = await http.get(f"{SPLIT}&q=length>1")
    assert answer.json() == [ferry(1, length=10, depth=1)]
