"""Queues, turns, speeds and density as the house writes them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.square import SQUARE
from townsquare.model.camera import GroundPoint, Line, Queue, RoadUser, Zone
from townsquare.model.entity import NULL, Entity
from townsquare.vision.ledger import Ledger, opened
from townsquare.vision.observation import Health, Occupancy, Queued, Speeds, Turns
from townsquare.vision.trouble import Trouble

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2030, 5, 31, 22, tzinfo=UTC)
LINES = (Line("west", (0, 0), (0, 9)), Line("east", (9, 0), (9, 9)))
LANE = Zone("lane", ((0, 0), (100, 0), (100, 40), (0, 40)), queue=Queue("west"))
GROUND = tuple(
    GroundPoint((x, y), (x / 10, y / 10)) for x, y in ((0, 0), (200, 0), (200, 200), (0, 200))
)
CAMERA = replace(SQUARE, classes=("person", "car"), lines=LINES, zones=(LANE,), ground=GROUND)
FLOW = "TrafficFlowObserved:square"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def watch(ledger: Ledger, since: int, until: int, trouble: Trouble = "") -> list[Entity]:
    told: list[Entity] = []
    for second in range(since, until + 1, 5):
        health = Health("square", 9, 5, 0, "good", "none", 0.5, NOON, trouble, (200, 200))
        told += ledger.read(health, at(second), MIDNIGHT)
    return told


def values(told: list[Entity], id: str) -> dict[str, object]:
    """Of the newest entity with this id."""
    found = [entity for entity in told if entity.id == f"urn:ngsi-ld:{id}"]
    return {name: a[0].value for name, a in found[-1].attributes.items()} if found else {}


def queued(since: float, until: float, vehicles: int, metres: int | None) -> Queued:
    return Queued("square", "lane", vehicles, metres, at(since), at(until))


def test_a_queue_lives_and_its_window_has_mean_and_most() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    told = ledger.read(queued(0, 100, 4, 30), at(100), MIDNIGHT)
    live = values(told, f"{FLOW}-lane-queue-live")
    assert (live["queueVehicles"], live["queueLength"], live["name"]) == (4, 30, "lane")
    ledger.read(queued(100, 200, 0, None), at(200), MIDNIGHT)
    window = values(ledger.elapse(at(301), MIDNIGHT), f"{FLOW}-lane-queue")
    assert (window["queueVehicles"], window["queueVehiclesMax"]) == (2.0, 4)
    assert (window["queueLength"], window["queueLengthMax"]) == (30.0, 30)
    assert window["coverage"] == pytest.approx(1, abs=0.02)


def test_a_queue_without_metres_takes_those_of_the_window_before_away() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    ledger.read(queued(0, 100, 4, None), at(100), MIDNIGHT)
    window = values(ledger.elapse(at(301), MIDNIGHT), f"{FLOW}-lane-queue")
    assert (window["queueVehicles"], window["queueLength"]) == (4.0, NULL)


def test_the_queue_of_a_camera_that_fails_is_unknown() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 10)
    ledger.read(queued(0, 10, 4, 30), at(10), MIDNIGHT)
    lost = watch(ledger, 15, 15, "stopped")
    assert "queueVehicles" not in values(lost, f"{FLOW}-lane-queue-live")


def test_turns_come_as_a_window_of_their_own() -> None:
    ledger = opened(CAMERA, NOON, {})
    seen = Turns("square", "west", "east", "car", 3, NOON, at(300), 0.75)
    (window,) = ledger.read(seen, at(301), MIDNIGHT)
    told = values([window], f"{FLOW}-west-east-car-turn")
    assert (told["entryLine"], told["exitLine"], told["intensity"]) == ("west", "east", 3)
    assert (told["vehicleType"], told["coverage"]) == ("car", 0.75)
    assert {a[0].observed_at for a in window.attributes.values()} == {at(300)}


def test_turns_of_people_are_counted_as_people() -> None:
    ledger = opened(CAMERA, NOON, {})
    seen = Turns("square", "west", "east", "person", 3, NOON, at(300), 0.75)
    told = ledger.read(seen, at(301), MIDNIGHT)
    assert values(told, "CrowdFlowObserved:square-west-east-person-turn")["peopleCount"] == 3


def speeds(*bands: int, of: RoadUser = "car") -> Speeds:
    return Speeds("square", "west", of, "in", bands, NOON, at(300), 1.0)


def test_speeds_are_told_in_bands_with_their_mean_and_the_85th_percentile_of_many() -> None:
    ledger = opened(CAMERA, NOON, {})
    told = ledger.read(speeds(0, 0, 0, 10, 20, 10, 0, 0), at(301), MIDNIGHT)
    window = values(told, f"{FLOW}-west-car-towards-speed")
    bands = {30: 10, 40: 20, 50: 10}
    assert window["speedBands"] == [
        {"from": low, "n": bands.get(low, 0)} for low in range(0, 80, 10)
    ]
    assert (window["averageVehicleSpeed"], window["speedV85"]) == (45.0, 54.0)
    assert (window["vehicleType"], window["laneDirection"]) == ("car", "forward")


def test_a_mean_with_the_open_band_and_a_percentile_of_few_are_unknown() -> None:
    ledger = opened(CAMERA, NOON, {})
    told = ledger.read(speeds(0, 0, 0, 2, 2, 0, 0, 1), at(301), MIDNIGHT)
    window = values(told, f"{FLOW}-west-car-towards-speed")
    assert (window["averageVehicleSpeed"], window["speedV85"]) == (NULL, NULL)


def test_people_have_a_speed_of_the_crowd() -> None:
    ledger = opened(CAMERA, NOON, {})
    told = ledger.read(speeds(4, 6, 0, 0, 0, 0, 0, of="person"), at(301), MIDNIGHT)
    window = values(told, "CrowdFlowObserved:square-west-person-towards-speed")
    assert (window["averageCrowdSpeed"], window["lineDirection"]) == (5.5, "towards")


def test_what_a_camera_has_no_line_for_is_not_told() -> None:
    ledger = opened(CAMERA, NOON, {})
    for seen in (
        Turns("square", "west", "north", "car", 3, NOON, at(300), 1.0),
        Turns("square", "west", "east", "bus", 3, NOON, at(300), 1.0),
        replace_line(speeds(0, 0, 0, 10, 20, 10, 0, 0)),
    ):
        assert ledger.read(seen, at(301), MIDNIGHT) == []
    nowhere = Queued("square", "elsewhere", 4, None, NOON, at(5))
    assert ledger.read(nowhere, at(5), MIDNIGHT) == []


def replace_line(seen: Speeds) -> Speeds:
    return Speeds(
        seen.camera, "north", seen.of, seen.direction, seen.bands, seen.since, seen.until, 1.0
    )


def test_density_is_people_by_the_area_of_their_zone() -> None:
    """A lane of 10 m by 4 m."""
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    seen = Occupancy("square", "lane", "person", 6, 6, at(0), at(100))
    zone = "CrowdFlowObserved:square-lane"
    live = values(ledger.read(seen, at(100), MIDNIGHT), f"{zone}-live")
    assert (live["peopleCount"], live["peopleDensity"]) == (6, 0.15)
    window = values(ledger.elapse(at(301), MIDNIGHT), zone)
    assert (window["peopleCount"], window["peopleDensity"]) == (6.0, 0.15)


def test_without_metres_density_is_unknown_while_people_are_counted() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295, "noMetres")
    seen = Occupancy("square", "lane", "person", 6, 6, at(0), at(100))
    live = values(ledger.read(seen, at(100), MIDNIGHT), "CrowdFlowObserved:square-lane-live")
    assert live["peopleCount"] == 6
    assert "peopleDensity" not in live
