"""Previews over HTTP: a lease that says who, for what and until when, and pictures under it.

Always holds: without a lease that runs, of this camera and this person, there is no picture.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.vision import permit
from townsquare.vision.entities import CAMERA, LEASE
from townsquare.vision.workers import Workers

ROOM, OPERATIONS = room("vision"), Why("operations")
PREVIEW = "preview"  # as an act that may need approval
LEASE_RUNS = timedelta(minutes=10)  # then the operator says anew what it is for


# Organisations that agreed to this act on this subject with this detail, by id of the approval.
Approved = Callable[[str, str, str, Mapping[str, Json], Actor], Awaitable[frozenset[str]]]


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """`approval` is the id of one, where the policy of the town asks for it."""

    purpose: str
    approval: str = ""


async def nobody_agreed(*_: object) -> frozenset[str]:
    return frozenset()


def routes(
    broker: Broker,
    workers: Workers,
    cameras: Sequence[Camera],
    approved: Approved = nobody_agreed,
) -> list[Route]:
    by_name = {camera.name: camera for camera in cameras}

    def camera_of(request: Request) -> Camera:
        name = request.path_params["name"]
        if name not in by_name:
            raise NotFound(f"there is no camera {name!r}")
        return by_name[name]

    async def preview(request: Request) -> Response:
        camera = camera_of(request)
        wish = wished(await request.body())
        if refusal := permit.refusal(camera, broker.policy.purposes, broker.clock().date()):
            raise Denied(f"camera {camera.name!r} shows nothing: {refusal}")
        by = request.state.actor
        lease = leased(camera, wish.purpose, by, broker.clock())
        why = Why(wish.purpose, request.state.why.case)
        if wish.approval:
            asked = (wish.approval, PREVIEW, urn(CAMERA, camera.name), {"purpose": wish.purpose})
            why = structs.replace(why, approved_by=await approved(*asked, by))
        await broker.apply([Change("create", lease)], by.through("vision"), why)
        workers.show(camera.name, until_of(lease))
        return JSONResponse({"lease": lease.id, "until": lease.value("validUntil")}, 201)

    async def picture(request: Request) -> Response:
        camera, by = camera_of(request), request.state.actor
        id = request.query_params.get("lease", "")
        lease = await broker.read(id, ROOM, OPERATIONS) if id else None
        purpose = require(lease, camera, by, broker.clock())
        await broker.read(id, by, Why(purpose))  # what they may see may have changed since
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


def wished(body: bytes) -> Wish:
    try:
        return msgspec.json.decode(body, type=Wish)
    except msgspec.DecodeError as error:
        raise Invalid(f'a preview needs a body such as {{"purpose": "…"}}: {error}') from error


def leased(camera: Camera, purpose: str, by: Actor, now: datetime) -> Entity:
    """Raises Denied for a purpose that the camera does not stand there for."""
    if purpose not in camera.purposes:
        meant = " and ".join(map(repr, camera.purposes)) or "nothing"
        raise Denied(f"camera {camera.name!r} is there for {meant}, not for {purpose!r}")
    return entity(
        urn(LEASE, str(uuid4())),
        LEASE,
        refCamera=relationship(urn(CAMERA, camera.name)),
        actor=Attribute(by.id),
        purpose=Attribute(purpose),
        validUntil=Attribute(iso(now + LEASE_RUNS)),
    )


def until_of(lease: Entity) -> datetime:
    return datetime.fromisoformat(lease.value("validUntil"))


def require(lease: Entity | None, camera: Camera, by: Actor, now: datetime) -> str:
    """The purpose it is for. Raises Denied, with what to do."""
    again = "; ask for a preview anew"
    if lease is None or LEASE not in lease.types:
        raise Denied(f"a preview needs a lease{again}")
    if lease.value("refCamera") != urn(CAMERA, camera.name) or lease.value("actor") != by.id:
        raise Denied(f"this lease is for another camera or another person{again}")
    if until_of(lease) <= now:
        raise Denied(f"this lease ended at {lease.value('validUntil')}{again}")
    return str(lease.value("purpose"))
