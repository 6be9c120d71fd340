"""Rules that come with the product: a camera, a worker and a box of which nothing is heard."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.alerts.test_silence import DEVICES, MEASURE, comes_to, is_so, says
from tests.contract.alerts.town import Clock, Town
from tests.square import SQUARE
from townsquare.app.settings import USUAL_RULES, Settings, load
from townsquare.model.change import Change
from townsquare.model.errors import Invalid
from townsquare.vision.entities import camera_entity, worker_entity

WORKER = "urn:ngsi-ld:VisionWorker:1"
CAMERA_ALARM = f"urn:ngsi-ld:Alert:camera-failing:{SQUARE.name}"


async def camera_is(town: Town, status: str) -> None:
    found = camera_entity(SQUARE, (status, town.clock(), ""), None, overdue=False, worker=WORKER)
    await town.broker.apply([Change("replace", found, upsert=True)], DEVICES, MEASURE)


async def worker_is(town: Town, *, dead: bool) -> None:
    found = worker_entity(WORKER, [SQUARE.name], dead, town.clock())
    await town.broker.apply([Change("merge", found, upsert=True)], DEVICES, MEASURE)


async def test_a_camera_that_delivers_nothing_for_a_minute_calls(town: Town, clock: Clock) -> None:
    async with town.alerting(*USUAL_RULES):
        await camera_is(town, "failing")
        await town.caught_up()
        clock.pass_s(59)
        assert await town.alerts() == []
        clock.pass_s(2)
        await comes_to(town, CAMERA_ALARM, "UNACK")
        await camera_is(town, "working")
        await town.caught_up()
        clock.pass_s(61)
        await comes_to(town, CAMERA_ALARM, "RTN_UNACK")


async def test_a_dead_worker_calls_once_for_all_its_cameras(town: Town, clock: Clock) -> None:
    async with town.alerting(*USUAL_RULES):
        await worker_is(town, dead=True)
        await camera_is(town, "failing")
        await town.caught_up()
        clock.pass_s(16)
        await comes_to(town, "urn:ngsi-ld:Alert:worker-dead:1", "UNACK")
        clock.pass_s(50)
        silent = await comes_to(town, CAMERA_ALARM, "SUPPRESSED")
    assert silent.value("suppressedBy") == "urn:ngsi-ld:Alert:worker-dead:1"


async def test_a_box_that_promised_a_heartbeat_and_keeps_silent_calls(
    town: Town, clock: Clock
) -> None:
    box = "urn:ngsi-ld:EdgeBox:gate"
    async with town.alerting(*USUAL_RULES):
        await says(town, box, heartbeat=1)
        await town.caught_up()
        clock.pass_s(301)
        await comes_to(town, "urn:ngsi-ld:Alert:box-dead:gate", "UNACK")
        await says(town, box, heartbeat=2)

        async def over() -> bool:
            (alarm,) = await town.alerts()
            return bool(alarm.value("state") == "RTN_UNACK")

        await is_so(over)


def written(folder: Path, text: str) -> Settings:
    file = folder / "townsquare.toml"
    file.write_text(text)
    return load(file)


def test_a_town_changes_one_or_does_without_it(tmp_path: Path) -> None:
    own = '[[rule]]\nname = "camera-failing"\ntitle = "Kamera"\ntype = "Camera"\nscope = ""\n'
    found = written(tmp_path, own + "q = 'status==\"failing\"'\nfor_s = 300\n")
    (rule,) = [rule for rule in found.rules if rule.name == "camera-failing"]
    assert (rule.title, rule.for_s) == ("Kamera", 300)
    found = written(tmp_path, '[alerts]\nwithout = ["camera-failing", "box-dead"]\n')
    left = {rule.name for rule in USUAL_RULES} - {"camera-failing", "box-dead"}
    assert {rule.name for rule in found.rules} == left >= {"worker-dead", "recording-stopped"}
    with pytest.raises(Invalid, match="'log-broken', which is no rule that a town can do without"):
        written(tmp_path, '[alerts]\nwithout = ["log-broken"]\n')


def test_a_camera_whose_box_is_named_hangs_on_that_and_not_on_its_worker(clock: Clock) -> None:
    at = ("working", clock(), "")
    own = camera_entity(SQUARE, at, None, overdue=False, worker=WORKER)
    assert own.value("dependsOn") == WORKER
    box = replace(SQUARE, depends_on="urn:ngsi-ld:EdgeBox:gate")
    told = camera_entity(box, at, None, overdue=False, worker=WORKER)
    assert told.value("dependsOn") == "urn:ngsi-ld:EdgeBox:gate"
