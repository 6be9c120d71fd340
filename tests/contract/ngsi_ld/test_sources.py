"""Context sources: who may register what, and who is led to it (clauses 5.9, 5.10 and 5.12)."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor
from townsquare.model.declaration import EntityType

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LD = "application/ld+json"
FERRY = "https://harbour.example/Ferry"
HARBOUR = {"Ferry": FERRY, "berth": "https://harbour.example/berth"}
BASE: dict[str, Any] = {
    "type": "ContextSourceRegistration",
    "endpoint": "https://harbour.example/broker",
    "information": [{"entities": [{"type": "Ferry"}]}],
}
ONE = {"id": "urn:x:Ferry:1", "type": "Ferry"}


async def registered(http: httpx.AsyncClient, **changes: Any) -> str:
    answer = await http.post("/csourceRegistrations", json={**BASE, **changes})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def about(*entities: dict[str, str], properties: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    part: dict[str, Any] = {"entities": list(entities)} if entities else {}
    return [part | ({"propertyNames": list(properties)} if properties else {})]


async def test_a_registration_comes_back_as_it_went_in(http: httpx.AsyncClient) -> None:
    given = {
        **BASE,
        "id": "urn:x:Harbour",
        "information": [
            {"entities": [{"type": ["Ferry", "Ship"], "idPattern": "^urn:x"}]},
            {"propertyNames": ["berth"], "relationshipNames": ["captain"]},
        ],
        "mode": "inclusive",
        "operations": ["retrieveOps", "queryBatch"],
        "expiresAt": "2040-01-01T00:00:00Z",
        "location": {"type": "Point", "coordinates": [8, 49]},
        "observationInterval": {"startAt": "2020-01-01T00:00:00Z"},
        "management": {"cacheDuration": "PT5M", "timeout": 300.0, "localOnly": True},
        "contextSourceInfo": [{"key": "Authorization", "value": "Bearer x"}],
        "scope": ["/harbour/north"],
        "tenant": "harbour",
        "contextSourceAlias": "harbour.example:443",
        "refreshRate": "PT1H",
        "owner": {"type": "Property", "value": "The harbour"},
    }
    answer = await http.post("/csourceRegistrations", json={**given, "status": "failed"})
    assert answer.status_code == 201
    found = await http.get("/csourceRegistrations/urn:x:Harbour")
    assert found.json() == given


async def test_names_are_told_in_the_askers_words(http: httpx.AsyncClient) -> None:
    body = {**BASE, "information": about({"type": "Ferry"}, properties=("berth",))}
    answer = await http.post(
        "/csourceRegistrations", json={**body, "@context": HARBOUR}, headers={"content-type": LD}
    )
    path = answer.headers["location"].removeprefix("/ngsi-ld/v1")
    [part] = (await http.get(path)).json()["information"]
    assert part == {"entities": [{"type": FERRY}], "propertyNames": [HARBOUR["berth"]]}
    found = await http.get("/csourceRegistrations", params={"type": FERRY})
    assert len(found.json()) == 1
    assert (await http.get("/csourceRegistrations?type=Ferry")).json() == []


async def test_a_change_replaces_members_and_null_takes_them_away(http: httpx.AsyncClient) -> None:
    id = await registered(http, expiresAt="2040-01-01T00:00:00Z", note="old", other=1)
    fragment = {"expiresAt": None, "endpoint": "https://new.example", "note": None}
    answer = await http.patch(f"/csourceRegistrations/{id}", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    found = (await http.get(f"/csourceRegistrations/{id}")).json()
    assert found == {**BASE, "id": id, "endpoint": "https://new.example", "other": 1}
    assert (await http.delete(f"/csourceRegistrations/{id}")).status_code == 204
    assert (await http.get(f"/csourceRegistrations/{id}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"type": "Source"}, "type must be"),
        ({"information": []}, "information"),
        ({"information": None}, "information"),
        ({"information": [{}]}, "needs entities or names"),
        ({"information": [{"entities": []}]}, "entities"),
        ({"information": [{"entities": [{"id": "urn:x:1"}]}]}, "type"),
        ({"information": about({"type": "Ferry", "id": "one"})}, "URI"),
        ({"information": about({"type": "Ferry", "idPattern": "["})}, "regular expression"),
        ({"information": about({"type": "a b"})}, "no name"),
        ({"endpoint": "harbour"}, "http"),
        ({"endpoint": "https://me:secret@harbour.example"}, "without a login"),
        ({"endpoint": "ftp://harbour.example"}, "http"),
        ({"mode": "some"}, "mode"),
        ({"operations": ["everything"]}, "no operation"),
        ({"operations": []}, "operations"),
        ({"mode": "auxiliary", "operations": ["federationOps"]}, "auxiliary"),
        ({"mode": "auxiliary", "operations": ["updateOps"]}, "auxiliary"),
        ({"mode": "exclusive"}, "exclusive"),
        ({"mode": "exclusive", "information": about(ONE)}, "exclusive"),
        ({"mode": "exclusive", "information": about({"type": "F"}, properties=("b",))}, "id"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "past"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"location": {"type": "Point", "coordinates": [999, 0]}}, "geometry"),
        ({"observationInterval": {"endAt": "2020-01-01T00:00:00Z"}}, "startAt"),
        (
            {
                "managementInterval": {
                    "startAt": "2021-01-01T00:00:00Z",
                    "endAt": "2020-01-01T00:00:00Z",
                }
            },
            "before startAt",
        ),
        ({"management": {"timeout": 0}}, "timeout"),
        ({"management": {"cacheDuration": "long"}}, "cacheDuration"),
        ({"contextSourceInfo": [{"key": "X", "value": 1}]}, "value"),
        ({"contextSourceInfo": [{"key": "X"}]}, "value"),
        ({"contextSourceInfo": [{"key": "X", "value": "a\r\nHost: b"}]}, "value"),
        ({"contextSourceInfo": [{"key": "accept", "value": "text/html"}]}, "accept"),
        ({"contextSourceInfo": [{"key": "jsonldContext", "value": "here"}]}, "http"),
        ({"contextSourceAlias": "a, b"}, "contextSourceAlias"),
        ({"datasetId": ["one"]}, "datasetId"),
        ({"id": "harbour"}, "URI"),
        ({"description": ""}, "description"),
    ],
)
async def test_a_wrong_registration_is_refused_with_the_reason(
    http: httpx.AsyncClient, changes: dict[str, Any], part: str
) -> None:
    answer = await http.post("/csourceRegistrations", json={**BASE, **changes})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert part in answer.json()["detail"]
    id = await registered(http)
    if "id" not in changes and changes != {"information": None}:
        answer = await http.patch(f"/csourceRegistrations/{id}", json=changes)
        assert answer.status_code == 400


EXCLUSIVE = {"mode": "exclusive", "information": about(ONE, properties=("berth",))}


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (EXCLUSIVE, EXCLUSIVE, 409),
        (EXCLUSIVE, {"mode": "redirect"}, 409),
        ({"mode": "redirect"}, EXCLUSIVE, 409),
        ({"mode": "redirect"}, {"mode": "redirect"}, 201),
        (EXCLUSIVE, {"mode": "inclusive"}, 201),
        (
            EXCLUSIVE,
            {"mode": "exclusive", "information": about(ONE, properties=("captain",))},
            201,
        ),
        (
            EXCLUSIVE,
            {
                "mode": "exclusive",
                "information": about(
                    {"id": "urn:x:Ferry:2", "type": "Ferry"}, properties=("berth",)
                ),
            },
            201,
        ),
        (EXCLUSIVE, {"mode": "redirect", "information": about(properties=("berth",))}, 409),
    ],
)
async def test_what_is_exclusive_is_nobody_elses(
    http: httpx.AsyncClient, first: dict[str, Any], second: dict[str, Any], status: int
) -> None:
    await registered(http, **first)
    answer = await http.post("/csourceRegistrations", json={**BASE, **second})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"mode": "redirect"}, 409),
        (EXCLUSIVE, 409),
        ({"mode": "redirect", "information": about({**ONE, "id": "urn:x:Ferry:2"})}, 201),
        ({"mode": "redirect", "information": about(properties=("berth",))}, 409),
        ({"mode": "exclusive", "information": about(ONE, properties=("captain",))}, 201),
        ({"mode": "inclusive"}, 201),
    ],
)
async def test_what_is_here_is_not_elsewhere(
    http: httpx.AsyncClient, changes: dict[str, Any], status: int
) -> None:
    assert (await http.post("/entities", json={**ONE, "berth": "A"})).status_code == 201
    answer = await http.post("/csourceRegistrations", json={**BASE, **changes})
    assert answer.status_code == status
    if status == 409:
        assert "urn:x:Ferry:1 is here" in answer.json()["detail"]


SINCE = {"type": "Ferry", "csf": "since>=2030-01-02T00:00:00Z"}
WHERE = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[8,49]"}


@pytest.mark.parametrize(
    ("changes", "asked", "found"),
    [
        ({}, {"type": "Ferry"}, True),
        ({}, {"type": "Ferry,Ship"}, True),
        ({}, {"type": "Ship"}, False),
        ({}, {"type": "Ferry", "idPattern": "x$"}, True),
        ({"information": about(ONE)}, {"type": "Ferry", "id": "urn:x:Ferry:1"}, True),
        ({"information": about(ONE)}, {"id": "urn:x:Ferry:2"}, False),
        ({"information": about(ONE)}, {"type": "Ferry", "idPattern": "1$"}, True),
        ({"information": about(ONE)}, {"type": "Ferry", "idPattern": "2$"}, False),
        ({"information": about(properties=("berth",))}, {"type": "Ship"}, True),
        ({"information": about(properties=("berth",))}, {"attrs": "captain"}, False),
        ({"information": about(properties=("berth",))}, {"q": "berth==1|captain"}, True),
        ({"information": about(properties=("berth",))}, {"pick": "berth,id"}, True),
        ({"datasetId": ["urn:d:1"]}, {"type": "Ferry", "datasetId": "urn:d:2"}, False),
        ({"datasetId": ["urn:d:1"]}, {"type": "Ferry", "datasetId": "urn:d:1"}, True),
        ({"location": {"type": "Point", "coordinates": [8.001, 49]}}, WHERE, True),
        ({"location": {"type": "Point", "coordinates": [9, 49]}}, WHERE, False),
        ({}, WHERE, False),
        ({"scope": "/harbour/north"}, {"type": "Ferry", "scopeQ": "/harbour/#"}, True),
        ({"scope": "/harbour/north"}, {"type": "Ferry", "scopeQ": "/station/#"}, False),
        ({"owner": "The harbour"}, {"type": "Ferry", "csf": 'owner=="The harbour"'}, True),
        ({"owner": "The harbour"}, {"type": "Ferry", "csf": 'owner=="The station"'}, False),
        ({"age": {"type": "Property", "value": 9}}, {"type": "Ferry", "csf": "age>8"}, True),
        ({}, {"type": "Ferry", "csf": 'endpoint~="harbour"'}, True),
        ({"since": "2030-01-01T00:00:00Z"}, SINCE, False),
        ({"since": "2030-01-02T00:00:00.5Z"}, SINCE, True),
        ({"since": "lately"}, SINCE, False),
        ({}, {"type": "Ferry", "csf": 'endpoint!~="harbour"'}, False),
        ({}, {"type": "Ferry", "timerel": "before", "timeAt": "2030-01-01T00:00:00Z"}, False),
    ],
)
async def test_a_question_leads_to_sources_that_may_know(
    http: httpx.AsyncClient, changes: dict[str, Any], asked: dict[str, str], found: bool
) -> None:
    id = await registered(http, **changes)
    answer = await http.get("/csourceRegistrations", params=asked)
    assert [one["id"] for one in answer.json()] == ([id] if found else [])


@pytest.mark.parametrize(
    ("interval", "asked", "found"),
    [
        ("observationInterval", {}, False),
        ("observationInterval", {"timerel": "before", "timeAt": "2022-01-01T00:00:00Z"}, True),
        ("observationInterval", {"timerel": "before", "timeAt": "2019-01-01T00:00:00Z"}, False),
        ("observationInterval", {"timerel": "after", "timeAt": "2022-01-01T00:00:00Z"}, False),
        (
            "observationInterval",
            {
                "timerel": "between",
                "timeAt": "2019-01-01T00:00:00Z",
                "endTimeAt": "2020-06-01T00:00:00Z",
            },
            True,
        ),
        (
            "managementInterval",
            {"timerel": "before", "timeAt": "2022-01-01T00:00:00Z", "timeproperty": "modifiedAt"},
            True,
        ),
        ("managementInterval", {"timerel": "before", "timeAt": "2022-01-01T00:00:00Z"}, False),
    ],
)
async def test_a_question_about_the_past_leads_to_who_has_it(
    http: httpx.AsyncClient, interval: str, asked: dict[str, str], found: bool
) -> None:
    times = {"startAt": "2020-01-01T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"}
    await registered(http, **{interval: times})
    answer = await http.get("/csourceRegistrations", params={"type": "Ferry", **asked})
    assert len(answer.json()) == found


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("", "too wide"),
        ("type=Ferry&nonsense=1", "unknown parameter"),
        ("id=one", "URI"),
        ("q=(a", ""),
        ("type=Ferry&csf=a>", ""),
        ("type=Ferry&timerel=before", "timeAt"),
        ("type=Ferry&timerel=then&timeAt=2020-01-01T00:00:00Z", "timerel"),
        ("georel=within", ""),
        ("type=Ferry&limit=0", "limit"),
    ],
)
async def test_a_wrong_question_is_refused(http: httpx.AsyncClient, query: str, part: str) -> None:
    answer = await http.get(f"/csourceRegistrations?{query}")
    assert answer.status_code == 400
    assert part in answer.json()["detail"]


async def test_pages_of_registrations(http: httpx.AsyncClient) -> None:
    ids = [await registered(http) for _ in range(3)]
    answer = await http.get("/csourceRegistrations?type=Ferry&limit=1&offset=1&count=true")
    assert [one["id"] for one in answer.json()] == [ids[1]]
    assert answer.headers["ngsild-results-count"] == "3"
    assert '?type=Ferry&limit=1&offset=0&count=true>; rel="prev"' in answer.headers["link"]
    assert '?type=Ferry&limit=1&offset=2&count=true>; rel="next"' in answer.headers["link"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/csourceRegistrations/harbour", 400),
        ("GET", "/csourceRegistrations/urn:x:none", 404),
        ("PATCH", "/csourceRegistrations/urn:x:none", 404),
        ("PATCH", "/csourceRegistrations/harbour", 400),
        ("PATCH", "/csourceRegistrations/", 405),
        ("DELETE", "/csourceRegistrations/urn:x:none", 404),
        ("DELETE", "/csourceRegistrations", 405),
    ],
)
async def test_what_is_not_registered(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    body = {"endpoint": "https://new.example"} if method == "PATCH" else None
    answer = await http.request(method, path, json=body)
    assert answer.status_code == status


async def test_a_registration_ends_by_itself(api: Api, http: httpx.AsyncClient) -> None:
    now = api.broker.clock()
    id = await registered(http, id="urn:x:Short", expiresAt=(now + timedelta(hours=1)).isoformat())
    again = {**BASE, "id": id}
    assert (await http.post("/csourceRegistrations", json=again)).status_code == 409
    api.broker.clock = lambda: now + timedelta(hours=2)
    assert (await http.get(f"/csourceRegistrations/{id}")).status_code == 404
    await api.registry.sweep()
    assert await api.broker.documents.listed("registration") == []
    assert (await http.post("/csourceRegistrations", json=again)).status_code == 201


async def test_registrations_outlive_the_server_and_are_each_tenants_own(
    api: Api, http: httpx.AsyncClient
) -> None:
    answer = await http.post("/csourceRegistrations", json=BASE, headers={"NGSILD-Tenant": "north"})
    path = answer.headers["location"].removeprefix("/ngsi-ld/v1")
    again = Api(api.broker, api.contexts.shelf.client)
    async with client(visited(again)) as visitor:
        assert (await visitor.get(path)).status_code == 404
        found = await visitor.get(path, headers={"NGSILD-Tenant": "north"})
    assert found.status_code == 200


async def test_who_may_not_write_registers_nothing_and_sees_no_keys(
    api: Api, http: httpx.AsyncClient
) -> None:
    info = [{"key": "Authorization", "value": "Bearer x"}]
    id = await registered(http, contextSourceInfo=info)
    officer = Actor("person:1", "person", roles=frozenset({"data-protection"}))
    async with client(visited(api, officer)) as reader:
        assert (await reader.post("/csourceRegistrations", json=BASE)).status_code == 403
        assert (await reader.delete(f"/csourceRegistrations/{id}")).status_code == 403
        found = (await reader.get(f"/csourceRegistrations/{id}")).json()
    assert found == {**BASE, "id": id}


async def test_a_type_of_the_house_is_no_sources(open_broker: OpenBroker) -> None:
    broker = open_broker(EntityType("Alert", owner="alerts", readers=frozenset()))
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others,
        client(visited(Api(broker, to_others))) as http,
    ):
        for mode in ("inclusive", "redirect"):
            body = {**BASE, "mode": mode, "information": about({"type": "Alert"})}
            answer = await http.post("/csourceRegistrations", json=body)
            assert answer.status_code == 403
            assert "room of the house" in answer.json()["detail"]


async def test_each_tenant_has_a_name_of_its_own_to_others(
    api: Api, http: httpx.AsyncClient
) -> None:
    told = (await http.get("/info/sourceIdentity")).json()
    assert (told["type"], told["contextSourceUptime"]) == ("ContextSourceIdentity", "PT0S")
    north = (await http.get("/info/sourceIdentity", headers={"NGSILD-Tenant": "north"})).json()
    assert north["contextSourceAlias"] != told["contextSourceAlias"]
