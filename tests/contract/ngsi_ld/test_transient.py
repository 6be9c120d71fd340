"""What is only there for a time: entities, attributes, instances (clause 4.22)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from townsquare.context.api.app import Api

ID = "urn:ngsi-ld:Event:1"
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
SOON, LATER = "2030-06-01T12:00:05Z", "2030-06-01T13:00:00Z"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(api: Api) -> Clock:
    api.broker.clock = clock = Clock()
    return clock


async def created(http: httpx.AsyncClient, **members: Any) -> None:
    answer = await http.post("/entities", json={"id": ID, "type": "Event", **members})
    assert answer.status_code == 201, answer.text


async def test_an_entity_ends_at_its_time_for_every_reader(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    await created(http, expiresAt=SOON, x=1)
    clock.now += timedelta(seconds=4.999999)
    assert (await http.get(f"/entities/{ID}")).status_code == 200
    clock.now = NOON + timedelta(seconds=5)
    answer = await http.get("/entities?type=Event&count=true")
    assert (answer.json(), answer.headers["ngsild-results-count"]) == ([], "0")
    assert (await http.get(f"/entities/{ID}")).status_code == 404
    await created(http, x=2)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"x": {"value": 1, "expiresAt": SOON}, "y": 2}, {"y": 2}),
        ({"x": {"object": "urn:a:b", "expiresAt": SOON}}, {}),
        (
            {"x": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1", "expiresAt": SOON}]},
            {"x": 1},
        ),
        ({"x": {"value": 1, "expiresAt": LATER}}, {"x": 1}),
        ({"x": {"value": 1, "sub": {"value": 2, "expiresAt": SOON}}}, {"x": 1}),
    ],
)
async def test_an_attribute_ends_at_its_time(
    http: httpx.AsyncClient, clock: Clock, members: Any, expected: Any
) -> None:
    await created(http, **members)
    clock.now += timedelta(seconds=6)
    found = (await http.get(f"/entities/{ID}")).json()
    assert SOON not in str(found)
    assert "sub" not in str(found)
    simple = (await http.get(f"/entities/{ID}?format=simplified")).json()
    assert {n: v for n, v in simple.items() if n not in ("id", "type")} == expected


async def test_what_has_ended_has_no_past(http: httpx.AsyncClient, clock: Clock) -> None:
    lasting = {"value": 1, "datasetId": "urn:d:1"}
    await created(http, x=[{"value": 0, "expiresAt": SOON}, lasting], y={"value": 1})
    await http.patch(f"/entities/{ID}/attrs/x", json={"value": 5})
    clock.now += timedelta(seconds=6)
    assert (await http.get(f"/entities/{ID}")).status_code == 200
    past = "timerel=after&timeAt=2000-01-01T00:00:00Z&timeproperty=modifiedAt"
    found = (await http.get(f"/temporal/entities/{ID}?{past}")).json()
    instances = found["x"] if isinstance(found["x"], list) else [found["x"]]
    assert [i["datasetId"] for i in instances] == ["urn:d:1"]
    assert "y" in found


@pytest.mark.parametrize(
    ("method", "path", "body", "stays"),
    [
        ("PATCH", "/attrs", {"x": 2}, True),
        ("PUT", "/attrs/x", {"value": 2}, True),
        ("POST", "/attrs", {"x": 2}, True),
        ("PATCH", "/attrs/x", {"value": 2}, False),
        ("PATCH", "", {"x": 2}, False),
        ("PATCH", "", {"x": {"expiresAt": "urn:ngsi-ld:null"}}, True),
        ("PATCH", "/attrs/x", {"expiresAt": LATER}, True),
    ],
)
async def test_an_end_goes_with_the_whole_attribute_and_stays_with_a_part(
    http: httpx.AsyncClient, clock: Clock, method: str, path: str, body: Any, stays: bool
) -> None:
    await created(http, x={"value": 1, "expiresAt": SOON})
    answer = await http.request(method, f"/entities/{ID}{path}", json=body)
    assert answer.status_code == 204, answer.text
    clock.now += timedelta(seconds=6)
    assert ("x" in (await http.get(f"/entities/{ID}")).json()) == stays


async def test_an_end_can_be_set_moved_and_taken_away(
    http: httpx.AsyncClient, clock: Clock
) -> None:
    await created(http)
    for end, gone in ((LATER, False), (SOON, False), ("urn:ngsi-ld:null", False), (SOON, True)):
        clock.now = NOON
        answer = await http.patch(f"/entities/{ID}", json={"expiresAt": end})
        assert answer.status_code == 204
        if end == SOON and not gone:
            continue  # taken away before it comes
        clock.now += timedelta(seconds=6)
        found = await http.get(f"/entities/{ID}")
        assert (found.status_code == 404) == gone


async def test_an_end_that_is_past_is_now(http: httpx.AsyncClient, clock: Clock) -> None:
    await created(http)
    await http.patch(f"/entities/{ID}", json={"expiresAt": "2020-01-01T00:00:00Z"})
    assert (await http.get(f"/entities/{ID}")).status_code == 404


async def test_what_ends_is_told(http: httpx.AsyncClient, api: Api, clock: Clock) -> None:
    await created(http, x={"value": 1, "expiresAt": SOON}, expiresAt=LATER)
    seq = await api.broker.last_seq()
    clock.now += timedelta(seconds=6)
    await api.broker.expire()
    clock.now += timedelta(hours=2)
    await api.broker.expire()
    news = await api.broker.store.after(seq, 10)
    assert [(n.attributes, n.after is None) for n in news] == [
        (frozenset({"x"}), False),
        (frozenset(), True),
    ]


async def test_many_end_at_once(http: httpx.AsyncClient, clock: Clock) -> None:
    events = [{"id": f"urn:e:{n}", "type": "Event", "expiresAt": SOON} for n in range(1200)]
    assert (await http.post("/entityOperations/create", json=events)).status_code == 201
    clock.now += timedelta(seconds=6)
    assert (await http.get("/entities?type=Event")).json() == []
