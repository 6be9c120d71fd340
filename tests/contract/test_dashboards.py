"""Dashboards on every store: figures against those that were put in, by hand."""

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from tests.conftest import OpenBroker
from tests.contract.alerts.town import refused
from tests.reader import english_in, reads
from townsquare.alerts import run as alerts
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import TownsquareError
from townsquare.model.town import Town
from townsquare.vision import types as vision
from townsquare.web.control import Control
from townsquare.web.dashboards.screens import Dashboards
from townsquare.web.live import Live
from townsquare.web.pages import Pages
from townsquare.web.sessions import Sessions

BERLIN = Town("Testtown", "Europe/Berlin")
WORK = Why("operations")
ANNA = Actor("urn:ngsi-ld:Person:anna", "person", roles=frozenset({"operator"}))
OFFICER = Actor("urn:ngsi-ld:Person:dpo", "person", roles=frozenset({"data-protection"}))
DEVICE = Actor("urn:ngsi-ld:Device:1", "machine", roles=frozenset({"integrator"}))
CAMERA, WEST = urn("Camera", "square"), urn("CrowdFlowObserved", "square-west")
NOW = datetime(2030, 5, 8, 12, 2, tzinfo=UTC)  # a Wednesday, 14:02 in Berlin
MINUTES = timedelta(minutes=5)
Rows = list[dict[str, str]]


@pytest.fixture
def broker(open_broker: OpenBroker, past_url: str) -> Broker:
    opened = open_broker(*vision.TYPES, *alerts.TYPES, url=past_url)
    opened.clock = lambda: NOW
    return opened


async def counted(
    broker: Broker, until: datetime, towards: int, coverage: float = 1, **more: Json
) -> None:
    """A window of the line that ended then."""
    values = {"peopleCountTowards": towards, "peopleCountAway": 1, "coverage": coverage, **more}
    given = {name: (Attribute(value, observed_at=until),) for name, value in values.items()}
    given["name"] = (Attribute("west", observed_at=until),)
    given["refDevice"] = (relationship(CAMERA, until),)
    window = Entity(WEST, ("CrowdFlowObserved",), given)
    await broker.apply([Change("merge", window, upsert=True)], room("vision"), WORK)


async def put_up(broker: Broker) -> None:
    lines = [{"name": "west", "towards": "to the river", "away": "=away()"}]
    named = {"cameraName": Attribute("Square"), "lines": Attribute(lines)}
    camera = Entity(CAMERA, ("Camera",), {name: (one,) for name, one in named.items()})
    await broker.apply([Change("merge", camera, upsert=True)], room("vision"), WORK)


async def seen(broker: Broker, path: str, by: Actor = ANNA) -> httpx.Response:
    pages = Pages(BERLIN, demo=False)
    control = Control(
        Live(broker, str), pages, Sessions(broker.clock), "open", lambda _: dict[str, str]()
    )
    site = Starlette(
        routes=Dashboards(control).routes(), exception_handlers={TownsquareError: refused}
    )

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"actor": by, "why": WORK, "session": None}
        await site(scope, receive, send)

    transport = httpx.ASGITransport(known)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        return await client.get(path)


