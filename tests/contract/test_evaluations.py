"""A hand count, from the first key to the interval that everyone reads, on every store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.camera import RoadUser
from townsquare.model.change import Change, Operation
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound, TownsquareError
from townsquare.model.town import Town
from townsquare.register import api
from townsquare.register.publish import publish
from townsquare.vision import evaluations as running
from townsquare.vision import handcount
from townsquare.vision.evaluated import Model
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.light import Light
from townsquare.vision.observation import Crossings, Health, Observation
from townsquare.vision.run import Room, opened
from townsquare.vision.types import TYPES
from townsquare.web.pages import Pages

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
CAMERA = replace(SQUARE, classes=("person", "car"))
ENGINEER = Actor("urn:ngsi-ld:Person:eva", "person", roles=frozenset({"engineer"}))
COLLEAGUE = Actor("urn:ngsi-ld:Person:uwe", "person", roles=frozenset({"engineer"}))
OPERATOR = Actor("urn:ngsi-ld:Person:ole", "person", roles=frozenset({"operator"}))
CITIZEN = Actor("anyone", "anyone", roles=frozenset({"citizen"}))
WORK, PUBLIC = Why("operations"), Why("public information")
MODEL = Model("nanodet", "sha256:1")
PEOPLE, CARS = (
    "urn:ngsi-ld:CrowdFlowObserved:square-west",
    "urn:ngsi-ld:TrafficFlowObserved:square-west-car-towards",
)
EVERY: dict[str, Any] = {"lines": ["west"], "of": ["person", "vehicle"]}
STATUS: dict[type[TownsquareError], int] = {Denied: 403, NotFound: 404, Invalid: 400, Conflict: 409}


async def refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, STATUS[type(error)])  # type: ignore[index]  # only these are raised


class House:
    """The room over a broker whose clock is turned by hand, with an engineer at the door."""

    def __init__(self, broker: Broker) -> None:
        self.now, self.broker, self.visitor = NOON, broker, ENGINEER
        broker.clock = lambda: self.now
        self.restart()

    def restart(self) -> None:
        self.evaluations = Evaluations(self.broker, {"square": CAMERA}, MODEL)
        app = Starlette(routes=handcount.routes(self.evaluations))
        for kind in STATUS:
            app.add_exception_handler(kind, refused)
        transport = httpx.ASGITransport(self.at_the_door(app))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://town")

    def at_the_door(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"actor": self.visitor, "why": WORK}
            await app(scope, receive, send)

        return door

    async def open(self) -> Room:
        return await opened([CAMERA], self.broker, Town(), self.evaluations)

    async def post(self, path: str = "", **body: Any) -> httpx.Response:
        return await self.client.post(f"/vision/cameras/square/evaluations{path}", json=body)

    async def started(self, **wanted: Any) -> str:
        answer = await self.post(**(EVERY | wanted))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["evaluation"])

    async def handed_in(self, id: str, *presses: dict[str, Any]) -> httpx.Response:
        return await self.post(f"/{id}", presses=presses)

    def hear(self, *seen: Observation) -> None:
        for one in seen:
            self.evaluations.hear(one)

    def crossing(self, of: RoadUser = "person", n: int = 1) -> Crossings:
        since = self.now - timedelta(seconds=0.2)
        return Crossings("square", "west", of, "in", n, since, self.now)

    def health(self, light: Light = "day") -> Health:
        return Health("square", 10, 5, 0, "good", "none", 1, NOON, size=(768, 576), light=light)

    async def count_well(self, light: Light = "day") -> httpx.Response:
        """Fifteen minutes; of 150 people the machine misses every tenth, of 30 cars none."""
        id, began = await self.started(), self.now
        for n in range(150):
            self.now = began + timedelta(seconds=5.5 + 5.9 * n)
            self.hear(self.health(light))
            if n % 10:
                self.hear(self.crossing())
            if n % 5 == 0:
                self.hear(self.crossing("car"))
        self.now = began + timedelta(minutes=15)
        people, cars = [5 + 5.9 * n for n in range(150)], [6 + 5.9 * n for n in range(0, 150, 5)]
        return await self.handed_in(id, key("person", *people), key("vehicle", *cars))

    async def pass_s(self, room: Room, seconds: int, light: Light = "day") -> None:
        """Somebody and a car cross every 10 s."""
        for _ in range(0, seconds, 5):
            self.now += timedelta(seconds=5)
            seen: list[Observation] = [self.health(light)]
            if self.now.second % 10 == 0:
                seen += [self.crossing(), self.crossing("car")]
            room.books["square"].measured = self.evaluations.of("square")
            for one in seen:
                told = room.books["square"].read(one, self.now, room.midnight())
                await room.keep("square", told)

    async def read(self, id: str, by: Actor = ENGINEER, why: Why = WORK) -> dict[str, Any]:
        found = await self.broker.read(id, by, why)
        return {name: found.value(name) for name in found.attributes}

    async def kept(self, by: Actor = ENGINEER, why: Why = WORK) -> list[dict[str, Any]]:
        page = await self.broker.find(Query(("CameraEvaluation",)), by, why)
        return [{name: e.value(name) for name in e.attributes} for e in page.entities]


def key(of: str, *at_s: float, line: str = "west", direction: str = "in") -> dict[str, Any]:
    return {"line": line, "of": of, "direction": direction, "at_s": at_s}


@pytest.fixture
async def house(open_broker: OpenBroker, store_url: str) -> AsyncIterator[House]:
    house = House(open_broker(*TYPES, url=store_url))
    await house.broker.store.ready()
    yield house
    await house.client.aclose()


@pytest.fixture
async def desk(open_broker: OpenBroker) -> AsyncIterator[House]:
    """For what does not depend on the store."""
    house = House(open_broker(*TYPES))
    yield house
    await house.client.aclose()


async def test_it_can_be_asked_whether_a_count_still_runs(house: House) -> None:
    id = await house.started()
    path = f"/vision/cameras/square/evaluations/{id}"
    assert (await house.client.get(path)).json() == {
        "evaluation": id,
        "since": "2030-06-01T12:00:00Z",
        "until": "2030-06-01T12:15:00Z",
        "void": "",
    }
    house.evaluations.lose("square")
    assert "not watched" in (await house.client.get(path)).json()["void"]
    house.visitor = COLLEAGUE
    assert (await house.client.get(path)).status_code == 403
    house.restart()
    assert (await house.client.get(path)).status_code == 404


async def test_hand_counts_are_listed_with_what_they_say_of_a_hundred(house: House) -> None:
    await house.open()
    handed = await house.count_well()
    (told,) = (await house.client.get("/vision/cameras/square/evaluations")).json()["evaluations"]
    assert told == handed.json()
    people, nobody = told["results"][:2]
    assert people["interval"]["of"] == 100
    assert people["interval"]["low"] <= 111 <= people["interval"]["high"]  # of 135, 15 more
    assert nobody["interval"] is None
    house.evaluations.cameras = {"square": replace(CAMERA, lines=())}  # it was drawn anew
    (old,) = (await house.client.get("/vision/cameras/square/evaluations")).json()["evaluations"]
    assert all(one["interval"] is None for one in old["results"])


async def test_it_is_told_what_the_hand_looked_at(house: House) -> None:
    await house.open()
    id = await house.started(of=["person"], where="picture")
    house.hear(house.health())
    house.now += timedelta(minutes=15)
    answer = await house.handed_in(id, key("person", 9))
    assert answer.json()["method"].endswith("counted on the drawn picture")
    await house.evaluations.load()
    (kept,) = house.evaluations.of("square").evaluations
    assert kept.method == answer.json()["method"]


async def test_only_sums_are_kept_of_a_hand_count_and_everyone_reads_them(house: House) -> None:
    answer = await house.count_well()
    assert answer.status_code == 201, answer.text
    (entry,) = await house.broker.store.log(0, 10)
    assert ENGINEER.id.encode() in entry.record
    assert b"urn:ngsi-ld:CameraEvaluation:square-" in entry.record
    (public,) = await house.kept(CITIZEN, PUBLIC)
    (ours,) = await house.kept()
    assert public == ours
    drawn = {"line": "west", "a": [0, 0], "b": [0, 9]}
    assert public == {
        "refDevice": "urn:ngsi-ld:Camera:square",
        "dateEvaluated": "2030-06-01T12:00:00Z",
        "durationMinutes": 15,
        "light": "day",
        "detector": "nanodet",
        "detectorChecksum": "sha256:1",
        "evaluatedBy": "engineer",
        "method": "hand count, matched one to one within 2 s, counted on the street",
        "results": [
            {**drawn, "of": "person", "direction": "in", "hits": 135, "missed": 15, "false": 0},
            {**drawn, "of": "person", "direction": "out", "hits": 0, "missed": 0, "false": 0},
            {**drawn, "of": "vehicle", "direction": "in", "hits": 30, "missed": 0, "false": 0},
            {**drawn, "of": "vehicle", "direction": "out", "hits": 0, "missed": 0, "false": 0},
        ],
    }
    assert house.evaluations.running == {}


async def test_windows_carry_the_interval_and_lose_it_with_the_light(house: House) -> None:
    await house.count_well()
    room = await house.open()
    await house.pass_s(room, 305)
    people, cars = await house.read(PEOPLE), await house.read(CARS)
    counted = people["peopleCountTowards"]
    assert people["peopleCountTowardsLow"] <= counted < people["peopleCountTowardsHigh"]
    assert people["peopleCountTowardsHigh"] - people["peopleCountTowardsLow"] < counted
    assert people["countLevel"] == 0.95
    assert people["countEvaluated"] == "2030-06-01"
    assert "peopleCountAwayLow" not in people  # nobody went that way: unknown
    assert cars["intensityLow"] <= cars["intensity"] <= cars["intensityHigh"]
    live = await house.read(f"{PEOPLE}-live", OPERATOR)
    assert live["peopleCountTowardsLow"] <= live["peopleCountTowards"]
    await house.pass_s(room, 300, "night")
    people, cars = await house.read(PEOPLE), await house.read(CARS)
    assert people["peopleCountTowards"] == 30
    unknown = {"peopleCountTowardsLow", "intensityLow", "countLevel", "countEvaluated"}
    assert not unknown & (
        people.keys() | cars.keys() | (await house.read(f"{PEOPLE}-live", OPERATOR)).keys()
    )
    past = await house.broker.history(
        TemporalQuery(Query(ids=(PEOPLE,)), ("peopleCountTowardsHigh",)), ENGINEER, WORK
    )
    bounds = [a for e in past for a in e.attributes["peopleCountTowardsHigh"] if not a.deleted_at]
    assert len(bounds) == 1


async def test_an_hour_is_published_with_an_interval_of_its_own(house: House) -> None:
    await house.count_well()
    house.now = NOON + timedelta(hours=1)
    room = await house.open()
    await house.pass_s(room, 3610)
    window = await house.read(PEOPLE)
    house.now += timedelta(minutes=5)
    await publish(house.broker)
    cell = await house.read(f"{PEOPLE}:2030-06-01T13Z", CITIZEN, PUBLIC)
    assert cell["peopleCountTowardsLow"] < cell["peopleCountTowards"] == 359
    # Narrower than twelve windows: their luck evens out.
    wide = window["peopleCountTowardsHigh"] - window["peopleCountTowardsLow"]
    assert cell["peopleCountTowardsHigh"] - cell["peopleCountTowardsLow"] < 12 * wide
    assert (cell["countLevel"], cell["countEvaluated"]) == (0.95, "2030-06-01")
    assert "countError" not in cell
    (card,) = await api.cards(house.broker, Town())
    west, plaza = card.measures
    assert "measured on 2030-06-01 against a hand count" in west.error(card.evaluations)
    assert "Error unknown" in plaza.error(card.evaluations)
    page = bytes(Pages(Town(), demo=False).page("camera.html", camera=card).body).decode()
    low, high = cell["peopleCountTowardsLow"], cell["peopleCountTowardsHigh"]
    assert f"<small>between {low} and {high}</small>" in page
    assert "measured on 2030-06-01 against a hand count" in page
    (said,) = card.evaluations
    assert "of 180 crossings counted by hand the machine (nanodet) counted 165 and" in said.said
    rows = [line async for part in _counts(house.broker) for line in part.splitlines()]
    assert rows[1].endswith(f"{cell['peopleCountTowardsHigh']},,,2030-06-01")


def _counts(broker: Broker) -> AsyncIterator[str]:
    return api.written(broker)


async def test_what_was_never_measured_is_unknown(house: House) -> None:
    room = await house.open()
    await house.pass_s(room, 305)
    assert "countLevel" not in await house.read(PEOPLE)
    (card,) = await api.cards(house.broker, Town())
    assert card.measures[0].error(card.evaluations) == "Error unknown: never measured."


async def test_what_was_measured_is_known_after_a_restart_and_what_ran_is_gone(
    house: House,
) -> None:
    await house.count_well()
    id = await house.started()
    before = house.evaluations.of("square")
    house.restart()
    await house.open()
    assert house.evaluations.of("square") == before
    assert (await house.handed_in(id)).status_code == 404
    house.evaluations.model = Model("nanodet", "sha256:2")
    room = await house.open()
    await house.pass_s(room, 305)
    assert "countLevel" not in await house.read(PEOPLE)


async def test_the_machines_crossings_are_kept_only_while_one_runs(desk: House) -> None:
    desk.hear(desk.crossing())
    id = await desk.started(minutes=5)
    desk.now += timedelta(seconds=10)
    desk.hear(desk.crossing(), desk.health())
    (passed,) = desk.evaluations.running["square"].machine
    assert passed.at_s == 10
    desk.now += timedelta(minutes=5)
    desk.hear(desk.crossing())  # after its end
    assert len(desk.evaluations.running["square"].machine) == 1
    assert (await desk.handed_in(id, key("person", 10))).status_code == 201
    assert desk.evaluations.running == {}


async def test_nobody_hands_in_what_is_not_theirs_or_twice(desk: House) -> None:
    for visitor in (OPERATOR, CITIZEN):
        desk.visitor = visitor
        assert (await desk.post(**EVERY)).status_code == 403
    desk.visitor = ENGINEER
    id = await desk.started(minutes=5)
    desk.now += timedelta(minutes=5)
    desk.hear(desk.health())
    desk.visitor = COLLEAGUE
    assert (await desk.handed_in(id)).status_code == 403
    assert (await desk.client.delete(f"/vision/cameras/square/evaluations/{id}")).status_code == 403
    assert (await desk.post(**EVERY)).status_code == 409
    desk.visitor = ENGINEER
    answers = await asyncio.gather(desk.handed_in(id), desk.handed_in(id))
    assert sorted(answer.status_code for answer in answers) == [201, 404]
    assert len(await desk.kept()) == 1


async def test_one_that_is_given_up_leaves_nothing(desk: House) -> None:
    id = await desk.started()
    desk.hear(desk.crossing())
    gone = await desk.client.delete(f"/vision/cameras/square/evaluations/{id}")
    assert gone.status_code == 204
    assert desk.evaluations.running == {}
    assert await desk.kept() == []
    assert (await desk.handed_in(id)).status_code == 404


async def test_what_nobody_hands_in_is_forgotten(desk: House) -> None:
    id = await desk.started(minutes=5)
    desk.now += timedelta(minutes=10, seconds=1)
    desk.hear(desk.crossing())
    assert desk.evaluations.running == {}
    assert (await desk.handed_in(id)).status_code == 404
    await desk.started()


@pytest.mark.parametrize(
    "wanted",
    [
        {"lines": []},
        {"lines": ["east"]},
        {"lines": ["west", "west"]},
        {"of": []},
        {"of": ["bicycle"]},
        {"of": ["vehicle", "car"]},
        {"of": ["walker"]},
        {"minutes": 0},
        {"minutes": 61},
        {"minutes": 1.5},
        {"seconds": 900},
        {"lines": ["west"] * 20},
    ],
)
async def test_what_a_hand_cannot_count_is_not_started(desk: House, wanted: dict[str, Any]) -> None:
    assert (await desk.post(**(EVERY | wanted))).status_code == 400
    assert desk.evaluations.running == {}


@pytest.mark.parametrize(
    "press",
    [
        key("person", 10, line="east"),
        key("bicycle", 10),
        key("car", 10),
        key("person", 10, direction="up"),
        key("person", -1),
        key("person", 301),
        key("person", 1e300),
        key("person", *[10] * 6000),
        {"line": "west", "of": "person", "direction": "in", "at_s": ["10"]},
        {**key("person", 10), "name": "somebody"},
    ],
)
async def test_a_press_that_cannot_be_is_refused_and_the_count_goes_on(
    desk: House, press: dict[str, Any]
) -> None:
    id = await desk.started(minutes=5)
    desk.now += timedelta(minutes=5)
    desk.hear(desk.health())
    assert (await desk.handed_in(id, press)).status_code == 400
    assert (await desk.handed_in(id, key("person", 10))).status_code == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"presses": {}}', b"\xff", b"NaN"])
async def test_a_body_of_another_form_is_refused(desk: House, body: bytes) -> None:
    id = await desk.started()
    for path in ("", f"/{id}"):
        url = f"/vision/cameras/square/evaluations{path}"
        assert (await desk.client.post(url, content=body)).status_code == 400
    answer = await desk.client.post("/vision/cameras/nowhere/evaluations", json=EVERY)
    assert answer.status_code == 404


async def test_half_a_minute_says_nothing(desk: House) -> None:
    id = await desk.started()
    desk.now += timedelta(seconds=30)
    desk.hear(desk.health())
    assert (await desk.handed_in(id)).status_code == 400


async def test_an_evaluation_of_a_camera_that_failed_is_void(desk: House) -> None:
    failures: list[Callable[[], None]] = [
        lambda: desk.hear(of_a_failure(desk.health())),
        lambda: desk.evaluations.lose("square"),
        lambda: desk.hear(desk.crossing(n=running.MOST_PASSED + 1)),
        lambda: desk.evaluations.running["square"].lights.clear(),  # nothing was heard of it
    ]
    for fail in failures:
        id = await desk.started()
        desk.now += timedelta(minutes=2)
        desk.hear(desk.health())
        fail()
        answer = await desk.handed_in(id)
        assert answer.status_code == 409, answer.text
        assert await desk.kept() == []
        assert not desk.evaluations.running["square"].machine
        await desk.client.delete(f"/vision/cameras/square/evaluations/{id}")


def of_a_failure(health: Health) -> Health:
    return Health(
        **{f: getattr(health, f) for f in health.__struct_fields__} | {"trouble": "ended"}
    )


async def test_it_is_not_started_while_nobody_knows_what_counts(desk: House) -> None:
    desk.evaluations.model = Model("home-made", "")
    assert (await desk.post(**EVERY)).status_code == 409


async def test_nobody_changes_an_evaluation_afterwards(house: House) -> None:
    await house.count_well()
    page = await house.broker.find(Query(("CameraEvaluation",)), ANYONE, PUBLIC)
    (made,) = page.entities
    operations: tuple[Operation, ...] = ("merge", "delete", "replace")
    for operation in operations:
        with pytest.raises(Denied):
            await house.broker.apply([Change(operation, made)], ENGINEER, WORK)
