"""What a request brings along is not kept, however often it is asked: memory has bounds."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

TIMES = 20
TREES = {"type": "Tree"}
MOST = 3 * 2**20  # bytes, of which each request has 300,000 and more
Bodies = Callable[[int], dict[str, Any]]


@pytest.fixture
def store_url() -> str:
    return "memory:"


def polygon(number: int) -> dict[str, Any]:
    ring = [[round(8 + place * 1e-6, 6), 49 + number] for place in range(1000)]
    ring += [[8, 50.5 + number], ring[0]]
    geo = {"georel": "within", "geometry": "Polygon", "coordinates": [ring]}
    return {"entities": [TREES], "geoQ": geo}


def pattern(number: int) -> dict[str, Any]:
    return {"entities": [{**TREES, "idPattern": f"{number}" + "a" * 300_000}]}


def scope(number: int) -> dict[str, Any]:
    return {"entities": [TREES], "scopeQ": f"/{number}" + "a" * 300_000}


@pytest.mark.parametrize("told", [polygon, pattern, scope])
async def test_what_was_asked_takes_bounded_memory(http: httpx.AsyncClient, told: Bodies) -> None:
    async def ask(number: int) -> int:
        body = msgspec.json.encode({"type": "Query", **told(number)}) + b" " * 300_000
        headers = {"content-type": "application/json"}
        # Each is asked in its own manner.
        path = f"/entityOperations/query?limit={number + 1}"
        return (await http.post(path, content=body, headers=headers)).status_code

    assert await ask(0) < 500
    gc.collect()
    tracemalloc.start()
    for number in range(1, TIMES):
        await ask(number)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < MOST


async def test_long_text_is_not_kept_where_times_are_looked_for(http: httpx.AsyncClient) -> None:
    for number in range(TIMES):
        body = {"id": f"urn:x:Tree:{number}", **TREES, "note": f"{number}" + "x" * 300_000}
        assert (await http.post("/entities", json=body)).status_code == 201
    gc.collect()
    tracemalloc.start()
    answer = await http.get("/entities?type=Tree&q=note>2020-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()) == (200, [])
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < MOST


@pytest.mark.parametrize(
    "told",
    [
        {"entities": [{**TREES, "idPattern": "a" * 5_000}]},
        {"entities": [TREES], "scopeQ": "/" + "a" * 30_000},
        {
            "entities": [TREES],
            "geoQ": {
                "georel": "intersects",
                "geometry": "LineString",
                "coordinates": [[8, 49]] * 30_000,
            },
        },
    ],
)
async def test_what_would_take_long_to_read_is_refused(
    http: httpx.AsyncClient, told: dict[str, Any]
) -> None:
    answer = await http.post("/entityOperations/query", json={"type": "Query", **told})
    assert (answer.status_code, answer.json()["title"]) == (403, "The query asks for too much")
