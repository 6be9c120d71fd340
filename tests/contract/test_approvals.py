"""A request, its approvers and its use, over every store: who asks is not who agrees."""

import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.authenticator import Authenticator, raw
from tests.conftest import OpenBroker
from tests.square import SQUARE
from tests.town_hall import FIRST, WORK, Member, TownHall
from townsquare import app
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import (
    Conflict,
    Denied,
    Invalid,
    NotApproved,
    NotFound,
    TownsquareError,
)
from townsquare.model.town import Town
from townsquare.store.logged import LogSearch
from townsquare.trust import approvals
from townsquare.trust.approval_entity import OWNER
from townsquare.trust.approvals import Approval
from townsquare.trust.audit import Record
from townsquare.trust.identity import account
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin
from townsquare.vision import api, leases
from townsquare.vision.settings import Settings
from townsquare.vision.workers import Workers
from townsquare.web.approvals import book
from townsquare.web.approvals.book import Act, Book
from townsquare.web.approvals.inbox import Inbox
from townsquare.web.pages import Pages
from townsquare.web.sessions import Session, Sessions

CAMERA, DETAIL = "urn:ngsi-ld:Camera:square", {"purpose": "crowd safety"}
APPROVERS = frozenset({"data-protection", "security"})


class Hall(TownHall):
    """With a book in which an act waits for one approval, and another for two."""

    eve: Member
    officer: Member
    engineer: Member

    async def open(self) -> None:
        acts = (Act("preview", "See a preview", APPROVERS), Act("change", "Change", APPROVERS, 2))
        self.book = Book(self.broker, self.people, {act.name: act for act in acts})
        self.eve = await self.member("Eve", "Public order", "operator")
        self.officer = await self.member("Ole", "Data protection", "data-protection")
        self.engineer = await self.member("Ada", "Court of audit", "security")

    async def asked(self, act: str = "preview") -> Approval:
        return await self.book.ask(act, CAMERA, DETAIL, self.eve.actor)

    async def agreed(self, one: Approval, who: Member, key: Authenticator | None = None) -> None:
        credential = (key or who.key).signed(approvals.digest(one.request))
        await self.book.approve(one.id, credential, who.actor)

    async def used(self, one: Approval, **different: Any) -> frozenset[str]:
        told = {"act": "preview", "subject": CAMERA, "detail": DETAIL, "by": self.eve.actor}
        return await self.book.use(one.id, **{**told, **different})


@pytest.fixture
async def hall(open_broker: OpenBroker, store_url: str) -> Hall:
    hall = Hall(open_broker(*app.TYPES, url=store_url))
    await hall.open()
    return hall


async def test_somebody_of_another_organisation_agrees_and_it_is_used_once(hall: Hall) -> None:
    one = await hall.asked()
    assert [waits.id for waits in await hall.book.waiting()] == [one.id]
    await hall.agreed(one, hall.officer)
    assert await hall.used(one) == {"Data protection"}
    assert await hall.book.waiting() == []
    with pytest.raises(Denied, match="it was used already"):
        await hall.used(one)


async def test_two_must_agree_where_two_are_needed(hall: Hall) -> None:
    one = await hall.asked("change")
    await hall.agreed(one, hall.officer)
    assert await hall.book.wrong("change", CAMERA, DETAIL) == ["1 more approval needed"]
    with pytest.raises(Denied, match="one person approved twice"):
        await hall.agreed(one, hall.officer)
    await hall.agreed(one, hall.engineer)
    await hall.asked()  # something else of the same camera
    assert await hall.book.wrong("change", CAMERA, DETAIL) == []
    assert await hall.book.wrong("change", CAMERA, DETAIL) == ["nobody has asked for its approval"]


async def test_nobody_agrees_to_their_own_request_nor_does_their_organisation(hall: Hall) -> None:
    own = await hall.book.ask("preview", CAMERA, DETAIL, hall.officer.actor)
    with pytest.raises(Denied, match="who asks cannot approve"):
        await hall.agreed(own, hall.officer)
    colleague = await hall.member("Ulf", "Public order", "security")
    one = await hall.asked()
    with pytest.raises(Denied, match="Public order asked; somebody of another organisation"):
        await hall.agreed(one, colleague)


