"""Events as a worker tells them: from boxes and pictures, five a second, to what leaves it."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from townsquare.model.camera import (
    Crowding,
    GroundPoint,
    Intrusion,
    LeftObject,
    Line,
    Queue,
    RoadUser,
    SceneChanged,
    StoppedVehicle,
    WrongWay,
    Zone,
)
from townsquare.vision.boxes import KINDS, Boxes
from townsquare.vision.observation import Event, Queued, Speeds, Turns
from townsquare.vision.read import Picture
from townsquare.vision.watch import Told, Watch
from townsquare.vision.wire import Watched

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
PER_S = 5
WIDTH, HEIGHT, SCALE = 640, 480, 4
ALL = ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))
CAMERA = Watched(
    "square", "square.mp4", ("person", "car"), (Line("stop", (600, 0), (600, HEIGHT)),), ()
)

Foot = tuple[float, float]
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """Where feet are at a second, and what lies there."""

    of: RoadUser = "car"
    feet: Callable[[float], Sequence[Foot]] = lambda _: ()
    picture: Callable[[float], Grey] | None = None
    breaks_s: tuple[float, ...] = (0,)


RNG = np.random.default_rng(1)
STREET: Grey = np.kron(RNG.integers(60, 200, (12, 16)), np.ones((10, 10))).astype(np.uint8)


def boxes(feet: Sequence[Foot], of: RoadUser) -> Boxes:
    corners = [(x - 20, y - 40, x + 20, y) for x, y in feet]
    return Boxes(
        np.array(corners, np.float32).reshape(-1, 4),
        np.full(len(corners), 0.8, np.float32),
        np.full(len(corners), KINDS.index(of)),
    )


def watch(zone: Zone | None, scene: Scene, for_s: float, camera: Watched = CAMERA) -> list[Event]:
    seen = Watch(structs.replace(camera, zones=(zone,) if zone else ()))
    told: list[Event] = []
    for n in range(round(for_s * PER_S)):
        at_s = n / PER_S
        grey = scene.picture(at_s) if scene.picture else STREET
        frame = av.VideoFrame.from_ndarray(grey, format="gray")
        picture = Picture(frame, at_s, at_s in scene.breaks_s, SCALE)
        found = boxes(scene.feet(at_s), scene.of)
        at = NOON + timedelta(seconds=at_s)
        told += [one for one in seen.see(picture, found, at, at_s) if isinstance(one, Event)]
    return told


def comes_and_stands(at_s: float) -> Sequence[Foot]:
    """At 60 pixels a second, until 60 s."""
    return [(min(20 + 60 * at_s, 300), 200)] if at_s < 60 else []


def in_a_row(at_s: float) -> Sequence[Foot]:
    """Three who stand before the line from 5 s to 60 s."""
    return [(580 - 60 * n, 200) for n in range(3)] if 5 <= at_s < 60 else []


def with_bag(at_s: float) -> Grey:
    street = STREET.copy()
    if at_s >= 70:
        street[75:85, 75:85] = np.where(np.indices((10, 10)).sum(0) % 4 < 2, 255, 0)
    return street


def covered(at_s: float) -> Grey:
    return STREET if at_s < 70 else np.full_like(STREET, 12)


def people(at_s: float) -> Sequence[Foot]:
    return [(100 + 60 * n, 200) for n in range(8)] if 5 <= at_s < 60 else []


CASES = {
    "stoppedVehicle": (
        Zone("z", ALL, stopped_vehicle=StoppedVehicle(after_s=20)),
        Scene("car", comes_and_stands),
    ),
    "wrongWay": (
        Zone("z", ALL, wrong_way=WrongWay((600, 0), (0, 0))),
        Scene("car", lambda at_s: [(20 + 60 * at_s, 200)] if at_s < 9 else []),
    ),
    "intrusion": (
        Zone("z", ALL, intrusion=Intrusion()),
        Scene("person", lambda at_s: [(20 + 6 * at_s, 200)] if 5 <= at_s < 20 else []),
    ),
    "crowding": (Zone("z", ALL, crowding=Crowding(persons=6)), Scene("person", people)),
    "queue": (Zone("z", ALL, queue=Queue("stop", vehicles=3)), Scene("car", in_a_row)),
    "leftObject": (Zone("z", ALL, left_object=LeftObject(30)), Scene(picture=with_bag)),
}


@pytest.mark.parametrize("what", CASES)
def test_an_event_leaves_when_it_has_lasted(what: str) -> None:
    zone, scene = CASES[what]
    told = watch(zone, scene, 110 if what == "leftObject" else 75)
    assert [(one.zone, one.what) for one in told] in ([("z", what)], [("z", what)] * 2)
    assert told[0].until is None
    assert 0.8 <= told[0].confidence <= 1
    if what != "leftObject":  # the bag stays
        assert told[1].since == told[0].since
        assert told[1].until is not None
        assert told[1].until > told[1].since


def test_a_camera_that_is_covered_tells_it_of_itself() -> None:
    camera = structs.replace(CAMERA, scene_changed=SceneChanged())
    [changed] = watch(None, Scene(picture=covered), 100, camera)
    assert (changed.zone, changed.what) == ("", "sceneChanged")
    assert changed.since - NOON == pytest.approx(timedelta(seconds=70), abs=timedelta(seconds=3))


def test_nothing_is_told_of_a_zone_that_is_watched_for_nothing() -> None:
    assert watch(Zone("z", ALL), Scene("car", comes_and_stands), 60) == []


def test_what_lasts_at_a_break_in_time_is_over_and_begins_anew() -> None:
    zone, scene = CASES["intrusion"]
    told = watch(zone, Scene(scene.of, scene.feet, breaks_s=(0, 12)), 40)
    assert [one.until is None for one in told] == [True, False, True, False]
    assert told[1].until == NOON + timedelta(seconds=11.8)
    assert told[2].since >= NOON + timedelta(seconds=12)


@pytest.mark.parametrize(("timezone", "told"), [("UTC", 0), ("Europe/Berlin", 2)])
def test_hours_are_those_of_the_town(timezone: str, told: int) -> None:
    """It is noon in UTC, and two in the afternoon in Berlin."""
    zone = Zone("z", ALL, intrusion=Intrusion(between=("13:30", "14:30")))
    camera = structs.replace(CAMERA, timezone=timezone)
    assert len(watch(zone, CASES["intrusion"][1], 40, camera)) == told


GROUND = tuple(
    GroundPoint((x, y), (x / 10, y / 10)) for x, y in ((0, 0), (600, 0), (600, 400), (0, 400))
)
AWAY = (*GROUND[:3], GroundPoint((0, 9000), (0, 40)))


@pytest.mark.parametrize(("ground", "trouble"), [(GROUND, ""), (AWAY, "noMetres")])
def test_ground_points_that_do_not_fit_the_picture_are_a_trouble(
    ground: tuple[GroundPoint, ...], trouble: str
) -> None:
    seen = Watch(structs.replace(CAMERA, ground=ground))
    frame = av.VideoFrame.from_ndarray(STREET, format="gray")
    seen.see(Picture(frame, 0, True, SCALE), boxes([], "car"), NOON, 0)
    assert seen.trouble == trouble
    assert (seen.ground is None) == bool(trouble)


def figures(camera: Watched, scene: Scene, for_s: float) -> list[Told]:
    """All that leaves, by pictures that are the same."""
    seen, told = Watch(camera), list[Told]()
    frame = av.VideoFrame.from_ndarray(STREET, format="gray")
    for n in range(round(for_s * PER_S)):
        at_s = n / PER_S
        picture = Picture(frame, at_s, n == 0, SCALE)
        found, at = boxes(scene.feet(at_s), scene.of), NOON + timedelta(seconds=at_s)
        told += seen.see(picture, found, at, at_s)
    return told


def test_a_queue_leaves_as_stretches_with_its_length() -> None:
    zone, scene = CASES["queue"]
    told = figures(structs.replace(CAMERA, zones=(zone,), ground=GROUND), scene, 20)
    stretches = [one for one in told if isinstance(one, Queued)]
    assert all(a.until == b.since for a, b in itertools.pairwise(stretches))
    assert {(one.vehicles, one.length_m) for one in stretches} == {(0, 0), (3, 18)}
    assert max(one.until - one.since for one in stretches) <= timedelta(seconds=2.2)


ACROSS = (Line("a", (200, 0), (200, HEIGHT)), Line("b", (400, 0), (400, HEIGHT)))


def drives(at_s: float) -> Sequence[Foot]:
    """One every 10 s, at 100 pixels a second: 36 km/h where 10 are a metre."""
    return [(20 + 100 * (at_s % 10), 200)] if at_s % 10 < 6 else []


def test_turns_and_speeds_leave_with_their_window_and_never_before() -> None:
    camera = structs.replace(CAMERA, classes=("car",), lines=ACROSS, ground=GROUND)
    told = figures(camera, Scene("car", drives), 310)
    closed = [one for one in told if isinstance(one, Turns | Speeds)]
    assert told.index(closed[0]) > len(told) - 100
    [turns] = [one for one in closed if isinstance(one, Turns)]
    assert (turns.entry, turns.exit, turns.n) == ("a", "b", 30)
    assert {(one.line, one.direction, one.bands) for one in closed if isinstance(one, Speeds)} == {
        (line, "out", (0, 0, 0, 30, 0, 0, 0, 0)) for line in "ab"
    }
    assert {(one.since, one.until) for one in closed} == {(NOON, NOON + timedelta(minutes=5))}


def test_without_metres_there_are_no_speeds() -> None:
    camera = structs.replace(CAMERA, classes=("car",), lines=ACROSS)
    told = figures(camera, Scene("car", drives), 310)
    assert [one for one in told if isinstance(one, Speeds)] == []
