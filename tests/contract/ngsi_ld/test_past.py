"""The past is asked: retrieve and query, in every form (clauses 4.5.6 to 4.5.9, 4.5.19, 5.7.3,
5.7.4), of every store.
"""

from collections.abc import AsyncIterator
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

POND, LAKE = "urn:ngsi-ld:Pond:1", "urn:ngsi-ld:Pond:2"
ALWAYS = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
NEAR = {
    "georel": "near;maxDistance==2000",
    "geometry": "Point",
    "coordinates": "[17.1,48.1]",
}


def at(minute: int, hour: int = 12) -> str:
    return f"2020-06-01T{hour:02}:{minute:02}:00Z"


def told(value: Any, minute: int, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(minute), **members}


def owned_by(id: str, minute: int) -> dict[str, Any]:
    return {"type": "Relationship", "object": id, "observedAt": at(minute)}


def place(lon: float, lat: float, minute: int) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "GeoProperty", "value": point, "observedAt": at(minute)}


@pytest.fixture
async def past(open_broker: OpenBroker, past_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(url=past_url), to_others)
        async with client(visited(api)) as http:
            yield http


async def record(http: httpx.AsyncClient, id: str = POND, **attributes: Any) -> None:
    body = {"id": id, "type": "Pond", **attributes}
    assert (await http.post("/temporal/entities", json=body)).status_code in (201, 204)


async def get(http: httpx.AsyncClient, id: str = POND, **parameters: str) -> Any:
    answer = await http.get(f"/temporal/entities/{id}", params=parameters)
    return answer.json() if answer.status_code < 400 else answer.status_code


async def ids(http: httpx.AsyncClient, **parameters: str) -> list[str]:
    answer = await http.get("/temporal/entities", params=ALWAYS | {"type": "Pond"} | parameters)
    assert answer.status_code == 200, answer.text
    return [entity["id"] for entity in answer.json()]


def values(entity: Any, name: str = "depth") -> list[Any]:
    return [i["value"] for i in entity.get(name, [])]


@pytest.mark.parametrize(
    ("timerel", "since", "until", "found"),
    [
        ("after", 2, None, [2, 3]),
        ("before", 2, None, [1]),
        ("between", 1, 3, [1, 2]),
        ("between", 2, 3, [2]),
    ],
)
async def test_the_first_moment_belongs_to_a_time_and_the_last_does_not(
    past: httpx.AsyncClient, timerel: str, since: int, until: int | None, found: list[int]
) -> None:
    await record(past, depth=[told(n, n) for n in (1, 2, 3)])
    asked = {"timerel": timerel, "timeAt": at(since)} | ({"endTimeAt": at(until)} if until else {})
    assert values(await get(past, **asked)) == found
    fraction = {name: time.replace("00Z", "00.000Z") for name, time in asked.items()}
    assert values(await get(past, **fraction)) == found


async def test_the_last_are_of_each_attribute(past: httpx.AsyncClient) -> None:
    await record(past, depth=[told(n, n) for n in range(5)], heat=[told(n, n) for n in range(3)])
    found = await get(past, lastN="2")
    assert (values(found), values(found, "heat")) == ([3, 4], [1, 2])


async def test_what_has_no_such_time_is_not_in_it(past: httpx.AsyncClient) -> None:
    await past.post("/entities", json={"id": POND, "type": "Pond", "depth": 4})
    assert values(await get(past)) == [4]
    assert await get(past, **ALWAYS) == 404
    assert await get(past, timeproperty="observedAt") == 404
    assert values(await get(past, **ALWAYS, timeproperty="createdAt")) == [4]
    assert values(await get(past, **ALWAYS, timeproperty="modifiedAt")) == [4]
    assert await ids(past) == []
    assert await ids(past, timeproperty="createdAt") == [POND]


