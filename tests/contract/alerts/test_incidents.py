"""Incidents from the first alarm or call to the cause, on every store."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.alerts.desk import ROAD_ID, Desk, said, told
from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    BEN,
    ENGINEER,
    FULL,
    PLAZA,
    Clock,
    Town,
)
from townsquare.model.actor import ANYONE, Why

WHY = Why("operations")
NONE = "urn:ngsi-ld:Incident:none"


@pytest.fixture
def desk(town: Town) -> Desk:
    return Desk(town.broker)


async def test_an_alarm_becomes_an_incident_whose_story_has_both(
    town: Town, desk: Desk, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(10)
        opened = await desk.open(alarms=[FULL])
        clock.pass_s(10)
        await town.count(3)
        await town.until("RTN_UNACK")
    assert (opened["name"], opened["state"], opened["origin"]) == ("Square is full", "NEW", "alarm")
    assert opened["severity"] == "medium"
    assert opened["location"]["coordinates"] == [13.5, 52.4]
    clock.pass_s(10)
    await desk.did(ANNA, opened["id"], "take")
    clock.pass_s(10)
    after = await desk.did(ANNA, opened["id"], "comment", text="The gate is open")
    assert said(after, "alarm", "state", "owner", "comment") == [
        ("alarm", "UNACK"),
        ("state", "NEW"),
        ("alarm", "RTN_UNACK"),
        ("state", "IN_PROGRESS"),
        ("owner", ANNA.id),
        ("comment", "The gate is open"),
    ]
    assert after["timeline"][-1]["by"] == ANNA.id
    assert (await town.broker.read(FULL, ANNA, WHY)).value("incident") == opened["id"]


async def test_an_alarm_is_in_one_open_incident(town: Town, desk: Desk) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    path, wish = "/incidents", {"alarms": [FULL]}
    answers = await asyncio.gather(*(desk.send("POST", path, by, wish) for by in (ANNA, BEN)))
    assert sorted(a.status_code for a in answers) == [201, 409]
    first = next(a.json() for a in answers if a.status_code == 201)
    detail = next(a.json()["detail"] for a in answers if a.status_code == 409)
    assert detail == f"Alarm Square is full is in the incident Square is full ({first['id']})"
    assert await desk.listed() == [first["id"]]
    await desk.did(ANNA, first["id"], "close", cause="falseAlarm")
    second = await desk.open(alarms=[FULL])
    assert await desk.listed() == [second["id"]]
    assert await desk.listed("ended") == [first["id"]]


async def test_a_procedure_leads_through_its_steps(desk: Desk, clock: Clock) -> None:
    told(await desk.write())
    id = (await desk.open(name="Accident", origin="call", procedure=ROAD_ID))["id"]
    early = await desk.does(ANNA, id, "answer", step="call", answer="done")
    assert "step look is next" in early.json()["detail"]
    after = await desk.did(ANNA, id, "answer", step="look", answer="yes", note="One person")
    assert (after["state"], after["owner"]) == ("IN_PROGRESS", ANNA.id)
    assert [step["id"] for step in after["steps"] if step["due"]] == ["call"]
    clock.pass_s(5)
    late = await desk.does(BEN, id, "answer", step="look", answer="no")
    assert f"answered already by {ANNA.id}: yes" in late.json()["detail"]
    stuck = await desk.does(ANNA, id, "resolve", outcome="Over")
    assert "step call must be done or skipped with a reason" in stuck.json()["detail"]
    silent = await desk.does(BEN, id, "answer", step="call", answer="skipped")
    assert (silent.status_code, "why the step is skipped" in silent.text) == (400, True)
    skipped = await desk.did(BEN, id, "answer", step="call", answer="skipped", note="They are here")
    assert skipped["owner"] == BEN.id
    entries = [e for e in skipped["timeline"] if e["what"] == "answer"]
    assert [(e["step"], e["value"], e["by"], e["note"]) for e in entries] == [
        ("look", "yes", ANNA.id, "One person"),
        ("call", "skipped", BEN.id, "They are here"),
    ]
    assert (await desk.did(BEN, id, "resolve", outcome="Road is free"))["state"] == "RESOLVED"


async def test_the_rule_of_an_alarm_brings_its_procedure(town: Town, desk: Desk) -> None:
    told(await desk.write())
    async with town.alerting(replace(AT_ONCE, procedure=ROAD_ID)):
        await town.count(12)
        await town.until("UNACK")
        opened = await desk.open(alarms=[FULL])
    assert [step["id"] for step in opened["steps"]] == ["look", "call", "clear"]


async def test_a_procedure_that_changes_leaves_work_begun_alone(desk: Desk) -> None:
    told(await desk.write())
    id = (await desk.open(name="Accident", procedure=ROAD_ID))["id"]
    other = {"name": "New", "steps": [{"id": "a", "text": "Only this"}]}
    told(await desk.write({**other, "version": 1}))
    late = await desk.write({**other, "version": 1})
    assert (late.status_code, "changed meanwhile" in late.text) == (409, True)
    assert [step["id"] for step in (await desk.one(id))["steps"]] == ["look", "call", "clear"]


async def test_what_is_merged_goes_on_in_the_other_with_its_story(
    town: Town, desk: Desk, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    first = (await desk.open(alarms=[FULL], severity="critical"))["id"]
    second = (await desk.open(BEN, name="Somebody called", origin="call", severity="low"))["id"]
    await desk.did(BEN, first, "comment", text="I see it")
    clock.pass_s(5)
    after = await desk.did(ANNA, first, "merge", into=second, reason="The same crowd")
    assert (after["id"], after["severity"], after["alarms"]) == (second, "critical", [FULL])
    assert said(after, "comment") == [("comment", "I see it")]
    assert (await town.broker.read(FULL, ANNA, WHY)).value("incident") == second
    assert (await desk.one(first))["mergedInto"] == second
    again = await desk.does(ANNA, second, "merge", into=first, reason="Back")
    assert (again.status_code, "is MERGED" in again.json()["detail"]) == (409, True)
    assert await desk.listed() == [second]


async def test_links_come_and_go_with_a_reason(town: Town, desk: Desk, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    id = (await desk.open(name="By hand"))["id"]
    for target, kind in ((FULL, "alarms"), (PLAZA, "assets")):
        clock.pass_s(1)
        assert (await desk.did(ANNA, id, "link", target=target))[kind] == [target]
    clock.pass_s(1)
    after = await desk.did(BEN, id, "unlink", target=FULL, reason="Another square")
    assert after["alarms"] == []
    moves = [e for e in after["timeline"] if e["what"] == "alarms"]
    assert [(m.get("added"), m.get("removed"), m["by"]) for m in moves] == [
        ([FULL], None, ANNA.id),
        (None, [FULL], BEN.id),
    ]
    assert (await town.broker.read(FULL, ANNA, WHY)).value("incident") is None
    gone = await desk.does(ANNA, id, "link", target="urn:ngsi-ld:Camera:none")
    assert gone.status_code == 404


async def test_comments_are_never_overwritten(town: Town, desk: Desk) -> None:
    """Also those of the same moment and with the same words."""
    id = (await desk.open(name="By hand"))["id"]
    await asyncio.gather(*(desk.did(by, id, "comment", text="Same") for by in (ANNA, BEN)))
    for number in range(10):
        await desk.did(ANNA, id, "comment", text=f"Number {number}")
    told_ = await desk.one(id)
    kept = sorted(str(value) for _, value in said(told_, "comment"))
    assert kept == sorted(["Same", "Same", *(f"Number {n}" for n in range(10))])
    await town.restart()
    if town.url != "memory:":
        assert (await Desk(town.broker).one(id))["timeline"] == told_["timeline"]


async def test_closing_needs_a_cause_and_reopening_a_reason(desk: Desk) -> None:
    id = (await desk.open(name="By hand"))["id"]
    await desk.did(ANNA, id, "take")
    await desk.did(ANNA, id, "resolve", outcome="Repaired")
    for wish, why in (
        ({"cause": "magic"}, "is none of"),
        ({"cause": "other"}, "what the cause was"),
    ):
        answer = await desk.does(ANNA, id, "close", **wish)
        assert (answer.status_code, why in answer.json()["detail"]) == (400, True)
    closed = await desk.did(ANNA, id, "close", cause="equipment")
    assert (closed["state"], closed["cause"]) == ("CLOSED", "equipment")
    late = await desk.does(BEN, id, "take")
    assert f"it is closed; reopen it first (CLOSED by {ANNA.id} at" in late.json()["detail"]
    assert (await desk.does(BEN, id, "reopen", reason=" ")).status_code == 400
    again = await desk.did(BEN, id, "reopen", reason="It failed again")
    assert (again["state"], "owner" in again, "cause" in again) == ("TRIAGED", False, False)
    assert ("cause", "equipment") in said(again, "cause")


async def test_who_saw_another_version_is_told_who_was_first(desk: Desk) -> None:
    seen = await desk.open(name="By hand")
    await desk.did(ANNA, seen["id"], "take", version=seen["version"])
    late = await desk.does(BEN, seen["id"], "triage", severity="low", version=seen["version"])
    assert late.status_code == 409
    assert f"changed meanwhile; look again (IN_PROGRESS by {ANNA.id}" in late.json()["detail"]
    taken = await desk.does(BEN, seen["id"], "take")
    assert f"{ANNA.id} has it already" in taken.json()["detail"]
    mine = await desk.does(ANNA, seen["id"], "take")
    assert "you have it already" in mine.json()["detail"]
    given = await desk.did(BEN, seen["id"], "assign", to=BEN.id)
    assert (given["state"], given["owner"]) == ("ASSIGNED", BEN.id)


BAD: list[tuple[str, dict[str, Any], int]] = [
    ("comment", {"text": ""}, 400),
    ("comment", {"text": "urn:ngsi-ld:null"}, 400),
    ("comment", {"text": "x" * 4001}, 400),
    ("comment", {"text": "a\u0000b"}, 400),
    ("comment", {}, 400),
    ("comment", {"text": "a", "author": BEN.id}, 400),
    ("assign", {"to": "Anna"}, 400),
    ("assign", {"to": "urn:ngsi-ld:Person:a b"}, 400),
    ("triage", {"severity": "huge"}, 400),
    ("answer", {"step": "look", "answer": "yes"}, 400),
    ("hold", {"reason": "Parts"}, 409),
    ("resolve", {"outcome": "Done"}, 409),
    ("close", {"cause": "weather"}, 409),
    ("reopen", {"reason": "Why not"}, 409),
    ("unlink", {"target": FULL, "reason": "No"}, 409),
    ("merge", {"into": NONE, "reason": "Same"}, 404),
    ("sing", {}, 404),
]


@pytest.mark.parametrize(("act", "wish", "status"), BAD)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    desk: Desk, act: str, wish: dict[str, Any], status: int
) -> None:
    before = await desk.open(name="By hand")
    answer = await desk.does(ANNA, before["id"], act, **wish)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert await desk.one(before["id"]) == before


OPENINGS: list[tuple[dict[str, Any], int]] = [
    ({}, 400),
    ({"name": "a", "location": [200, 0]}, 400),
    ({"name": "a", "origin": "alarm"}, 400),
    ({"name": "a", "alarms": ["urn:ngsi-ld:Alert:none"]}, 404),
    ({"name": "a", "alarms": [f"urn:ngsi-ld:Alert:{n}" for n in range(101)]}, 400),
    ({"name": "a", "procedure": "urn:ngsi-ld:Procedure:none"}, 404),
    ({"name": "x" * 201}, 400),
]


@pytest.mark.parametrize(("wish", "status"), OPENINGS)
async def test_what_is_no_incident_is_not_opened(
    desk: Desk, wish: dict[str, Any], status: int
) -> None:
    answer = await desk.send("POST", "/incidents", ANNA, wish)
    assert answer.status_code == status, answer.text
    assert await desk.listed() == []


async def test_who_may_do_what(town: Town, desk: Desk) -> None:
    id = (await desk.open(name="By hand"))["id"]
    assert (await desk.one(id, ENGINEER))["state"] == "NEW"
    assert (await desk.does(ENGINEER, id, "take")).status_code == 403
    assert (await desk.write(by=ANNA)).status_code == 403
    assert (await desk.send("GET", f"/incidents/{id}", ANYONE)).status_code == 404
    assert (await desk.does(ANYONE, id, "take")).status_code == 404
    assert (await desk.send("GET", f"/incidents/{NONE}", ANNA)).status_code == 404
    records = [entry.record for entry in await town.broker.store.log(0, 100)]
    assert any(id.encode() in record and ANNA.id.encode() in record for record in records)


async def test_a_story_begins_at_most_a_day_before_it_was_opened(
    town: Town, desk: Desk, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    clock.pass_s(2 * 86_400)
    begun = (await desk.open(alarms=[FULL]))["begunAt"]
    assert begun == "2030-06-02T12:00:00Z"


async def test_it_is_given_to_operators_with_an_account_only(town: Town) -> None:
    desk = Desk(town.broker, ANNA, BEN)
    id = (await desk.open(name="Lamp is down"))["id"]
    for act, name in (("assign", "to"), ("link", "target")):
        gone = await desk.does(ANNA, id, act, **{name: "urn:ngsi-ld:Person:gone"})
        assert (gone.status_code, "no operator with an account" in gone.text) == (400, True)
    assert (await desk.did(ANNA, id, "assign", to=BEN.id))["owner"] == BEN.id


async def test_people_on_duty_are_linked_and_taken_out(desk: Desk) -> None:
    id = (await desk.open(name="Lamp is down"))["id"]
    assert (await desk.did(ANNA, id, "link", target=BEN.id))["people"] == [BEN.id]
    again = await desk.does(ANNA, id, "link", target=BEN.id)
    assert (again.status_code, "linked to it already" in again.text) == (409, True)
    left = await desk.did(ANNA, id, "unlink", target=BEN.id, reason="went home")
    assert left.get("people", []) == []
    moved = [e for e in left["timeline"] if e["what"] == "people"]
    assert [(e.get("added", []), e.get("removed", [])) for e in moved] == [
        ([BEN.id], []),
        ([], [BEN.id]),
    ]


async def test_a_supervisor_is_told_of_needed_steps_that_were_skipped(desk: Desk) -> None:
    await desk.write()
    id = (await desk.open(name="Accident", procedure=ROAD_ID))["id"]
    skip = {"answer": "skipped", "note": "no time"}
    assert (await desk.did(ANNA, id, "answer", step="look", **skip))["skipped"] == [
        "Is somebody hurt?"
    ]
    await desk.did(ANNA, id, "answer", step="call", answer="done")
    done = await desk.did(ANNA, id, "answer", step="clear", **skip)
    assert done["skipped"] == ["Is somebody hurt?"]  # the last one was not needed
