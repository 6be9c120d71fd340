"""Incidents over HTTP: to open one, to work on it, to read its story; and procedures."""

from collections.abc import Callable

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.incidents import reading
from townsquare.alerts.incidents.acts import ACTS
from townsquare.alerts.incidents.desk import Desk, Visitor, anybody
from townsquare.alerts.incidents.opening import Opening
from townsquare.alerts.incidents.writing import Written, write
from townsquare.context.bodies import sent
from townsquare.context.broker import Broker
from townsquare.model.errors import NotFound


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    target: str


class Unlink(Struct, frozen=True, forbid_unknown_fields=True):
    target: str
    reason: str


class Merge(Struct, frozen=True, forbid_unknown_fields=True):
    into: str
    reason: str


class Doors:
    def __init__(self, broker: Broker, works_here: Callable[[str], bool] = anybody) -> None:
        self.broker = broker
        self.desk = Desk(broker, works_here)

    def routes(self) -> list[Route]:
        one = "/incidents/{id}"
        return [
            Route("/incidents", self.listed),
            Route("/incidents", self.open, methods=["POST"]),
            Route(one, self.one),
            Route(f"{one}/link", self.link, methods=["POST"]),
            Route(f"{one}/unlink", self.unlink, methods=["POST"]),
            Route(f"{one}/merge", self.merge, methods=["POST"]),
            Route(f"{one}/{{act}}", self.act, methods=["POST"]),
            Route("/procedures", self.procedures),
            Route("/procedures/{name}", self.write, methods=["PUT"]),
        ]

    async def listed(self, request: Request) -> Response:
        which = request.query_params.get("state", "open")
        return JSONResponse(await reading.listed(self.broker, which, reader(request)))

    async def one(self, request: Request) -> Response:
        return await self._told(request.path_params["id"], request)

    async def open(self, request: Request) -> Response:
        id = await self.desk.open(await sent(request, Opening), visitor(request))
        return await self._told(id, request, 201)

    async def act(self, request: Request) -> Response:
        name, id = request.path_params["act"], request.path_params["id"]
        if name not in ACTS:
            raise NotFound(f"{name[:80]} is nothing that is done to an incident: {', '.join(ACTS)}")
        await self.desk.act(id, await sent(request, ACTS[name]), visitor(request))
        return await self._told(id, request)

    async def link(self, request: Request) -> Response:
        id, wish = request.path_params["id"], await sent(request, Link)
        await self.desk.link(id, wish.target, visitor(request))
        return await self._told(id, request)

    async def unlink(self, request: Request) -> Response:
        id, wish = request.path_params["id"], await sent(request, Unlink)
        await self.desk.unlink(id, wish.target, wish.reason, visitor(request))
        return await self._told(id, request)

    async def merge(self, request: Request) -> Response:
        id, wish = request.path_params["id"], await sent(request, Merge)
        await self.desk.merge(id, wish.into, wish.reason, visitor(request))
        return await self._told(wish.into, request)

    async def procedures(self, request: Request) -> Response:
        return JSONResponse(await reading.procedures(self.broker, reader(request)))

    async def write(self, request: Request) -> Response:
        text = await sent(request, Written)
        id = await write(self.broker, request.path_params["name"], text, visitor(request))
        return JSONResponse({"id": id})

    async def _told(self, id: str, request: Request, status: int = 200) -> Response:
        told = await reading.one(self.broker, id, reader(request))
        return JSONResponse(told, status)


def visitor(request: Request) -> Visitor:
    return Visitor(request.state.actor.through("alerts"), request.state.why)


def reader(request: Request) -> Visitor:
    return Visitor(request.state.actor, request.state.why)
