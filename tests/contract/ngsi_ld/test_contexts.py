"""Contexts that this server keeps: hosted, cached, made here (clauses 5.13, 6.29 and 6.30)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.core import CORE
from townsquare.context.shelf import MOST, lifetime
from townsquare.model.actor import ANYONE
from townsquare.model.errors import ContextNotAvailable, Invalid

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LD = "application/ld+json"
LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
WORDS = {"Bench": "https://words.example/Bench", "seats": "https://words.example/seats"}
THERE = "https://words.example/context.jsonld"


class Elsewhere:
    """Another server, with documents and with its bad days."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {THERE: {"@context": WORDS}}
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.down = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        await asyncio.sleep(0)
        if self.down:
            raise httpx.ConnectError("the line is cut")
        if str(request.url) not in self.documents:
            return httpx.Response(404)
        document = self.documents[str(request.url)]
        if isinstance(document, bytes):
            return httpx.Response(200, content=document)
        return httpx.Response(200, json=document, headers=self.headers)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def api(open_broker: OpenBroker, elsewhere: Elsewhere) -> AsyncIterator[Api]:
    mock = httpx.MockTransport(elsewhere)
    async with outgoing.Client(outgoing.LOOPBACK_ONLY, mock) as to_others:
        yield Api(open_broker(), to_others, "http://town.example")


async def hosted(http: httpx.AsyncClient, context: Any = WORDS, **headers: str) -> str:
    answer = await http.post("/jsonldContexts", json={"@context": context}, headers=headers)
    assert (answer.status_code, answer.content) == (201, b"")
    return answer.headers["location"].rsplit("/", 1)[1]


async def bench(http: httpx.AsyncClient, context: Any, id: str = "urn:x:1") -> httpx.Response:
    body = {"id": id, "type": "Bench", "seats": 4, "@context": context}
    return await http.post("/entities", json=body, headers={"content-type": LD})


async def test_a_hosted_context_is_served_and_understood(
    http: httpx.AsyncClient, elsewhere: Elsewhere
) -> None:
    id = await hosted(http)
    served = await http.get(f"/jsonldContexts/{id}")
    assert (served.json(), served.headers["content-type"]) == (
        {"@context": WORDS},
        "application/json",
    )
    assert (await bench(http, f"http://town.example/ngsi-ld/v1/jsonldContexts/{id}")).is_success
    found = (await http.get("/entities/urn:x:1")).json()
    assert found["type"] == WORDS["Bench"]
    assert elsewhere.asked == []


async def test_what_was_loaded_is_listed_counted_and_deleted(
    http: httpx.AsyncClient, elsewhere: Elsewhere
) -> None:
    await bench(http, [THERE, CORE])
    await bench(http, [THERE, CORE], "urn:x:2")
    assert elsewhere.asked == [THERE]
    assert (await http.get("/jsonldContexts?kind=Cached")).json() == [THERE]
    [told] = (await http.get("/jsonldContexts?kind=Cached&details=true")).json()
    assert (told["URL"], told["kind"], told["numberOfHits"]) == (THERE, "Cached", 2)
    assert told.keys() == {
        *("URL", "localId", "kind", "createdAt", "expiresAt", "lastUsage", "numberOfHits")
    }
    original = "/jsonldContexts/" + THERE.replace(":", "%3A").replace("/", "%2F")
    assert (await http.get(original, params={"details": "true"})).json()["URL"] == THERE
    assert (await http.get(original)).json()["type"] == ERRORS + "OperationNotSupported"
    assert (await http.delete(f"/jsonldContexts/{told['localId']}")).status_code == 204
    assert (await http.get(original)).status_code == 404
    await bench(http, THERE, "urn:x:3")
    assert elsewhere.asked == [THERE, THERE]


