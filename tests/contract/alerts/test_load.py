"""The alarm load as it is read from the past of the alarms, and who gets it."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette

from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    BEN,
    NOON,
    WORK,
    Clock,
    Town,
    acknowledging,
    as_actor,
    commanding,
    refused,
)
from townsquare.alerts.load import doors, live, reading
from townsquare.alerts.load.reading import Reader
from townsquare.alerts.load.reports import Reports
from townsquare.alerts.load.types import ALARM_LOAD
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.query import Query
from townsquare.model import town as model
from townsquare.model.actor import ANYONE, Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, urn
from townsquare.model.errors import TownsquareError

BERLIN = model.Town("Testtown", "Europe/Berlin")
MACHINE = Actor("machine:bus", "machine", roles=frozenset({"integrator"}))
NORTH = Actor("urn:ngsi-ld:Person:nora", "person", roles=ANNA.roles, areas=frozenset({"/north"}))


async def rings(town: Town, name: str, after_s: float, state: str, severity: str = "low") -> None:
    """At a second after noon, recorded three seconds later."""
    at = NOON + timedelta(seconds=after_s)
    town.clock.now = at + timedelta(seconds=3)
    alarm = entity(
        urn("Alert", name),
        "Alert",
        state=Attribute(state, observed_at=at),
        severity=Attribute(severity),
        name=Attribute(f"Alarm {name}"),
    )
    await town.broker.apply([Change("merge", alarm, upsert=True)], ROOM, WHY)


async def get(town: Town, by: Actor, path: str = "/alerts/load") -> httpx.Response:
    routes = doors.routes(Reports(town.broker, BERLIN))
    site = Starlette(routes=routes, exception_handlers={TownsquareError: refused})
    transport = httpx.ASGITransport(as_actor(site, by))
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        return await client.get(path)


async def test_the_past_is_read_in_pages_with_what_was_before(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_READ", 3)
    for n in range(4):
        await rings(town, "a", 60 * n, "UNACK" if n % 2 == 0 else "NORMAL", "high")
        await rings(town, "b", 60 * n + 1, "UNACK" if n % 2 == 0 else "NORMAL")
    await rings(town, "a", 400, "UNACK", "critical")
    since, until = NOON + timedelta(seconds=100), NOON.replace(hour=13)
    found = await Reader(town.broker).transitions(since, until)
    told = [((one.at - NOON).total_seconds(), one.alarm[-1], one.severity) for one in sorted(found)]
    assert told == [
        *((0, "a", ""), (1, "b", ""), (60, "a", "high"), (61, "b", "low")),
        *((120, "a", "high"), (121, "b", "low"), (180, "a", "high"), (181, "b", "low")),
        (400, "a", "critical"),
    ]
    assert await Reader(town.broker).first() == NOON


async def test_the_load_is_of_what_the_rules_and_the_operators_did(
    town: Town, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(30)
        await acknowledging(town)(ANNA)
        clock.pass_s(30)
        await town.count(3)
        await town.until("NORMAL")
    clock.pass_s(60)
    found = (await get(town, BEN)).json()
    assert {found[name]["annunciations"] for name in ("tenMinutes", "hour", "day")} == {1}
    (waited,) = found["day"]["acknowledged"]
    assert (waited["severity"], waited["p50S"]) == ("medium", 30)
    (often,) = found["day"]["frequent"]
    assert found["alarms"][often["alarm"]]["name"] == "Square is full"


async def test_a_shelf_is_counted_and_its_end_rings_again(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await commanding(town)(ANNA, "shelve", reason="the gate is being repaired")
        await town.until("SHELVED")
        clock.pass_s(1800)
        await commanding(town)(BEN, "unshelve", reason="repaired")
        await town.until("UNACK")
    clock.pass_s(60)
    found = (await get(town, BEN)).json()["day"]
    (reason,) = found["reasons"]
    assert (reason["why"], reason["times"]) == ("the gate is being repaired", 1)
    assert (reason["alarms"], reason["hours"]) == (1, 0.5)
    (shelf,) = found["shelf"]
    assert (shelf["state"], shelf["times"], shelf["hours"], shelf["now"]) == ("SHELVED", 1, 0.5, 0)
    assert (found["annunciations"], found["acknowledgements"]) == (2, 0)


async def listens(town: Town, beats: int) -> None:
    """The room runs until it has said so often that it listens."""
    running = asyncio.create_task(live.run(town.broker))
    said: set[object] = set()
    async with asyncio.timeout(60):
        while len(said) < beats:
            found = await town.broker.find(Query((ALARM_LOAD,)), ANNA, WORK)
            fresh = {one.value("watchedUntil") for one in found.entities} - said
            said |= fresh
            if fresh:
                town.clock.pass_s(61)
                await rings(town, "a", (town.clock.now - NOON).total_seconds(), "ACKED")
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_while_the_house_was_down_nothing_is_known(town: Town) -> None:
    await rings(town, "a", 0, "UNACK")
    await listens(town, 2)
    town.clock.pass_s(7200)
    await listens(town, 1)
    town.clock.pass_s(1800)
    found = (await get(town, ANNA)).json()["day"]
    assert found["watchedH"] == pytest.approx(0.5, abs=0.34)  # in whole ten minutes by the clock
    told = (await get(town, ANNA, "/alerts/timeline")).json()
    (down,) = told["down"]
    ends = [datetime.fromisoformat(down[end]) for end in ("since", "until")]
    assert ends[1] - ends[0] == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=5))


async def test_before_the_first_alarm_nothing_is_known(town: Town) -> None:
    found = (await get(town, ANNA)).json()["day"]
    assert found["watchedH"] == 0
    assert {figure["value"] for figure in found["figures"]} == {None}


async def test_a_month_is_refused_where_there_are_no_figures(town: Town) -> None:
    for month, why in (("2030-07", "no figures yet"), ("2029-03", "not kept"), ("june", "2026-10")):
        answer = await get(town, ANNA, f"/alerts/load?month={month}")
        assert answer.status_code == 400
        assert why in answer.json()["detail"]


async def test_a_month_so_far_is_indicative(town: Town) -> None:
    await rings(town, "a", 0, "UNACK")
    town.clock.pass_s(3600)
    found = (await get(town, ANNA, "/alerts/load?month=2030-06")).json()["month"]
    assert found["since"] == "2030-05-31T22:00:00Z"
    assert (found["annunciations"], found["indicative"]) == (1, True)
    assert found["unknownH"] == pytest.approx(14)  # nobody knows of the time before


@pytest.mark.parametrize("by", [ANYONE, MACHINE, NORTH])
async def test_who_does_not_see_every_alarm_gets_no_load(town: Town, by: Actor) -> None:
    answer = await get(town, by)
    assert answer.status_code == 403


async def test_to_look_is_an_entry_of_the_log(town: Town) -> None:
    await rings(town, "a", 0, "UNACK")
    before = sum(number for _, number in await town.broker.ledger.counts())
    await get(town, ANNA)
    after = await town.broker.ledger.counts()
    assert sum(number for _, number in after) == before + 1
    assert any(kind.verb == "consultation" for kind, _ in after)


async def test_the_load_of_this_moment_is_an_entity(town: Town) -> None:
    """What rang before the start counts as well, and an alarm twice where it rang twice."""
    await rings(town, "a", 0, "UNACK")
    running = asyncio.create_task(live.run(town.broker))
    try:
        assert (await moment(town, 1)).value("flood") is False
        for n in range(1, 11):
            await rings(town, f"b{n}", n, "UNACK")
        await rings(town, "a", 20, "RTN_UNACK")
        await rings(town, "a", 21, "UNACK")
        told = await moment(town, 12)
        assert (told.value("hour"), told.value("flood")) == (12, True)
    finally:
        running.cancel()


async def test_a_new_town_holds_no_load_until_an_alarm_rings(town: Town) -> None:
    running = asyncio.create_task(live.run(town.broker))
    try:
        await asyncio.sleep(0.1)
        assert not (await town.broker.find(Query((ALARM_LOAD,)), ANNA, WORK)).entities
        await rings(town, "a", 0, "UNACK")
        await moment(town, 1)
    finally:
        running.cancel()


async def moment(town: Town, alarms: int) -> Entity:
    async with asyncio.timeout(60):
        while True:
            found = await town.broker.find(Query((ALARM_LOAD,)), ANNA, WORK)
            if found.entities and found.entities[0].value("tenMinutes") == alarms:
                return found.entities[0]
            await asyncio.sleep(0.02)


async def test_the_last_day_in_bars_of_ten_minutes_for_who_sees_all_alarms(town: Town) -> None:
    await rings(town, "old", -26 * 3600, "UNACK", "high")  # before the first bar
    await rings(town, "a", 0, "UNACK", "high")
    await rings(town, "b", 30, "UNACK")
    await rings(town, "b", 700, "RTN_UNACK")
    await rings(town, "b", 710, "UNACK")
    told = (await get(town, ANNA, "/alerts/timeline")).json()
    assert len(told["bins"]) == 24 * 6 + 1
    assert told["bins"][-1]["since"] == "2030-06-01T12:10:00Z"
    rang = {one["since"][11:16]: (one["high"], one["low"]) for one in told["bins"][-3:]}
    assert rang == {"11:50": (0, 0), "12:00": (1, 1), "12:10": (0, 1)}
    assert sum(one["high"] for one in told["bins"]) == 1
    assert told["knownSince"] == "2030-05-31T10:00:00Z"
    assert (await get(town, NORTH, "/alerts/timeline")).status_code == 403
