"""Alarms that are shelved, out of service or latched, on every store."""

import asyncio
from dataclasses import replace

import pytest

from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    BEN,
    CHIEF,
    ENGINEER,
    FULL,
    WORK,
    Clock,
    Town,
    commanding,
)
from townsquare.model.actor import Actor, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso

WHY = "the gate is being repaired"
HOUR_S = 3600


async def test_a_shelf_says_who_why_and_until_and_its_cause_is_followed(
    town: Town, clock: Clock
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        answer = await commanding(town)(ANNA, "shelve", reason=WHY)
        assert (answer.status_code, answer.json()) == (200, {"state": "SHELVED"})
        alert = await town.until("SHELVED")
        shelf = {n: alert.value(f"suppressed{n}") for n in ("By", "At", "Why", "Until")}
        assert shelf == {
            "By": ANNA.id,
            "At": "2030-06-01T12:00:00Z",
            "Why": WHY,
            "Until": "2030-06-01T20:00:00Z",
        }
        clock.pass_s(60)
        await town.count(3)
        clock.pass_s(60)
        await town.count(15)
        shelved = await town.until("SHELVED", count=2)
        assert (shelved.value("active"), shelved.value("value")) == (True, 15)
        answer = await commanding(town)(BEN, "unshelve", reason="repaired")
        assert answer.json() == {"state": "UNACK"}
        back = await town.until("UNACK", count=2)
    assert (back.value("broughtBackBy"), back.value("broughtBackWhy")) == (BEN.id, "repaired")
    assert back.value("suppressedBy") is None
    assert await town.history() == ["UNACK", "SHELVED", "UNACK"]


@pytest.mark.parametrize("down", [False, True])
async def test_a_shelf_ends_by_itself_also_while_the_house_is_down(
    town: Town, clock: Clock, down: bool
) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        until = "2030-06-01T13:00:00Z"
        await commanding(town)(ANNA, "shelve", reason=WHY, until=until)
        clock.pass_s(HOUR_S - 1)
        await town.caught_up()
        await town.until("SHELVED")
        if not down:
            clock.pass_s(1)
            await town.until("UNACK")
    if down:
        await town.restart()
        clock.pass_s(HOUR_S)
    async with town.alerting(AT_ONCE):
        back = await town.until("UNACK")
    assert (back.value("broughtBackBy"), back.value("suppressedUntil")) == (None, None)
    assert await town.history() == ["UNACK", "SHELVED", "UNACK"]


async def test_a_shelf_for_once_ends_with_the_alarms_cause(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        await commanding(town)(ANNA, "shelve", reason=WHY, once=True)
        clock.pass_s(1)
        await town.count(3)
        await town.until("NORMAL")
        await town.count(12)
        await town.until("UNACK", count=2)


@pytest.mark.parametrize(
    ("by", "hours", "severity", "status"),
    [
        (ANNA, 8, "medium", 200),
        (ANNA, 8.1, "medium", 400),
        (ANNA, 0, "medium", 400),
        (CHIEF, 24, "medium", 200),
        (CHIEF, 24.1, "medium", 400),
        (ANNA, 1, "critical", 403),
        (CHIEF, 1, "critical", 200),
        (ENGINEER, 1, "medium", 403),
    ],
)
async def test_who_shelves_what_for_how_long(
    town: Town, clock: Clock, by: Actor, hours: float, severity: str, status: int
) -> None:
    await keep(town, state="UNACK", severity=severity)
    until = clock().timestamp() + hours * HOUR_S
    end = iso(clock().fromtimestamp(until, clock().tzinfo))
    answer = await commanding(town)(by, "shelve", reason=WHY, until=end)
    assert answer.status_code == status, answer.text


async def test_of_two_at_once_one_is_told_who_was_first(town: Town) -> None:
    await keep(town, state="UNACK", severity="low")
    ask = commanding(town)
    answers = await asyncio.gather(
        ask(ANNA, "shelve", reason=WHY), ask(BEN, "shelve", reason="other")
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    by = (await town.broker.read(FULL, ANNA, WORK)).value("suppressedBy")
    late = next(a for a in answers if a.status_code == 409)
    assert f"it is shelved already (put aside by {by} at 2030" in late.json()["detail"]


async def test_only_another_person_returns_an_alarm_to_service(town: Town) -> None:
    await keep(town, state="ACKED", severity="high")
    ask = commanding(town)
    await ask(ANNA, "take-out-of-service", reason=WHY)
    shelved = await ask(BEN, "shelve", reason="quiet")
    assert shelved.status_code == 409
    own = await ask(ANNA, "return-to-service")
    assert (own.status_code, "second person" in own.json()["detail"]) == (403, True)
    assert (await ask(BEN, "return-to-service")).json() == {"state": "UNACK"}
    late = await ask(BEN, "return-to-service")
    assert f"it is in service (brought back by {BEN.id}" in late.json()["detail"]


async def test_what_latches_waits_to_be_reset(town: Town, clock: Clock) -> None:
    async with town.alerting(replace(AT_ONCE, latching=True)):
        ask = commanding(town)
        await town.count(12)
        await town.until("UNACK")
        await ask(ANNA, "acknowledge")
        refused = await ask(ANNA, "reset")
        assert (refused.status_code, "its cause lasts" in refused.json()["detail"]) == (409, True)
        clock.pass_s(1)
        await town.count(3)
        await town.until("LATCHED_RTN")
        clock.pass_s(1)
        await town.count(12)
        await town.until("ACKED")  # the same occurrence
        clock.pass_s(1)
        await town.count(3)
        await town.until("LATCHED_RTN")
        assert (await ask(BEN, "reset")).json() == {"state": "NORMAL"}
        alert = await town.until("NORMAL")
        assert (alert.value("resetBy"), alert.value("acknowledgedBy")) == (BEN.id, ANNA.id)


async def test_a_newer_occurrence_is_not_acknowledged(town: Town, clock: Clock) -> None:
    async with town.alerting(AT_ONCE):
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(1)
        await town.count(3)
        await town.until("RTN_UNACK")
        await town.count(12)
        await town.until("UNACK", count=2)
    late = await commanding(town)(ANNA, "acknowledge", occurrence=1)
    assert (late.status_code, "raised again" in late.json()["detail"]) == (409, True)
    seen = await commanding(town)(ANNA, "acknowledge", occurrence=2)
    assert seen.json() == {"state": "ACKED"}


@pytest.mark.parametrize(
    ("command", "said", "words"),
    [
        ("shelve", {}, "for a reason"),
        ("take-out-of-service", {"reason": " "}, "for a reason"),
        ("shelve", {"reason": "x" * 501}, "reason"),
        ("shelve", {"reason": "x", "until": "tomorrow"}, "until"),
        ("shelve", {"reason": "x", "until": "2030-06-01T13:00:00"}, "until"),
        ("acknowledge", {"occurrence": "first"}, "occurrence"),
        ("reset", {"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_words(
    town: Town, command: str, said: dict[str, object], words: str
) -> None:
    await keep(town, state="UNACK", severity="low")
    answer = await commanding(town)(ANNA, command, **said)
    assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.text


async def test_an_alarm_that_was_kept_as_a_state_alone_goes_on(town: Town) -> None:
    await keep(town, state="RTN_UNACK", severity="low")
    assert (await commanding(town)(ANNA, "acknowledge")).json() == {"state": "NORMAL"}
    kept = await town.broker.read(FULL, ANNA, WORK)
    facts = {n: kept.value(n) for n in ("active", "acked", "latched", "suppression", "quality")}
    assert facts == {
        "active": False,
        "acked": True,
        "latched": False,
        "suppression": "none",
        "quality": "good",
    }


async def keep(town: Town, **attributes: str) -> None:
    """As a version of the house kept it that knew no facts."""
    given = {name: (Attribute(value),) for name, value in attributes.items()}
    kept = Entity(FULL, ("Alert",), {**given, "count": (Attribute(1),)})
    await town.broker.apply([Change("create", kept)], room("alerts"), WORK)
