"""Clear views over HTTP: begun under an agreement, seen as a stream of pictures, ended.

Always holds: the stream ends with the view, with the session of who looks, and with their right.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound, TownsquareError
from townsquare.vision.clear.view import Wish
from townsquare.vision.clear.views import ClearViews

BOUNDARY = "picture"
STREAM = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
EXAMPLE = (
    '{"purpose": "crowd safety", "case": "2026-17", "minutes": 15,'
    ' "approval": "urn:ngsi-ld:Approval:…"}'
)


@dataclass(frozen=True, slots=True)
class ClearDoors:
    views: ClearViews

    def routes(self) -> list[Route]:
        return [
            Route("/vision/cameras/{name}/clear", self.begin, methods=["POST"]),
            Route("/vision/clear/{id}/pictures", self.pictures),
            Route("/vision/clear/{id}/end", self.end, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.views.cameras:
            raise NotFound(f"there is no camera {name!r}")
        wish, by = wished(await request.body()), request.state.actor
        view = await self.views.begin(self.views.cameras[name], wish, by)
        return JSONResponse(told(view), 201)

    async def pictures(self, request: Request) -> Response:
        by: Actor = request.state.actor
        shown = await self.views.shown(request.path_params["id"], by)
        session = request.state.session
        over = session.ended if session else asyncio.Event()
        stream = self._parts(request.path_params["id"], shown, by, over)
        return StreamingResponse(stream, media_type=STREAM, headers=HEADERS)

    async def _parts(
        self, id: str, shown: AsyncIterator[bytes], by: Actor, over: asyncio.Event
    ) -> AsyncIterator[bytes]:
        async for jpeg in shown:
            if over.is_set() or not await self._still(id, by):
                return
            if not jpeg:
                continue
            head = (
                f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            )
            yield head.encode() + jpeg + b"\r\n"

    async def _still(self, id: str, by: Actor) -> bool:
        try:
            await self.views.of(id, by)
        except TownsquareError:
            return False
        return True

    async def end(self, request: Request) -> Response:
        view = await self.views.end(request.path_params["id"], request.state.actor)
        return JSONResponse(told(view))


def told(view: Entity) -> dict[str, Json]:
    names = ("purpose", "case", "startedAt", "validUntil", "endedAt", "minutes", "approvedBy")
    known = {name: view.value(name) for name in names if view.value(name) is not None}
    return {"view": view.id, **known}


def wished(body: bytes) -> Wish:
    try:
        return msgspec.json.decode(body, type=Wish)
    except msgspec.DecodeError as error:
        raise Invalid(f"a clear view needs a body such as {EXAMPLE}: {error}") from error
