"""Windows of 5 minutes, by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.square import SQUARE
from townsquare.model.camera import Direction, RoadUser
from townsquare.model.entity import Entity
from townsquare.vision.aligned import window_of
from townsquare.vision.ledger import Ledger, opened
from townsquare.vision.observation import Crossings, Health, Occupancy
from townsquare.vision.trouble import Trouble

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2030, 5, 31, 22, tzinfo=UTC)
CAMERA = replace(SQUARE, classes=("person", "car"))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def health(trouble: Trouble = "", since: datetime = NOON) -> Health:
    return Health("square", 10, 5, 0, "good", "none", 0.5, since, trouble, (768, 576))


def crossing(seconds: float, direction: Direction, of: RoadUser = "person") -> Crossings:
    return Crossings("square", "west", of, direction, 1, at(seconds - 0.2), at(seconds))


def stay(since: float, until: float, number: int) -> Occupancy:
    return Occupancy("square", "plaza", "person", number, number, at(since), at(until))


def watch(ledger: Ledger, since: float, until: float) -> list[Entity]:
    """Healthy words every 5 s."""
    told: list[Entity] = []
    second = since
    while second <= until:
        told += ledger.read(health(), at(second), MIDNIGHT)
        second += 5
    return told


def values(told: list[Entity], id: str) -> dict[str, object]:
    """Of the newest entity with this id."""
    found = [entity for entity in told if entity.id == f"urn:ngsi-ld:{id}"]
    return {name: a[0].value for name, a in found[-1].attributes.items()} if found else {}


LINE, ZONE = "CrowdFlowObserved:square-west", "CrowdFlowObserved:square-plaza"


@pytest.mark.parametrize(
    ("seconds", "start"), [(0, 0), (299.9, 0), (300, 300), (3599, 3300), (3600, 3600)]
)
def test_windows_are_aligned(seconds: float, start: float) -> None:
    assert window_of(at(seconds)) == at(start)


def test_a_closed_window_has_counts_and_how_much_of_it_was_watched() -> None:
    ledger = opened(CAMERA, at(60), {})
    told = watch(ledger, 60, 295)
    for seen in (crossing(100, "in"), crossing(110, "in"), crossing(120, "out")):
        told += ledger.read(seen, seen.until, MIDNIGHT)
    closed = ledger.elapse(at(301), MIDNIGHT)
    window = values(closed, LINE)
    assert (window["peopleCountTowards"], window["peopleCountAway"]) == (2, 1)
    assert window["coverage"] == pytest.approx(240 / 300)
    assert (window["dateObservedFrom"], window["dateObservedTo"]) == (
        "2030-06-01T12:00:00Z",
        "2030-06-01T12:05:00Z",
    )
    live = values(closed, f"{LINE}-live")
    assert (live["peopleCountTowards"], live["todayTowards"], live["todayAway"]) == (0, 2, 1)


def test_all_of_a_window_is_observed_at_its_end() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    (window,) = [e for e in ledger.elapse(at(301), MIDNIGHT) if e.id.endswith(":square-west")]
    assert {a[0].observed_at for a in window.attributes.values()} == {at(300)}


def test_a_zone_has_the_mean_over_the_time_that_was_counted() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    for seen in (stay(0, 100, 2), stay(100, 150, 8)):
        ledger.read(seen, seen.until, MIDNIGHT)
    closed = values(ledger.elapse(at(301), MIDNIGHT), ZONE)
    assert (closed["peopleCount"], closed["peopleCountMax"]) == (4.0, 8)


def test_a_stay_over_the_end_of_a_window_counts_in_each_for_its_part() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    closed = ledger.read(stay(290, 310, 5), at(310), MIDNIGHT)
    assert values(closed, ZONE) == {}  # what came before 300 was told too late for that window
    assert ledger.zones["plaza"].counted_s == 10


def test_a_window_that_nobody_watched_is_missing_and_not_zero() -> None:
    ledger = opened(CAMERA, NOON, {})
    ledger.read(health("noAnswer"), at(1), MIDNIGHT)
    closed = ledger.elapse(at(301), MIDNIGHT)
    assert values(closed, LINE) == {}
    assert values(closed, ZONE) == {}


def test_time_without_a_word_was_not_watched() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 100)
    watch(ledger, 200, 295)
    closed = values(ledger.elapse(at(301), MIDNIGHT), LINE)
    assert closed["coverage"] == pytest.approx(200 / 300, abs=1e-3)


def test_a_camera_that_fails_shows_since_when_and_its_live_values_are_unknown() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 10)
    ledger.read(stay(5, 10, 3), at(10), MIDNIGHT)
    told = ledger.read(health("noAnswer", since=at(12)), at(13), MIDNIGHT)
    camera = values(told, "Camera:square")
    assert camera["status"] == "failing"
    assert str(camera["trouble"]).startswith("square.mp4 does not answer; it is tried again")
    assert camera["statusSince"] == "2030-06-01T12:00:12Z"
    assert "peopleCount" not in values(told, f"{ZONE}-live")
    assert "peopleCountTowards" not in values(told, f"{LINE}-live")
    back = ledger.read(health(since=at(20)), at(20), MIDNIGHT)
    assert "trouble" not in values(back, "Camera:square")
    assert values(back, f"{LINE}-live")["peopleCountTowards"] == 0
    assert "peopleCount" not in values(back, f"{ZONE}-live")  # until somebody has looked


def test_a_worker_that_is_gone_makes_everything_unknown_and_keeps_since_when() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 10)
    ledger.fail("the process ended", at(11))
    told = ledger.fail("the process ended again", at(40))
    assert values(told, "Camera:square")["statusSince"] == "2030-06-01T12:00:11Z"
    assert "analysedPerSecond" not in values(told, "CameraHealth:square")


def test_the_day_begins_at_the_midnight_of_the_town() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 10)
    ledger.read(crossing(5, "in"), at(10), MIDNIGHT)
    told = ledger.elapse(at(12 * 3600), at(10 * 3600))
    live = values(told, f"{LINE}-live")
    assert (live["todayTowards"], live["todaySince"]) == (0, "2030-06-01T22:00:00Z")


def standing(told: list[Entity]) -> dict[str, Entity]:
    return {entity.id: entity for entity in told}


def test_a_window_is_taken_up_after_a_restart() -> None:
    ledger = opened(CAMERA, NOON, {})
    told = watch(ledger, 0, 60)
    told += ledger.read(crossing(61, "in"), at(61), MIDNIGHT)
    again = opened(CAMERA, at(90), standing(told))
    watch(again, 90, 295)
    again.read(crossing(200, "in"), at(200), MIDNIGHT)
    closed = again.elapse(at(301), MIDNIGHT)
    assert values(closed, LINE)["peopleCountTowards"] == 2
    assert values(closed, LINE)["coverage"] == pytest.approx((60 + 210) / 300)
    assert values(closed, f"{LINE}-live")["todayTowards"] == 2
    assert values(closed, f"{LINE}-live")["todaySince"] == "2030-06-01T12:00:00Z"


def test_a_window_that_ended_while_the_house_was_down_is_closed_with_what_it_had() -> None:
    ledger = opened(CAMERA, NOON, {})
    told = watch(ledger, 0, 60)
    told += ledger.read(crossing(61, "in"), at(61), MIDNIGHT)
    closed = opened(CAMERA, at(4000), standing(told)).elapse(at(4000), MIDNIGHT)
    assert values(closed, LINE)["peopleCountTowards"] == 1
    assert values(closed, LINE)["coverage"] == pytest.approx(0.2)
    assert values(closed, LINE)["dateObservedTo"] == "2030-06-01T12:05:00Z"


def test_vehicles_have_an_entity_for_each_class_and_direction() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    ledger.read(crossing(100, "out", of="car"), at(100), MIDNIGHT)
    closed = ledger.elapse(at(301), MIDNIGHT)
    away = values(closed, "TrafficFlowObserved:square-west-car-away")
    assert (away["intensity"], away["vehicleType"], away["laneDirection"]) == (1, "car", "backward")
    assert values(closed, "TrafficFlowObserved:square-west-car-towards")["intensity"] == 0
    assert values(closed, LINE)["peopleCountAway"] == 0


def test_what_a_camera_was_not_asked_to_count_is_not_counted() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 5)
    assert ledger.read(crossing(6, "in", of="bus"), at(6), MIDNIGHT) == []
