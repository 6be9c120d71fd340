"""Previews over HTTP: a lease that says who, for what and until when, and pictures under it.

Always holds: without a lease that runs, of this camera and this person, there is no picture.
"""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera
from townsquare.model.errors import Invalid, NotFound
from townsquare.vision.leases import (
    OPERATIONS,
    ROOM,
    Approved,
    Could,
    Leases,
    nobody_agreed,
    nobody_could,
    require,
    until_of,
)
from townsquare.vision.workers import Workers


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """`approval` is the id of one, where the policy of the town asks for it."""

    purpose: str
    approval: str = ""


def routes(
    broker: Broker,
    workers: Workers,
    cameras: Mapping[str, Camera],
    approved: Approved = nobody_agreed,
    could: Could = nobody_could,
) -> list[Route]:
    """`cameras` are those that are now, by name."""
    leases = Leases(broker, cameras, approved, could)

    def camera_of(request: Request) -> Camera:
        name = request.path_params["name"]
        if name not in cameras:
            raise NotFound(f"there is no camera {name!r}")
        return cameras[name]

    async def preview(request: Request) -> Response:
        camera, wish = camera_of(request), wished(await request.body())
        by, case = request.state.actor, request.state.why.case
        lease = await leases.take(camera, Why(wish.purpose, case), wish.approval, by)
        workers.show(camera.name, until_of(lease))
        return JSONResponse({"lease": lease.id, "until": lease.value("validUntil")}, 201)

    async def picture(request: Request) -> Response:
        camera, by = camera_of(request), request.state.actor
        await leased(broker, request.query_params.get("lease", ""), camera, by)
        jpeg = workers.preview(camera.name)
        headers = {"Cache-Control": "no-store"}
        if jpeg is None:
            ready = workers.backgrounds.get(camera.name, 0.0)
            return JSONResponse({"background": ready}, 202, headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    return [
        Route("/vision/cameras/{name}/preview", preview, methods=["POST"]),
        Route("/vision/cameras/{name}/preview.jpg", picture),
    ]


async def leased(broker: Broker, id: str, camera: Camera, by: Actor) -> str:
    """The purpose of a lease that runs, of this camera and person. Raises Denied or NotFound."""
    lease = await broker.read(id, ROOM, OPERATIONS) if id else None
    purpose = require(lease, camera, by, broker.clock())
    await broker.read(id, by, Why(purpose))  # what they may see may have changed since
    return purpose


def wished(body: bytes) -> Wish:
    try:
        return msgspec.json.decode(body, type=Wish)
    except msgspec.DecodeError as error:
        raise Invalid(f'a preview needs a body such as {{"purpose": "…"}}: {error}') from error
