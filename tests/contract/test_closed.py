"""A closed town refuses everybody the same, whatever they ask for, but emergency access."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.conftest import client, visited
from townsquare.context.api.app import Api
from townsquare.model.actor import ANYONE, Actor
from townsquare.model.town import Town
from townsquare.web.closed import Closed
from townsquare.web.pages import Pages

WHY_NOT = "nobody has agreed to the policy"
OPERATOR = Actor("urn:o", "person", "Town", frozenset({"operator"}))
MACHINE = Actor("urn:m", "machine", "Bus", frozenset({"integrator"}))
BOTH = Actor("urn:b", "person", "Town", frozenset({"break-glass"}))
CONTEXT = {"@context": {"level": "https://example.org/level"}}
SUBSCRIPTION = {
    "id": "urn:ngsi-ld:Subscription:s",
    "type": "Subscription",
    "entities": [{"type": "Bin"}],
    "notification": {"endpoint": {"uri": "http://127.0.0.1:9/"}},
}
# A door of each kind; one of those that no grant guards stands first.
DOORS = (
    ("GET", "types"),
    ("GET", "attributes"),
    ("GET", "subscriptions"),
    ("GET", "subscriptions/urn:ngsi-ld:Subscription:s"),
    ("DELETE", "subscriptions/urn:ngsi-ld:Subscription:s"),
    ("GET", "jsonldContexts"),
    ("GET", "csourceRegistrations"),
    ("GET", "csourceSubscriptions"),
    ("GET", "snapshots"),
    ("GET", "info/sourceIdentity"),
    ("GET", "entities?type=Bin"),
    ("GET", "entities/urn:ngsi-ld:Bin:1"),
    ("GET", "temporal/entities?type=Bin"),
    ("GET", "there/is/no/such/door"),
    ("POST", "entityOperations/query"),
)


@asynccontextmanager
async def with_documents(api: Api, by: Actor) -> AsyncIterator[httpx.AsyncClient]:
    """Their own subscription and context lie there when the town closes."""
    why = "integration" if by is MACHINE else "operations"
    async with client(visited(api, by, why)) as visitor:
        await visitor.post("/subscriptions", json=SUBSCRIPTION)
        await visitor.post("/jsonldContexts", json=CONTEXT)
        api.broker.shut("test", WHY_NOT)
        yield visitor


@pytest.mark.parametrize("by", [OPERATOR, MACHINE], ids=["person", "machine"])
async def test_every_door_of_the_broker_refuses_the_same(api: Api, by: Actor) -> None:
    async with with_documents(api, by) as visitor:
        answers = {}
        for method, path in DOORS:
            answer = await visitor.request(method, f"/{path}", content=b"")
            answers[method, path] = (answer.status_code, answer.json().get("detail"))
    assert answers == dict.fromkeys(DOORS, (403, WHY_NOT))


async def test_strangers_are_refused_too_and_emergency_access_is_not(api: Api) -> None:
    api.broker.shut("test", WHY_NOT)
    for why, by, status in (("public information", ANYONE, 403), ("operations", BOTH, 200)):
        async with client(visited(api, by, why)) as visitor:
            assert (await visitor.get("/types")).status_code == status


async def test_it_opens_as_it_was(api: Api) -> None:
    async with with_documents(api, OPERATOR) as visitor:
        api.broker.shut("test", "")
        (kept,) = (await visitor.get("/subscriptions")).json()
    assert kept["id"] == SUBSCRIPTION["id"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *[
            (path, 200)
            for path in ("/healthz", "/doctor", "/policy", "/policy/versions", "/figures")
        ],
        *[(path, 200) for path in ("/log/checkpoint", "/log/tile/0/000", "/static/a.css")],
        *[(path, 200) for path in ("/signin", "/session", "/emergency/options", "/enrol")],
        *[(path, 403) for path in ("/", "/account", "/account/passkeys", "/accounts")],
        *[(path, 403) for path in ("/control", "/control/events", "/who-looked", "/approvals")],
        *[(path, 403) for path in ("/commands/tokens", "/anything", "/healthzz", "/policyx")],
        *[(path, 403) for path in ("/vision/cameras/a/preview.jpg", "/open-data/counts.csv")],
    ],
)
async def test_of_the_pages_those_stay_that_say_how_the_town_stands(
    api: Api, path: str, status: int
) -> None:
    api.broker.shut("test", WHY_NOT)
    page = PlainTextResponse("a page")
    gate = Closed(page, api.broker, Pages(Town(), demo=False))
    for by, expected in ((ANYONE, status), (OPERATOR, status), (BOTH, 200)):
        async with client(visited(gate, by)) as visitor:
            answer = await visitor.get(f"http://t{path}")
        assert answer.status_code == expected
        assert (WHY_NOT in answer.text) is (expected == 403)
