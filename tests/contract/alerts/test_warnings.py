"""A warning from its draft to its end: two people for each message, and what everyone reads."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from starlette.applications import Starlette

from tests.conftest import OpenBroker
from tests.contract.alerts.desk import told
from tests.contract.alerts.town import as_actor, refused
from tests.town_hall import WORK, Member, TownHall
from townsquare import app
from townsquare.alerts.incidents.desk import Desk, Visitor
from townsquare.alerts.incidents.opening import Opening
from townsquare.alerts.warnings.cap import ATOM, CAP
from townsquare.alerts.warnings.desk import WarningDesk
from townsquare.alerts.warnings.doors import WarningDoors
from townsquare.model.actor import ANYONE, Actor
from townsquare.model.entity import iso
from townsquare.model.errors import Denied, TownsquareError
from townsquare.model.town import Town
from townsquare.trust import approvals
from townsquare.web.approvals import warnings as approving
from townsquare.web.approvals.book import Book

BERLIN = Town("Testtown", "Europe/Berlin")


class Hall(TownHall):
    """Two operators of one organisation, and an officer of another."""

    async def open(self) -> None:
        self.desk = WarningDesk(self.broker, BERLIN, "https://t.example.org", "t.example.org")
        act = approving.act(self.desk, lambda: self.book)
        self.book = Book(self.broker, self.people, {act.name: act})
        ask = approving.asking(lambda: self.book)
        doors = WarningDoors(self.desk, ask, self.book.could_agree)
        handlers: Any = {TownsquareError: refused}
        self.site = Starlette(routes=doors.routes(), exception_handlers=handlers)
        self.anna = await self.member("Anna", "Town", "operator")
        self.ben = await self.member("Ben", "Town", "operator")
        self.officer = await self.member("Ole", "Data office", "data-protection")

    async def send(self, method: str, path: str, by: Actor, json: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(as_actor(self.site, by))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.request(method, path, json=json)

    async def drafted(self) -> dict[str, Any]:
        wish = Opening(name="Gas leak", severity="critical", location=(13.45, 52.5))
        who = Visitor(self.anna.actor.through("alerts"), WORK)
        incident = await Desk(self.broker).open(wish, who)
        sent = await self.send("POST", "/warnings", self.anna.actor, {"incident": incident})
        return told(sent, 201)

    async def asked(self, id: str) -> str:
        answer = await self.send("POST", f"/warnings/{id}/ask", self.anna.actor, {})
        return str(told(answer, 202)["approval"])

    async def agreed(self, approval: str, who: Member) -> None:
        one = await self.book.of(approval)
        credential = who.key.signed(approvals.digest(one.request))
        await self.book.approve(approval, credential, who.actor)

    async def published(self) -> str:
        one = await self.drafted()
        await self.agreed(await self.asked(one["id"]), self.ben)
        return str(one["id"])

    async def feed(self) -> list[str]:
        answer = await self.send("GET", "/open-data/warnings.atom", ANYONE)
        assert answer.headers["content-type"] == "application/atom+xml"
        names = {"": ATOM}
        return [
            str(one.text) for one in ET.fromstring(answer.content).findall("entry/title", names)
        ]

    async def document(self, id: str) -> httpx.Response:
        return await self.send("GET", f"/open-data/warnings/{id}.xml", ANYONE)


@pytest.fixture
async def hall(open_broker: OpenBroker, store_url: str) -> Hall:
    hall = Hall(open_broker(*app.TYPES, url=store_url))
    await hall.open()
    return hall


async def test_a_second_person_publishes_and_everyone_reads(hall: Hall) -> None:
    one = await hall.drafted()
    assert (await hall.document(one["id"])).status_code == 404
    assert await hall.feed() == []
    approval = await hall.asked(one["id"])
    assert (await hall.document(one["id"])).status_code == 404
    await hall.agreed(approval, hall.ben)
    assert await hall.feed() == ["[Exercise] Gas leak"]
    answer = await hall.document(one["id"])
    assert answer.headers["content-type"] == "application/cap+xml"
    root = ET.fromstring(answer.content)
    assert root.findtext("identifier", "", {"": CAP}) == one["id"]
    assert root.findtext("sender", "", {"": CAP}) == "t.example.org"
    kept = told(await hall.send("GET", f"/warnings/{one['id']}", hall.ben.actor))
    assert (kept["state"], kept["approved_by"]) == ("published", hall.ben.actor.id)


async def test_an_incident_has_its_warnings_with_their_state(hall: Hall) -> None:
    first, second = await hall.drafted(), await hall.drafted()
    path = f"/warnings?incident={first['incident']}"
    found = told(await hall.send("GET", path, hall.ben.actor))["warnings"]
    assert [(one["id"], one["state"]) for one in found] == [(first["id"], "draft")]
    assert second["incident"] != first["incident"]
    wrong = await hall.send("GET", '/warnings?incident=";state', hall.ben.actor)
    assert wrong.status_code == 400


async def test_who_asks_cannot_approve_nor_who_is_no_operator(hall: Hall) -> None:
    one = await hall.drafted()
    approval = await hall.asked(one["id"])
    for who, why in ((hall.anna, "who asks cannot approve"), (hall.officer, "approved by")):
        with pytest.raises(TownsquareError, match=why):
            await hall.agreed(approval, who)
    assert await hall.feed() == []


async def test_what_is_changed_after_asking_is_approved_by_nobody(hall: Hall) -> None:
    one = await hall.drafted()
    approval = await hall.asked(one["id"])
    changed = {**one["message"], "status": "Actual"}
    path = f"/warnings/{one['id']}"
    seen = told(await hall.send("GET", path, hall.anna.actor))["version"]
    told(await hall.send("PUT", path, hall.anna.actor, {"message": changed, "version": seen}))
    with pytest.raises(TownsquareError, match="nobody has asked for its approval"):
        await hall.agreed(approval, hall.ben)
    assert await hall.feed() == []


async def test_a_correction_and_an_end_take_two_people_as_well(hall: Hall) -> None:
    first = await hall.published()
    named: list[str] = []
    last = first
    for kind, act in (("Update", "update"), ("Cancel", "cancel")):
        sent = await hall.send("POST", f"/warnings/{last}/{act}", hall.anna.actor, {})
        following = told(sent, 201)
        assert (await hall.document(following["id"])).status_code == 404
        await hall.agreed(await hall.asked(following["id"]), hall.ben)
        root = ET.fromstring((await hall.document(following["id"])).content)
        assert root.findtext("msgType", "", {"": CAP}) == kind
        references = root.findtext("references", "", {"": CAP}).split()
        assert [one.split(",")[1] for one in references] == [*named, last]
        again = await hall.send("POST", f"/warnings/{last}/update", hall.anna.actor, {})
        assert again.status_code == 409
        named, last = [*named, last], following["id"]
    assert await hall.desk.current() == []
    assert "[Exercise] Over: Gas leak" in await hall.feed()


async def test_it_ends_by_itself(hall: Hall) -> None:
    id = await hall.published()
    (one,) = await hall.desk.current()
    assert one.id == id
    now = hall.broker.clock()
    hall.broker.clock = lambda: now + timedelta(hours=7)
    assert await hall.desk.current() == []
    assert await hall.feed() == []
    assert (await hall.document(id)).status_code == 200


async def test_a_broken_draft_is_refused_with_its_place(hall: Hall) -> None:
    one = await hall.drafted()
    path = f"/warnings/{one['id']}"

    async def why(**changed: Any) -> str:
        answer = await hall.send(
            "PUT",
            path,
            hall.anna.actor,
            {"message": {**one["message"], **changed}, "version": one["version"]},
        )
        assert answer.status_code == 400
        return str(answer.json()["detail"])

    assert "$.message.severity" in await why(severity="Awful")
    assert "$.message.expires" in await why(expires="2030-06-01T12:00:00")
    assert "expires: it must end" in await why(expires=iso(hall.broker.clock()))
    broken = [{"description": "Here", "circles": ["52.5 13.4"]}]
    assert "areas[0].circles[0]: " in await why(areas=broken)


async def test_only_operators_draft_and_others_of_the_room_read(hall: Hall) -> None:
    one = await hall.drafted()
    path = f"/warnings/{one['id']}"
    assert (await hall.send("GET", path, hall.officer.actor)).status_code == 200
    assert (
        await hall.send(
            "PUT",
            path,
            hall.officer.actor,
            {"message": one["message"], "version": one["version"]},
        )
    ).status_code == 403
    assert (await hall.send("POST", f"{path}/ask", hall.officer.actor, {})).status_code == 403
    assert (await hall.send("GET", path, ANYONE)).status_code in (403, 404)
    given = told(await hall.send("POST", f"{path}/give-up", hall.ben.actor, {}))
    assert given["state"] == "givenUp"
    assert (await hall.send("POST", f"{path}/ask", hall.anna.actor, {})).status_code == 409


async def test_alone_nobody_publishes(hall: Hall) -> None:
    one, who = await hall.drafted(), Visitor(hall.anna.actor.through("alerts"), WORK)
    ask = approving.asking(lambda: hall.book)
    with pytest.raises(Denied, match="takes a second person"):
        await hall.desk.ask(one["id"], who, ask, lambda *_: frozenset())


async def test_of_two_who_edit_at_once_one_is_refused(hall: Hall) -> None:
    one = await hall.drafted()
    path, seen = f"/warnings/{one['id']}", one["version"]
    wish = {"message": {**one["message"], "note": "first"}, "version": seen}
    told(await hall.send("PUT", path, hall.anna.actor, wish))
    blind = await hall.send("PUT", path, hall.ben.actor, {"message": one["message"]})
    assert blind.status_code == 400
    late = await hall.send("PUT", path, hall.ben.actor, wish)
    assert (late.status_code, hall.anna.actor.id in late.text) == (409, True)