@pytest.mark.parametrize(
    ("attribute", "member", "ended"),
    [
        ({"type": "Property", "value": 1}, "value", "urn:ngsi-ld:null"),
        ({"type": "Relationship", "object": "urn:x:y"}, "object", "urn:ngsi-ld:null"),
        (
            {"type": "LanguageProperty", "languageMap": {"en": "a"}},
            "languageMap",
            {"@none": "urn:ngsi-ld:null"},
        ),
    ],
)
async def test_an_attribute_that_ended_says_when(
    past: httpx.AsyncClient, attribute: dict[str, Any], member: str, ended: Any
) -> None:
    await record(past, owner=[{**attribute, "observedAt": at(1)}], depth=[told(1, 1)])
    assert (await past.delete(f"/entities/{POND}/attrs/owner")).status_code == 204
    found = await get(past, timeproperty="deletedAt")
    assert set(found) == {"id", "type", "owner"}
    (instance,) = found["owner"]
    assert instance[member] == ended
    assert set(instance) == {"type", member, "instanceId", "deletedAt"}
    pairs = await get(past, timeproperty="deletedAt", format="temporalValues")
    ((value, when),) = pairs["owner"][f"{member}s"]
    assert value == ({member: ended} if member == "languageMap" else ended)
    assert when == instance["deletedAt"]
    assert len((await get(past))["owner"]) == 2


async def test_a_scope_that_ended_is_empty(past: httpx.AsyncClient) -> None:
    await record(past, depth=[told(1, 1)], scope=["/north", "/wet"])
    assert (await past.delete(f"/entities/{POND}/attrs/scope")).status_code == 204
    (ended,) = (await get(past, timeproperty="deletedAt"))["scope"]
    assert (ended["type"], ended["value"]) == ("Property", [])


async def test_values_with_their_times(past: httpx.AsyncClient) -> None:
    other = {"datasetId": "urn:sonar"}
    await record(
        past,
        depth=[told(1, 1), told(2, 2), told(7, 2, **other)],
        tags=[{"type": "ListProperty", "valueList": [1, 2], "observedAt": at(1)}],
        name=[{"type": "LanguageProperty", "languageMap": {"en": "a"}, "observedAt": at(1)}],
    )
    found = await get(past, options="temporalValues")
    assert found["depth"] == [
        {"type": "Property", "values": [[1, at(1)], [2, at(2)]]},
        {"type": "Property", "datasetId": "urn:sonar", "values": [[7, at(2)]]},
    ]
    assert found["tags"] == {"type": "ListProperty", "valueLists": [[[1, 2], at(1)]]}
    assert found["name"]["languageMaps"] == [[{"languageMap": {"en": "a"}}, at(1)]]
    one = await get(past, format="temporalValues", datasetId="@none", pick="depth")
    assert one == {"depth": {"type": "Property", "values": [[1, at(1)], [2, at(2)]]}}


async def test_concise_and_a_language(past: httpx.AsyncClient) -> None:
    names = {"type": "LanguageProperty", "languageMap": {"en": "pond", "sk": "rybník"}}
    await record(past, name=[{**names, "observedAt": at(1)}], depth=[told(1, 1)])
    found = await get(past, lang="sk", format="concise")
    name, depth = found["name"][0], found["depth"][0]
    assert {**name, "instanceId": ""} == {
        "value": "rybník",
        "lang": "sk",
        "observedAt": at(1),
        "instanceId": "",
    }
    assert {**depth, "instanceId": ""} == {"value": 1, "observedAt": at(1), "instanceId": ""}


AGGREGATES = [
    ("totalCount", "PT1H", [[3, 0, 1], [1, 1, 2]]),
    ("distinctCount", "PT1H", [[2, 0, 1], [1, 1, 2]]),
    ("sum", "PT1H", [[8.0, 0, 1], [5.0, 1, 2]]),
    ("avg", "PT2H", [[3.25, 0, 2]]),
    ("min", "P1D", [[2.0, 0, 24]]),
    ("max", "P1W", [[5.0, 0, 168]]),
    ("sumsq", "PT1H", [[24.0, 0, 1], [25.0, 1, 2]]),
    ("stddev", "PT1H", [[0.9428, 0, 1], [0.0, 1, 2]]),
]


