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
from townsquare.model.entity import iso
from townsquare.model.errors import Invalid, NotFound
from townsquare.vision.error import Group, Passed
from townsquare.vision.evaluations import LONGEST_MIN, MOST_KEYS, MOST_PASSED, Evaluations, Wanted

PATH = "/vision/cameras/{name}/evaluations"
Form = TypeVar("Form")
Second = Annotated[float, Meta(ge=0, le=LONGEST_MIN * 60)]


class Start(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which lines and classes the hand will count, and for how long."""

    lines: Annotated[tuple[str, ...], Meta(max_length=MOST_KEYS)]
    of: Annotated[tuple[Group, ...], Meta(max_length=MOST_KEYS)]
    minutes: Annotated[int, Meta(ge=1, le=LONGEST_MIN)] = 15


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


def routes(evaluations: Evaluations) -> list[Route]:
    def camera_of(request: Request) -> Camera:
        return named(evaluations.cameras, request.path_params["name"])

    async def start(request: Request) -> Response:
        camera, body = camera_of(request), read(await request.body(), Start)
        wanted = Wanted(body.lines, body.of, timedelta(minutes=body.minutes))
        begun = evaluations.start(camera, wanted, request.state.actor)
        times = {"since": iso(begun.since), "until": iso(begun.until)}
        return JSONResponse({"evaluation": begun.id, **times}, 201)

    async def end(request: Request) -> Response:
        camera, body = camera_of(request), read(await request.body(), Counted)
        id, by = request.path_params["id"], request.state.actor
        kept = await evaluations.end(camera, id, body.passed(), by)
        told = {name: kept.value(name) for name in ("light", "durationMinutes", "results")}
        return JSONResponse({"id": kept.id, **told}, 201)

    async def cancel(request: Request) -> Response:
        evaluations.cancel(camera_of(request), request.path_params["id"], request.state.actor)
        return Response(status_code=204)

    return [
        Route(PATH, start, methods=["POST"]),
        Route(f"{PATH}/{{id}}", end, methods=["POST"]),
        Route(f"{PATH}/{{id}}", cancel, methods=["DELETE"]),
    ]


def named(cameras: Mapping[str, Camera], name: str) -> Camera:
    if name not in cameras:
        raise NotFound(f"there is no camera {name!r}")
    return cameras[name]


def read(body: bytes, into: type[Form]) -> Form:
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.DecodeError as error:
        raise Invalid(f"this is no hand count: {error}") from error
