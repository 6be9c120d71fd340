"""The pages of the alarm load, of a month in which something happened."""

from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from tests.contract.alerts.town import ANNA, WORK, Clock, Town, refused
from tests.reader import english_in, reads
from townsquare.alerts.load.reports import Reports
from townsquare.alerts.who import ROOM, WHY
from townsquare.model import town as model
from townsquare.model.actor import ANYONE, Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, relationship, urn
from townsquare.model.errors import TownsquareError
from townsquare.web import load
from townsquare.web.pages import Pages

BERLIN = model.Town("Testtown", "Europe/Berlin")
MAY = datetime(2030, 5, 6, 10, tzinfo=UTC)


@pytest.fixture
async def busy(town: Town, clock: Clock) -> Town:
    """In May: a flood of lamps, a pump that chatters, a gate that stays open; and it is June."""
    rang = [(f"lamp{n}", timedelta(seconds=20 * n), "low", "UNACK") for n in range(30)]
    rang += [(a, at + timedelta(minutes=30), s, "ACKED") for a, at, s, _ in rang]
    rang += [(a, at + timedelta(minutes=40), s, "NORMAL") for a, at, s, _ in rang[:30]]
    for n in range(4):
        at = timedelta(days=2, seconds=12 * n)
        rang += [("pump", at, "medium", "UNACK")]
        rang += [("pump", at + timedelta(seconds=6), "medium", "RTN_UNACK")]
    rang += [("gate", timedelta(days=5), "high", "UNACK")]
    now = clock.now
    for name, after, severity, state in sorted(rang, key=lambda one: one[1]):
        clock.now = MAY + after
        alarm = entity(
            urn("Alert", f"{name}:mrs-smiths-house"),
            "Alert",
            state=Attribute(state, observed_at=clock.now),
            severity=Attribute(severity),
            name=Attribute(f"{name} of <b>Mrs Smith"),
            alertSource=relationship(urn("Device", "mrs-smiths-house")),
        )
        await town.broker.apply([Change("merge", alarm, upsert=True)], ROOM, WHY)
    clock.now = now
    return town


async def seen(town: Town, by: Actor, path: str) -> httpx.Response:
    routes = load.routes(Pages(BERLIN, demo=False), Reports(town.broker, BERLIN), town.broker)
    site = Starlette(routes=routes, exception_handlers={TownsquareError: refused})

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"actor": by, "why": WORK, "session": None}
        await site(scope, receive, send)

    transport = httpx.ASGITransport(known)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        return await client.get(path)


async def test_an_operator_reads_which_alarms_they_are(busy: Town) -> None:
    page = (await seen(busy, ANNA, "/control/load?month=2030-05")).text
    assert "<option selected>2030-05</option>" in page
    assert "35 alarms" in page
    assert "pump of &lt;b&gt;Mrs Smith · mrs-smiths-house" in page
    assert "4 in a minute" in page
    assert "6 May 2030, 12:03" in page  # when the flood began, by the town's clock
    assert 'class="above"' in page


async def test_a_french_operator_reads_it_in_french(busy: Town) -> None:
    with reads("fr"):
        page = unescape((await seen(busy, ANNA, "/control/load?month=2030-05")).text)
    for said in (
        "35 alarmes",
        "6 mai 2030, 12:03",
        "Afficher",
        "à 6, au plus 12",
        "EEMUA 191 et ISA-18.2",
        "trop",
    ):
        assert said in page
    assert english_in(page, "fr") == []


async def test_everyone_reads_the_newest_month_without_names(busy: Town) -> None:
    for path in ("/alarm-load", "/open-data/alarm-load.json?month=2030-05"):
        answer = await seen(busy, ANYONE, path)
        assert answer.status_code == 200
        assert "Smith" not in answer.text
        assert "smith" not in answer.text
        assert "pump" not in answer.text
        assert "public" in answer.headers["cache-control"]
    told = answer.json()
    assert told["annunciations"] == 35
    severities = {one["of"]: one["number"] for one in told["severities"]}
    assert severities == {"critical": 0, "high": None, "medium": None, "low": 30}


async def test_a_month_that_runs_is_not_published(busy: Town) -> None:
    answer = await seen(busy, ANYONE, "/alarm-load?month=2030-06")
    assert answer.status_code == 400
    assert "not over yet" in answer.text


async def test_a_stranger_is_led_to_the_control_room(busy: Town) -> None:
    answer = await seen(busy, ANYONE, "/control/load")
    assert (answer.status_code, answer.headers["location"]) == (303, "/control")