@pytest.mark.parametrize(("method", "period", "expected"), AGGREGATES)
@pytest.mark.parametrize("rolled", [False, True])
async def test_aggregates(
    open_broker: OpenBroker,
    past_url: str,
    method: str,
    period: str,
    expected: list[list[Any]],
    rolled: bool,
) -> None:
    broker = open_broker(url=past_url)
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others,
        client(visited(Api(broker, to_others))) as http,
    ):
        depth = [told(2, 1), told(2, 2, unitCode="MTR"), told(4, 3)]
        later = [told(5, 0) | {"observedAt": at(10, 13)}]
        await record(http, depth=depth + later)
        if rolled:
            await broker.store.roll_up(broker.clock())
        found = await get(
            http,
            format="aggregatedValues",
            aggrMethods=method,
            aggrPeriodDuration=period,
            timerel="after",
            timeAt=at(0),
        )
    assert set(found["depth"]) == {"type", method}
    hours = {0: at(0), 1: at(0, 13), 2: at(0, 14), 24: "2020-06-02T12:00:00Z"}
    hours[168] = "2020-06-08T12:00:00Z"
    assert [v[1:] for v in found["depth"][method]] == [[hours[a], hours[b]] for _, a, b in expected]
    assert [round(v[0], 4) for v in found["depth"][method]] == [v for v, *_ in expected]


async def test_aggregates_of_what_is_no_number(past: httpx.AsyncClient) -> None:
    await record(
        past,
        name=[told("b", 1), told("a", 2)],
        wet=[told(True, 1), told(False, 2)],
        tags=[told([1, 2, 3], 1), told([], 2)],
        owner=[
            {"type": "Relationship", "object": f"urn:x:{n}", "observedAt": at(n)} for n in (1, 2)
        ],
    )
    found = await get(
        past, options="aggregatedValues", aggrMethods="totalCount,distinctCount,min,max,avg,sum"
    )
    told_of = {
        name: {method: pairs[0][0] for method, pairs in of.items() if method != "type" and pairs}
        for name, of in found.items()
        if name not in ("id", "type")
    }
    assert told_of == {
        "name": {"totalCount": 2, "distinctCount": 2, "min": "a", "max": "b"},
        "wet": {"totalCount": 2, "distinctCount": 2, "min": 0, "max": 1, "avg": 0.5, "sum": 1},
        "tags": {"totalCount": 2, "distinctCount": 2, "min": 0, "max": 3, "avg": 1.5, "sum": 3},
        "owner": {"totalCount": 2, "distinctCount": 2},
    }
    assert found["owner"]["type"] == "Relationship"
    assert found["name"]["min"] == [["a", at(1), at(2)]], "all of the time, from first to last"
    unfit = await past.get(
        f"/temporal/entities/{POND}",
        params={"format": "aggregatedValues", "aggrMethods": "avg", "attrs": "name"},
    )
    assert unfit.status_code == 400
    assert unfit.json()["type"].endswith("InvalidRequest")


async def test_a_long_past_comes_in_parts(past: httpx.AsyncClient) -> None:
    minutes = range(20)
    await record(past, depth=[told(n, n) for n in minutes], heat=[told(-n, n) for n in minutes])
    first = await past.get(f"/temporal/entities/{POND}")
    assert first.status_code == 206
    assert first.headers["content-range"] == f"date-time {at(0)}-{at(14)}/*"
    assert (values(first.json()), len(first.json()["heat"])) == ([*range(15)], 15)
    rest = await past.get(
        f"/temporal/entities/{POND}", params={"timerel": "after", "timeAt": at(15)}
    )
    assert (rest.status_code, values(rest.json())) == (200, [15, 16, 17, 18, 19])
    last = await past.get(
        f"/temporal/entities/{POND}",
        params={"timerel": "before", "timeAt": at(30), "lastN": "20"},
    )
    assert last.headers["content-range"] == f"date-time {at(30)}-{at(5)}/20"
    assert values(last.json()) == [*range(5, 20)]
    short = await past.get(f"/temporal/entities/{POND}", params={"lastN": "10"})
    assert (short.status_code, len(values(short.json()))) == (200, 10)


