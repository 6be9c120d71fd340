"""Cameras and what they count, as entities of the city. Pure.

Live entities are written whole each time, so what is unknown is absent. Closed windows are
observed at their end; their history is what remains of counting.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from townsquare.model.camera import Camera, Line, Zone
from townsquare.model.declaration import LIVE
from townsquare.model.entity import NULL, Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.vision.aligned import WINDOW
from townsquare.vision.bounds import Counted, bounds, window_bounds
from townsquare.vision.ground import per_m2
from townsquare.vision.observation import Health
from townsquare.vision.window import LineCount, ZoneCount, coverage

CAMERA, HEALTH, LEASE = "Camera", "CameraHealth", "PreviewLease"
LAYOUT, WORKER = "CameraLayout", "VisionWorker"
CROWD, TRAFFIC = "CrowdFlowObserved", "TrafficFlowObserved"


def told(
    id: str, type: str, live: bool, at: datetime, ref: tuple[str, str], **values: Json
) -> Entity:
    """`ref` is the name of the relationship to the camera, and the camera's. None is left out."""
    attributes = {
        name: (Attribute(value, observed_at=at),)
        for name, value in values.items()
        if value is not None
    }
    name, camera = ref
    attributes[name] = (relationship(urn(CAMERA, camera), at),)
    return Entity(id, (type,), attributes, scope=(LIVE,) if live else ())


def placed(live: Entity, camera: Camera) -> Entity:
    """Where it is counted, so that an alarm knows where to look."""
    location = {"location": (camera.position.attribute(),)}
    return structs.replace(live, attributes={**live.attributes, **location})


# --- a camera


def camera_entity(
    camera: Camera,
    state: tuple[str, datetime, str],
    size: tuple[int, int] | None,
    overdue: bool,
    worker: str = "",
) -> Entity:
    """`state` is the status, since when, and what the trouble is; `overdue` is its review. It hangs
    on its `worker` where the settings do not say on what.
    """
    status, since, trouble = state
    values: dict[str, Json] = {
        "cameraName": camera.title,
        **_permitted(camera),
        "reviewOverdue": overdue,
        "status": status,
        "statusSince": iso(since),
        "sample": camera.sample,
        "countsOnly": camera.counts_only,
        "maskCount": len(camera.masks),
        "recorded": camera.record,
        "lines": [_line(line) for line in camera.lines],
        "zones": [{"name": z.name, "corners": [list(c) for c in z.corners]} for z in camera.zones],
    }
    if camera.direction is not None:
        values |= {"direction": camera.direction, "viewAngle": camera.view_deg}
        values["viewRange"] = camera.reach_m
    if trouble:
        values["trouble"] = trouble
    if size:
        values["pictureSize"] = list(size)
    attributes = {name: (Attribute(value),) for name, value in values.items()}
    attributes["location"] = (camera.position.attribute(),)
    if hangs_on := camera.depends_on or worker:
        attributes["dependsOn"] = (relationship(hangs_on),)
    return Entity(urn(CAMERA, camera.name), (CAMERA,), attributes)


def _permitted(camera: Camera) -> dict[str, Json]:
    """What it is for, and who said so."""
    said: dict[str, Json] = {
        "purpose": list(camera.purposes),
        "legalBasis": camera.legal_basis,
        "owner": camera.owner,
    }
    if camera.review:
        said["reviewDate"] = camera.review.isoformat()
    if made := camera.impact_assessment:
        said["impactAssessment"] = made.reference
        said["impactAssessmentDate"] = made.completed.isoformat()
    return said


def _line(line: Line) -> Json:
    ends = {"a": list(line.a), "b": list(line.b)}
    return {"name": line.name, **ends, "towards": line.towards, "away": line.away}


def worker_entity(id: str, cameras: Sequence[str], dead: bool, at: datetime) -> Entity:
    """A process that counts; `dead` is 1 where it ended and is not back yet."""
    return entity(
        id,
        WORKER,
        dead=Attribute(int(dead), observed_at=at),
        cameras=Attribute([urn(CAMERA, name) for name in cameras], kind="Relationship"),
    )


