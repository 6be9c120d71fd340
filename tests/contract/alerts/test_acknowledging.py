"""What an operator does about an alarm, on every store."""

import asyncio
from typing import Any

import pytest

from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    BEN,
    ENGINEER,
    FULL,
    PLAZA,
    Clock,
    Town,
    acknowledging,
)
from townsquare.model.actor import Actor


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
