"""From what a worker says of an event to an operator's alarm, on every store."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import OpenBroker
from tests.square import SQUARE
from townsquare.alerts import run as alerts
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.camera import Intrusion, StoppedVehicle, Zone
from townsquare.model.errors import Denied, NotFound
from townsquare.model.rule import Rule
from townsquare.model.town import Town
from townsquare.vision.observation import Event, Health
from townsquare.vision.run import Room, opened
from townsquare.vision.types import TYPES

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MIDNIGHT = NOON - timedelta(hours=12)
BAY = Zone("bay", ((0, 0), (9, 0), (9, 9)), stopped_vehicle=StoppedVehicle(), intrusion=Intrusion())
CAMERA = replace(SQUARE, zones=(BAY,))
LIVE = "urn:ngsi-ld:CameraEvent:square-bay-stoppedVehicle-live"
ALERT = "urn:ngsi-ld:Alert:stopped-vehicle:square-bay-stoppedVehicle-live"
RULE = Rule("stopped-vehicle", "Vehicle stopped", "CameraEvent", "stoppedVehicle", 1, 0)
OPERATOR = Actor("urn:ngsi-ld:Person:eve", "person", roles=frozenset({"operator"}))
WHY = Why("crowd safety")
WORK = Why("operations")


async def say(here: Room, *said: Event | Health) -> None:
    book = here.books["square"]
    for seen in said:
        await here.keep("square", book.read(seen, here.broker.clock(), MIDNIGHT))


def healthy() -> Health:
    return Health("square", 9, 5, 0, "good", "none", 0.5, NOON, "", (9, 9))


def stopped(until: datetime | None = None) -> Event:
    return Event("square", "bay", "stoppedVehicle", NOON, until, 0.9)


async def until_state(broker: Broker, state: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(NotFound):
                alert = await broker.read(ALERT, OPERATOR, WORK)
                if alert.value("state") == state:
                    return
            await asyncio.sleep(0.01)


async def test_a_rule_over_an_event_calls_an_operator(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(*TYPES, *alerts.TYPES, url=store_url)
    broker.clock = lambda: NOON + timedelta(seconds=70)
    here = await opened((CAMERA,), broker, Town())
    running = asyncio.create_task(alerts.run(broker, (RULE,)))
    try:
        await say(here, healthy(), stopped())
        live = await broker.read(LIVE, OPERATOR, WHY)
        assert (live.value("active"), live.value("eventType")) == (1, "stoppedVehicle")
        await until_state(broker, "UNACK")
        found = await broker.find(Query(types=("Alert",)), OPERATOR, WORK)
        assert [alert.id for alert in found.entities] == [ALERT]  # an intrusion is another matter
        assert found.entities[0].value("alertSource") == LIVE
        await say(here, stopped(NOON + timedelta(seconds=65)))
        await until_state(broker, "RTN_UNACK")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_the_public_reads_nothing_of_events(open_broker: OpenBroker, store_url: str) -> None:
    broker = open_broker(*TYPES, url=store_url)
    broker.clock = lambda: NOON + timedelta(seconds=70)
    here = await opened((CAMERA,), broker, Town())
    await say(here, healthy(), stopped())
    broker.clock = lambda: NOON + timedelta(seconds=75)
    await say(here, healthy())
    await here.keep("square", here.books["square"].elapse(NOON + timedelta(minutes=6), MIDNIGHT))
    window = LIVE.removesuffix("-live")
    assert (await broker.read(window, OPERATOR, WHY)).value("eventCount") == 1
    for id in (LIVE, window):
        with pytest.raises((Denied, NotFound)):
            await broker.read(id, ANYONE, Why("public information"))
