"""Cameras that engineers connect while the town runs, with the vision of a real house."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from tests import rtsp
from tests.conftest import OpenBroker
from tests.contract.test_layouts import STATUS, refused
from tests.e2e.town import CLIP
from tests.gstreamer import rtsp_camera
from townsquare import app
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import NotFound
from townsquare.model.town import Town
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.joining.doors import joined
from townsquare.vision.layouts import Layouts
from townsquare.vision.run import Cameras, run
from townsquare.vision.settings import Settings
from townsquare.vision.workers import Workers

ENGINEER = Actor("urn:ngsi-ld:Person:eng", "person", "Town", frozenset({"engineer"}))
ANOTHER = Actor("urn:ngsi-ld:Person:ann", "person", "Town", frozenset({"engineer"}))
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
WORK = Why("operations")
LOGIN = {"user": "town", "password": "s3cret: of us"}
COMPLETE = {
    "purposes": ["crowd safety"],
    "legal_basis": "Police Act, section 5",
    "owner": "Public order",
    "review": "2099-12-31",
    "impact_assessment": {"reference": "7/2026", "completed": "2026-01-31"},
}


def declared(url: str = "rtsp://192.0.2.7/live", **more: Any) -> dict[str, Any]:
    place = {"position": {"lon": 13.5, "lat": 52.4}, "direction": 90, "view_deg": 70}
    zone = {"name": "plaza", "corners": [[0, 0], [768, 0], [768, 576], [0, 576]]}
    return {"title": "Mill", "url": url, **place, "zones": [zone], **COMPLETE, **more}


@dataclass
class House:
    broker: Broker
    http: httpx.AsyncClient
    data: Path
    workers: Workers
    visitor: Actor = ENGINEER

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def draft(
        self, name: str = "mill", url: str = "rtsp://192.0.2.7/live", **more: Any
    ) -> Any:
        wish = {"name": name, "declared": declared(url, **more.pop("told", {})), **more}
        return await self.post("/cameras/registrations", wish)

    async def live(self, name: str, version: int) -> Any:
        path = f"/cameras/registrations/{name}/live"
        return await self.post(path, {"version": version}, 200)

    async def camera(self, name: str = "mill") -> Entity | None:
        with contextlib.suppress(NotFound):
            return await self.broker.read(f"urn:ngsi-ld:Camera:{name}", OPERATOR, WORK)
        return None

    async def status(self, name: str = "mill") -> tuple[Any, Any]:
        found = await self.camera(name)
        return (found.value("status"), found.value("trouble")) if found else ("", "")


@contextlib.asynccontextmanager
async def opened(broker: Broker, data: Path) -> AsyncIterator[House]:
    """The room as it runs in a town."""
    layouts = Layouts(broker, {})
    async with (
        Workers(Settings()) as workers,
        joined(broker, layouts, data, Workers(Settings())) as joining,
    ):
        site = Starlette(routes=joining.routes())
        for kind in STATUS:
            site.add_exception_handler(kind, refused)
        house = House(broker, httpx.AsyncClient(), data, workers)

        async def visited(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"actor": house.visitor, "why": WORK}
            await site(scope, receive, send)

        reached: ASGIApp = visited
        transport = httpx.ASGITransport(reached)
        house.http = httpx.AsyncClient(transport=transport, base_url="http://town")
        cameras = Cameras((), data, data)
        evaluations = Evaluations(broker, layouts.now)
        room = asyncio.create_task(run(cameras, workers, broker, Town(), evaluations, layouts))
        try:
            yield house
        finally:
            room.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await room
            await house.http.aclose()


@pytest.fixture
async def house(open_broker: OpenBroker, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(open_broker(*app.TYPES), tmp_path / "data") as found:
        yield found


async def until(holds: Callable[[], Any], within_s: float = 120) -> Any:
    async with asyncio.timeout(within_s):
        while not (found := await holds()):  # noqa: ASYNC110 - a process makes it so
            await asyncio.sleep(0.05)
    return found


async def working(house: House, name: str) -> bool:
    return bool((await house.status(name))[0] == "working")


def secrets(house: House) -> list[Path]:
    return sorted((house.data / "secrets").glob("*"))


async def test_a_camera_with_a_login_goes_live_and_counts_while_others_go_on(house: House) -> None:
    with rtsp_camera(CLIP, "town", "s3cret: of us") as url, rtsp.serving(rtsp.Camera()) as first:
        made = await house.draft("first", first.url, told={"zones": []})
        await house.live("first", made["version"])
        await until(lambda: working(house, "first"))
        before = house.workers.pids()
        made = await house.draft(url=url, login=LOGIN)
        assert await house.camera() is None
        await house.live("mill", made["version"])

        async def counted() -> Any:
            with contextlib.suppress(NotFound):
                live = "urn:ngsi-ld:CrowdFlowObserved:mill-plaza-live"
                return (await house.broker.read(live, OPERATOR, WORK)).value("peopleCount")

        await until(counted)
        camera = await house.camera()
        assert camera
        assert (camera.value("direction"), camera.value("viewAngle")) == (90, 70)
        assert before < house.workers.pids()


async def test_a_login_is_kept_for_the_house_and_shown_to_nobody(house: House) -> None:
    made = await house.draft(login=LOGIN)
    (file,) = secrets(house)
    assert file.read_text() == "town:s3cret: of us\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await house.live("mill", made["version"])
    answer = await house.http.get("/cameras/registrations")
    assert answer.json()[0]["login"] is True
    entries = await house.broker.store.log(0, 100)
    kept = await house.broker.read("urn:ngsi-ld:CameraRegistration:mill", ENGINEER, WORK)
    for told in (answer.text, repr(kept), repr(entries)):
        assert "s3cret" not in told
    assert len([entry for entry in entries if b"CameraRegistration:mill" in entry.record]) == 2


async def test_what_is_taken_away_is_not_watched_and_its_login_is_destroyed(house: House) -> None:
    with rtsp.serving(rtsp.Camera(pictures=10_000)) as source:
        made = await house.draft(url=source.url, login=LOGIN, told={"zones": []})
        made = await house.live("mill", made["version"])
        await until(lambda: working(house, "mill"))
        wish = {"version": made["version"], "because": "the mast comes down"}
        await house.post("/cameras/registrations/mill/remove", wish, 200)

        async def gone() -> bool:
            return await house.camera() is None and not house.workers.alive

        await until(gone)
    assert secrets(house) == []
    answer = await house.http.get("/cameras/registrations")
    assert answer.json() == []
    again = await house.draft()
    assert (again["state"], again["login"]) == ("draft", False)


async def test_live_ones_are_watched_again_after_a_restart(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*app.TYPES)
    with rtsp.serving(rtsp.Camera(pictures=10_000)) as source:
        async with opened(broker, tmp_path) as house:
            made = await house.draft(url=source.url, told={"zones": []})
            await house.draft("idle")
            await house.live("mill", made["version"])
            await until(lambda: working(house, "mill"))
        async with opened(broker, tmp_path) as house:
            await until(lambda: working(house, "mill"))
            assert await house.camera("idle") is None


async def test_it_goes_live_only_with_all_that_it_must_say(house: House) -> None:
    made = await house.draft(told={"legal_basis": "", "purposes": ["safety"]})
    assert [said.split()[0] for said in made["lacks"]] == ["purposes:", "legal_basis"]
    said = await house.post("/cameras/registrations/mill/live", {"version": made["version"]}, 400)
    assert "legal_basis is empty" in said["detail"]
    wish = {"declared": declared(), "version": made["version"]}
    answer = await house.http.put("/cameras/registrations/mill", json=wish)
    assert answer.json()["lacks"] == []
    live = await house.live("mill", answer.json()["version"])
    wish = {"declared": declared(owner=""), "version": live["version"]}
    answer = await house.http.put("/cameras/registrations/mill", json=wish)
    assert answer.status_code == 400
    assert "owner is empty" in answer.text


async def test_of_two_engineers_the_second_is_told_that_it_changed(house: House) -> None:
    made = await house.draft()
    wish = {"declared": declared(title="Mill Lane"), "version": made["version"]}
    assert (await house.http.put("/cameras/registrations/mill", json=wish)).status_code == 200
    house.visitor = ANOTHER
    answer = await house.http.put("/cameras/registrations/mill", json=wish)
    assert answer.status_code == 409
    (shown,) = (await house.http.get("/cameras/registrations")).json()
    assert shown["declared"]["title"] == "Mill Lane"


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"url": "/etc/passwd"}, "names no host"),
        ({"url": "rtsp://admin:x@192.0.2.7/live"}, "carries a login"),
        ({"url": "http://192.0.2.7/live?Token=abc"}, "others can read"),
        ({"url": "rtsp:///live"}, "names no host"),
        ({"url": "ftp://192.0.2.7/live"}, "is not read"),
        ({"login": "secret:push-key"}, "not declared here"),
        ({"record": True}, "townsquare.toml"),
        ({"position": {"lon": 400, "lat": 0}}, "not on Earth"),
        ({"direction": None}, "given together"),
        ({"view_deg": 400}, "from 1 to 180"),
        ({"classes": ["face"]}, "Invalid enum value"),
        ({"plates": True}, "not declared here"),
        ({"zones": [{"name": "x", "corners": [[0, 0]]}]}, "at least 3 corners"),
    ],
)
async def test_what_cannot_be_declared_is_refused_with_why(
    house: House, wish: dict[str, Any], why: str
) -> None:
    body = {"name": "mill", "declared": declared() | wish}
    said = await house.post("/cameras/registrations", body, 400)
    assert why in said["detail"]
    assert secrets(house) == []


async def test_only_engineers_connect_cameras(house: House) -> None:
    made = await house.draft()
    house.visitor = OPERATOR
    body = {"name": "two", "declared": declared()}
    await house.post("/cameras/registrations", body, 403)
    await house.post("/cameras/registrations/mill/live", {"version": made["version"]}, 403)
    await house.post("/cameras/trial", {"url": "rtsp://192.0.2.7/live"}, 403)
    assert (await house.http.get("/cameras/registrations")).status_code == 403
    assert (await house.http.post("/cameras/file", content="x")).status_code == 403


HEAD = (
    "name,title,url,longitude,latitude,user,password,"
    "purposes,legal_basis,owner,review,assessment,assessed\n"
)
ROW = (
    "cam-{n},Camera {n},rtsp://192.0.2.{n}/live,13.5,52.4,town,p{n},"
    "crowd safety,Act 5,Order,2099-12-31,7,2026-01-31\n"
)


async def test_a_hundred_come_from_a_file(house: House) -> None:
    text = HEAD + "".join(ROW.format(n=n) for n in range(1, 101))
    answer = await house.http.post("/cameras/file", content=text)
    assert answer.json() == {"declared": 100, "wrong": []}
    listed = (await house.http.get("/cameras/registrations")).json()
    assert len(listed) == 100
    assert {(one["state"], one["login"], len(one["lacks"])) for one in listed} == {
        ("draft", True, 0)
    }
    assert len(secrets(house)) == 100


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (ROW.format(n=1), "has this name already"),
        (ROW.format(n=2).replace("13.5", "east"), "no number"),
        (ROW.format(n=2).replace("rtsp://", ""), "names no host"),
        (ROW.format(n=2).replace("2099-12-31", "soon"), "review"),
        (ROW.format(n=2).replace("cam-2", "Cam 2"), "use a-z"),
        (ROW.format(n=2).replace("Act 5", ""), "legal_basis is empty"),
        (ROW.format(n=2).strip() + ",more\n", "more cells"),
        ("only-a-name\n", ""),
        ('"unfinished', ""),
    ],
)
async def test_a_file_with_anything_wrong_declares_none(house: House, line: str, why: str) -> None:
    text = HEAD + ROW.format(n=1) + line
    answer = await house.http.post("/cameras/file?live", content=text)
    assert answer.status_code == 400
    (wrong,) = answer.json()["wrong"]
    assert wrong["line"] == 3
    assert why in wrong["why"]
    assert (await house.http.get("/cameras/registrations")).json() == []
    assert secrets(house) == []


async def test_a_trial_shows_what_is_there_and_keeps_nothing(house: House) -> None:
    with rtsp_camera(CLIP, "town", "s3cret: of us") as url:
        begun = await house.post("/cameras/trial", {"url": url, "login": LOGIN})
        path = f"/cameras/trial/{begun['trial']}"

        async def told() -> Any:
            found = (await house.http.get(path)).json()
            return found if found["size"] else None

        found = await until(told)
        assert (found["state"], found["size"], found["trouble"]) == ("seeing", [768, 576], "")
        assert (await house.http.get(f"{path}/picture")).status_code in (200, 202)
        house.visitor = ANOTHER
        assert (await house.http.get(path)).status_code == 403
        house.visitor = ENGINEER
        made = await house.draft(url=url, trial=begun["trial"])
        assert made["login"] is True
        assert secrets(house)[0].read_text() == "town:s3cret: of us\n"
        assert (await house.http.delete(path)).status_code == 204
    assert (await house.http.get(path)).status_code == 404
    assert await house.camera() is None
    (entry, *_) = await house.broker.store.log(0, 10)
    assert b"tried the camera at rtsp://127.0.0.1" in entry.record
    assert b"s3cret" not in entry.record


async def test_a_trial_says_what_is_wrong(house: House) -> None:
    with rtsp_camera(CLIP, "town", "right") as url:
        begun = await house.post("/cameras/trial", {"url": url, "login": LOGIN})

        async def trouble() -> Any:
            return (await house.http.get(f"/cameras/trial/{begun['trial']}")).json()["trouble"]

        assert "refuses the login" in await until(trouble)


async def test_few_cameras_are_tried_at_once(house: House) -> None:
    for n in range(2):
        house.visitor = Actor(f"urn:ngsi-ld:Person:{n}", "person", "Town", frozenset({"engineer"}))
        await house.post("/cameras/trial", {"url": "rtsp://192.0.2.7/live"})
    house.visitor = ENGINEER
    said = await house.post("/cameras/trial", {"url": "rtsp://192.0.2.7/live"}, 429)
    assert "2 cameras are tried now" in said["detail"]