async def test_a_role_that_does_not_approve_cannot(hall: Hall) -> None:
    other = await hall.member("Ina", "Fire brigade", "operator")
    one = await hall.asked()
    with pytest.raises(Denied, match="this is approved by data-protection, security"):
        await hall.agreed(one, other)


async def test_only_ones_own_passkey_signs_and_exactly_this(hall: Hall) -> None:
    one, other = await hall.asked(), await hall.asked()
    with pytest.raises(Denied, match="this passkey is of another account"):
        await hall.agreed(one, hall.officer, hall.engineer.key)
    with pytest.raises(Denied, match="not known here"):
        await hall.agreed(one, hall.officer, Authenticator())
    signed = hall.officer.key.signed(approvals.digest(other.request))
    with pytest.raises(Denied, match="did not sign what it was asked to"):
        await hall.book.approve(one.id, signed, hall.officer.actor)
    elsewhere = hall.officer.key.but(origin="https://evil.example")
    with pytest.raises(Denied):
        await hall.agreed(one, hall.officer, elsewhere)
    assert (await hall.book.of(one.id)).signatures == ()


async def test_a_request_ends_after_15_minutes(hall: Hall) -> None:
    one, late = await hall.asked(), await hall.asked()
    await hall.agreed(one, hall.officer)
    hall.now += timedelta(minutes=15)
    assert await hall.book.waiting() == []
    with pytest.raises(Denied, match="it ended at"):
        await hall.agreed(late, hall.officer)
    with pytest.raises(Denied, match="it ended at"):
        await hall.used(one)


async def test_something_else_or_somebody_else_does_not_use_it(hall: Hall) -> None:
    one = await hall.asked()
    await hall.agreed(one, hall.officer)
    others: list[dict[str, Any]] = [{"subject": "urn:x"}, {"detail": {}}, {"act": "change"}]
    for different in others:
        with pytest.raises(Denied, match="not what was approved"):
            await hall.used(one, **different)
    with pytest.raises(Denied, match="somebody else asked"):
        await hall.used(one, by=hall.engineer.actor)


async def test_a_request_that_was_changed_where_it_lies_is_approved_by_nobody(hall: Hall) -> None:
    one = await hall.asked()
    await hall.agreed(one, hall.officer)
    wider = {"purpose": "anything"}
    detail = {"detail": (Attribute(wider, kind="JsonProperty"),)}
    changed = Change("merge", Entity(one.id, ("Approval",), detail))
    await hall.broker.apply([changed], hall.eve.actor.through(OWNER), WORK)
    with pytest.raises(Denied, match="changed after its approval"):
        await hall.used(one, detail=wider)


async def test_who_enrolled_the_approving_key_since_asks_in_vain(hall: Hall) -> None:
    """The requester's passkeys are looked at when it is used, not only when it was asked for."""
    one = await hall.asked()
    await hall.agreed(one, hall.officer)
    eve, officer = (hall.people.of(m.actor.id) for m in (hall.eve, hall.officer))
    both = structs.replace(eve.kept, passkeys=(*eve.kept.passkeys, *officer.kept.passkeys))
    hall.people._all[eve.id] = structs.replace(eve, kept=both)
    with pytest.raises(Denied, match="an authenticator of who asked"):
        await hall.used(one)


async def test_a_refusal_says_why_and_ends_it(hall: Hall) -> None:
    one = await hall.asked()
    with pytest.raises(Invalid, match="say in 1 to 400 characters"):
        await hall.book.refuse(one.id, " ", hall.officer.actor)
    await hall.book.refuse(one.id, "there is no case", hall.officer.actor)
    with pytest.raises(Denied, match="it was refused: there is no case"):
        await hall.agreed(one, hall.engineer)
    with pytest.raises(Conflict):
        await hall.book.refuse(one.id, "again", hall.officer.actor)


async def test_a_refusal_is_of_a_person_and_an_entry_of_the_log(hall: Hall) -> None:
    one = await hall.asked()
    machine = Actor("machine:m", "machine", "Court", frozenset({"data-protection"}))
    with pytest.raises(Denied, match="answered by people"):
        await hall.book.refuse(one.id, "because", machine)
    await hall.book.refuse(one.id, "there is no case", hall.officer.actor)
    found = await hall.broker.store.log_found(LogSearch(subject=one.id, by=hall.officer.actor.id))
    (record,) = (msgspec.json.decode(logged.entry.record, type=Record) for logged in found)
    assert (record.verb, record.room, record.detail) == ("alteration", OWNER, "reason, status")


