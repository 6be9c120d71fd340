"""The ground rules that hold on every page, however the server was started."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from tests.conftest import OpenBroker
from tests.notary import notary
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.web.auth import Door, Mode, Visits, always, person
from townsquare.web.guard import BIGGEST_FORM, Guard, content_security_policy, origins
from townsquare.web.health import Health
from townsquare.web.live import Live
from townsquare.web.sessions import IDLE, LONGEST, Session, Sessions
from townsquare.web.tries import BACK_S, TRIES, Tries

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
TOKEN = "t0ken"
MACHINE = Actor("machine:test", "machine", roles=frozenset({"operator"}))


async def who(request: Request) -> JSONResponse:
    actor, why = request.state.actor, request.state.why
    return JSONResponse({"id": actor.id, "roles": sorted(actor.roles), "why": why.purpose})


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


class Visit:
    """A site that says who visits, and a clock that can be set."""

    def __init__(self, mode: Mode) -> None:
        self.now = NOON
        self.sessions = Sessions(lambda: self.now)
        routes = [Route("/who", who, methods=["GET", "POST"])]
        routes.append(Route("/sign-in", self.sign_in, methods=["POST"]))
        routes.append(Route("/read", read, methods=["POST"]))
        clock = self.sessions.clock
        door = Door(mode, always(TOKEN, MACHINE, clock), self.sessions, Tries(clock))
        site = Guard(
            Visits(Starlette(routes=routes), door), origins(8400, ""), content_security_policy("{}")
        )
        transport = httpx.ASGITransport(app=site)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://localhost:8400")

    async def sign_in(self, _: Request) -> PlainTextResponse:
        response = PlainTextResponse("welcome")
        self.sessions.start(person("operator", "Town"), response)
        return response


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    opened = Visit("login")
    yield opened
    await opened.http.aclose()


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:80", "127.0.0.1:8401"])
async def test_a_host_that_is_not_ours_is_refused(visit: Visit, host: str) -> None:
    answer = await visit.http.get("/who", headers={"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8400", "127.0.0.1:8400", "[::1]:8400"])
async def test_our_own_names_are_served(visit: Visit, host: str) -> None:
    assert (await visit.http.get("/who", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8401"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://localhost:8400", "sec-fetch-site": "same-origin"}, 200),
        ({}, 200),
    ],
)
async def test_another_site_changes_nothing(
    visit: Visit, headers: dict[str, str], status: int
) -> None:
    assert (await visit.http.post("/who", headers=headers)).status_code == status


async def test_every_answer_carries_the_strict_policy(visit: Visit) -> None:
    for answer in (await visit.http.get("/who"), await visit.http.get("/nowhere")):
        csp = answer.headers["content-security-policy"]
        assert csp.startswith("default-src 'self';")
        assert "unsafe" not in csp
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_data_is_never_a_page(visit: Visit) -> None:
    headers = (await visit.http.get("/ngsi-ld/v1/entities")).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_a_visitor_is_anyone(visit: Visit) -> None:
    found = (await visit.http.get("/who")).json()
    assert found == {"id": "anyone", "roles": ["citizen"], "why": "public information"}


async def test_a_token_names_a_machine_and_a_wrong_one_nobody(visit: Visit) -> None:
    right = await visit.http.get("/who", headers={"authorization": f"Bearer {TOKEN}"})
    wrong = await visit.http.get("/who", headers={"authorization": "Bearer t0ken2"})
    assert right.json()["id"] == "machine:test"
    assert (wrong.status_code, wrong.json()["status"]) == (401, 401)


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer  ", "Bearer \u00e9"])
async def test_an_empty_token_is_nobody(visit: Visit, header: str) -> None:
    answer = await visit.http.get("/who", headers={b"authorization": header.encode()})
    assert answer.status_code == 401


async def test_a_large_form_is_refused_while_it_comes(visit: Visit) -> None:
    small = await visit.http.post("/read", content=b"x" * BIGGEST_FORM)
    large = await visit.http.post("/read", content=b"x" * (BIGGEST_FORM + 1))
    assert (small.status_code, large.status_code) == (200, 413)


async def test_two_people_in_one_role_are_told_apart() -> None:
    assert person("operator", "Town").id != person("operator", "Town").id


async def test_nothing_is_kept_by_browsers_unless_it_is_public(visit: Visit) -> None:
    assert (await visit.http.get("/who")).headers["cache-control"] == "no-store"


async def test_a_session_lasts_a_shift(visit: Visit) -> None:
    answer = await visit.http.post("/sign-in")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await visit.http.get("/who")).json()["roles"] == ["operator"]
    for _ in range(LONGEST // IDLE):
        visit.now += IDLE - timedelta(seconds=1)
        assert (await visit.http.get("/who")).json()["roles"] == ["operator"]
    visit.now = NOON + LONGEST
    assert (await visit.http.get("/who")).json()["roles"] == ["citizen"]


async def test_a_session_ends_when_nobody_is_there(visit: Visit) -> None:
    await visit.http.post("/sign-in")
    visit.now += IDLE
    assert (await visit.http.get("/who")).json()["roles"] == ["citizen"]


async def test_guessing_tokens_is_slowed_and_holds_nobody_up_for_long(visit: Visit) -> None:
    async def asked(token: str) -> httpx.Response:
        return await visit.http.get("/who", headers={"authorization": f"Bearer {token}"})

    guessed = [(await asked(f"guess{n}")).status_code for n in range(TRIES + 1)]
    assert guessed == [401] * TRIES + [429]
    late = await asked("guess")
    assert 0 < int(late.headers["retry-after"]) <= BACK_S
    assert (await asked(TOKEN)).status_code == 200
    visit.now += timedelta(seconds=BACK_S)
    assert (await asked("guess")).status_code == 401


async def test_only_an_open_server_takes_everyone_for_open() -> None:
    for mode, roles in (("open", ["open"]), ("demo", ["citizen"]), ("login", ["citizen"])):
        opened = Visit(mode)  # type: ignore[arg-type]  # the three modes
        assert (await opened.http.get("/who")).json()["roles"] == roles
        await opened.http.aclose()


FLOW = EntityType(
    "CrowdFlowObserved",
    "vision",
    frozenset({"operator"}),
    published=frozenset({"peopleCount"}),
)
OPERATOR = person("operator", "Town")
WORK = Why("operations")


def flow(name: str, count: int, *scope: str) -> Entity:
    id = f"urn:ngsi-ld:CrowdFlowObserved:{name}"
    return entity(id, FLOW.name, scope, peopleCount=Attribute(count, observed_at=NOON))


async def opened(
    live: Live, by: Actor, session: Session | None = None, last_id: str = ""
) -> AsyncGenerator[bytes, None]:
    """A screen that has its seat."""
    screen = live.events(by, WORK, session, last_id)
    assert (await anext(screen)).startswith(b"event: seat")
    return screen


async def test_a_screen_gets_a_snapshot_then_changes_then_what_it_missed(
    open_broker: OpenBroker,
) -> None:
    broker = open_broker(FLOW)
    vision = room("vision")
    await broker.apply([Change("create", flow("a", 1, LIVE))], vision, WORK)
    await broker.apply([Change("create", flow("h", 9, PUBLISHED))], room("register"), WORK)
    screen = await opened(Live(broker, str), OPERATOR)
    snapshot = (await anext(screen)).decode()
    assert snapshot.startswith("event: snapshot\nid: 2\n")
    assert '"peopleCount":1' in snapshot
    assert '"peopleCount":9' not in snapshot  # published cells are no news for the control room
    following = asyncio.ensure_future(anext(screen))
    await asyncio.sleep(0)
    await broker.apply([Change("merge", flow("a", 2, LIVE))], vision, WORK)
    change = (await asyncio.wait_for(following, 5)).decode()
    assert change.startswith("event: change\nid: 3\n")
    assert '"peopleCount":2' in change
    await screen.aclose()
    await broker.apply([Change("merge", flow("a", 3, LIVE))], vision, WORK)
    again = await opened(Live(broker, str), OPERATOR, last_id="3")
    caught_up = (await anext(again)).decode()
    assert caught_up.startswith("event: change\nid: 4\n")
    assert '"peopleCount":3' in caught_up
    await again.aclose()


async def test_a_screen_is_told_what_time_it_is_here(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    broker.clock = lambda: NOON
    screen = Live(broker, str).events(OPERATOR, WORK, None, "")
    name, data = (await anext(screen)).decode().split("\n")[:2]
    assert name == "event: seat"
    assert datetime.fromisoformat(json.loads(data.removeprefix("data: "))["now"]) == NOON
    await screen.aclose()


async def test_a_snapshot_of_a_whole_city_comes_in_parts_and_leaves_nothing_out(
    open_broker: OpenBroker,
) -> None:
    broker = open_broker(FLOW)
    made = [Change("create", flow(f"f{n:04}", n, LIVE)) for n in range(1234)]
    await broker.apply(made, room("vision"), WORK)
    screen = await opened(Live(broker, str), OPERATOR)
    seen, parts, more = set[str](), 0, True
    while more:
        event = (await anext(screen)).decode()
        data = json.loads(event.split("data: ")[1])
        more = data["more"]
        # Who reconnects in the middle of it must not be thought to have it.
        assert ("\nid: " in event) is not more
        seen |= {entity["id"] for entity in data["entities"]}
        parts += 1
    assert parts == 3
    assert seen == {change.entity.id for change in made}
    await screen.aclose()


async def test_screens_share_what_they_see_alike_and_nothing_else(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    live, vision, security = Live(broker, str), room("vision"), person("security", "Town")
    screens = [await opened(live, by) for by in (OPERATOR, OPERATOR, security)]
    for screen in screens:
        await anext(screen)
    following = [asyncio.ensure_future(anext(screen)) for screen in screens]
    await asyncio.sleep(0)
    await broker.apply([Change("create", flow("a", 2, LIVE))], vision, WORK)
    first, second = await asyncio.wait_for(asyncio.gather(*following[:2]), 5)
    assert first is second
    assert b'"peopleCount":2' in first
    await asyncio.sleep(0.05)
    assert not following[2].done()
    following[2].cancel()
    for screen in screens[:2]:
        await screen.aclose()


async def test_a_connection_ends_with_its_session(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    session = Session(OPERATOR, NOON, lambda: NOON - LONGEST)
    screen = await opened(Live(broker, str), OPERATOR, session)
    await anext(screen)
    session.ended.set()
    rest = [event async for event in screen]
    assert rest[-1].startswith(b"event: bye")


async def test_a_connection_ends_when_the_shift_does(open_broker: OpenBroker) -> None:
    broker, now = open_broker(FLOW), [NOON]
    session = Session(OPERATOR, NOON + timedelta(hours=12), lambda: now[0])
    screen = await opened(Live(broker, str), OPERATOR, session)
    await anext(screen)
    now[0] += timedelta(hours=13)
    rest = [event async for event in screen]
    assert rest == [b'event: bye\nid: 0\ndata: {"reason":"the session ended"}\n\n']


async def test_catching_up_names_nothing_hidden(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    await broker.apply([Change("create", flow("a", 1))], room("vision"), WORK)
    await broker.apply([Change("create", flow("b", 1, LIVE))], room("vision"), WORK)
    security = person("security", "Town")
    screen = await opened(Live(broker, str), security, last_id="0")
    told = (await anext(screen)).decode()
    assert told.startswith("event: snapshot")
    assert "urn:" not in told


async def test_metrics_do_not_move_with_the_city(open_broker: OpenBroker, tmp_path: Path) -> None:
    broker = open_broker(FLOW)
    site = Starlette(routes=Health(broker, notary(broker, tmp_path)).routes())
    transport = httpx.ASGITransport(app=site)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        before = (await http.get("/metrics")).text
        await broker.apply([Change("create", flow("a", 1, LIVE))], room("vision"), WORK)
        assert (await http.get("/metrics")).text == before
