"""What this room writes is what history keeps and the public cells are made of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.conftest import OpenBroker
from tests.square import SQUARE
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera
from townsquare.model.entity import Entity
from townsquare.model.town import Town
from townsquare.register.publish import publish
from townsquare.vision.observation import Crossings, Health, Occupancy
from townsquare.vision.run import Room, opened
from townsquare.vision.types import TYPES

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ENGINEER = Actor("urn:ngsi-ld:Person:eva", "person", roles=frozenset({"engineer"}))
CITIZEN = Actor("anyone", "anyone", roles=frozenset({"citizen"}))
WORK, PUBLIC = Why("operations"), Why("public information")
LINE = "urn:ngsi-ld:CrowdFlowObserved:square-west"


class House:
    """A room over a broker whose clock is turned by hand."""

    def __init__(self, broker: Broker) -> None:
        self.now = NOON
        self.broker = broker
        broker.clock = lambda: self.now

    async def open(self, *cameras: Camera) -> Room:
        return await opened(cameras, self.broker, Town())

    async def pass_s(self, room: Room, seconds: int) -> None:
        """A working camera; somebody crosses every 10 s, two people are there."""
        for _ in range(0, seconds, 5):
            self.now += timedelta(seconds=5)
            health = Health("square", 10, 5, 0, "good", "none", 1, NOON, size=(768, 576))
            since = self.now - timedelta(seconds=5)
            stay = Occupancy("square", "plaza", "person", 2, 2, since, self.now)
            seen: list[Health | Occupancy | Crossings] = [health, stay]
            if self.now.second % 10 == 0:
                seen.append(Crossings("square", "west", "person", "in", 1, since, self.now))
            for one in seen:
                told = room.books["square"].read(one, self.now, room.midnight())
                await room.keep("square", told)

    async def windows(self) -> list[int]:
        """As the past has them, oldest first."""
        query = TemporalQuery(Query(ids=(LINE,)), ("peopleCountTowards",))
        found = await self.broker.history(query, ENGINEER, WORK)
        return [a.value for e in found for a in e.attributes.get("peopleCountTowards", ())]

    async def live(self, name: str) -> Entity:
        operator = Actor("urn:ngsi-ld:Person:a", "person", roles=frozenset({"operator"}))
        return await self.broker.read(f"{LINE[:-4]}{name}-live", operator, WORK)


@pytest.fixture
def house(open_broker: OpenBroker, store_url: str) -> House:
    return House(open_broker(*TYPES, url=store_url))


async def test_everyone_reads_that_a_review_is_overdue(house: House) -> None:
    room = await house.open(replace(SQUARE, review=NOON.date()))
    camera = "urn:ngsi-ld:Camera:square"
    assert (await house.broker.read(camera, CITIZEN, PUBLIC)).value("reviewOverdue") is False
    assert room.books["square"].review(overdue=False) == []
    await room.keep("square", room.books["square"].review(overdue=True))
    found = await house.broker.read(camera, CITIZEN, PUBLIC)
    assert found.value("reviewOverdue") is True
    assert found.value("impactAssessment") == "DPIA 7"
    await house.open(replace(SQUARE, review=date(2030, 5, 31)))
    assert (await house.broker.read(camera, CITIZEN, PUBLIC)).value("reviewOverdue") is True


async def test_history_keeps_closed_windows_and_nothing_finer(house: House) -> None:
    room = await house.open(SQUARE)
    await house.pass_s(room, 910)
    # A crossing that is seen at the end of a window opens the next one.
    assert await house.windows() == [29, 30, 30]
    assert (await house.live("west")).value("todayTowards") == 91


async def test_a_restart_in_the_middle_loses_nothing(house: House) -> None:
    room = await house.open(SQUARE)
    await house.pass_s(room, 150)
    again = await house.open(SQUARE)
    assert (await house.live("west")).value("peopleCountTowards") is None  # nothing is known yet
    await house.pass_s(again, 160)
    assert await house.windows() == [29]
    assert (await house.live("west")).value("todayTowards") == 31


async def test_an_hour_of_windows_becomes_a_public_cell(house: House) -> None:
    room = await house.open(SQUARE)
    await house.pass_s(room, 3610)
    house.now += timedelta(minutes=5)
    published = await publish(house.broker)
    assert f"{LINE}:2030-06-01T12Z" in published
    cell = await house.broker.read(f"{LINE}:2030-06-01T12Z", CITIZEN, PUBLIC)
    assert cell.value("peopleCountTowards") == 359
    assert cell.value("coverage") == pytest.approx(1, abs=0.01)


async def test_the_public_sees_no_live_value_and_no_window(house: House) -> None:
    room = await house.open(SQUARE)
    await house.pass_s(room, 310)
    query = Query(types=("CrowdFlowObserved", "Camera"), limit=100)
    page = await house.broker.find(query, CITIZEN, PUBLIC)
    assert [entity.id for entity in page.entities] == ["urn:ngsi-ld:Camera:square"]


async def test_a_camera_that_was_taken_out_is_gone_and_its_windows_stay(house: House) -> None:
    room = await house.open(SQUARE)
    await house.pass_s(room, 310)
    await house.open()
    everything = Query(types=tuple(t.name for t in TYPES), limit=100)
    page = await house.broker.find(everything, ENGINEER, WORK)
    ids = [entity.id for entity in page.entities]
    assert sorted(ids) == [f"{LINE[:-4]}plaza", LINE]
    assert await house.windows() == [29]