async def test_an_approval_of_somebody_who_lost_the_role_counts_no_more(hall: Hall) -> None:
    one, other = await hall.asked(), await hall.asked()
    await hall.agreed(one, hall.officer)
    await hall.agreed(other, hall.officer)
    operator = frozenset({"operator"})
    await hall.people.govern(hall.officer.actor.id, lambda a: account.reroled(a, operator), FIRST)
    with pytest.raises(Denied, match="has no role any more that approves this"):
        await hall.used(one)
    again = frozenset({"operator", "security"})  # another one, which approves as well
    await hall.people.govern(hall.officer.actor.id, lambda a: account.reroled(a, again), FIRST)
    assert await hall.used(other) == {"Data protection"}


async def test_who_came_in_by_emergency_access_approves_as_long_as_that_lasts(hall: Hall) -> None:
    """The account itself has no role that approves: its session has."""
    mat = await hall.member("Mat", "Fire brigade", "operator")
    sessions = Sessions(hall.broker.clock)
    hall.book.more = sessions.roles
    hall.book.acts = {"preview": Act("preview", "", frozenset({"break-glass"}))}
    person = structs.replace(mat.actor, roles=frozenset({"break-glass"}))
    sessions.start(person, Response())
    one, other = await hall.asked(), await hall.asked()
    for asked in (one, other):
        await hall.agreed(asked, Member(person, mat.key))
    assert await hall.used(one) == {"Fire brigade"}
    sessions.end_of(mat.actor.id)
    with pytest.raises(Denied, match="has no role any more"):
        await hall.used(other)


async def test_what_ended_long_ago_is_swept_and_the_log_keeps_it_whole(hall: Hall) -> None:
    refused, used, over = await hall.asked(), await hall.asked(), await hall.asked()
    await hall.book.refuse(refused.id, "there is no case", hall.officer.actor)
    await hall.agreed(used, hall.officer)
    await hall.used(used)
    hall.now += timedelta(days=30)
    late = await hall.asked()
    assert await hall.book.sweep() == 0, "they have ended since, but not for 30 days"
    hall.now += timedelta(minutes=15)
    assert await hall.book.sweep() == 3
    assert [one.id for one in await hall.book.ended()] == [late.id]
    with pytest.raises(NotFound):
        await hall.book.of(used.id)
    for one, status in ((refused, "refused"), (used, "used"), (over, "waiting")):
        found = await hall.broker.store.log_found(LogSearch(subject=one.id, verb="erasure"))
        (record,) = (msgspec.json.decode(logged.entry.record, type=Record) for logged in found)
        told = msgspec.json.decode(record.detail)
        assert (record.by, told["status"]) == (f"room:{OWNER}", status)
        assert told["digest"] == approvals.digest(one.request).hex()
    assert await hall.book.sweep() == 0


async def test_nobody_but_the_room_itself_sweeps(hall: Hall) -> None:
    one = await hall.asked()
    gone = [Change("delete", Entity(one.id, ()))]
    for by in (hall.officer.actor.through(OWNER), hall.eve.actor.through(OWNER)):
        with pytest.raises(Denied, match="accountable and cannot be deleted"):
            await hall.broker.apply(gone, by, WORK)
    with pytest.raises(Denied):
        await hall.broker.apply(gone, room("alerts"), WORK)


@pytest.mark.parametrize("days", [0, -1, 3654])
def test_requests_are_kept_for_a_time(days: int) -> None:
    with pytest.raises(Invalid, match="keep_days takes 1 to 3653"):
        book.Settings(days)


async def test_unknown_acts_and_too_many_requests_are_refused(hall: Hall) -> None:
    with pytest.raises(Invalid, match="nothing that takes approval; known: preview, change"):
        await hall.asked("fly")
    for _ in range(20):
        await hall.asked()
    with pytest.raises(Conflict, match="20 requests of yours are waiting"):
        await hall.asked()
    with pytest.raises(NotFound):
        await hall.book.of("urn:ngsi-ld:Approval:none")


