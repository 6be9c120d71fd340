"""A scope holds from when it was set until it is replaced or ends (clauses 4.18, 4.19 and 5.7.4,
annex C.5.16), in every store, and in days that are sealed.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.form.temporal import read_evolution
from townsquare.context.jsonld import CORE_TERMS
from townsquare.context.past import recording
from townsquare.model.actor import Actor, Why, room
from townsquare.model.declaration import EntityType

OPERATOR = Actor("person:o", "person", roles=frozenset({"operator"}))
HARBOUR = room("register")
BARGE = EntityType("Barge", "register", frozenset({"operator"}), secret=frozenset({"scope"}))
WINDOW = {"type": "Ferry", "timerel": "between", "timeAt": "2021-04-01T12:00:00Z"}
WINDOW["endTimeAt"] = "2021-04-01T13:00:00Z"


def at(minute: int) -> str:
    """Of the day, from 12:00 on."""
    return f"{datetime(2021, 4, 1, 12, tzinfo=UTC) + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def told(value: Any, minute: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute)}


def ferry(name: str) -> str:
    return f"urn:x:Ferry:{name}"


@pytest.fixture
async def api(open_broker: OpenBroker, past_url: str) -> AsyncIterator[Api]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        yield Api(open_broker(BARGE, url=past_url), to_others)


@pytest.fixture
async def http(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with client(visited(api)) as http:
        yield http


# Minutes at which it got which scope, and at which something was observed of it.
FERRIES: dict[str, tuple[dict[int, Any], tuple[int, ...]]] = {
    "moored": ({-120: "/port/quay"}, (5, 50)),
    "both": ({-120: ["/port/quay", "/line/a"]}, (5,)),
    "leaving": ({-120: "/port/quay", 30: "/sea"}, (10, 40)),
    "arriving": ({-120: "/sea", 20: "/port/dock", 40: "/port/quay"}, (10, 30, 50)),
    "back": ({-120: "/port/quay", 10: "/sea", 40: "/port/quay"}, (5, 20, 45)),
    "gone": ({-120: "/port/quay", -60: "/sea"}, (5,)),
    "later": ({90: "/port/quay"}, (5,)),
    "free": ({}, (5,)),
}


@pytest.fixture
async def ferries(http: httpx.AsyncClient) -> None:
    for name, (scopes, observed) in FERRIES.items():
        body: dict[str, Any] = {"id": ferry(name), "type": "Ferry"}
        body["load"] = [told(minute, minute) for minute in observed]
        if scopes:
            body["scope"] = [told(scope, minute) for minute, scope in scopes.items()]
        assert (await http.post("/temporal/entities", json=body)).status_code == 201


async def asked(http: httpx.AsyncClient, scope: str, **more: str) -> dict[str, Any]:
    answer = await http.get("/temporal/entities", params={**WINDOW, "scopeQ": scope, **more})
    assert answer.status_code == 200, answer.text
    return {entity["id"].rpartition(":")[2]: entity for entity in answer.json()}


def loads(found: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [i["value"] for i in one.get("load", [])] for name, one in found.items()}


def scopes(one: Any) -> list[Any]:
    return [i["value"] for i in one.get("scope", [])]


QUAY = {"moored": [5, 50], "both": [5], "leaving": [10], "arriving": [50], "back": [5, 45]}
SEA = {"leaving": [40], "arriving": [10], "back": [20], "gone": [5]}


@pytest.mark.usefixtures("ferries")
@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("/port/quay", QUAY),
        ("/sea", SEA),
        ("/port/+", {**QUAY, "arriving": [30, 50]}),
        ("/port/#", {**QUAY, "arriving": [30, 50]}),
        ("/port", {}),
        ("(/port/quay;/line/a)", {"both": [5]}),
        ("/line/a|/port/dock", {"both": [5], "arriving": [30]}),
        (
            "/#",
            {name: list(of) for name, (_, of) in FERRIES.items() if name not in ("later", "free")},
        ),
    ],
)
async def test_instances_are_those_of_the_time_in_which_the_scope_held(
    http: httpx.AsyncClient, scope: str, found: dict[str, list[int]]
) -> None:
    assert loads(await asked(http, scope)) == found


@pytest.mark.usefixtures("ferries")
async def test_the_scope_is_shown_as_it_was_set_also_before_the_window(
    http: httpx.AsyncClient,
) -> None:
    found = await asked(http, "/port/#")
    assert {name: scopes(one) for name, one in found.items()} == {
        "moored": ["/port/quay"],
        "both": [["/port/quay", "/line/a"]],
        "leaving": ["/port/quay"],
        "arriving": ["/port/dock", "/port/quay"],
        "back": ["/port/quay", "/port/quay"],
    }
    assert found["moored"]["scope"][0]["observedAt"] == at(-120)
    pairs = await asked(http, "/port/#", format="temporalValues")
    assert pairs["back"]["scope"]["values"] == [["/port/quay", at(-120)], ["/port/quay", at(40)]]
    assert "scope" not in (await asked(http, "/port/#", attrs="load"))["moored"]
    assert "scope" in (await asked(http, "/port/#", pick="id,load,scope"))["moored"]
    assert "scope" not in (await asked(http, "/port/#", omit="scope"))["moored"]


@pytest.mark.usefixtures("ferries")
async def test_the_last_are_the_last_while_the_scope_held(http: httpx.AsyncClient) -> None:
    found = await asked(http, "/port/#", lastN="1")
    assert loads(found) == {**{n: v[-1:] for n, v in QUAY.items()}}
    assert {len(scopes(one)) for one in found.values()} == {1}
    assert found["back"]["scope"][0]["observedAt"] == at(40)


@pytest.mark.usefixtures("ferries")
@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"timerel": "before", "timeAt": at(0)}, {}),  # nothing was observed of it by then
        (
            {"timerel": "before", "timeAt": at(15)},
            {"moored": [5], "both": [5], "leaving": [10], "back": [5], "gone": []},
        ),
        ({"timerel": "after", "timeAt": at(35)}, {"moored": [50], "arriving": [50], "back": [45]}),
        ({"timerel": "after", "timeAt": at(60)}, {}),
    ],
)
async def test_the_window_is_where_both_are_looked_for(
    http: httpx.AsyncClient, window: dict[str, str], found: dict[str, list[int]]
) -> None:
    told = await http.get(
        "/temporal/entities",
        params={"type": "Ferry", "scopeQ": "/port/quay", "attrs": "load", **window},
    )
    assert loads({e["id"].rpartition(":")[2]: e for e in told.json()}) == found


@pytest.mark.usefixtures("ferries")
async def test_pages_and_counts_are_of_what_was_in_the_scope(http: httpx.AsyncClient) -> None:
    told = await http.get(
        "/temporal/entities",
        params={**WINDOW, "scopeQ": "/port/quay", "limit": "2", "offset": "3", "count": "true"},
    )
    assert [entity["id"] for entity in told.json()] == [ferry("arriving"), ferry("back")]
    assert told.headers["NGSILD-Results-Count"] == "5"


@pytest.mark.usefixtures("ferries")
async def test_sums_are_of_the_time_in_which_the_scope_held(http: httpx.AsyncClient) -> None:
    sums = {"options": "aggregatedValues", "aggrMethods": "sum,distinctCount", "attrs": "load"}
    found = await asked(http, "/port/quay", aggrPeriodDuration="PT1H", **sums)
    told = {
        name: (one["load"]["sum"][0][0], one["load"]["distinctCount"][0][0])
        for name, one in found.items()
    }
    assert told == {name: (sum(of), len(of)) for name, of in QUAY.items()}


@pytest.mark.parametrize("rolled", [False, True])
async def test_whole_hours_in_the_scope_and_parts_of_others_make_one_sum(
    http: httpx.AsyncClient, api: Api, rolled: bool
) -> None:
    body = {
        "id": ferry("long"),
        "type": "Ferry",
        "scope": [told("/sea", 0), told("/port", 90), told("/sea", 330)],
        "load": [told(1, minute) for minute in range(0, 420, 10)],
    }
    assert (await http.post("/temporal/entities", json=body)).status_code == 201
    if rolled:
        await api.broker.store.roll_up(datetime(2021, 4, 2, tzinfo=UTC))
    sums = {"options": "aggregatedValues", "aggrMethods": "sum", "aggrPeriodDuration": "PT2H"}
    window = {"timeAt": at(0), "endTimeAt": at(480)}
    found = await asked(http, "/port", **sums, **window)
    assert [total for total, *_ in found["long"]["load"]["sum"]] == [3, 12, 9]


async def test_a_scope_that_was_taken_away_holds_no_more(http: httpx.AsyncClient) -> None:
    body = {"id": ferry("x"), "type": "Ferry", "scope": "/port", "load": 1}
    assert (await http.post("/entities", json=body)).status_code == 201
    then = {"timeproperty": "createdAt", "timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
    del_ = await http.delete(f"/entities/{ferry('x')}/attrs/scope")
    assert del_.status_code == 204
    await http.patch(f"/entities/{ferry('x')}/attrs", json={"load": 2})
    ask = {"type": "Ferry", "scopeQ": "/port", "attrs": "load", **then}
    (found,) = (await http.get("/temporal/entities", params=ask)).json()
    assert [i["value"] for i in found["load"]] == [1]
    now = f"{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    assert (await http.get("/temporal/entities", params={**ask, "timeAt": now})).json() == []


async def test_a_hidden_scope_cannot_be_asked_for(http: httpx.AsyncClient, api: Api) -> None:
    id = "urn:ngsi-ld:Barge:1"
    barge = {"id": id, "type": "Barge", "scope": [told("/port", -120)], "load": [told(1, 5)]}
    given = recording(read_evolution(barge, CORE_TERMS), upsert=True)
    await api.broker.apply([given], HARBOUR, Why("operations"))
    ask = {**WINDOW, "type": "Barge"}
    async with client(visited(api, OPERATOR)) as operator:
        assert len((await operator.get("/temporal/entities", params=ask)).json()) == 1
        hidden = await operator.get("/temporal/entities", params={**ask, "scopeQ": "/port"})
        assert hidden.json() == []


async def test_a_scope_that_holds_outlives_its_retention(http: httpx.AsyncClient, api: Api) -> None:
    body = {
        "id": ferry("old"),
        "type": "Ferry",
        "scope": [told("/sea", -120), told("/port", -60)],
        "load": [told(1, 5)],
    }
    assert (await http.post("/temporal/entities", json=body)).status_code == 201
    gone = datetime.now(UTC) + timedelta(days=1)
    assert await api.broker.store.forget(["Ferry"], gone, others=False) >= 1
    assert await asked(http, "/port") == {}
    later = {"load": [told(2, 50)]}
    assert (await http.post(f"/temporal/entities/{ferry('old')}/attrs", json=later)).is_success
    found = await asked(http, "/port")
    assert (loads(found), scopes(found["old"])) == ({"old": [2]}, ["/port"])
    assert await asked(http, "/sea", timeAt=at(-120)) == {}