async def test_a_reload_brings_what_is_there_now_or_keeps_the_copy(
    http: httpx.AsyncClient, elsewhere: Elsewhere
) -> None:
    await bench(http, THERE)
    [told] = (await http.get("/jsonldContexts?details=true")).json()
    path = f"/jsonldContexts/{told['localId']}?reload=true"
    wrong: list[Any] = [{}, [], {"@context": {"Bench": {"@reverse": "https://x.example/y"}}}]
    for trouble in wrong:
        elsewhere.documents[THERE] = trouble
        answer = await http.delete(path)
        assert (answer.status_code, answer.json()["type"]) == (
            504,
            ERRORS + "LdContextNotAvailable",
        )
        assert len((await http.get("/jsonldContexts")).json()) == 1
    elsewhere.documents[THERE] = {"@context": {**WORDS, "seats": "https://words.example/places"}}
    assert (await http.delete(path)).status_code == 204
    await bench(http, THERE, "urn:x:2")
    assert "https://words.example/places" in (await http.get("/entities/urn:x:2")).json()


async def test_a_copy_outlives_its_original_and_a_restart(
    api: Api, http: httpx.AsyncClient, elsewhere: Elsewhere
) -> None:
    elsewhere.headers = {"cache-control": "max-age=120"}
    await bench(http, THERE)
    elsewhere.down = True
    later = datetime.now(UTC) + timedelta(days=40)
    api.broker.clock = lambda: later
    again = Api(api.broker, api.contexts.shelf.client, "http://town.example")
    async with client(visited(again)) as visitor:
        assert (await bench(visitor, THERE, "urn:x:2")).is_success
        assert (await bench(visitor, [THERE], "urn:x:3")).is_success
    assert elsewhere.asked == [THERE, THERE]


async def test_many_who_need_a_context_load_it_once(api: Api, elsewhere: Elsewhere) -> None:
    await asyncio.gather(*(api.contexts.terms([THERE, {"n": f"urn:{n}"}]) for n in range(20)))
    assert elsewhere.asked == [THERE]


async def test_a_context_without_an_address_is_given_one(api: Api, http: httpx.AsyncClient) -> None:
    context = [THERE, {"backrest": "https://words.example/backrest"}]
    terms = await api.contexts.addressed(await api.contexts.terms(context), "")
    assert (await http.get("/jsonldContexts?kind=ImplicitlyCreated")).json() == [terms.url]
    path = terms.url.removeprefix("http://town.example/ngsi-ld/v1")
    assert (await http.get(path)).json() == {"@context": context}
    again = await api.contexts.terms(terms.url)
    assert again.expand("backrest") == "https://words.example/backrest"
    for plain, url in ((THERE, THERE), ([THERE, CORE], THERE), ([CORE], CORE)):
        one = await api.contexts.addressed(await api.contexts.terms(plain), "")
        assert one.url == url