async def test_every_step_is_in_the_log(hall: Hall) -> None:
    one = await hall.asked()
    await hall.agreed(one, hall.officer)
    await hall.used(one)
    log = await hall.broker.store.log_found(LogSearch(subject=one.id))
    told = [msgspec.json.decode(found.entry.record, type=Record).by for found in log]
    assert told == [hall.eve.actor.id, hall.officer.actor.id, hall.eve.actor.id]


OURS = """
@id("a-preview-needs-another-organisation")
@reason("a preview needs the approval of another organisation")
forbid (principal, action == Action::"command", resource)
when { resource.type == Type::"PreviewLease" && context.approvedBy.isEmpty() };
"""


async def test_a_town_can_ask_for_approval_of_previews(hall: Hall) -> None:
    hall.broker.adopt(policy(app.TYPES, {**builtin(), "ours.cedar": OURS}))
    async with Workers(Settings()) as workers:
        routes = api.routes(hall.broker, workers, {SQUARE.name: SQUARE}, hall.book.use)
        async with Site(hall, routes).client as client:
            ask = {"purpose": SQUARE.purposes[0]}
            path = "/vision/cameras/square/preview"
            refusal = await client.post(path, json=ask)
            assert (refusal.status_code, workers.wanted) == (403, {})
            assert "needs the approval of another organisation" in refusal.text
            one = await hall.asked()
            early = await client.post(path, json={**ask, "approval": one.id})
            assert "1 more approval needed" in early.text
            await hall.agreed(one, hall.officer)
            shown = await client.post(path, json={**ask, "approval": one.id})
            assert (shown.status_code, set(workers.wanted)) == (201, {"square"})
            again = await client.post(path, json={**ask, "approval": one.id})
            assert "it was used already" in again.text


async def test_a_preview_is_offered_to_whom_it_could_be_given(hall: Hall) -> None:
    """At once, or once others agree; else a page has no button for it."""
    own = hall.book.could_agree("preview", hall.eve.actor)
    assert own == {"Data protection", "Court of audit"}
    everywhere = dict.fromkeys(("crowd safety", "traffic management", "operations"), "now")
    assert leases.offered(hall.broker, hall.eve.actor, hall.book.could_agree) == everywhere
    for other in (hall.officer.actor, hall.engineer.actor, ANYONE):
        assert leases.offered(hall.broker, other, hall.book.could_agree) == {}
    hall.broker.adopt(policy(app.TYPES, {**builtin(), "ours.cedar": OURS}))
    asked = dict.fromkeys(everywhere, "approval")
    assert leases.offered(hall.broker, hall.eve.actor, hall.book.could_agree) == asked
    assert leases.offered(hall.broker, hall.eve.actor, leases.nobody_could) == {}
    for member in (hall.officer, hall.engineer):
        await hall.people.govern(member.actor.id, account.disabled, FIRST)
    assert leases.offered(hall.broker, hall.eve.actor, hall.book.could_agree) == {}, (
        "who should agree?"
    )


async def test_a_refusal_says_whether_an_approval_would_help(hall: Hall) -> None:
    hall.broker.adopt(policy(app.TYPES, {**builtin(), "ours.cedar": OURS}))
    by_name = {"square": SQUARE, "bare": dataclasses.replace(SQUARE, name="bare", legal_basis="")}
    room_of = leases.Leases(hall.broker, by_name, hall.book.use, hall.book.could_agree)
    why = Why(SQUARE.purposes[0])
    with pytest.raises(NotApproved, match="needs the approval of another organisation"):
        await room_of.take(SQUARE, why, "", hall.eve.actor)
    one = await hall.asked()
    uncured = [
        (by_name["bare"], why, "", hall.eve.actor),  # a camera that may not go live
        (SQUARE, Why("operations"), "", hall.eve.actor),  # what it is not there for
        (SQUARE, why, "", hall.officer.actor),  # nobody who gets previews
        (SQUARE, why, one.id, hall.eve.actor),  # asked for already, and not agreed to
    ]
    for asked in uncured:
        with pytest.raises(Denied) as refusal:
            await room_of.take(*asked)
        assert not isinstance(refusal.value, NotApproved), str(refusal.value)


