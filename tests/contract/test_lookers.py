"""Who else has an alarm selected: told at once to who has it selected too, to nobody else, and kept
nowhere.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import NotFound
from townsquare.web.auth import person
from townsquare.web.live import Live
from townsquare.web.lookers import SILENT, Lookers

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
WORK = Why("operations")
ADA, BEN = person("operator", "Town"), person("operator", "Town")
NAMES = {ADA.id: "Ada", BEN.id: "Ben"}
FULL, DRY = "urn:ngsi-ld:Alert:full:east", "urn:ngsi-ld:Alert:dry:east"


class Screen:
    def __init__(self, live: Live, by: Actor) -> None:
        self.live, self.by = live, by
        self.events: AsyncGenerator[bytes, None] = live.events(by, WORK, None, "")
        self.seat = ""

    async def open(self) -> "Screen":
        self.seat = (await self.next("seat"))["seat"]
        await self.next("snapshot")
        return self

    async def next(self, name: str) -> Any:
        async with asyncio.timeout(60):
            async for event in self.events:
                if event.startswith(f"event: {name}\n".encode()):
                    return json.loads(event.partition(b"data: ")[2])
        return None

    def selects(self, *alarms: str) -> None:
        self.live.lookers.look(self.seat, self.by.id, alarms)

    async def sees(self) -> Any:
        """Who else looks, by alarm, as it is told next."""
        told = (await self.next("looking"))["alarms"]
        return {alarm: [one["name"] for one in others] for alarm, others in told.items()}


async def screens(broker: Broker) -> tuple[Screen, Screen]:
    live = Live(broker, lambda id: NAMES.get(id, ""))
    return await Screen(live, ADA).open(), await Screen(live, BEN).open()


async def test_two_who_have_the_same_alarm_selected_see_each_other_until_one_leaves(
    open_broker: OpenBroker,
) -> None:
    ada, ben = await screens(open_broker())
    ada.selects(FULL)
    ben.selects(FULL)
    assert await ada.sees() == {FULL: ["Ben"]}
    assert await ben.sees() == {FULL: ["Ada"]}
    ada.selects(DRY)
    assert await ben.sees() == {}
    assert await ada.sees() == {}
    ada.selects(FULL)
    assert await ben.sees() == {FULL: ["Ada"]}
    await ada.events.aclose()  # the page was closed
    assert await ben.sees() == {}
    await ben.events.aclose()


async def test_since_when_and_whether_it_is_oneself_is_told(open_broker: OpenBroker) -> None:
    live = Live(open_broker(), lambda id: "")
    desk, phone = await Screen(live, ADA).open(), await Screen(live, ADA).open()
    desk.selects(FULL)
    phone.selects(FULL)
    [one] = (await desk.next("looking"))["alarms"][FULL]
    assert one["own"]
    assert one["name"] == ADA.id.rsplit(":", 1)[-1]  # nobody has told a name for it
    assert datetime.fromisoformat(one["since"]).tzinfo
    for screen in (desk, phone):
        await screen.events.aclose()


def test_whose_line_was_cut_looks_no_longer() -> None:
    now = [NOON]
    lookers = Lookers(lambda: now[0])
    with lookers.seat(ADA.id, lambda: None) as ada, lookers.seat(BEN.id, lambda: None) as ben:
        lookers.look(ada.name, ADA.id, [FULL])
        lookers.look(ben.name, BEN.id, [FULL])
        assert lookers.news(ben)
        now[0] += SILENT
        lookers.look(ben.name, BEN.id, [FULL])
        assert lookers.news(ben) is None
        now[0] += timedelta(seconds=1)
        assert lookers.news(ben) == {}


def test_nobody_speaks_for_the_browser_of_somebody_else() -> None:
    lookers = Lookers(lambda: NOON)
    refused = pytest.raises(NotFound, match="live connection")
    with lookers.seat(ADA.id, lambda: None) as ada, refused:
        lookers.look(ada.name, BEN.id, [FULL])
    with pytest.raises(NotFound, match="live connection"):
        lookers.look(ada.name, ADA.id, [FULL])


async def test_nothing_of_it_is_kept(open_broker: OpenBroker) -> None:
    broker = open_broker()
    ada, ben = await screens(broker)
    before = await broker.last_seq()
    for screen in (ada, ben):
        screen.selects(FULL)
    assert await ada.sees()
    assert await broker.last_seq() == before
    for screen in (ada, ben):
        await screen.events.aclose()
