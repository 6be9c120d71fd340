"""What watching for events costs a worker, beside following and counting alone in the same run.

    make bench-events

A dozen road users move and stand before a camera, looked at five times a second; nothing is
detected or decoded, so all that is left is what a picture costs once its boxes are known. Times are
processor time of one thread. The variants take turns, so that a busy machine is as busy for each.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import mean

import av
import numpy as np
from measure.machine import machine
from msgspec import structs
from rich.console import Console
from rich.table import Table

from townsquare.model.camera import (
    Crowding,
    GroundPoint,
    Intrusion,
    LeftObject,
    Line,
    Point,
    Queue,
    SceneChanged,
    StoppedVehicle,
    WrongWay,
    Zone,
)
from townsquare.vision.boxes import KINDS, Boxes
from townsquare.vision.read import Picture
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Watched

WIDTH, HEIGHT, SCALE = 768, 576, 2  # frames of half the size, as a decoder gives them
CORNERS: tuple[Point, ...] = ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
PER_S, WARM, PICTURES, ROAD_USERS = 5, 100, 600, 12

PLAIN = Watched(
    "street",
    "street.mp4",
    ("person", "car"),
    (Line("a", (200, 0), (200, HEIGHT)), Line("b", (500, 0), (500, HEIGHT))),
    (Zone("street", CORNERS),),
)
GROUND = tuple(GroundPoint(corner, (corner[0] / 20, corner[1] / 20)) for corner in CORNERS)
OF_ROAD_USERS = Zone(
    "street",
    CORNERS,
    StoppedVehicle(),
    WrongWay((700, 0), (0, 0)),
    Intrusion(),
    Crowding(persons=5),
    Queue("a"),
)
VARIANTS: Mapping[str, Watched] = {
    "following, counting, presence": PLAIN,
    "and speeds": structs.replace(PLAIN, ground=GROUND),
    "and five events of road users": structs.replace(PLAIN, zones=(OF_ROAD_USERS,), ground=GROUND),
    "counting, and leftObject": structs.replace(
        PLAIN, zones=(Zone("street", CORNERS, left_object=LeftObject()),)
    ),
    "counting, and sceneChanged": structs.replace(PLAIN, scene_changed=SceneChanged()),
}


def main() -> None:
    watches = {name: Watch(camera) for name, camera in VARIANTS.items()}
    spent: dict[str, list[float]] = {name: [] for name in VARIANTS}
    frames = list(pictures())
    for n in range(WARM + PICTURES):
        picture, found = Picture(frames[n % len(frames)], n / PER_S, n == 0, SCALE), boxes(n)
        for name, watch in watches.items():
            began = time.thread_time()
            watch.see(picture, found, NOON + timedelta(seconds=n / PER_S), n / PER_S)
            spent[name].append(1000 * (time.thread_time() - began))
    table = Table("a picture", "CPU ms", "more than counting")
    alone = mean(next(iter(spent.values()))[WARM:])
    for name, times in spent.items():
        cost = mean(times[WARM:])
        table.add_row(name, f"{cost:.2f}", f"{cost - alone:.2f}")
    console = Console(width=100)
    console.print(table)
    console.print(machine(f"{ROAD_USERS} road users, {PER_S} looks a second"))


def pictures() -> list[av.VideoFrame]:
    grey = np.random.default_rng(1).integers(60, 200, (HEIGHT // SCALE, WIDTH // SCALE), np.uint8)
    rolled = (np.roll(grey, n, 1) for n in range(4))
    return [
        av.VideoFrame.from_ndarray(one, format="gray").reformat(format="yuv420p") for one in rolled
    ]


def boxes(n: int) -> Boxes:
    """Every third stands, the others go to the right, each in a lane of its own."""
    number = np.arange(ROAD_USERS)
    going = (20 + (30 + 5 * number) * n / PER_S) % (WIDTH - 30)
    x = np.where(number % 3, 100 + 50 * number, going)
    y = 100 + 35 * number
    corners = np.stack([x - 15, y - 30, x + 15, y], 1).astype(np.float32)
    kinds = np.where(number % 2, KINDS.index("car"), KINDS.index("person"))
    return Boxes(corners, np.full(ROAD_USERS, 0.8, np.float32), kinds)


if __name__ == "__main__":
    main()
