"""Calibration over HTTP: lay a camera out, and ask what lines would have counted.

Always holds: only who may lay a camera out and has a preview of it is answered, seldom, and each
question is an entry of the log. No place and no time of anybody is in an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera, Point
from townsquare.model.entity import urn
from townsquare.model.errors import Denied, Invalid, TooOften
from townsquare.model.mask import Size
from townsquare.vision import trying
from townsquare.vision.api import leased
from townsquare.vision.entities import CAMERA, LAYOUT
from townsquare.vision.grid import Checked, checked
from townsquare.vision.ground import on_picture
from townsquare.vision.handcount import named
from townsquare.vision.layout import Layout, Sketch, drawn, examined, toml
from townsquare.vision.layouts import Layouts
from townsquare.vision.leases import OPERATIONS
from townsquare.vision.observation import MOST_TRIED, Tried
from townsquare.vision.workers import Workers


class Drawn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    a: Point
    b: Point


class Question(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Lines to try, under the lease of a preview that runs."""

    lease: str
    lines: Annotated[tuple[Drawn, ...], Meta(min_length=1, max_length=MOST_TRIED)]


class Wish(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Without a layout the settings hold again. `version` is the one that was looked at, 0 where
    nothing was drawn before.
    """

    layout: Sketch | None
    version: Annotated[int, Meta(ge=0)] = 0


Form = TypeVar("Form")


@dataclass(slots=True)
class Calibration:
    broker: Broker
    workers: Workers
    layouts: Layouts
    asked: dict[str, datetime] = field(default_factory=dict)  # the last question of each camera

    def routes(self) -> list[Route]:
        return [
            Route("/vision/cameras/{name}/try", self.try_out, methods=["POST"]),
            Route("/vision/cameras/{name}/layout", self.layout),
            Route("/vision/cameras/{name}/layout", self.lay_out, methods=["PUT"]),
            Route("/vision/cameras/{name}/layout/check", self.check, methods=["POST"]),
        ]

    async def layout(self, request: Request) -> Response:
        self._require(request.state.actor)
        return JSONResponse(await self._told(self._camera(request)))

    async def check(self, request: Request) -> Response:
        """What is wrong with a drawing, and what it says of the ground; keeps nothing."""
        self._require(request.state.actor)
        camera, sketch = self._camera(request), body_of(await request.body(), Sketch)
        size = self._size(camera)
        layout, problems = examined(camera, sketch, size)
        ground = on_ground(layout, size) if layout else None
        text = toml(layout, size) if layout else ""
        told = {"problems": problems, "ground": ground, "toml": text}
        return JSONResponse(msgspec.to_builtins(told))

    async def lay_out(self, request: Request) -> Response:
        by = request.state.actor
        self._require(by)
        camera, body = self._camera(request), body_of(await request.body(), Wish)
        if body.layout is None:
            await self.layouts.as_set(camera.name, body.version, by)
        else:
            size = self._size(camera)
            layout, problems = examined(camera, body.layout, size)
            if layout is None:
                raise Invalid("; ".join(problem.what for problem in problems))
            await self.layouts.draw(camera.name, layout, size, body.version, by)
        return JSONResponse(await self._told(self.layouts.now[camera.name]))

    async def _told(self, camera: Camera) -> object:
        kept = await self.layouts.kept(camera.name)
        told = {
            "layout": drawn(camera),
            "holds": kept.value("holds") if kept else "settings",
            "version": kept.version if kept else 0,
        }
        return msgspec.to_builtins(told)

    def _camera(self, request: Request) -> Camera:
        return named(self.layouts.now, request.path_params["name"])

    def _size(self, camera: Camera) -> Size:
        """Raises Invalid before the first picture."""
        size = self.workers.sizes.get(camera.name)
        if size is None:
            raise Invalid("the camera has shown no picture yet; try again when it works")
        return size

    async def try_out(self, request: Request) -> Response:
        camera, by = self._camera(request), request.state.actor
        body = body_of(await request.body(), Question)
        self._require(by)
        purpose = await leased(self.broker, body.lease, camera, by)
        size = self.workers.sizes.get(camera.name)
        lines = [(line.a, line.b) for line in body.lines]
        trying.require_askable(lines, size)
        self._require_patience(camera.name)
        why = Why(purpose, request.state.why.case)
        said = Said(f"asked how often {len(lines)} drawn lines were crossed in the last 5 minutes")
        await self.broker.ledger.note(urn(CAMERA, camera.name), "consultation", by, why, said)
        return JSONResponse(told(await self.workers.try_out(camera.name, lines)))

    def _require(self, by: Actor) -> None:
        """Raises Denied."""
        grant = self.broker.grant(by.through("vision"), OPERATIONS, "write", LAYOUT)
        if not grant.allowed:
            raise Denied(grant.reason)

    def _require_patience(self, camera: str) -> None:
        """Raises TooOften."""
        now = self.broker.clock()
        if wait_s := trying.waits_s(self.asked.get(camera), now):
            raise TooOften(f"lines of a camera can be tried every {trying.EVERY_S:g} s", wait_s)
        self.asked[camera] = now


def told(answer: Tried) -> Mapping[str, object]:
    """`needs_s` is how long must have been watched before anything is told."""
    counts = msgspec.to_builtins(answer.counts)
    return {"over_s": answer.over_s, "needs_s": trying.LEAST_S, "counts": counts}


def on_ground(layout: Layout, size: Size) -> Checked | None:
    if not layout.ground:
        return None
    ground = on_picture(layout.ground, (layout.lines, layout.zones), size)
    return checked(ground, layout.ground, size)


def body_of(body: bytes, into: type[Form]) -> Form:
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.DecodeError as error:
        raise Invalid(f"this is no drawing: {error}") from error