async def figures(broker: Broker, of: str, span: str, **more: str) -> Rows:
    query = httpx.QueryParams({"of": of, "span": span, **more})
    answer = await seen(broker, f"/control/dashboards.csv?{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def known(rows: Rows, chart: str) -> dict[str, str]:
    found = {row["from (Europe/Berlin)"]: row["value"] for row in rows if row["chart"] == chart}
    return {at: value for at, value in found.items() if value}


async def test_a_window_counts_for_the_hour_in_which_it_began(broker: Broker) -> None:
    await put_up(broker)
    for until, n in ((11, 40), (12, 2)):
        await counted(broker, NOW.replace(hour=until, minute=0), n)
    await counted(broker, NOW.replace(hour=11, minute=5), 7)
    rows = await figures(broker, CAMERA, "day")
    assert len(rows) == 48
    assert known(rows, "west · to the river") == {
        "2030-05-08T12:00:00+02:00": "40",
        "2030-05-08T13:00:00+02:00": "9",
    }
    rows = await figures(broker, CAMERA, "hour")
    assert known(rows, "west · to the river") == {"2030-05-08T13:55:00+02:00": "2"}


async def test_what_is_not_known_is_empty_and_what_is_in_part_says_so(broker: Broker) -> None:
    await put_up(broker)
    await counted(broker, NOW.replace(hour=11, minute=5), 0)
    rows = await figures(broker, CAMERA, "day")
    (row,) = [r for r in rows if r["value"] and r["chart"] == "west · to the river"]
    assert (row["value"], row["remark"]) == ("0", "watched in part")
    assert {r["value"] for r in rows if r is not row and r["chart"] == row["chart"]} == {""}


async def test_the_same_weekday_before_stands_beside(broker: Broker) -> None:
    await put_up(broker)
    for days, n in ((0, 4), (7, 6), (364, 8), (365, 99)):
        await counted(broker, NOW.replace(hour=11, minute=30) - timedelta(days=days), n)
    for span, before in (("day", "6"), ("week", "6"), ("year", "8")):
        rows = await figures(broker, WEST, span, chart=f"{WEST}~peopleCountTowards")
        (row,) = [one for one in rows if one["value"] == "4"]
        assert row["before value"] == before


async def test_days_of_a_year_are_those_of_the_town_also_when_clocks_change(
    broker: Broker,
) -> None:
    await put_up(broker)
    # 31 March 2030 has 23 hours in Berlin: from 23:00 UTC to 22:00 UTC.
    await counted(broker, datetime(2030, 3, 30, 23, 5, tzinfo=UTC), 1)
    await counted(broker, datetime(2030, 3, 31, 22, 0, tzinfo=UTC), 2)
    await counted(broker, datetime(2030, 3, 31, 22, 5, tzinfo=UTC), 4)
    rows = await figures(broker, WEST, "year")
    assert known(rows, "west · to the river") == {
        "2030-03-31T00:00:00+01:00": "3",
        "2030-04-01T00:00:00+02:00": "4",
    }


async def test_figures_do_not_turn_into_formulas(broker: Broker) -> None:
    await put_up(broker)
    level = Attribute(80.5, observed_at=NOW - MINUTES)
    full = Attribute(value=True, observed_at=NOW)
    device = Entity("urn:ngsi-ld:Bin:a", ("Bin",), {"=level()": (level,), "full": (full,)})
    await broker.apply([Change("merge", device, upsert=True)], DEVICE, Why("integration"))
    rows = await figures(broker, "Bin", "hour")
    assert {row["chart"] for row in rows} == {"'=level()"}
    assert [row["value"] for row in rows if row["value"]] == ["80.5"]


async def test_alarms_are_counted_as_often_as_they_were_raised(broker: Broker) -> None:
    now = NOW - timedelta(hours=3)
    for minutes in (0, 1, 70):
        at = now + timedelta(minutes=minutes)
        broker.clock = lambda at=at: at  # type: ignore[misc]  # bound as it is now
        alarm = entity("urn:ngsi-ld:Alert:full", "Alert", dateIssued=Attribute(iso(at)))
        await broker.apply([Change("merge", alarm, upsert=True)], room("alerts"), WORK)
    broker.clock = lambda: NOW
    rows = await figures(broker, "Alert", "day")
    # None before the first is known; none since then is none.
    assert [row["value"] for row in rows][-5:] == ["", "2", "1", "0", "0"]


async def test_who_may_not_see_counts_gets_no_page_of_them(broker: Broker) -> None:
    await put_up(broker)
    await counted(broker, NOW - timedelta(hours=1), 5)
    overview = await seen(broker, "/control/dashboards", OFFICER)
    assert 'CrowdFlowObserved"' not in overview.text
    page = await seen(broker, "/control/dashboards/CrowdFlowObserved", OFFICER)
    assert "People across all lines" not in page.text
    assert ">5<" not in page.text
    assert (await seen(broker, "/control/dashboards/CrowdFlowObserved")).status_code == 200


@pytest.mark.parametrize(
    "asked", ["span=century", "until=soon", "until=2030-05-06T14:00:00", "until=9999-12-31"]
)
async def test_a_time_that_is_none_is_refused_with_an_example(broker: Broker, asked: str) -> None:
    answer = await seen(broker, f"/control/dashboards/Alert?{asked}")
    assert answer.status_code == 400
    assert "write one such as" in answer.text


async def test_a_german_operator_reads_it_in_german(broker: Broker) -> None:
    await put_up(broker)
    await counted(broker, NOW - timedelta(hours=1), 5, sample=True)
    with reads("de"):
        pages = [
            (await seen(broker, f"/control/dashboards{path}")).text for path in ("", f"/{CAMERA}")
        ]
    assert "Auswertungen" in pages[0]
    assert "nur" in pages[1] or "Beispiel" in pages[1]
    assert [english_in(page, "de") for page in pages] == [[], []]