@pytest.mark.parametrize(
    ("body", "type"),
    [
        ({"Bench": "https://words.example/Bench"}, "InvalidRequest"),
        ([], "InvalidRequest"),
        ({"@context": 42}, "BadRequestData"),
        ({"@context": ["https://words.example/", 7]}, "BadRequestData"),
        ({"@context": {"a": {"@context": {}}}}, "BadRequestData"),
        ({"@context": "/relative"}, "BadRequestData"),
    ],
)
async def test_what_is_no_context_is_not_hosted(
    http: httpx.AsyncClient, body: Any, type: str
) -> None:
    answer = await http.post("/jsonldContexts", json=body)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + type)
    assert (await http.get("/jsonldContexts")).json() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "?kind=Other", 400),
        ("GET", "?details=perhaps", 400),
        ("GET", "/unknown", 404),
        ("GET", "/unknown?details=true", 404),
        ("DELETE", "/unknown", 404),
        ("DELETE", "/unknown?reload=true", 400),
        ("DELETE", "/unknown?reload=perhaps", 400),
        ("DELETE", "/{hosted}?reload=true", 400),
        ("DELETE", "/{core}", 400),
        ("DELETE", "/{core}?reload=true", 204),
        ("GET", "/{core}?details=true", 200),
        ("GET", "/{core}", 422),
    ],
)
async def test_what_can_be_done_with_which_context(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    core = CORE.replace("v1.9", "v1.6").replace("/", "%2F")
    path = path.format(hosted=await hosted(http), core=core)
    answer = await http.request(method, f"/jsonldContexts{path}")
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["type"] == ERRORS + "BadRequestData"


async def test_a_tenant_has_contexts_of_its_own(http: httpx.AsyncClient) -> None:
    id = await hosted(http, **{"NGSILD-Tenant": "north"})
    mine, theirs = ({"NGSILD-Tenant": name} for name in ("north", "south"))
    assert (await http.get(f"/jsonldContexts/{id}", headers=mine)).status_code == 200
    for method in ("GET", "DELETE"):
        answer = await http.request(method, f"/jsonldContexts/{id}", headers=theirs)
        assert answer.status_code == 404
    assert (await http.get("/jsonldContexts", headers=theirs)).json() == []


async def test_a_tenant_hosts_so_many_and_a_stranger_none(
    api: Api, http: httpx.AsyncClient
) -> None:
    async with client(visited(api, ANYONE, "public information")) as stranger:
        answer = await stranger.post("/jsonldContexts", json={"@context": WORDS})
        assert answer.status_code == 403
    for _ in range(MOST):
        await hosted(http)
    answer = await http.post("/jsonldContexts", json={"@context": WORDS})
    assert (answer.status_code, answer.json()["type"]) == (403, ERRORS + "TooComplexQuery")


async def test_copies_make_room_for_each_other(api: Api, elsewhere: Elsewhere) -> None:
    for n in range(MOST + 1):
        url = f"https://words.example/{n}"
        elsewhere.documents[url] = {"@context": WORDS}
        await api.contexts.terms(url)
    kept = [document.url for document in await api.contexts.shelf.listed("")]
    assert len(kept) == MOST
    assert "https://words.example/0" not in kept


@pytest.mark.parametrize(
    "url",
    [
        "https://words.example/none",
        "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v99.jsonld",
        "http://town.example/ngsi-ld/v1/jsonldContexts/urn:ngsi-ld:Context:none",
    ],
)
async def test_a_context_that_is_not_there_is_told_as_such(
    http: httpx.AsyncClient, url: str
) -> None:
    answer = await bench(http, url)
    assert (answer.status_code, answer.json()["type"]) == (504, ERRORS + "LdContextNotAvailable")


@pytest.mark.parametrize("document", [b"{ no json", {"note": "no context"}, [1]])
async def test_what_is_there_and_no_context_is_bad_data(
    http: httpx.AsyncClient, elsewhere: Elsewhere, document: Any
) -> None:
    elsewhere.documents["https://words.example/odd"] = document
    answer = await bench(http, "https://words.example/odd")
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


@pytest.mark.parametrize("version", ["-v1.3", "-v1.6", "-v1.9", ""])
async def test_core_contexts_are_known_without_asking(
    http: httpx.AsyncClient, elsewhere: Elsewhere, version: str
) -> None:
    url = f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld"
    assert (await bench(http, [url])).is_success
    found = await http.get("/entities?type=Bench", headers={"link": LINK.format(url)})
    assert found.json()[0]["type"] == "Bench"
    assert elsewhere.asked == []


async def test_a_context_of_endless_parts_is_refused(api: Api, elsewhere: Elsewhere) -> None:
    urls = [f"https://words.example/{n}" for n in range(40)]
    elsewhere.documents |= {url: {"@context": {}} for url in urls}
    with pytest.raises(Invalid, match="more than 32 documents"):
        await api.contexts.terms(urls)
    elsewhere.down = True
    with pytest.raises(ContextNotAvailable, match="line is cut"):
        await api.contexts.terms("https://words.example/other")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 86_400),
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": "max-age=600, s-maxage=900"}, 600),
        ({"cache-control": "no-store"}, 60),
        ({"cache-control": "max-age=0"}, 60),
        ({"cache-control": "max-age=999999999"}, 30 * 86_400),
        ({"expires": "Sat, 01 Jun 2030 13:00:00 GMT"}, 3600),
        ({"expires": "0"}, 60),
    ],
)
def test_a_copy_lasts_as_long_as_its_server_says(headers: dict[str, str], seconds: int) -> None:
    now = datetime(2030, 6, 1, 12, tzinfo=UTC)
    assert lifetime(httpx.Headers(headers), now).total_seconds() == seconds
