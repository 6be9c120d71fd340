"""From a count to an alarm that an operator acknowledges, on every store.

Long because all of it needs the same town, with a rule and a clock that is set by hand.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import OpenBroker
from townsquare.alerts import api, run
from townsquare.alerts.lifecycle import NEXT, Event
from townsquare.context.broker import Broker, Cursor
from townsquare.context.http import problem
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import NotFound, TownsquareError
from townsquare.model.rule import Rule

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
WORK = Why("operations")
SEEN_BY = frozenset({"operator"})
FLOW = EntityType(
    "CrowdFlowObserved", owner="vision", readers=SEEN_BY, published=frozenset({"peopleCount"})
)
TYPES = (FLOW, *run.TYPES)
ANNA = Actor("urn:ngsi-ld:Person:anna", "person", roles=frozenset({"operator"}))
BEN = Actor("urn:ngsi-ld:Person:ben", "person", roles=frozenset({"operator"}))
ENGINEER = Actor("urn:ngsi-ld:Person:eva", "person", roles=frozenset({"engineer"}))
SENSOR = Actor("urn:ngsi-ld:Device:1", "machine", roles=frozenset({"integrator"}))
PLAZA = "urn:ngsi-ld:CrowdFlowObserved:square-plaza-live"
FULL = "urn:ngsi-ld:Alert:full:square-plaza-live"

AT_ONCE = Rule("full", "Square is full", FLOW.name, "peopleCount", 10, 6, response="Look")
AFTER_10_S = Rule("full", "Square is full", FLOW.name, "peopleCount", 10, 6, for_s=10)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Town:
    """A town that can be started again on the same data, where its store keeps them."""

    def __init__(self, open_broker: OpenBroker, url: str, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self._open = open_broker
        self.broker = self._start()

    def _start(self) -> Broker:
        broker = self._open(*TYPES, url=self.url)
        broker.clock = self.clock
        return broker

    async def restart(self) -> None:
        if self.url != "memory:":
            await self.broker.store.close()
            self.broker = self._start()

    async def count(self, value: float | None, id: str = PLAZA) -> None:
        """What vision says now; None: it does not know."""
        number = Attribute("urn:ngsi-ld:null" if value is None else value)
        at = None if value is None else self.clock()
        counted = Attribute(number.value, observed_at=at)
        location = Attribute({"type": "Point", "coordinates": [13.5, 52.4]}, kind="GeoProperty")
        flow = entity(id, FLOW.name, (LIVE,), peopleCount=counted, location=location)
        await self.broker.apply([Change("merge", flow, upsert=True)], room("vision"), WORK)

    async def delete(self) -> None:
        gone = Change("delete", Entity(PLAZA, (FLOW.name,)))
        await self.broker.apply([gone], room("vision"), WORK)

    async def alerts(self) -> list[Entity]:
        return (await self.broker.find(Query(types=("Alert",)), ANNA, WORK)).entities

    async def several(self, number: int) -> list[Entity]:
        """All alarms, as soon as there are so many."""
        async with asyncio.timeout(5):
            while True:
                found = await self.alerts()
                if len(found) >= number:
                    return found
                await asyncio.sleep(0.01)

    async def alert(self) -> Entity | None:
        with suppress(NotFound):
            return await self.broker.read(FULL, ANNA, WORK)
        return None

    async def until(self, state: str, count: int = 1) -> Entity:
        """The alarm, as soon as it is so."""
        async with asyncio.timeout(5):
            while True:
                alert = await self.alert()
                if alert and (alert.value("state"), alert.value("count")) == (state, count):
                    return alert
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def alerting(self, *rules: Rule) -> AsyncIterator[None]:
        """The room runs, and is killed at the end."""
        running = asyncio.create_task(run.run(self.broker, rules))
        try:
            await self.caught_up(running)
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def caught_up(self, running: "asyncio.Task[None] | None" = None) -> None:
        """Until the room has read everything; what it stores of that comes a second later."""
        async with asyncio.timeout(5):
            while await self.broker.cursor("alerts") is None:
                if running and running.done():
                    running.result()
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

    async def history(self) -> list[str]:
        """States of the alarm, as the log of the store has them."""
        query = TemporalQuery(Query(types=("Alert",)), attributes=("state",))
        past = await self.broker.history(query, ANNA, WORK)
        return [str(a.value) for e in past for a in e.attributes.get("state", ())]


@pytest.fixture
def town(open_broker: OpenBroker, store_url: str, clock: Clock) -> Town:
    return Town(open_broker, store_url, clock)


async def test_an_alarm_is_raised_with_all_that_an_operator_needs(town: Town) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        alert = await town.until("UNACK")
    shown = {name: alert.value(name) for name in alert.attributes}
    assert shown.pop("sequence") > 0
    assert shown == {
        "name": "Square is full",
        "state": "UNACK",
        "severity": "medium",
        "dateIssued": "2030-06-01T12:00:00Z",
        "alertSource": PLAZA,
        "value": 12,
        "count": 1,
        "response": "Look",
        "location": {"type": "Point", "coordinates": [13.5, 52.4]},
    }


async def test_it_returns_and_is_raised_again_as_the_same_alarm(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.count(3)
        returned = await town.until("RTN_UNACK")
        assert returned.value("returnedAt") == "2030-06-01T12:01:00Z"
        clock.pass_s(60)
        await town.count(15)
        again = await town.until("UNACK", count=2)
    assert again.value("dateIssued") == "2030-06-01T12:02:00Z"
    assert again.value("returnedAt") is None


async def test_a_duration_ends_without_another_observation(town: Town, clock: Clock) -> None:
    async with town.alerting(AFTER_10_S):
        await town.count(12)
        clock.pass_s(9)
        await asyncio.sleep(0.6)
        assert await town.alert() is None
        clock.pass_s(6)
        alert = await town.until("UNACK")
    assert alert.value("dateIssued") == "2030-06-01T12:00:10Z"


async def test_unknown_neither_raises_nor_clears(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.count(None)
        await town.caught_up()
    assert await town.history() == ["UNACK"]


async def test_no_crossing_is_missed_or_told_twice_across_a_restart(
    town: Town, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    clock.pass_s(1)
    await town.count(3)
    clock.pass_s(1)
    await town.count(12)
    await town.restart()
    clock.pass_s(1)
    await town.count(3)
    async with town.alerting(AT_ONCE):
        await town.until("RTN_UNACK", count=2)
    async with town.alerting(AT_ONCE):
        await town.caught_up()
    assert await town.history() == ["UNACK", "RTN_UNACK", "UNACK", "RTN_UNACK"]


async def test_a_duration_that_was_running_is_not_forgotten(town: Town, clock: Clock) -> None:
    async with town.alerting(AFTER_10_S):
        await town.count(12)
        # Long enough for the cursor to be stored, which must not go past the unfinished.
        await asyncio.sleep(1.3)
    await town.restart()
    clock.pass_s(11)
    await town.count(3)
    async with town.alerting(AFTER_10_S):
        alert = await town.until("UNACK")
        clock.pass_s(10)
        await town.until("RTN_UNACK")
    assert alert.value("dateIssued") == "2030-06-01T12:00:10Z"
    assert await town.history() == ["UNACK", "RTN_UNACK"]


async def test_news_that_is_read_again_changes_nothing(town: Town, clock: Clock) -> None:
    """One alarm is through while another keeps the cursor back, so its news is read again."""
    other = "urn:ngsi-ld:CrowdFlowObserved:market-plaza-live"
    rules = (AT_ONCE, Rule("long", "Long", FLOW.name, "peopleCount", 100, 1, for_s=3600))
    async with town.alerting(*rules):
        await town.count(200, other)
        await town.count(12)
        await town.until("UNACK")
        await town.count(3)
        await town.until("RTN_UNACK")
    await town.restart()
    async with town.alerting(*rules):
        clock.pass_s(1)
        await town.count(12)
        await town.until("UNACK", count=2)
    assert await town.history() == ["UNACK", "UNACK", "RTN_UNACK", "UNACK"]


async def test_a_rule_that_is_new_sees_what_is_there(town: Town) -> None:
    await town.count(12)
    async with town.alerting(AT_ONCE):
        await town.until("UNACK")


async def test_the_alarm_of_a_rule_that_is_gone_ends(town: Town) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    async with town.alerting():
        await town.until("RTN_UNACK")


async def test_the_alarm_of_what_was_deleted_ends(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(60)
        await town.delete()
        ended = await town.until("RTN_UNACK")
        assert ended.value("returnedAt") == "2030-06-01T12:01:00Z"
        await town.count(12)
        await town.until("UNACK", count=2)
        assert (await acknowledging(town)(ANNA)).json() == {"state": "ACKED"}
        await town.delete()
        await town.until("NORMAL", count=2)


async def test_what_was_deleted_while_the_house_was_down_is_news(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
    clock.pass_s(60)
    await town.delete()
    await town.restart()
    clock.pass_s(60)
    async with town.alerting(AT_ONCE):
        ended = await town.until("RTN_UNACK")
    assert ended.value("returnedAt") == "2030-06-01T12:01:00Z"


@pytest.mark.parametrize("acknowledge", [False, True])
async def test_an_alarm_whose_source_is_missing_at_the_start_ends(
    town: Town, clock: Clock, acknowledge: bool
) -> None:
    """There is no news of that: it was read before, and did not end the alarm."""
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        if acknowledge:
            await acknowledging(town)(ANNA)
    await town.delete()
    read = Cursor("alerts", await town.broker.last_seq())
    await town.broker.apply([], room("alerts"), WORK, upto=read)
    await town.restart()
    clock.pass_s(60)
    async with town.alerting(AT_ONCE):
        ended = await town.until("NORMAL" if acknowledge else "RTN_UNACK")
        assert ended.value("returnedAt") == "2030-06-01T12:01:00Z"
        await town.count(12)
        await town.until("UNACK", count=2)


async def test_entities_of_two_types_do_not_share_an_alarm(town: Town) -> None:
    rule = Rule("full", "Full", "Bin", "level", 10, 6, scope="")
    bins = {
        id: Entity(f"urn:ngsi-ld:{id}", ("Bin", "Container")) for id in ("Bin:1", "Container:1")
    }
    async with town.alerting(rule):
        for empty in bins.values():
            full = Entity(empty.id, empty.types, {"level": (Attribute(12),)})
            await town.broker.apply([Change("create", full)], SENSOR, Why("integration"))
        alerts = await town.several(2)
    assert {a.value("alertSource") for a in alerts} == {b.id for b in bins.values()}
    ended = next(a for a in alerts if a.id.endswith("Container:1"))
    assert (await acknowledging(town, ended.id)(ANNA)).json() == {"state": "ACKED"}


async def test_what_is_published_is_not_looked_at_unless_a_rule_says_so(town: Town) -> None:
    for scope in ("", LIVE, PUBLISHED):
        id = f"urn:ngsi-ld:CrowdFlowObserved:in{scope.replace('/', '-')}"
        flow = Entity(id, (FLOW.name,), {"peopleCount": (Attribute(1),)}, (scope,) if scope else ())
        by = room("register" if scope == PUBLISHED else "vision")
        await town.broker.apply([Change("create", flow)], by, WORK)
    found = {}
    for scope in ("", LIVE, PUBLISHED):
        query = run.looked_at(Rule("full", "Full", FLOW.name, "peopleCount", 10, 6, scope=scope))
        page = await town.broker.find(query, room("alerts"), WORK)
        found[scope] = {e.scope for e in page.entities}
    assert () in found[""]
    assert (PUBLISHED,) not in found[""]
    assert (found[LIVE], found[PUBLISHED]) == ({(LIVE,)}, {(PUBLISHED,)})


async def test_a_flood_is_followed_to_its_end(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        for _ in range(50):
            clock.pass_s(1)
            await town.count(12)
            clock.pass_s(1)
            await town.count(3)
        await town.until("RTN_UNACK", count=50)
    assert await town.history() == ["UNACK", "RTN_UNACK"] * 50


async def test_it_may_be_killed_at_any_moment(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        pass
    for round in range(40):
        clock.pass_s(1)
        await town.count(3 if round % 2 else 12)
        running = asyncio.create_task(run.run(town.broker, [AT_ONCE]))
        await asyncio.sleep(round * 0.0005)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        # A commit that had begun is through before anything that comes after it.
        await town.broker.apply([], room("vision"), WORK)
    async with town.alerting(AT_ONCE):
        await town.until("RTN_UNACK", count=20)
    assert await town.history() == ["UNACK", "RTN_UNACK"] * 20


# --- what an operator does


Acknowledge = Callable[[Actor], Awaitable[httpx.Response]]


async def refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TownsquareError)
    answer = problem(error)
    return JSONResponse(answer.json, answer.status)


def acknowledging(town: Town, id: str = FULL) -> Acknowledge:
    site = Starlette(routes=api.routes(town.broker), exception_handlers={TownsquareError: refused})

    async def acknowledge(actor: Actor) -> httpx.Response:
        transport = httpx.ASGITransport(_as(site, actor))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.post(f"/alerts/{id}/acknowledge", json={})

    return acknowledge


def _as(site: Starlette, actor: Actor) -> ASGIApp:
    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"actor": actor, "why": WORK}
        await site(scope, receive, send)

    return known


async def test_an_operator_acknowledges_and_that_is_on_record(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(30)
        answer = await acknowledging(town)(ANNA)
        assert (answer.status_code, answer.json()) == (200, {"state": "ACKED"})
        alert = await town.until("ACKED")
        assert alert.value("acknowledgedBy") == ANNA.id
        assert alert.value("acknowledgedAt") == "2030-06-01T12:00:30Z"
        await town.count(3)
        await town.until("NORMAL")
        clock.pass_s(30)
        await town.count(12)
        again = await town.until("UNACK", count=2)
        assert again.value("acknowledgedBy") is None
    records = [entry.record for entry in await town.broker.store.log(0, 100)]
    mine = [record for record in records if b'"by":"urn:ngsi-ld:Person:anna"' in record]
    assert sum(b'"verb":"alteration"' in record for record in mine) == 1


async def test_two_operators_cannot_overwrite_each_other(town: Town) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        acknowledge = acknowledging(town)
        answers = await asyncio.gather(acknowledge(ANNA), acknowledge(BEN))
        late = await acknowledge(BEN)
    assert sorted(a.status_code for a in answers) == [200, 409]
    by = (await town.until("ACKED")).value("acknowledgedBy")
    assert (
        f"acknowledged already; its cause has not ended yet (acknowledged by {by}"
        in (late.json()["detail"])
    )


async def test_a_returned_alarm_is_acknowledged_to_normal(town: Town) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        await town.count(3)
        await town.until("RTN_UNACK")
        answer = await acknowledging(town)(ANNA)
        assert answer.json() == {"state": "NORMAL"}
        late = await acknowledging(town)(BEN)
    assert late.status_code == 409
    assert "back to normal (acknowledged by urn:ngsi-ld:Person:anna" in late.json()["detail"]


@pytest.mark.parametrize(
    ("id", "by", "status"),
    [
        (FULL, ENGINEER, 403),
        ("urn:ngsi-ld:Alert:none", ANNA, 404),
        (PLAZA, ANNA, 404),
        (FULL, Actor("anyone", "anyone", roles=frozenset({"citizen"})), 404),
    ],
)
async def test_who_may_not_acknowledge_what(town: Town, id: str, by: Actor, status: int) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        answer = await acknowledging(town, id)(by)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)


def test_states_and_settings_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
    columns: tuple[Event, ...] = ("raise", "clear", "acknowledge")
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    written = {
        (state, event): cell.strip("`")
        for state, *cells in rows
        for event, cell in zip(columns, cells, strict=True)
        if cell != "-"
    }
    assert written == NEXT
    keys = re.findall(r"^(\w+) = ", text.split("```")[1], re.MULTILINE)
    assert set(keys) == {field.name for field in fields(Rule)}
