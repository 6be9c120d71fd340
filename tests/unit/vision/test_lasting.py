"""What the house knows of events: what lasts, what is unknown, and windows of what was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.square import SQUARE
from townsquare.model.camera import Intrusion, SceneChanged, StoppedVehicle, Zone
from townsquare.model.entity import Entity
from townsquare.vision.ledger import Ledger, opened
from townsquare.vision.observation import Event, Health, What
from townsquare.vision.trouble import Trouble

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2030, 5, 31, 22, tzinfo=UTC)
BAY = Zone(
    "bay",
    ((0, 0), (9, 0), (9, 9)),
    stopped_vehicle=StoppedVehicle(after_s=60),
    intrusion=Intrusion(),
)
CAMERA = replace(SQUARE, zones=(BAY,), scene_changed=SceneChanged())
STOPPED = "CameraEvent:square-bay-stoppedVehicle"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def event(since: float, until: float | None = None, what: What = "stoppedVehicle") -> Event:
    zone = "" if what == "sceneChanged" else "bay"
    return Event("square", zone, what, at(since), None if until is None else at(until), 0.9)


def watch(ledger: Ledger, since: int, until: int, trouble: Trouble = "") -> list[Entity]:
    told: list[Entity] = []
    for second in range(since, until + 1, 5):
        health = Health("square", 9, 5, 0, "good", "none", 0.5, at(since), trouble, (9, 9))
        told += ledger.read(health, at(second), MIDNIGHT)
    return told


def values(told: list[Entity], id: str) -> dict[str, object]:
    """Of the newest entity with this id."""
    found = [entity for entity in told if entity.id == f"urn:ngsi-ld:{id}"]
    return {name: a[0].value for name, a in found[-1].attributes.items()} if found else {}


def test_an_event_lives_from_when_it_is_told_until_it_is_over() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 100)
    lasts = values(ledger.read(event(30), at(101), MIDNIGHT), f"{STOPPED}-live")
    assert (lasts["active"], lasts["stoppedVehicle"], lasts["confidence"]) == (1, 1, 0.9)
    assert (lasts["eventType"], lasts["name"]) == ("stoppedVehicle", "bay")
    assert lasts["validFrom"] == "2030-06-01T12:00:30Z"
    assert "location" in lasts
    over = values(ledger.read(event(30, 130), at(140), MIDNIGHT), f"{STOPPED}-live")
    assert (over["active"], over.get("validFrom")) == (0, None)


@pytest.mark.parametrize(("watched_s", "known"), [(55, None), (60, 0)])
def test_whether_it_lasts_is_unknown_until_it_could_have_been_told(
    watched_s: int, known: int | None
) -> None:
    ledger = opened(CAMERA, NOON, {})
    assert "active" not in values(ledger.live(NOON), f"{STOPPED}-live")
    live = values(watch(ledger, 0, watched_s), f"{STOPPED}-live")
    assert live.get("active") == known


@pytest.mark.parametrize("by", ["camera", "worker"])
def test_what_lasts_when_nobody_watches_any_more_is_unknown_and_not_over(by: str) -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 100)
    ledger.read(event(30), at(101), MIDNIGHT)
    lost = ledger.fail("ended", at(110)) if by == "worker" else watch(ledger, 110, 110, "stopped")
    assert "active" not in values(lost, f"{STOPPED}-live")
    back = values(watch(ledger, 115, 130), f"{STOPPED}-live")
    assert "active" not in back
    assert values(watch(ledger, 130, 195), f"{STOPPED}-live")["active"] == 0


def test_history_has_windows_with_how_many_began_and_for_how_long_one_lasted() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    for seen in (event(30), event(30, 90), event(240)):
        ledger.read(seen, at(295), MIDNIGHT)
    closed = values(ledger.elapse(at(301), MIDNIGHT), STOPPED)
    assert (closed["eventCount"], closed["activeShare"]) == (2, 0.4)
    assert (closed["dateObservedFrom"], closed["dateObservedTo"]) == (
        "2030-06-01T12:00:00Z",
        "2030-06-01T12:05:00Z",
    )
    assert closed["coverage"] == pytest.approx(1, abs=0.02)
    watch(ledger, 305, 595)
    ledger.read(event(240, 450), at(590), MIDNIGHT)
    after = values(ledger.elapse(at(601), MIDNIGHT), STOPPED)
    assert (after["eventCount"], after["activeShare"]) == (0, 0.5)


def test_a_window_of_events_tells_no_time_but_its_own() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    ledger.read(event(31), at(100), MIDNIGHT)
    (closed,) = [e for e in ledger.elapse(at(301), MIDNIGHT) if e.id.endswith(STOPPED)]
    assert {a[0].observed_at for a in closed.attributes.values()} == {at(300)}
    assert "12:00:31" not in str(closed.attributes)


def test_a_window_that_nobody_watched_is_missing() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 0, "noAnswer")
    assert values(ledger.elapse(at(301), MIDNIGHT), STOPPED) == {}


def test_the_camera_itself_has_events() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 30)
    told = ledger.read(event(30, what="sceneChanged"), at(60), MIDNIGHT)
    live = values(told, "CameraEvent:square-sceneChanged-live")
    assert (live["active"], live.get("name")) == (1, None)


def test_what_a_camera_is_not_watched_for_is_not_told() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 30)
    elsewhere = Event("square", "a woman in red", "intrusion", NOON, None, 1.0)
    assert ledger.read(elsewhere, at(31), MIDNIGHT) == []
    assert ledger.read(event(1, what="queue"), at(31), MIDNIGHT) == []


def test_told_again_by_a_worker_that_began_anew_it_is_counted_once() -> None:
    ledger = opened(CAMERA, NOON, {})
    watch(ledger, 0, 295)
    for _ in range(2):
        ledger.read(event(30), at(100), MIDNIGHT)
    assert values(ledger.elapse(at(301), MIDNIGHT), STOPPED)["eventCount"] == 1


def test_ground_points_that_do_not_fit_are_told_while_counting_goes_on() -> None:
    ledger = opened(CAMERA, NOON, {})
    camera = values(watch(ledger, 0, 0, "noMetres"), "Camera:square")
    assert camera["status"] == "working"
    assert "nothing is told in metres" in str(camera["trouble"])
