"""Vehicles across lines, queues, turning flows and speeds, as entities. Pure.

Names are those of Smart Data Models where it has them (`intensity`, `vehicleType`,
`averageVehicleSpeed`, `averageCrowdSpeed`). What is unknown is absent; in a window, which is added
to what was, it is taken away.
"""

from datetime import datetime

from townsquare.model.camera import Camera, Line, RoadUser
from townsquare.model.entity import NULL, Entity, Json, iso, urn
from townsquare.vision.aligned import WINDOW
from townsquare.vision.bounds import Counted, bounds, window_bounds
from townsquare.vision.entities import CROWD, TRAFFIC, of_window, placed, told, window
from townsquare.vision.observation import Speeds, Turns
from townsquare.vision.speed import bands, mean_kmh, v85_kmh
from townsquare.vision.window import LineCount, QueueCount, coverage

LANES = {"towards": "forward", "away": "backward"}


def live_traffic(
    camera: Camera, line: Line, of: RoadUser, count: LineCount, known: bool, at: datetime
) -> list[Entity]:
    live = [
        told(
            f"{traffic_id(camera, line, of, lane)}-live",
            TRAFFIC,
            True,
            at,
            ("refDevice", camera.name),
            name=line.name,
            vehicleType=of,
            laneDirection=direction,
            dateObservedFrom=iso(count.since),
            intensity=getattr(count, lane) if known else None,
            **(bounds(_lane(count, lane)) if known else {}),
        )
        for lane, direction in LANES.items()
    ]
    return [placed(one, camera) for one in live]


def traffic_windows(camera: Camera, line: Line, of: RoadUser, count: LineCount) -> list[Entity]:
    return [
        window(
            traffic_id(camera, line, of, lane),
            TRAFFIC,
            camera,
            count,
            name=line.name,
            vehicleType=of,
            laneDirection=direction,
            intensity=getattr(count, lane),
            **window_bounds(_lane(count, lane)),
        )
        for lane, direction in LANES.items()
    ]


def _lane(count: LineCount, lane: str) -> Counted:
    return {"intensity": (getattr(count, lane), count.errors[list(LANES).index(lane)])}


def traffic_id(camera: Camera, line: Line, of: RoadUser, lane: str) -> str:
    return f"{urn(TRAFFIC, camera.name)}-{line.name}-{of}-{lane}"


def live_queue(camera: Camera, zone: str, count: QueueCount, at: datetime) -> Entity:
    vehicles, metres = count.now or (None, None)
    live = told(
        f"{urn(TRAFFIC, camera.name)}-{zone}-queue-live",
        TRAFFIC,
        True,
        at,
        ("refDevice", camera.name),
        name=zone,
        queueVehicles=vehicles,
        queueLength=metres,
    )
    return placed(live, camera)


def queue_window(camera: Camera, zone: str, count: QueueCount) -> Entity:
    vehicles, metres = count.vehicles, count.metres
    return told(
        f"{urn(TRAFFIC, camera.name)}-{zone}-queue",
        TRAFFIC,
        False,
        count.since + WINDOW,
        ("refDevice", camera.name),
        name=zone,
        queueVehicles=rounded(vehicles.mean),
        queueVehiclesMax=vehicles.most,
        queueLength=rounded(metres.mean),
        queueLengthMax=metres.most if metres.for_s else NULL,
        **of_window(camera, count.since, coverage(count)),
    )


def turns(camera: Camera, seen: Turns) -> Entity:
    person = seen.of == "person"
    who: dict[str, Json]
    who = {"peopleCount": seen.n} if person else {"intensity": seen.n, "vehicleType": seen.of}
    return told(
        "-".join((_id(camera, seen.of), seen.entry, seen.exit, seen.of, "turn")),
        CROWD if person else TRAFFIC,
        False,
        seen.until,
        ("refDevice", camera.name),
        entryLine=seen.entry,
        exitLine=seen.exit,
        **who,
        **of_window(camera, seen.since, seen.coverage),
    )


def speeds(camera: Camera, seen: Speeds) -> Entity:
    counts = dict(zip(bands(seen.of), seen.bands, strict=True))
    way = "towards" if seen.direction == "in" else "away"
    person = seen.of == "person"
    mean = rounded(mean_kmh(counts, seen.of))
    who: dict[str, Json]
    who = (
        {"averageCrowdSpeed": mean, "lineDirection": way}
        if person
        else {
            "averageVehicleSpeed": mean,
            "vehicleType": seen.of,
            "laneDirection": LANES[way],
        }
    )
    return told(
        "-".join((_id(camera, seen.of), seen.line, seen.of, way, "speed")),
        CROWD if person else TRAFFIC,
        False,
        seen.until,
        ("refDevice", camera.name),
        name=seen.line,
        speedBands=[{"from": low, "n": n} for low, n in counts.items()],
        speedV85=rounded(v85_kmh(counts, seen.of)),
        **who,
        **of_window(camera, seen.since, seen.coverage),
    )


def _id(camera: Camera, of: RoadUser) -> str:
    return urn(CROWD if of == "person" else TRAFFIC, camera.name)


def rounded(number: float | None) -> Json:
    return NULL if number is None else round(number, 1)
