"""A preview needs a lease, and every lease is in the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import OpenBroker
from tests.square import SQUARE
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera
from townsquare.model.errors import Denied, Invalid, NotFound, TownsquareError
from townsquare.model.position import Position
from townsquare.vision import api
from townsquare.vision.leases import Approved, nobody_agreed
from townsquare.vision.settings import Settings
from townsquare.vision.types import TYPES
from townsquare.vision.workers import Preview, Workers

EVE = Actor("urn:ngsi-ld:Person:eve", "person", roles=frozenset({"operator"}))
ADAM = Actor("urn:ngsi-ld:Person:adam", "person", roles=frozenset({"operator"}))
CITIZEN = Actor("anyone", "anyone", roles=frozenset({"citizen"}))
OFFICER = Actor("urn:ngsi-ld:Person:o", "person", roles=frozenset({"data-protection"}))
JPEG = b"\xff\xd8\xff\xe0 an empty place"
SAFETY = {"purpose": "crowd safety"}
STATUS: dict[type[TownsquareError], int] = {Denied: 403, NotFound: 404, Invalid: 400}


class House:
    """The routes of the room, with somebody at the door."""

    def __init__(
        self,
        broker: Broker,
        cameras: Sequence[Camera] = (SQUARE,),
        approved: Approved = nobody_agreed,
    ) -> None:
        self.broker = broker
        self.now = datetime(2030, 6, 1, 12, tzinfo=UTC)
        broker.clock = lambda: self.now
        self.workers = Workers(Settings())
        self.visitor = EVE
        by_name = {camera.name: camera for camera in cameras}
        app = Starlette(routes=api.routes(broker, self.workers, by_name, approved))
        for kind in STATUS:
            app.add_exception_handler(kind, refused)
        transport = httpx.ASGITransport(self.with_visitor(app))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://town")

    def with_visitor(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"actor": self.visitor, "why": Why("operations")}
            await app(scope, receive, send)

        return door

    async def asked(self, camera: str, **more: str) -> httpx.Response:
        path = f"/vision/cameras/{camera}/preview"
        return await self.client.post(path, json={**SAFETY, **more})

    async def lease(self) -> str:
        answer = await self.asked("square")
        assert answer.status_code == 201
        return str(answer.json()["lease"])

    async def picture(self, lease: str) -> httpx.Response:
        url = "/vision/cameras/square/preview.jpg"
        return await self.client.get(url, params={"lease": lease})


async def refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, STATUS[type(error)])  # type: ignore[index]  # only these are raised


@pytest.fixture
async def house(open_broker: OpenBroker) -> AsyncIterator[House]:
    house = House(open_broker(*TYPES))
    async with house.client:
        yield house


async def test_an_operator_gets_a_lease_of_ten_minutes_and_pictures_under_it(
    house: House,
) -> None:
    lease = await house.lease()
    assert house.workers.wanted["square"] == house.now + timedelta(minutes=10)
    house.workers.backgrounds["square"] = 0.42
    waiting = await house.picture(lease)
    assert (waiting.status_code, waiting.json()) == (202, {"background": 0.42})
    house.workers.previews["square"] = Preview(JPEG, datetime.now(UTC))
    shown = await house.picture(lease)
    assert (shown.status_code, shown.content) == (200, JPEG)
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["content-type"] == "image/jpeg"


async def test_after_its_end_a_lease_shows_nothing(house: House) -> None:
    lease = await house.lease()
    house.workers.previews["square"] = Preview(JPEG, datetime.now(UTC))
    house.now += timedelta(minutes=10)
    answer = await house.picture(lease)
    assert answer.status_code == 403
    assert "ask for a preview anew" in answer.json()["detail"]


async def test_an_old_picture_is_not_shown_as_if_it_were_now(house: House) -> None:
    lease = await house.lease()
    house.workers.previews["square"] = Preview(JPEG, datetime.now(UTC) - timedelta(seconds=60))
    assert (await house.picture(lease)).status_code == 202


async def test_the_last_picture_is_dropped_when_the_last_lease_ends() -> None:
    async with Workers(Settings()) as house:
        now = datetime.now(UTC)
        house.show("square", now + timedelta(seconds=0.4))
        house.show("square", now + timedelta(seconds=0.1))
        house.previews["square"] = Preview(JPEG, now)
        await asyncio.sleep(0.2)
        assert set(house.previews) == {"square"}  # one more person still wants it
        await asyncio.sleep(0.3)
        assert house.previews == {}
        assert house.wanted == {}


async def test_a_lease_is_of_one_person(house: House) -> None:
    lease = await house.lease()
    house.visitor = ADAM
    assert (await house.picture(lease)).status_code == 403


async def agreed(*_: object) -> frozenset[str]:
    return frozenset({"Data protection"})


def street(*names: str) -> list[Camera]:
    """Cameras a few minutes on foot from each other."""
    places = (Position(13.5, 52.4 + n * 0.005) for n in range(len(names)))
    return [replace(SQUARE, name=n, position=p) for n, p in zip(names, places, strict=True)]


async def test_nobody_is_followed_from_camera_to_camera(open_broker: OpenBroker) -> None:
    house = House(open_broker(*TYPES), street("a", "b", "c", "d"), agreed)
    async with house.client:
        answers = await asyncio.gather(*(house.asked(name) for name in "abcd"))
        assert [answer.status_code for answer in answers] == [201, 201, 201, 403]
        assert "3 neighbouring cameras in ten minutes are the most" in answers[3].text
        assert (await house.asked("a")).status_code == 201
        assert (await house.asked("d", approval="urn:ngsi-ld:Approval:x")).status_code == 201
        house.visitor = ADAM
        assert (await house.asked("d")).status_code == 201
        house.visitor, house.now = EVE, house.now + timedelta(minutes=10)
        assert (await house.asked("d")).status_code == 201


async def test_what_was_refused_to_somebody_of_the_town_is_kept(house: House) -> None:
    await house.client.post("/vision/cameras/square/preview", json={"purpose": "curiosity"})
    house.visitor = CITIZEN
    await house.asked("square")
    (entry,) = await house.broker.store.log(0, 10)
    assert EVE.id.encode() in entry.record
    assert b"a preview was refused: camera 'square' is there for 'crowd safety'" in entry.record


@pytest.mark.parametrize("lease", ["", "urn:ngsi-ld:PreviewLease:invented"])
async def test_without_a_lease_there_is_no_picture(house: House, lease: str) -> None:
    assert (await house.picture(lease)).status_code in {403, 404}


@pytest.mark.parametrize("visitor", [CITIZEN, OFFICER])
async def test_others_get_no_lease(house: House, visitor: Actor) -> None:
    house.visitor = visitor
    answer = await house.client.post("/vision/cameras/square/preview", json=SAFETY)
    assert answer.status_code == 403
    assert house.workers.wanted == {}


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("square", {"purpose": "traffic management"}, 403),
        ("square", {"purpose": "curiosity"}, 403),
        ("square", {}, 400),
        ("square", {"purpose": "crowd safety", "until": "2099-01-01"}, 400),
        ("nowhere", SAFETY, 404),
    ],
)
async def test_what_is_no_good_reason_is_refused(
    house: House, name: str, body: dict[str, str], status: int
) -> None:
    answer = await house.client.post(f"/vision/cameras/{name}/preview", json=body)
    assert answer.status_code == status


async def test_every_lease_says_who_for_what_and_until_when_and_is_logged(house: House) -> None:
    await house.lease()
    page = await house.broker.find(Query(types=("PreviewLease",)), OFFICER, Why("operations"))
    (lease,) = page.entities
    assert lease.value("actor") == EVE.id
    assert lease.value("purpose") == "crowd safety"
    assert lease.value("validUntil") == "2030-06-01T12:10:00Z"
    entry, look = await house.broker.store.log(0, 10)
    assert EVE.id.encode() in entry.record
    assert b"crowd safety" in entry.record
    assert OFFICER.id.encode() in look.record  # who asked for leases here
