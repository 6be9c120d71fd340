"""Hand counts over HTTP: start one, hand in what was counted, or give it up.

Always holds: what comes in is of a closed form and bounded before it is looked at.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.camera import Camera, Direction
from townsquare.model.entity import Entity, Json, iso
from townsquare.model.errors import Invalid, NotFound
from townsquare.vision.error import Group, Passed
from townsquare.vision.evaluated import Measured, Where
from townsquare.vision.evaluations import (
    LONGEST_MIN,
    MOST_KEYS,
    MOST_PASSED,
    Evaluations,
    Running,
    Wanted,
)
from townsquare.vision.light import Light

PATH = "/vision/cameras/{name}/evaluations"
Form = TypeVar("Form")
Second = Annotated[float, Meta(ge=0, le=LONGEST_MIN * 60)]


class Start(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which lines and classes the hand will count, and for how long."""

    lines: Annotated[tuple[str, ...], Meta(max_length=MOST_KEYS)]
    of: Annotated[tuple[Group, ...], Meta(max_length=MOST_KEYS)]
    minutes: Annotated[int, Meta(ge=1, le=LONGEST_MIN)] = 15
    where: Where = "street"


class Key(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One key of the hand's, and when it was pressed: seconds after the start."""

    line: str
    of: Group
    direction: Direction
    at_s: Annotated[tuple[Second, ...], Meta(max_length=MOST_PASSED)]


class Counted(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    presses: Annotated[tuple[Key, ...], Meta(max_length=MOST_KEYS)]

    def passed(self) -> list[Passed]:
        return [Passed(k.line, k.of, k.direction, s) for k in self.presses for s in k.at_s]


def routes(evaluations: Evaluations, address: str = "") -> list[Route]:
    """`address` is that of this town, under which people find the page to count on."""

    def camera_of(request: Request) -> Camera:
        return named(evaluations.cameras, request.path_params["name"])

    async def start(request: Request) -> Response:
        camera, body = camera_of(request), read(await request.body(), Start)
        wanted = Wanted(body.lines, body.of, timedelta(minutes=body.minutes), body.where)
        return JSONResponse(state(evaluations.start(camera, wanted, request.state.actor)), 201)

    async def running(request: Request) -> Response:
        camera, id = camera_of(request), request.path_params["id"]
        return JSONResponse(state(evaluations.own(camera, id, request.state.actor)))

    async def every(request: Request) -> Response:
        camera, asker = camera_of(request), request.state
        kept = await evaluations.listed(camera, asker.actor, asker.why)
        told = [_told(one, camera, evaluations.of(camera.name)) for one in kept]
        page = f"{address}/control/cameras/{camera.name}/evaluation"
        return JSONResponse({"title": camera.title, "page": page, "evaluations": told})

    async def end(request: Request) -> Response:
        camera, body = camera_of(request), read(await request.body(), Counted)
        id, by = request.path_params["id"], request.state.actor
        kept = await evaluations.end(camera, id, body.passed(), by)
        return JSONResponse(_told(kept, camera, evaluations.of(camera.name)), 201)

    async def cancel(request: Request) -> Response:
        evaluations.cancel(camera_of(request), request.path_params["id"], request.state.actor)
        return Response(status_code=204)

    return [
        Route(PATH, every),
        Route(PATH, start, methods=["POST"]),
        Route(f"{PATH}/{{id}}", running),
        Route(f"{PATH}/{{id}}", end, methods=["POST"]),
        Route(f"{PATH}/{{id}}", cancel, methods=["DELETE"]),
    ]


def state(running: Running) -> Mapping[str, Json]:
    """`void` says why nothing can come of it any more; empty while something can."""
    times = {"since": iso(running.since), "until": iso(running.until)}
    return {"evaluation": running.id, **times, "void": running.void}


TOLD = ("dateEvaluated", "light", "durationMinutes", "detector", "method")


def _told(kept: Entity, camera: Camera, measured: Measured) -> Mapping[str, Json]:
    told = {name: kept.value(name) for name in TOLD}
    results = [
        {**result, "interval": interval(result, kept.value("light"), camera, measured)}
        for result in kept.value("results") or ()
    ]
    return {"id": kept.id, **told, "results": results}


def interval(result: Json, light: Light, camera: Camera, measured: Measured) -> Json:
    """Of a count of 100 that the machine makes on this line under this light, by all evaluations
    that fit; none where that is unknown, or the line was drawn anew.
    """
    lines = [one for one in camera.lines if one.name == result["line"]]
    way = (result["line"], result["of"], result["direction"])
    known = measured.along(way, lines[0], light) if lines else None
    if known is None:
        return None
    found = known.error.interval(100)
    return {"of": 100, "low": found.low, "high": found.high}


def named(cameras: Mapping[str, Camera], name: str) -> Camera:
    if name not in cameras:
        raise NotFound(f"there is no camera {name!r}")
    return cameras[name]


def read(body: bytes, into: type[Form]) -> Form:
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.DecodeError as error:
        raise Invalid(f"this is no hand count: {error}") from error