async def test_an_attribute_of_another_part_is_there_and_empty(past: httpx.AsyncClient) -> None:
    early = [told(n, n) for n in range(40)]
    late = [told(n, 0) | {"observedAt": at(n, 15)} for n in range(40)]
    await record(past, depth=early, heat=late)
    found = await get(past, **ALWAYS)
    assert (len(found["depth"]), found["heat"]) == (30, [])
    pairs = await get(past, **ALWAYS, lastN="40", format="temporalValues")
    assert (len(pairs["heat"]["values"]), pairs["depth"]["values"]) == (30, [])


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("depth>25", [POND]),
        ("depth>85", []),
        ("depth==10..35", [POND, LAKE]),
        ("depth!=10", [POND]),
        ("depth>=5;heat<90", [POND]),
        ("depth>25|heat>100", [POND, LAKE]),
        ('name~="^m"', [LAKE]),
        ('name!="m"', []),
        ("heat", [POND, LAKE]),
        ("unknown", []),
        ("depth.observedAt>2020-06-01T12:01:30Z", [LAKE]),
        ('depth.createdAt>2021-01-01T00:00:00Z;name=="m"', [LAKE]),
        ("depth.modifiedAt<2021-01-01T00:00:00Z", []),
        ("depth.modifiedAt", [POND, LAKE]),
        ("depth.deletedAt", []),
    ],
)
async def test_q_is_asked_of_what_was_in_that_time(
    past: httpx.AsyncClient, q: str, found: list[str]
) -> None:
    outside = told(90, 50)
    await record(past, depth=[told(30, 1), outside], heat=[told(45, 1)])
    await record(past, LAKE, depth=[told(10, 2), outside], heat=[told(170, 1)], name=[told("m", 1)])
    window = {"timerel": "between", "timeAt": at(0), "endTimeAt": at(30)}
    answer = await past.get("/temporal/entities", params={"type": "Pond", "q": q, **window})
    assert [entity["id"] for entity in answer.json()] == found
    assert all(90 not in values(entity) for entity in answer.json())


async def test_places_are_those_of_that_time(past: httpx.AsyncClient) -> None:
    await record(past, location=[place(17.1, 48.1, 1), place(10, 40, 50)])
    await record(past, LAKE, location=[place(10, 40, 1), place(17.1, 48.1, 50)])
    assert await ids(past, **NEAR) == [POND, LAKE]
    early = {"timerel": "before", "timeAt": at(30)}
    assert await ids(past, **NEAR, **early) == [POND]
    assert await ids(past, **NEAR, geoproperty="observationSpace") == []


async def test_entities_are_counted_paged_and_ordered(past: httpx.AsyncClient) -> None:
    await record(past, LAKE, depth=[told(1, 1)])
    await record(past, depth=[told(1, 1)])
    assert await ids(past, orderBy="id") == [POND, LAKE]
    assert await ids(past, orderBy="id;desc") == [LAKE, POND]
    asked = ALWAYS | {"type": "Pond", "limit": "1", "count": "true", "orderBy": "id"}
    first = await past.get("/temporal/entities", params=asked)
    assert [e["id"] for e in first.json()] == [POND]
    assert first.headers["ngsild-results-count"] == "2"
    assert 'rel="next"' in first.headers["link"]
    assert await ids(past, limit="1", offset="1", orderBy="id") == [LAKE]
    assert await ids(past, limit="1", offset="2") == []


