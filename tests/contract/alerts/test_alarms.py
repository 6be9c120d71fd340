"""From a count to an alarm, on every store."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from tests.contract.alerts.town import (
    AFTER_10_S,
    ANNA,
    AT_ONCE,
    FLOW,
    FULL,
    PLAZA,
    SENSOR,
    WORK,
    Clock,
    Town,
    acknowledging,
)
from townsquare.alerts import run
from townsquare.alerts.lifecycle import ASIDE, COURSE, Course
from townsquare.alerts.watched import looked_at
from townsquare.context.broker import Cursor
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.model.entity import Attribute, Entity
from townsquare.model.rule import Rule


async def test_an_alarm_is_raised_with_all_that_an_operator_needs(town: Town) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        alert = await town.until("UNACK")
    shown = {name: alert.value(name) for name in alert.attributes}
    assert shown.pop("sequence") > 0
    assert shown == {
        "name": "Square is full",
        "state": "UNACK",
        "active": True,
        "acked": False,
        "latched": False,
        "suppression": "none",
        "quality": "good",
        "severity": "medium",
        "dateIssued": "2030-06-01T12:00:00Z",
        "waitsSince": "2030-06-01T12:00:00Z",
        "alertSource": PLAZA,
        "value": 12,
        "count": 1,
        "response": "Look",
        "location": {"type": "Point", "coordinates": [13.5, 52.4]},
        "asset": PLAZA,
        "row": f"{FULL}@2030-06-01T12:00:00Z",
        "rowSince": "2030-06-01T12:00:00Z",
        "rowBy": "itself",
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
        query = looked_at(Rule("full", "Full", FLOW.name, "peopleCount", 10, 6, scope=scope))
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


def table(text: str, row: str, columns: Sequence[str]) -> dict[tuple[str, str], str]:
    """Where each of the rows leads by each of the columns."""
    return {
        (at, event): cell.strip("`")
        for at, *cells in re.findall(row, text, re.MULTILINE)
        for event, cell in zip(columns, cells, strict=True)
        if cell != "-"
    }


def test_states_and_settings_are_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()
    course = table(
        text, r"^\| `([A-Z_]+)`[^|]*\| (.+) \| (.+) \| (.+) \| (.+) \|$", get_args(Course)
    )
    assert course == COURSE
    columns = ("shelve", "unshelve", "expire", "suppress", "unsuppress")
    aside = table(
        text,
        r"^\| `([a-zA-Z]+)`" + r" \| (.+)" * 7 + r" \|$",
        (*columns, "take out of service", "return"),
    )
    assert aside == ASIDE
    keys = re.findall(r"^(?:# )?(\w+) = ", text.split("```")[1], re.MULTILINE)
    assert set(keys) == {field.name for field in fields(Rule)}
