"""A camera that is laid out in the browser: who may, what holds, what goes, on every store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import OpenBroker
from tests.square import SQUARE
from townsquare.app import Settings as Town_
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera, Line
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound, TooOften, TownsquareError
from townsquare.model.settings import parse
from townsquare.model.town import Town
from townsquare.vision import api
from townsquare.vision.calibrating import Calibration
from townsquare.vision.changing import lay_out
from townsquare.vision.layout import Layout, toml
from townsquare.vision.layouts import Layouts
from townsquare.vision.observation import Passages, Tried
from townsquare.vision.run import opened
from townsquare.vision.settings import Settings
from townsquare.vision.types import TYPES
from townsquare.vision.workers import Workers

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ENGINEER = Actor("urn:ngsi-ld:Person:eva", "person", roles=frozenset({"engineer"}))
OPERATOR = Actor("urn:ngsi-ld:Person:ole", "person", roles=frozenset({"operator"}))
WORK = Why("operations")
ANEW = {"name": "gate", "a": [100, 100], "b": [100, 300], "towards": "in here", "away": "out"}
LINES: dict[str, Any] = {"lines": [ANEW], "zones": [], "ground": [], "masks": []}
SIZE = (768, 576)
FLOOR = [
    {"pixel": [200, 200], "metres": [0, 10]},
    {"pixel": [560, 200], "metres": [6, 10]},
    {"pixel": [700, 500], "metres": [6, 0]},
    {"pixel": [60, 500], "metres": [0, 0]},
]
STATUS: dict[type[TownsquareError], int] = {
    Denied: 403,
    NotFound: 404,
    Invalid: 400,
    Conflict: 409,
    TooOften: 429,
}


async def refused(_: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)


class House:
    def __init__(self, broker: Broker) -> None:
        self.now, self.broker, self.visitor = NOON, broker, ENGINEER
        broker.clock = lambda: self.now
        self.workers = Workers(Settings())
        self.workers.sizes["square"] = SIZE
        self.restart()

    def restart(self, camera: Camera = SQUARE) -> None:
        self.layouts = Layouts(self.broker, {"square": camera})
        calibration = Calibration(self.broker, self.workers, self.layouts)
        looks = api.routes(self.broker, self.workers, {SQUARE.name: SQUARE})
        app = Starlette(routes=[*calibration.routes(), *looks])
        for kind in STATUS:
            app.add_exception_handler(kind, refused)
        transport = httpx.ASGITransport(self.at_the_door(app))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://town")

    def at_the_door(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"actor": self.visitor, "why": WORK}
            await app(scope, receive, send)

        return door

    async def drawn(self, layout: Any, version: int = 0) -> httpx.Response:
        path = "/vision/cameras/square/layout"
        return await self.client.put(path, json={"layout": layout, "version": version})

    async def checked(self, **layout: Any) -> dict[str, Any]:
        path = "/vision/cameras/square/layout/check"
        answer = await self.client.post(path, json=LINES | layout)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def lease(self) -> str:
        path = "/vision/cameras/square/preview"
        return str((await self.client.post(path, json={"purpose": "crowd safety"})).json()["lease"])

    async def tried(self, *lines: Any, lease: str) -> httpx.Response:
        body = {"lease": lease, "lines": lines}
        return await self.client.post("/vision/cameras/square/try", json=body)


@pytest.fixture
async def house(open_broker: OpenBroker, store_url: str) -> AsyncIterator[House]:
    house = House(open_broker(*TYPES, url=store_url))
    await house.broker.store.ready()
    yield house
    await house.client.aclose()


@pytest.fixture
async def quick(open_broker: OpenBroker) -> AsyncIterator[House]:
    """In memory, where no store is concerned."""
    house = House(open_broker(*TYPES))
    yield house
    await house.client.aclose()


async def test_what_is_drawn_holds_also_after_a_restart_until_the_settings_do_again(
    house: House,
) -> None:
    answer = await house.drawn(LINES)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["holds"], told["version"]) == ("drawing", 1)
    assert told["layout"]["lines"] == [ANEW]
    (line,) = house.layouts.now["square"].lines
    assert line == Line("gate", (100, 100), (100, 300), "in here", "out")
    house.restart()
    await house.layouts.load()
    assert house.layouts.now["square"].lines == (line,)
    kept = await house.broker.read("urn:ngsi-ld:CameraLayout:square", ENGINEER, WORK)
    assert kept.value("changedBy") == ENGINEER.id
    assert await house.broker.store.log(0, 10)

    back = await house.drawn(None, version=1)
    assert (back.json()["holds"], back.json()["version"]) == ("settings", 2)
    assert house.layouts.now["square"] == SQUARE
    house.restart()
    await house.layouts.load()
    assert house.layouts.now["square"] == SQUARE


async def test_who_looked_at_an_older_layout_does_not_overwrite_a_newer_one(house: House) -> None:
    assert (await house.drawn(LINES)).status_code == 200
    assert (await house.drawn(LINES)).status_code == 409
    assert (await house.drawn(LINES, version=1)).status_code == 200
    assert (await house.drawn(LINES, version=1)).status_code == 409


async def test_it_is_for_engineers(quick: House) -> None:
    quick.visitor = OPERATOR
    assert (await quick.drawn(LINES)).status_code == 403
    assert (await quick.client.get("/vision/cameras/square/layout")).status_code == 403
    line = {"a": [100, 100], "b": [100, 300]}
    assert (await quick.tried(line, lease=await quick.lease())).status_code == 403


async def test_a_drawing_that_does_not_fit_the_settings_any_more_is_not_taken(
    quick: House, caplog: pytest.LogCaptureFixture
) -> None:
    await quick.drawn(LINES)
    await quick.client.aclose()
    other = replace(SQUARE, classes=("car",))
    quick.restart(other)
    await quick.layouts.load()
    assert quick.layouts.now["square"].lines[0].name == "gate"
    kept = await quick.layouts.kept("square")
    assert kept is not None
    assert kept.value("drawnOn") == [*SIZE]


async def test_live_entities_follow_the_layout(house: House) -> None:
    room = await opened([SQUARE], house.broker, Town())
    old = SQUARE.lines[0].name
    live = f"urn:ngsi-ld:CrowdFlowObserved:square-{old}-live"
    await house.broker.read(live, OPERATOR, Why("crowd safety"))
    await house.drawn(LINES)
    house.now += timedelta(seconds=1)
    await lay_out(house.layouts.now["square"], room)
    anew = "urn:ngsi-ld:CrowdFlowObserved:square-gate-live"
    assert (await house.broker.read(anew, OPERATOR, Why("crowd safety"))).value("name") == "gate"
    with pytest.raises(NotFound):
        await house.broker.read(live, OPERATOR, Why("crowd safety"))
    camera = await house.broker.read("urn:ngsi-ld:Camera:square", OPERATOR, Why("crowd safety"))
    assert [line["name"] for line in camera.value("lines")] == ["gate"]


@pytest.mark.parametrize(
    ("layout", "at", "what"),
    [
        ({"lines": [ANEW | {"name": "West Gate"}]}, "lines.0", "line name 'West Gate': use a-z"),
        ({"lines": [ANEW, ANEW]}, "", "two lines or zones are named 'gate'"),
        ({"lines": [ANEW | {"b": [100, 100]}]}, "lines.0", "has no length"),
        ({"lines": [ANEW | {"b": [100, 577]}]}, "lines.0", "the picture is 768 x 576 pixels"),
        ({"lines": [{"name": "gate"}]}, "lines.0", "not drawn whole"),
        ({"zones": [{"name": "a", "corners": [[0, 0], [9, 9]]}]}, "zones.0", "at least 3 corners"),
        ({"masks": [{"corners": [[0, 0], [9, 9], [20, 20]]}]}, "masks.0", "has no area"),
        ({"ground": FLOOR[:3]}, "", "metres need 4 or more known points"),
        ({"ground": [*FLOOR[:3], FLOOR[0]]}, "ground", "do not span an area"),
        (
            {"masks": [{"corners": [[0, 0], [768, 0], [768, 576], [0, 576]]}]},
            "",
            "hide all of the picture",
        ),
    ],
)
async def test_what_is_wrong_is_said_where_it_is_and_as_of_the_settings(
    quick: House, layout: Any, at: str, what: str
) -> None:
    told = await quick.checked(**layout)
    assert [one["at"] for one in told["problems"]] == [at]
    assert what in told["problems"][0]["what"]
    answer = await quick.drawn(LINES | layout)
    assert answer.status_code == 400
    assert what in answer.json()["detail"]
    assert quick.layouts.now["square"] == SQUARE


async def test_the_ground_is_shown_as_a_grid_with_the_error_of_its_points(quick: House) -> None:
    four = (await quick.checked(ground=FLOOR))["ground"]
    assert four["residual_m"] == 0
    assert four["off_m"] == [0, 0, 0, 0]
    assert {rule["label"] for rule in four["rules"]} >= {"0 m", "5 m"} or four["step_m"] < 5
    for rule in four["rules"]:
        assert all(0 <= x <= 768 and 0 <= y <= 576 for x, y in rule["points"])
    assert four["metres_per_pixel"][0] > four["metres_per_pixel"][2]  # further away
    fifth = {"pixel": [380, 330], "metres": [3, 4.2]}
    five = (await quick.checked(ground=[*FLOOR, fifth]))["ground"]
    assert five["residual_m"] > 0
    assert max(five["off_m"]) > 0.01


async def test_what_was_drawn_can_be_copied_into_the_settings(quick: House) -> None:
    zone = {"name": "plaza", "corners": [[0, 0], [90, 0], [0, 90]], "crowding": {"persons": 5}}
    mask = {"corners": [[700, 0], [768, 0], [768, 60.5]]}
    told = await quick.checked(zones=[zone], masks=[mask], ground=FLOOR)
    assert told["problems"] == []
    text = f"{HEAD}{told['toml']}"
    (camera,) = parse(text, "townsquare.toml", Town_).camera
    assert camera.lines == (Line("gate", (100, 100), (100, 300), "in here", "out"),)
    assert camera.zones[0].crowding
    assert camera.zones[0].crowding.persons == 5
    assert camera.masks[0].corners[2] == (768, 60.5)
    assert camera.drawn_on == SIZE
    assert len(camera.ground) == 4
    assert toml(Layout()) == "\n"


HEAD = """
[[camera]]
name = "square"
title = "A square"
url = "square.mp4"
position = { lon = 13.5, lat = 52.4 }
"""


async def test_lines_are_tried_under_a_lease_seldom_and_each_time_logged(
    quick: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Tried("square", 0, 200.0, (Passages(0, "person", "in", 3),))

    class Watching(Workers):
        async def try_out(self, camera: str, lines: Any) -> Tried:
            assert lines == [((100, 100), (100, 300))]
            return answer

    await quick.client.aclose()
    quick.workers = Watching(Settings())
    quick.workers.sizes["square"] = SIZE
    quick.restart()
    line = {"a": [100, 100], "b": [100, 300]}
    assert (await quick.tried(line, lease="")).status_code == 403
    lease = await quick.lease()
    told = await quick.tried(line, lease=lease)
    assert told.json() == {
        "over_s": 200.0,
        "needs_s": 60.0,
        "counts": [{"line": 0, "of": "person", "direction": "in", "n": 3}],
    }
    assert (await quick.tried(line, lease=lease)).status_code == 429
    quick.now += timedelta(seconds=5)
    assert (await quick.tried({"a": [0, 0], "b": [9, 0]}, lease=lease)).status_code == 400
    assert (await quick.tried(*[line] * 5, lease=lease)).status_code == 400
    entries = [msgspec.json.decode(e.record) for e in await quick.broker.store.log(0, 20)]
    (asked,) = [e for e in entries if "drawn lines" in str(e)]
    assert ENGINEER.id in str(asked)
    assert "crowd safety" in str(asked)
    quick.now += timedelta(minutes=10)
    assert (await quick.tried(line, lease=lease)).status_code == 403
