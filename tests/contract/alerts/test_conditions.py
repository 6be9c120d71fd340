"""Alarms by a q, an area and by silence, on every store, also across restarts."""

import asyncio
import json

import pytest

from tests.contract.alerts.town import ANNA, ENGINEER, FLOW, PLAZA, WORK, Clock, Town
from townsquare.alerts import kept_rules
from townsquare.alerts.asking import Asking
from townsquare.model.entity import Attribute, entity
from townsquare.model.rule import Rule

SQUARE = {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 53], [13, 52]]]}
OTHER = "urn:ngsi-ld:CrowdFlowObserved:square-fountain-live"
ELSEWHERE = {"type": "Polygon", "coordinates": [[[3, 2], [4, 2], [4, 3], [3, 3], [3, 2]]]}


def asking(q: str, ends_q: str = "", **more: float | str) -> Rule:
    named = {"q": q, "ends_q": ends_q, **more}
    return Rule("full", "Full", FLOW.name, **named)  # type: ignore[arg-type]  # of a dict


async def test_a_q_raises_and_ends(town: Town, clock: Clock) -> None:
    async with town.alerting(asking("peopleCount>=10")):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.count(9)
        ended = await town.until("RTN_UNACK")
    assert ended.value("returnedAt") == "2030-06-01T12:01:00Z"
    assert ended.value("value") is None


async def test_a_second_q_ends_it(town: Town, clock: Clock) -> None:
    async with town.alerting(asking("peopleCount>=10", "peopleCount<5")):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.count(7)
        clock.pass_s(60)
        await town.count(4)
        ended = await town.until("RTN_UNACK")
    assert ended.value("returnedAt") == "2030-06-01T12:02:00Z"


async def test_what_a_q_compares_and_is_missing_is_unknown(town: Town, clock: Clock) -> None:
    async with town.alerting(asking("peopleCount>=10")):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.count(None)
        await town.caught_up()
    assert await town.history() == ["UNACK"]


async def test_a_duration_of_a_q_runs_on_across_a_restart(town: Town, clock: Clock) -> None:
    rule = asking("peopleCount>=10", for_s=10)
    async with town.alerting(rule):
        await town.count(12)
        await asyncio.sleep(1.3)  # for the cursor to be stored
    await town.restart()
    clock.pass_s(11)
    await town.count(3)
    async with town.alerting(rule):
        alert = await town.until("UNACK")
        clock.pass_s(10)
        await town.until("RTN_UNACK")
    assert alert.value("dateIssued") == "2030-06-01T12:00:10Z"
    assert await town.history() == ["UNACK", "RTN_UNACK"]


async def test_an_area_alone_and_with_a_q(town: Town) -> None:
    for area, raised in ((ELSEWHERE, 0), (SQUARE, 1)):
        rules = [
            Rule("there", "There", FLOW.name, area=json.dumps(area)),
            Rule("both", "Both", FLOW.name, q="peopleCount>50", area=json.dumps(area)),
            Rule("more", "More", FLOW.name, "peopleCount", 50, 40, area=json.dumps(area)),
        ]
        async with town.alerting(*rules):
            await town.count(12)
            await town.caught_up()
            assert len(await town.alerts()) == raised


async def test_silence_raises_and_data_ends_it_across_restarts(town: Town, clock: Clock) -> None:
    rule = Rule("full", "Silent", FLOW.name, "peopleCount", no_data_for_s=600)
    async with town.alerting(rule):
        await town.count(0)  # nothing counted is not nothing known
        await town.caught_up()
    await town.restart()
    clock.pass_s(599)
    async with town.alerting(rule):
        await asyncio.sleep(0.4)
        assert await town.alert() is None
        clock.pass_s(2)
        alert = await town.until("UNACK")
    assert alert.value("dateIssued") == "2030-06-01T12:10:00Z"
    await town.restart()
    async with town.alerting(rule):
        await town.caught_up()
        clock.pass_s(60)
        await town.count(0)
        await town.until("RTN_UNACK")
        clock.pass_s(601)
        await town.until("UNACK", count=2)
    assert await town.history() == ["UNACK", "RTN_UNACK", "UNACK"]


