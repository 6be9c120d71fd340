"""What was told before is told again only where it is still so, and to nobody else."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from tests.contract.ngsi_ld.harbour import FERRY, ID, Harbour, registered
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.core import DEFAULT
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, Entity, Json
from townsquare.trust.policy import policy

WAYS = ("", "options=keyValues", "options=concise", "options=sysAttrs", "omit=captain")
CLERK = Actor("person:clerk", "person", roles=frozenset({"engineer"}))
ROOM = Actor("room:register", "room", roles=frozenset({"room"}), room="register")
VAULT = EntityType("Vault", "register", frozenset({"engineer"}), secret=frozenset({"code"}))
SAFE = EntityType("Safe", "register", frozenset({"operator"}))
WORDS = "https://words.example/context.jsonld"
LINK = f'<{WORDS}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


@pytest.fixture
async def api(open_broker: OpenBroker, store_url: str, harbour: Harbour) -> AsyncIterator[Api]:
    mock = httpx.MockTransport(harbour)
    async with outgoing.Client(outgoing.LOOPBACK_ONLY, mock) as to_others:
        yield Api(open_broker(VAULT, SAFE, url=store_url), to_others)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def told(
    http: httpx.AsyncClient, way: str = "", type: str = "Ferry", id: str = ID, **headers: str
) -> Json:
    """The same from both doors, however often one asks; None where there is nothing."""
    seen = []
    for _ in range(2):
        one = await http.get(f"/entities/{id}?{way}", headers=headers)
        many = await http.get(f"/entities?type={type}&id={id}&{way}", headers=headers)
        seen.append(one.json() if one.status_code == 200 else None)
        seen.append(next(iter(many.json()), None) if many.status_code == 200 else None)
    assert all(one == seen[0] for one in seen)
    return seen[0]


async def made(
    http: httpx.AsyncClient, headers: Mapping[str, str] | None = None, **more: Any
) -> None:
    answer = await http.post("/entities", json={**FERRY, **more}, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_a_change_is_told(http: httpx.AsyncClient, way: str) -> None:
    await made(http)
    before = await told(http, way)
    body = {"berth": {"type": "Property", "value": "B"}}
    assert (await http.patch(f"/entities/{ID}/attrs", json=body)).status_code == 204
    after = await told(http, way)
    assert (before["berth"] == after["berth"]) is False
    assert before.keys() == after.keys()


async def test_what_is_gone_is_not_told_and_what_is_made_again_is_new(
    http: httpx.AsyncClient, way: str
) -> None:
    for berth in ("A", "B"):
        await made(http, berth=berth)
        assert f"'{berth}'" in str(await told(http, way))
        assert (await http.delete(f"/entities/{ID}")).status_code == 204
        assert await told(http, way) is None


async def test_what_ends_is_told_no_more(api: Api, http: httpx.AsyncClient, way: str) -> None:
    now = datetime(2030, 6, 1, 12, tzinfo=UTC)
    api.broker.clock = lambda: now
    await made(http, wind={"value": 3, "expiresAt": "2030-06-01T12:00:05Z"})
    assert "wind" in await told(http, way)
    now += timedelta(seconds=5)
    assert "wind" not in await told(http, way)


async def test_a_tenant_is_told_of_its_own(http: httpx.AsyncClient, way: str) -> None:
    for tenant in ("north", "south"):
        await made(http, {"NGSILD-Tenant": tenant}, berth=tenant)
    for tenant in ("north", "south", "north"):
        assert tenant in str(await told(http, way, **{"NGSILD-Tenant": tenant}))
    assert await told(http, way) is None


async def test_each_is_told_what_is_open_to_them(api: Api) -> None:
    entities = [
        Entity("urn:x:V:1", ("Vault",), {"size": (Attribute(1),), "code": (Attribute(2),)}),
        Entity("urn:x:V:2", ("Vault",), {"size": (Attribute(1),)}, scope=(LIVE,)),
        Entity("urn:x:S:1", ("Safe",), {"gold": (Attribute(1),), "rust": (Attribute(2),)}),
    ]
    await api.broker.apply([Change("create", e) for e in entities], ROOM, Why("operations"))
    colleague = Actor("person:other", "person", roles=frozenset({"engineer"}))
    expected: Mapping[str, tuple[Json, Json]] = {
        "urn:x:V:1": ({"size": 1, "code": 2}, {"size": 1}),
        "urn:x:V:2": ({"size": 1}, None),
        "urn:x:S:1": ({"gold": 1, "rust": 2}, None),
    }
    async with (
        client(visited(api, ROOM)) as room,
        client(visited(api, CLERK)) as clerk,
        client(visited(api, colleague)) as other,
    ):
        for who in (room, clerk, other, room, clerk):
            for id, seen in expected.items():
                type = "Safe" if ":S:" in id else "Vault"
                entity = await told(who, "options=keyValues&omit=id,type,scope", type, id)
                assert entity == seen[who is not room]


async def test_a_policy_that_is_changed_hides_what_was_told(api: Api) -> None:
    given = {"size": (Attribute(1),), "spot": (Attribute(2),)}
    change = Change("create", Entity("urn:x:V:1", ("Vault",), given))
    await api.broker.apply([change], ROOM, Why("operations"))
    async with client(visited(api, CLERK)) as clerk:
        assert "spot" in await told(clerk, "", "Vault", "urn:x:V:1")
        api.broker.adopt(policy([replace(VAULT, secret=frozenset({"spot"}))]))
        assert (await told(clerk, "", "Vault", "urn:x:V:1")).keys() == {"id", "type", "size"}


async def test_a_context_that_was_loaded_anew_gives_the_words(
    http: httpx.AsyncClient, harbour: Harbour, way: str
) -> None:
    await made(http)
    path = "GET /context.jsonld"
    for word in ("mooring", "place"):
        harbour.answers[path] = (200, {"@context": {word: f"{DEFAULT}berth"}})
        [listed] = (await http.get("/jsonldContexts?details=true")).json() or [None]
        if listed:
            answer = await http.delete(f"/jsonldContexts/{listed['localId']}?reload=true")
            assert answer.status_code == 204
        assert word in await told(http, way, Link=LINK)
    assert "berth" in await told(http, way)


async def test_a_source_that_registers_is_asked_and_its_answer_not_remembered(
    http: httpx.AsyncClient, harbour: Harbour
) -> None:
    await made(http, captain="Ada")
    assert (await told(http, "options=keyValues"))["berth"] == "A"
    source = await registered(http, mode="inclusive", operations=["retrieveOps"])
    for hour in (1, 2):
        seen = {"type": "Property", "value": hour, "observedAt": f"2040-01-01T0{hour}:00:00Z"}
        body = {"id": ID, "type": "Ferry", "berth": seen}
        harbour.answers[f"GET /ngsi-ld/v1/entities/{ID}"] = (200, body)
        harbour.answers["GET /ngsi-ld/v1/entities"] = (200, [body])
        assert (await told(http, "options=keyValues"))["berth"] == hour
    assert (await http.delete(f"/csourceRegistrations/{source}")).status_code == 204
    assert (await told(http, "options=keyValues"))["berth"] == "A"
