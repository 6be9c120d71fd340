"""Hand-overs over HTTP: to write one, to take one over, to read them."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.handover.desk import Accepting, HandoverDesk, Withdrawing, Writing
from townsquare.alerts.incidents.doors import reader, visitor
from townsquare.context.bodies import sent


@dataclass(frozen=True, slots=True)
class HandoverDoors:
    desk: HandoverDesk

    def routes(self) -> list[Route]:
        return [
            Route("/handovers", self.listed),
            Route("/handovers", self.write, methods=["POST"]),
            Route("/handovers/{id}", self.one),
            Route("/handovers/{id}/accept", self.accept, methods=["POST"]),
            Route("/handovers/{id}/withdraw", self.withdraw, methods=["POST"]),
        ]

    async def listed(self, request: Request) -> Response:
        found = await self.desk.latest(reader(request))
        return JSONResponse({"handovers": msgspec.to_builtins(found)})

    async def one(self, request: Request) -> Response:
        return await self._told(request.path_params["id"], request)

    async def write(self, request: Request) -> Response:
        id = await self.desk.write(await sent(request, Writing), visitor(request))
        return await self._told(id, request, 201)

    async def accept(self, request: Request) -> Response:
        id = request.path_params["id"]
        await self.desk.accept(id, await sent(request, Accepting), visitor(request))
        return await self._told(id, request)

    async def withdraw(self, request: Request) -> Response:
        id = request.path_params["id"]
        await self.desk.withdraw(id, await sent(request, Withdrawing), visitor(request))
        return await self._told(id, request)

    async def _told(self, id: str, request: Request, status: int = 200) -> Response:
        found = await self.desk.one(id, reader(request))
        return JSONResponse(msgspec.to_builtins(found), status)
