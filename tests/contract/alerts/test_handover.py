"""A shift is handed over: the report, who signs it and who takes it over, on paper too."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader
from starlette.applications import Starlette

from tests.contract.alerts.called import staff_of
from tests.contract.alerts.desk import ROAD_ID, Desk, told
from tests.contract.alerts.test_calling import desk as on_call
from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    BEN,
    ENGINEER,
    FLOW,
    FULL,
    PLAZA,
    SENSOR,
    WORK,
    Clock,
    Town,
    as_actor,
    commanding,
    refused,
)
from tests.reader import reads
from townsquare.alerts.handover.desk import HandoverDesk
from townsquare.alerts.handover.doors import HandoverDoors
from townsquare.alerts.handover.gathering import Gathering
from townsquare.alerts.handover.paper import pdf
from townsquare.alerts.handover.report import Report
from townsquare.alerts.handover.shift import last
from townsquare.alerts.incidents.desk import Visitor
from townsquare.alerts.load.reports import Reports
from townsquare.model import town as model
from townsquare.model.actor import Actor
from townsquare.model.entity import iso
from townsquare.model.errors import TownsquareError
from townsquare.model.rule import Rule

DUTY = staff_of(on_call("https://hooks.town.example"))
BELGRADE = model.Town("Београд", "Europe/Belgrade")


class Shifts:
    """The doors of hand-overs, of a town in which something happened."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.gathering = Gathering(
            town.broker, Reports(town.broker, BELGRADE), lambda: [ANNA.id], DUTY.called
        )
        self.desk = HandoverDesk(self.gathering)
        handlers: Any = {TownsquareError: refused}
        self.site = Starlette(routes=HandoverDoors(self.desk).routes(), exception_handlers=handlers)

    async def send(self, method: str, path: str, by: Actor, json: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(as_actor(self.site, by))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.request(method, path, json=json)

    async def write(self, by: Actor = ANNA, **wish: Any) -> httpx.Response:
        since = iso(self.town.clock() - timedelta(hours=8))
        return await self.send("POST", "/handovers", by, {"since": since, **wish})

    async def accept(self, id: str, by: Actor, **wish: Any) -> httpx.Response:
        return await self.send("POST", f"/handovers/{id}/accept", by, wish)

    async def report(self, hours: str = "") -> Report:
        shift = last(hours, self.town.clock())
        return await self.gathering.report(shift, Visitor(ANNA, WORK))


@pytest.fixture
async def shifts(town: Town, clock: Clock) -> Shifts:
    """Two incidents: one closed and one with a step skipped; an alarm that is shelved."""
    desk = Desk(town.broker)
    await desk.write()
    early = await desk.open(name="Yesterday's")
    await desk.did(ANNA, early["id"], "close", cause="falseAlarm")
    clock.pass_s(24 * 3600)
    lamp = await desk.open(name="Lamp is down", severity="low")
    await desk.did(BEN, lamp["id"], "close", cause="noActionNeeded")
    road = await desk.open(name="Несрећа", procedure=ROAD_ID)
    await desk.did(ANNA, road["id"], "answer", step="look", answer="skipped", note="Nobody there")
    async with town.alerting(AT_ONCE):
        await town.count(20)
        await town.until("UNACK")
    answer = await commanding(town)(ANNA, "shelve", reason="market day")
    assert answer.status_code == 200
    clock.pass_s(60)
    return Shifts(town)


async def test_the_report_says_what_the_shift_leaves(shifts: Shifts) -> None:
    report = await shifts.report()
    assert [one.name for one in report.opened()] == ["Несрећа", "Lamp is down"]
    assert [one.name for one in report.closed()] == ["Lamp is down"]
    (road,) = report.still_open()
    assert (road.owner, road.last) == (ANNA.id, "Is somebody hurt?: skipped")
    ((case, skipped),) = report.skipped()
    assert (case.name, skipped.why, skipped.by) == ("Несрећа", "Nobody there", ANNA.id)
    assert report.alarms == ()
    (aside,) = report.aside
    assert (aside.id, aside.state, aside.why, aside.by) == (FULL, "SHELVED", "market day", ANNA.id)
    assert aside.until
    assert aside.until > report.until
    assert report.load
    assert report.load.annunciations == 1
    assert report.present == (ANNA.id,)
    assert set(report.acted) == {ANNA.id, BEN.id}


async def test_who_comes_takes_over_what_who_goes_has_signed(shifts: Shifts) -> None:
    made = told(await shifts.write(notes="Quiet night", openPoints=["Call the lamp crew"]), 201)
    assert (made["state"], made["written_by"]) == ("written", ANNA.id)
    own = await shifts.accept(made["id"], ANNA)
    assert (own.status_code, "not who goes" in own.text) == (403, True)
    taken = told(await shifts.accept(made["id"], BEN, remark="Thanks"))
    assert (taken["state"], taken["accepted_by"], taken["remark"]) == ("accepted", BEN.id, "Thanks")
    again = await shifts.accept(made["id"], BEN)
    assert (again.status_code, BEN.id in again.text) == (409, True)
    listed = told(await shifts.send("GET", "/handovers", BEN))["handovers"]
    assert [one["id"] for one in listed] == [made["id"]]


async def test_what_was_signed_stays_as_it_was(shifts: Shifts) -> None:
    made = told(await shifts.write(), 201)
    await commanding(shifts.town)(ANNA, "unshelve")
    kept = told(await shifts.send("GET", f"/handovers/{made['id']}", BEN))
    assert kept["report"] == made["report"]
    assert [one["state"] for one in kept["report"]["aside"]] == ["SHELVED"]
    assert (await shifts.report()).aside == ()


async def test_what_cannot_be_signed_is_refused_with_why(shifts: Shifts) -> None:
    async def why(by: Actor = ANNA, **wish: Any) -> tuple[int, str]:
        answer = await shifts.write(by, **wish)
        return answer.status_code, answer.json()["detail"]

    assert (await why(openPoints=["x", " "]))[1].startswith("open point 2 is empty")
    assert (await why(since="2020-01-01T00:00:00Z"))[0] == 400
    assert "openPoints" in (await why(points="x"))[1]
    assert (await why(ENGINEER))[0] == 403
    assert (await why(SENSOR))[0] == 403


async def test_the_paper_is_told_in_the_language_of_who_asks(shifts: Shifts) -> None:
    letters = "čćšžđ ČĆŠŽĐ äöüß éèêç ñ¿¡"
    made = told(await shifts.write(notes=letters), 201)
    one = await shifts.desk.one(made["id"], Visitor(ANNA, WORK))
    with reads("sr-Latn"):
        file = pdf(one.report, one, BELGRADE, named)
    read = "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)
    for said in (letters, "Primopredaja smene", "Preskočeni obavezni koraci", "Strana 1 od"):
        assert said in read
    for english in ("Hand-over", "Severity", "Nobody has taken", "alarms"):
        assert english not in read


def named(id: str) -> str:
    return id.rsplit(":", 1)[-1]


async def test_the_paper_has_town_shift_pages_and_every_script(shifts: Shifts) -> None:
    notes = "Жичара стоји, Žižkov, Ελλάδα, नमस्ते, 北京市, 안녕"
    points = [f"Point {n} of the night" for n in range(30)]
    made = told(await shifts.write(notes=notes, openPoints=points), 201)
    one = await shifts.desk.one(made["id"], Visitor(ANNA, WORK))
    file = pdf(one.report, one, BELGRADE, named)
    assert len(file) < 400_000
    pages = [page.extract_text() for page in PdfReader(BytesIO(file)).pages]
    for number, page in enumerate(pages, 1):
        assert "Београд, hand-over of the shift 2030-06-02 06:01 to 2030-06-02 14:01" in page
        assert f"Page {number} of {len(pages)}" in page
    read = "\n".join(pages)
    # The reader takes the first byte of such a letter for another one.
    assert "北京市,안녕" in read.replace("\x00", "").replace(" ", "")
    for said in ("Жичара стоји, Žižkov, Ελλάδα", "Несрећа", "Nobody there", "market day"):
        assert said in read
    for said in ("Point 29 of the night", "Written by anna", "Nobody has taken it over yet"):
        assert said in read


async def test_who_signed_withdraws_it_with_a_reason_as_long_as_nobody_has_it(
    shifts: Shifts,
) -> None:
    made = told(await shifts.write(notes="Quiet night"), 201)
    path = f"/handovers/{made['id']}/withdraw"
    assert (await shifts.send("POST", path, BEN, {"reason": "mine"})).status_code == 403
    assert (await shifts.send("POST", path, ANNA, {"reason": " "})).status_code == 400
    gone = told(await shifts.send("POST", path, ANNA, {"reason": "A point was missing"}))
    assert (gone["state"], gone["withdrawn_why"]) == ("withdrawn", "A point was missing")
    assert gone["report"] == made["report"]
    late = await shifts.accept(made["id"], BEN)
    assert (late.status_code, "was withdrawn" in late.text) == (409, True)
    one = await shifts.desk.one(made["id"], Visitor(ANNA, WORK))
    paper = PdfReader(BytesIO(pdf(one.report, one, BELGRADE, str))).pages[0].extract_text()
    assert "A point was missing" in paper

    second = told(await shifts.write(), 201)
    told(await shifts.accept(second["id"], BEN))
    answer = await shifts.send(
        "POST", f"/handovers/{second['id']}/withdraw", ANNA, {"reason": "no"}
    )
    assert answer.status_code == 409


async def test_who_is_on_call_stands_in_it(shifts: Shifts) -> None:
    (one,) = (await shifts.report()).on_call
    assert (one.rota, one.person, one.next) == ("desk", "ana", "ben")
    assert one.since == datetime.fromisoformat("2030-06-08T06:00Z")


async def test_each_source_that_is_silent_is_lost_and_not_cameras_only(
    town: Town, clock: Clock
) -> None:
    shifts = Shifts(town)
    quiet = Rule("full", "Nothing is heard", FLOW.name, "peopleCount", no_data_for_s=600)
    async with town.alerting(quiet):
        await town.count(20)
        await town.caught_up()
        assert (await shifts.report()).lost == ()
        clock.pass_s(601)
        await town.until("UNACK")
    (lost,) = (await shifts.report()).lost
    assert (lost.id, lost.trouble) == (PLAZA, "Nothing is heard")
    assert lost.since
    async with town.alerting(quiet):
        await town.count(20)
        await town.until("RTN_UNACK")
    assert (await shifts.report()).lost == ()