async def test_asking_by_post_means_the_same(past: httpx.AsyncClient) -> None:
    await record(past, depth=[told(n, n) for n in (1, 2, 3)])
    body: dict[str, Any] = {
        "type": "Query",
        "entities": [{"type": "Pond"}, {"type": "Well"}],
        "temporalQ": {"timerel": "after", "timeAt": at(2), "lastN": 1},
        "q": "depth>1",
    }
    answer = await past.post("/temporal/entityOperations/query", json=body)
    assert [values(e) for e in answer.json()] == [[3]]
    body["aggrParams"] = {"aggrMethods": ["sum"], "aggrPeriodDuration": "PT0S"}
    summed = await past.post("/temporal/entityOperations/query", json=body)
    assert summed.json()[0]["depth"]["sum"] == [[5.0, at(2), at(3)]]
    for name, value in (("lastN", 2.5), ("lastN", 0), ("timerel", "during"), ("timeproperty", "x")):
        bad = body | {"temporalQ": body["temporalQ"] | {name: value}}
        refused = await past.post("/temporal/entityOperations/query", json=bad)
        assert refused.status_code == 400
        assert refused.json()["type"].endswith("BadRequestData")


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"timerel": "after"}, "BadRequestData"),
        ({"timerel": "between", "timeAt": at(1)}, "BadRequestData"),
        ({"timerel": "during", "timeAt": at(1)}, "BadRequestData"),
        ({"timerel": "after", "timeAt": "2020-06-01"}, "BadRequestData"),
        ({"timeAt": at(1)}, "BadRequestData"),
        ({"timeproperty": "expiresAt"}, "BadRequestData"),
        ({"lastN": "0"}, "BadRequestData"),
        ({"pick": "depth", "omit": "depth"}, "BadRequestData"),
        ({"pick": "depth", "attrs": "heat"}, "BadRequestData"),
        ({"pick": "owner{name}"}, "BadRequestData"),
        ({"format": "tabular"}, "InvalidRequest"),
        ({"options": "temporalValues,other"}, "InvalidRequest"),
        ({"format": "aggregatedValues"}, "BadRequestData"),
        ({"format": "aggregatedValues", "aggrMethods": "median"}, "BadRequestData"),
        (
            {"format": "aggregatedValues", "aggrMethods": "sum", "aggrPeriodDuration": "1 h"},
            "BadRequestData",
        ),
        ({"weather": "wet"}, "InvalidRequest"),
    ],
)
async def test_what_is_asked_wrongly(
    past: httpx.AsyncClient, parameters: dict[str, str], kind: str
) -> None:
    await record(past, depth=[told(1, 1)])
    answer = await past.get(f"/temporal/entities/{POND}", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(kind)


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "Pond"},
        ALWAYS,
        ALWAYS | {"id": POND},
        ALWAYS | {"attrs": "createdAt"},
        ALWAYS | {"type": "Pond", "id": "not a uri"},
        ALWAYS | {"type": "Pond", "orderBy": "depth"},
        ALWAYS | {"type": "Pond", "q": 'owner{name}=="x"'},
    ],
)
async def test_a_query_without_what_it_needs(
    past: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    answer = await past.get("/temporal/entities", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequestData")


async def test_too_many_periods(past: httpx.AsyncClient) -> None:
    await record(past, depth=[told(1, 1), told(1, 1) | {"observedAt": "2021-06-01T12:00:00Z"}])
    asked = {"format": "aggregatedValues", "aggrMethods": "sum", "aggrPeriodDuration": "PT1S"}
    assert await get(past, **asked) == 403


COUNT = EntityType("Count", "vision", frozenset({"engineer"}), secret=frozenset({"note"}))


async def test_what_is_hidden_was_never_there(open_broker: OpenBroker, past_url: str) -> None:
    broker = open_broker(COUNT, url=past_url)
    evolution = {
        "people": [told(4, 1)],
        "note": [told("loud", 2), told("quiet", 3)],
    }
    count = {"id": "urn:ngsi-ld:Count:1", "type": "Count", **evolution}
    given = recording(read_evolution(count, CORE_TERMS), upsert=True)
    await broker.apply([given], room("vision"), Why("operations"))
    engineer = Actor("person:e", "person", roles=frozenset({"engineer"}))
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(broker, to_others)
        async with client(visited(api, engineer)) as http:
            path = f"/temporal/entities/{count['id']}"
            seen = await http.get(path)
            assert set(seen.json()) == {"id", "type", "people"}
            sums = {"format": "aggregatedValues", "aggrMethods": "totalCount"}
            assert set((await http.get(path, params=sums)).json()) == {"id", "type", "people"}
            for asked in ({"q": 'note=="loud"'}, {"attrs": "note"}, {"pick": "note"}):
                params = ALWAYS | {"type": "Count"} | asked
                assert (await http.get("/temporal/entities", params=params)).json() == []
            assert (await http.get(path, params={"pick": "note"})).status_code == 404
            late = {"type": "Count", "timerel": "after", "timeAt": at(2)}
            assert (await http.get("/temporal/entities", params=late)).json() == []