def health_entity(health: Health, at: datetime) -> Entity:
    return told(
        urn(HEALTH, health.camera),
        HEALTH,
        True,
        at,
        ("refCamera", health.camera),
        readPerSecond=health.read_per_s,
        analysedPerSecond=health.analysed_per_s,
        dropped=health.dropped,
        quality=health.quality,
        sandbox=health.sandbox,
        background=health.background,
        clock=health.clock,
        decoder=health.decoder,
        light=None if health.light == "unknown" else health.light,
        askedPerSecond=health.asked_per_s,
        overloaded=health.overloaded,
    )


def unknown_health(camera: str, at: datetime) -> Entity:
    return told(urn(HEALTH, camera), HEALTH, True, at, ("refCamera", camera))


# --- people across a line and in a zone


def live_line(camera: Camera, line: Line, count: LineCount, known: bool, at: datetime) -> Entity:
    """What was counted today stays true while the camera fails; the running window is unknown."""
    counted: dict[str, Json] = {}
    if known:
        counted |= {"peopleCountTowards": count.towards, "peopleCountAway": count.away}
        counted |= bounds(_people(count))
    if known or count.today_towards or count.today_away:
        counted |= {"todayTowards": count.today_towards, "todayAway": count.today_away}
    live = told(
        f"{urn(CROWD, camera.name)}-{line.name}-live",
        CROWD,
        True,
        at,
        ("refDevice", camera.name),
        name=line.name,
        dateObservedFrom=iso(count.since),
        todaySince=iso(count.today_since),
        coverage=coverage(count),
        **counted,
    )
    return placed(live, camera)


def resumed(live: Entity, now: datetime) -> LineCount | None:
    """What a line had counted when the house went down; None when that is not known."""
    today = live.value("todayTowards"), live.value("todayAway")
    if None in today:
        return None
    towards, away = live.value("peopleCountTowards"), live.value("peopleCountAway")
    known = towards is not None and away is not None
    return LineCount(
        since=min(datetime.fromisoformat(live.value("dateObservedFrom")), now),
        today_since=min(datetime.fromisoformat(live.value("todaySince")), now),
        towards=towards if known else 0,
        away=away if known else 0,
        today_towards=today[0],
        today_away=today[1],
        watched_s=(live.value("coverage") or 0.0) * WINDOW.total_seconds() if known else 0.0,
    )


def live_zone(
    camera: Camera, zone: Zone, count: ZoneCount, area_m2: float | None, at: datetime
) -> Entity:
    live = told(
        f"{urn(CROWD, camera.name)}-{zone.name}-live",
        CROWD,
        True,
        at,
        ("refDevice", camera.name),
        name=zone.name,
        peopleCount=count.now,
        peopleDensity=_density(count.now, area_m2),
    )
    return placed(live, camera)


def line_window(camera: Camera, line: Line, count: LineCount) -> Entity:
    return window(
        f"{urn(CROWD, camera.name)}-{line.name}",
        CROWD,
        camera,
        count,
        name=line.name,
        peopleCountTowards=count.towards,
        peopleCountAway=count.away,
        **window_bounds(_people(count)),
    )


def _people(count: LineCount) -> Counted:
    towards, away = count.errors
    return {
        "peopleCountTowards": (count.towards, towards),
        "peopleCountAway": (count.away, away),
    }


def zone_window(camera: Camera, zone: Zone, count: ZoneCount, area_m2: float | None) -> Entity:
    mean, density = count.mean, _density(count.mean, area_m2)
    return window(
        f"{urn(CROWD, camera.name)}-{zone.name}",
        CROWD,
        camera,
        count,
        name=zone.name,
        peopleCount=None if mean is None else round(mean, 2),
        peopleCountMax=None if mean is None else count.most,
        peopleDensity=NULL if density is None else density,
    )


def _density(number: float | None, area_m2: float | None) -> float | None:
    """Persons per square metre."""
    found = None if number is None else per_m2(number, area_m2)
    return None if found is None else round(found, 3)


def window(
    id: str, type: str, camera: Camera, count: LineCount | ZoneCount, **values: Json
) -> Entity:
    until, ref = count.since + WINDOW, ("refDevice", camera.name)
    when = of_window(camera, count.since, coverage(count))
    return told(id, type, False, until, ref, **when, **values)


def of_window(camera: Camera, since: datetime, watched: float) -> dict[str, Json]:
    """`watched` is the share of it that was."""
    return {
        "dateObservedFrom": iso(since),
        "dateObservedTo": iso(since + WINDOW),
        "coverage": watched,
        # The demo's made-up windows say sample; these were counted.
        "sample": False if camera.sample else None,
    }
