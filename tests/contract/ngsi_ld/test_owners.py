"""What somebody leaves standing is theirs: nobody else changes it, and it acts while they may."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.conftest import Visit
from tests.contract.ngsi_ld.harbour import ID, Harbour, registered
from tests.contract.ngsi_ld.receiver import Receiver, telling
from tests.contract.ngsi_ld.subscriber import Subscriber, made, merged, silent
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.owners import ENDED, Owners
from townsquare.model.actor import Actor

NOW = datetime(2030, 6, 3, 12, tzinfo=UTC)
ROLE = frozenset({"integrator"})
BUS = Actor("urn:ngsi-ld:AccessToken:bus", "machine", "Buses", ROLE, until=NOW + timedelta(days=1))
TRAM = Actor("urn:ngsi-ld:AccessToken:tram", "machine", "Trams", ROLE)
ADMIN = Actor("urn:ngsi-ld:Person:ada", "person", "Town", frozenset({"administrator"}))
REVOKED = "the token of who made it was revoked"


@pytest.fixture
async def api(open_broker: OpenBroker) -> AsyncIterator[Api]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        yield Api(open_broker(), to_others)


@pytest.fixture
async def shared(open_broker: OpenBroker, harbour: Harbour) -> AsyncIterator[Api]:
    mock = httpx.MockTransport(harbour)
    async with outgoing.Client(outgoing.LOOPBACK_ONLY, mock) as to_others:
        yield Api(open_broker(), to_others)


async def source(http: httpx.AsyncClient) -> str:
    return f"/csourceRegistrations/{await registered(http)}"


async def subscription(http: httpx.AsyncClient, door: str = "/subscriptions") -> str:
    endpoint = {"uri": "http://127.0.0.1:1/notify"}
    body = {"type": "Subscription", "notification": {"endpoint": endpoint}}
    answer = await http.post(door, json={**body, "entities": [{"type": "Bin"}]})
    assert answer.status_code == 201, answer.text
    return f"{door}/{answer.headers['location'].rsplit('/', 1)[1]}"


async def of_sources(http: httpx.AsyncClient) -> str:
    return await subscription(http, "/csourceSubscriptions")


async def hosted(http: httpx.AsyncClient) -> str:
    answer = await http.post("/jsonldContexts", json={"@context": {"Bin": "https://x.example/Bin"}})
    assert answer.status_code == 201, answer.text
    return f"/jsonldContexts/{answer.headers['location'].rsplit('/', 1)[1]}"


KEPT = [(source, 403), (subscription, 404), (of_sources, 404), (hosted, 403)]


@pytest.mark.parametrize(("make", "refused"), KEPT)
async def test_it_is_its_owners_and_an_administrators(
    visit: Visit, make: Any, refused: int
) -> None:
    bus, tram, admin = visit(BUS, "integration"), visit(TRAM, "integration"), visit(ADMIN)
    path = await make(bus)
    answer = await tram.delete(path)
    assert answer.status_code == refused
    assert refused == 404 or "of Buses: its owner or an administrator" in answer.json()["detail"]
    if make is not hosted:
        assert (await tram.patch(path, json={"description": "mine"})).status_code == refused
        assert (await bus.patch(path, json={"description": "mine"})).status_code == 204
    assert (await admin.delete(path)).status_code == 204
    assert (await bus.get(path)).status_code == 404
    assert (await bus.delete(await make(bus))).status_code == 204


@pytest.mark.parametrize(("make", "refused"), KEPT)
async def test_without_owners_others_could(
    visit: Visit, make: Any, refused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above: it can see."""
    monkeypatch.setattr(Owners, "may", lambda *_: True)
    path = await make(visit(BUS, "integration"))
    assert (await visit(TRAM, "integration").delete(path)).status_code == 204 != refused


async def test_an_owner_is_known_after_a_restart(api: Api, visit: Visit) -> None:
    paths = [await make(visit(BUS, "integration")) for make, _ in KEPT]
    again = Api(api.broker, api.courier.client)
    for path, (_, refused) in zip(paths, KEPT, strict=True):
        assert (await visit(TRAM, "integration", again).delete(path)).status_code == refused
        assert (await visit(BUS, "integration", again).delete(path)).status_code == 204


async def test_in_a_closed_town_nobody_takes_away_even_their_own(api: Api, visit: Visit) -> None:
    paths = [await make(visit(BUS, "integration")) for make, _ in KEPT]
    api.broker.shut("log", "the log is broken")
    for path in paths:
        assert (await visit(BUS, "integration").delete(path)).status_code == 403
        assert (await visit(ADMIN).delete(path)).status_code == 403


def gone(by: Actor) -> str:
    return REVOKED if by.id == BUS.id else ""


async def test_a_source_of_who_may_not_act_is_not_asked_and_says_why(
    shared: Api, visit: Visit, harbour: Harbour
) -> None:
    bus, tram = visit(BUS, "integration", shared), visit(TRAM, "integration", shared)
    path, ferry = await source(bus), f"/entities/{ID}"
    await tram.get(ferry)
    assert len(harbour.asked) == 1
    for clock, ask, said in (
        (shared.broker.clock, gone, REVOKED),
        (lambda: NOW + timedelta(days=1), lambda _: "", ENDED),
    ):
        shared.broker.clock, shared.broker.owners.ask = clock, ask
        assert (await tram.get(ferry)).status_code == 404
        assert len(harbour.asked) == 1
        shown = (await tram.get(path)).json()
        assert (shown["status"], shown["stoppedBecause"]) == ("failed", said)
        (listed,) = (await tram.get("/csourceRegistrations?type=Ferry")).json()
        assert listed["stoppedBecause"] == said
    shared.broker.clock = lambda: NOW
    await tram.get(ferry)
    assert len(harbour.asked) == 2


async def test_a_subscriber_who_may_not_act_is_told_nothing_and_it_says_why(
    api: Api, visit: Visit, receiver: Receiver
) -> None:
    bus, tram = visit(BUS, "integration"), visit(TRAM, "integration")
    async with telling(api):
        id = await Subscriber(bus, receiver).asks()
        await made(tram)
        await receiver.next()
        api.broker.owners.ask = gone
        await api.reconsider(BUS.id)
        await merged(tram, level=2)
        await silent(Subscriber(tram, receiver), tram)
        (found,) = (await visit(ADMIN).get("/subscriptions?limit=1")).json()
        assert (found["status"], found["stoppedBecause"]) == ("paused", REVOKED)
        api.broker.owners.ask = lambda _: ""
        assert (await Subscriber(bus, receiver).of(id))["status"] == "active"
        await merged(tram, level=3)
        assert (await receiver.next()).data[0]["level"]["value"] == 3