async def test_a_program_reads_what_would_help() -> None:
    pages, scope = Pages(Town(), demo=False), {"type": "http", "headers": []}
    for error, cure in ((NotApproved("no"), "approval"), (Denied("no"), None)):
        answer = await pages.error(Request(scope), error)
        assert (answer.status_code, json.loads(bytes(answer.body)).get("cure")) == (403, cure)


# --- over HTTP


STATUS: dict[type[TownsquareError], int] = {Denied: 403, NotFound: 404, Invalid: 400}


class Site:
    def __init__(self, hall: Hall, routes: Sequence[Route]) -> None:
        self.hall = hall
        self.visitor: Actor = hall.eve.actor
        site = Starlette(routes=routes)
        for kind in STATUS:
            site.add_exception_handler(kind, refused)
        transport = httpx.ASGITransport(self.with_visitor(site))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://town")

    def with_visitor(self, site: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            end = self.hall.now + timedelta(hours=1)
            session = Session(self.visitor, end, lambda: self.hall.now)
            scope["state"] = {"actor": self.visitor, "why": WORK, "session": session}
            await site(scope, receive, send)

        return door


async def refused(_: Request, error: Exception) -> JSONResponse:
    code = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, code)


@pytest.fixture
async def site(open_broker: OpenBroker) -> AsyncIterator[Site]:
    hall = Hall(open_broker(*app.TYPES))
    await hall.open()
    site = Site(hall, Inbox(hall.book, Pages(Town(), demo=False)).routes())
    async with site.client:
        yield site


async def test_the_inbox_shows_what_is_signed_and_takes_a_signature(site: Site) -> None:
    wish = {"act": "preview", "subject": CAMERA, "detail": DETAIL}
    made = await site.client.post("/approvals", json=wish)
    assert made.status_code == 201
    one = made.json()
    site.visitor = site.hall.officer.actor
    page = (await site.client.get("/approvals")).text
    for text in (one["digest"], one["nonce"], CAMERA, "crowd safety", "Approve with a passkey"):
        assert text in page
    path = f"/approvals/{one['id']}"
    options = (await site.client.post(f"{path}/options")).json()
    assert raw(options["challenge"]).hex() == one["digest"]
    credential = site.hall.officer.key.signed(raw(options["challenge"]))
    agreed = await site.client.post(f"{path}/approve", json={"credential": credential})
    assert agreed.json()["approvedBy"] == [
        {"by": site.hall.officer.actor.id, "organisation": "Data protection"}
    ]
    again = await site.client.post(f"{path}/approve", json={"credential": credential})
    assert again.status_code == 403


async def test_the_inbox_has_what_is_open_before_what_ended(site: Site) -> None:
    refused = await site.hall.asked()
    await site.hall.book.refuse(refused.id, "there is no case", site.hall.officer.actor)
    site.hall.now += timedelta(minutes=1)
    one = await site.hall.asked()
    page = (await site.client.get("/approvals")).text
    opened, ended = page.split("Ended lately")
    assert (approvals.digest(one.request).hex() in opened, "there is no case" in opened) == (
        True,
        False,
    )
    assert "there is no case" in ended
    assert approvals.digest(one.request).hex() not in ended


async def test_a_machine_refuses_nothing(site: Site) -> None:
    one = await site.hall.asked()
    site.visitor = Actor("machine:m", "machine", "Court", frozenset({"data-protection"}))
    answer = await site.client.post(f"/approvals/{one.id}/refuse", json={"reason": "because"})
    assert (answer.status_code, "answered by people" in answer.text) == (403, True)


async def test_who_asked_sees_no_button_and_citizens_see_nothing(site: Site) -> None:
    await site.hall.asked()
    assert "Approve with a passkey" not in (await site.client.get("/approvals")).text
    site.visitor = Actor("anyone", "anyone", roles=frozenset({"citizen"}))
    assert (await site.client.get("/approvals")).status_code == 403


@pytest.mark.parametrize("body", [{}, {"act": 1}, {"act": "preview", "subject": "x", "more": 1}])
async def test_what_no_page_sends_is_refused(site: Site, body: dict[str, Any]) -> None:
    assert (await site.client.post("/approvals", json=body)).status_code == 400