async def test_a_silence_is_heard_through_news_of_others_that_never_pause(
    town: Town, clock: Clock
) -> None:
    silent = Rule("full", "Silent", FLOW.name, "peopleCount", no_data_for_s=600)

    async def chatter() -> None:
        while True:
            await town.count(1, OTHER)

    async with town.alerting(silent):
        await town.count(0)
        chattering = [asyncio.create_task(chatter()) for _ in range(4)]
        try:
            await town.caught_up()
            clock.pass_s(601)
            alert = await town.until("UNACK")
        finally:
            for one in chattering:
                one.cancel()
            await asyncio.gather(*chattering, return_exceptions=True)
    assert alert.value("dateIssued") == "2030-06-01T12:10:00Z"


async def test_a_q_is_answered_however_often_it_was_asked(town: Town) -> None:
    asking = Asking(town.broker)
    try:
        for n in range(300):  # more often than it takes a store to index what is asked for
            full = entity(PLAZA, FLOW.name, peopleCount=Attribute(12))
            told = await asking.answered([(n, full, ["peopleCount>=10"])])
            assert told.about(n)("peopleCount>=10"), n
    finally:
        await asking.close()


async def test_what_is_due_in_hours_lets_the_room_sleep(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    last_seq = town.broker.last_seq

    async def counted() -> int:
        nonlocal looks
        looks += 1
        return await last_seq()

    async with town.alerting(Rule("full", "Silent", FLOW.name, "peopleCount", no_data_for_s=9999)):
        await town.count(0)
        await asyncio.sleep(1.5)  # for the cursor to be stored
        monkeypatch.setattr(town.broker, "last_seq", counted)
        await asyncio.sleep(1.5)
    assert looks <= 1


async def test_a_dead_time_is_counted_and_outlives_a_restart(town: Town, clock: Clock) -> None:
    rule = asking("peopleCount>=10", dead_time_s=60)
    async with town.alerting(rule):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(1)
        await town.count(3)
        await town.until("RTN_UNACK")
    await town.restart()
    async with town.alerting(rule):
        for value in (12, 3, 12):
            clock.pass_s(10)
            await town.count(value)
        await town.caught_up()
        alert = await town.until("RTN_UNACK")
        assert alert.value("keptDead") == 1
        clock.pass_s(31)
        await town.until("UNACK", count=2)


async def test_a_kept_rule_holds_without_a_restart_and_ends_with_its_alarms(town: Town) -> None:
    rule = asking("peopleCount>=10")
    async with town.alerting():
        await town.count(12)
        by = ENGINEER.through("alerts")
        version = await kept_rules.keep(town.broker, rule, 0, by, WORK)
        await town.until("UNACK")
        await kept_rules.keep(town.broker, rule, version, by, WORK, holds=False)
        await town.until("RTN_UNACK")
    told = await kept_rules.versions(town.broker, "full", ANNA, WORK)
    assert [(v.rule, v.holds, v.by) for v in told] == [
        (rule, False, ENGINEER.id),
        (rule, True, ENGINEER.id),
    ]
    assert PLAZA in {a.value("alertSource") for a in await town.alerts()}


def test_a_kept_rule_that_cannot_be_applied_leaves_the_others() -> None:
    kept = [
        entity(f"urn:ngsi-ld:AlarmRule:{n}", "AlarmRule", holds=Attribute(True), definition=said)
        for n, said in enumerate(
            Attribute({"name": "r", "title": "R", "type": "Bin", "q": q}) for q in ("n>>1", "n>1")
        )
    ]
    assert [rule.q for rule in kept_rules.holding(kept, ())] == ["n>1"]
