"""A dead box silences the alarms of what hangs on it, says so, and lets them be heard again: on
every store.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.contract.alerts.town import ANNA, BEN, Clock, Town, commanding
from tests.square import SQUARE
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.model.errors import Invalid
from townsquare.model.rule import Rule
from townsquare.vision.entities import camera_entity
from townsquare.vision.types import DECLARED

MEASURE = Why("integration")
# As an operator it is admitted also while the hands of the clock are moved.
DEVICES = Actor("urn:ngsi-ld:Device:1", "machine", roles=frozenset({"integrator", "operator"}))
BOX, SWITCH = "urn:ngsi-ld:Device:box", "urn:ngsi-ld:Device:switch"
BOX_ALARM = "urn:ngsi-ld:Alert:box-dead:box"
DEAD = Rule("box-dead", "Box is dead", "Device", "faults", 1, 0, scope="", silences=True)
DARK = Rule("dark", "Picture is dark", "Eye", "faults", 1, 0, scope="")
GAS = Rule("gas", "Gas leaks", "Eye", "gas", 1, 0, scope="", severity="critical")
RULES = (DEAD, DARK, GAS)


def eye(number: int) -> str:
    return f"urn:ngsi-ld:Eye:{number}"


def dark(number: int) -> str:
    return f"urn:ngsi-ld:Alert:dark:{number}"


async def says(town: Town, id: str, *, on: str = "", **values: float) -> None:
    told = {name: (Attribute(value),) for name, value in values.items()}
    depends = {"dependsOn": (relationship(on),)} if on else {}
    change = Change("merge", Entity(id, (id.split(":")[2],), told | depends), upsert=True)
    await town.broker.apply([change], DEVICES, MEASURE)


async def is_so(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await look():
                return
            await asyncio.sleep(0.01)


async def comes_to(town: Town, id: str, state: str) -> Entity:
    found: list[Entity] = []

    async def there() -> bool:
        found[:] = [a for a in await town.alerts() if a.id == id and a.value("state") == state]
        return bool(found)

    await is_so(there)
    return found[0]


async def test_a_dead_box_silences_what_hangs_on_it_and_says_so(town: Town, clock: Clock) -> None:
    async with town.alerting(*RULES):
        await says(town, SWITCH, on=BOX)
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        await says(town, eye(1), on=SWITCH, faults=1)
        silent = await comes_to(town, dark(1), "SUPPRESSED")
        assert silent.value("suppressedBy") == BOX_ALARM
        assert silent.value("suppressedWhy") == (
            f"silenced by the alarm Box is dead: it depends on {BOX}"
        )
        assert await town.history() == ["UNACK", "SUPPRESSED"], "nobody was called for it"
        await says(town, eye(2), faults=1)
        await comes_to(town, dark(2), "UNACK")
        refused = await commanding(town, dark(1))(ANNA, "acknowledge")
        assert refused.status_code == 409
        assert "suppressed by design" in refused.json()["detail"]


async def test_no_critical_alarm_is_silenced(town: Town) -> None:
    async with town.alerting(*RULES):
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        await says(town, eye(1), on=BOX, gas=1)
        await comes_to(town, "urn:ngsi-ld:Alert:gas:1", "UNACK")


async def test_a_box_is_missed_later_than_what_hangs_on_it(town: Town, clock: Clock) -> None:
    async with town.alerting(*RULES):
        await says(town, eye(1), on=BOX, faults=1)
        await comes_to(town, dark(1), "UNACK")
        clock.pass_s(3600)
        for number in (2, 3):
            await says(town, eye(number), on=BOX, faults=1)
            await comes_to(town, dark(number), "UNACK")
        await commanding(town, dark(3))(ANNA, "acknowledge")
        clock.pass_s(60)
        await says(town, BOX, faults=1)
        await comes_to(town, dark(2), "SUPPRESSED")
        await comes_to(town, dark(1), "UNACK")
        await comes_to(town, dark(3), "ACKED")


async def test_what_lasts_is_heard_again_when_the_box_is_back(town: Town, clock: Clock) -> None:
    async with town.alerting(*RULES):
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        for number in (1, 2, 3):
            await says(town, eye(number), on=BOX, faults=1)
            await comes_to(town, dark(number), "SUPPRESSED")
        await says(town, eye(1), faults=0)
        over = await comes_to(town, dark(1), "NORMAL")
        assert over.value("broughtBackWhy") == "its cause is over"
        await says(town, BOX, faults=0)
        await comes_to(town, BOX_ALARM, "RTN_UNACK")
        clock.pass_s(119)
        await says(town, eye(2), faults=0)
        await comes_to(town, dark(2), "NORMAL")
        await comes_to(town, dark(3), "SUPPRESSED")
        clock.pass_s(1)
        back = await comes_to(town, dark(3), "UNACK")
        assert back.value("broughtBackWhy") == "what silenced it is over"
        assert back.value("suppressedBy") is None
        assert back.value("row")


async def test_what_lasts_is_heard_again_also_when_the_house_was_down(
    town: Town, clock: Clock
) -> None:
    async with town.alerting(*RULES):
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        await says(town, eye(1), on=BOX, faults=1)
        await comes_to(town, dark(1), "SUPPRESSED")
        await says(town, BOX, faults=0)
        await comes_to(town, BOX_ALARM, "RTN_UNACK")
    clock.pass_s(600)
    await town.restart()
    async with town.alerting(*RULES):
        await comes_to(town, dark(1), "UNACK")


async def test_a_box_whose_alarm_is_out_of_service_silences_nothing(
    town: Town, clock: Clock
) -> None:
    async with town.alerting(*RULES):
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        await says(town, eye(1), on=BOX, faults=1)
        await comes_to(town, dark(1), "SUPPRESSED")
        await commanding(town, BOX_ALARM)(BEN, "take-out-of-service", reason="it is exchanged")
        await comes_to(town, dark(1), "UNACK")


async def test_another_alarm_takes_over_what_it_explains_too(town: Town, clock: Clock) -> None:
    switch_alarm = "urn:ngsi-ld:Alert:box-dead:switch"
    async with town.alerting(*RULES):
        await says(town, SWITCH, on=BOX, faults=1)
        await comes_to(town, switch_alarm, "UNACK")
        await says(town, eye(1), on=SWITCH, faults=1)
        await comes_to(town, dark(1), "SUPPRESSED")
        await says(town, BOX, faults=1)
        await comes_to(town, switch_alarm, "SUPPRESSED")
        await says(town, SWITCH, faults=0)
        await comes_to(town, switch_alarm, "NORMAL")
        clock.pass_s(120)

        async def handed_on() -> bool:
            silent = await comes_to(town, dark(1), "SUPPRESSED")
            return bool(silent.value("suppressedBy") == BOX_ALARM)

        await is_so(handed_on)


async def test_what_depends_on_each_other_never_falls_silent_as_a_whole(town: Town) -> None:
    async with town.alerting(*RULES):
        await says(town, SWITCH, on=BOX, faults=1)
        await comes_to(town, "urn:ngsi-ld:Alert:box-dead:switch", "UNACK")
        await says(town, BOX, on=SWITCH, faults=1)
        await comes_to(town, BOX_ALARM, "SUPPRESSED")
        await comes_to(town, "urn:ngsi-ld:Alert:box-dead:switch", "UNACK")


async def test_a_camera_hangs_on_the_box_that_the_settings_name(town: Town, clock: Clock) -> None:
    lost = Rule("lost", "Camera fails", "Camera", q='status!="working"', scope="")
    camera = replace(SQUARE, depends_on=BOX)
    failing = camera_entity(camera, ("failing", clock(), "no answer"), None, overdue=False)
    assert "dependsOn" not in DECLARED, "how the town is wired is nobody's business"
    async with town.alerting(DEAD, lost):
        await says(town, BOX, faults=1)
        await comes_to(town, BOX_ALARM, "UNACK")
        await town.broker.apply([Change("create", failing)], DEVICES, MEASURE)
        await comes_to(town, f"urn:ngsi-ld:Alert:lost:{SQUARE.name}", "SUPPRESSED")


def test_what_a_camera_hangs_on_is_an_entity() -> None:
    with pytest.raises(Invalid, match="right is, for example"):
        replace(SQUARE, depends_on="box 3")
