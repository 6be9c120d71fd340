"""Warnings over HTTP: drafting and asking inside, the feed and documents for everyone."""

from dataclasses import dataclass

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.incidents.doors import reader, visitor
from townsquare.alerts.warnings.cap import CAP_TYPE
from townsquare.alerts.warnings.desk import Ask, Could, WarningDesk
from townsquare.alerts.warnings.message import Message
from townsquare.context.bodies import sent

CACHED = {"cache-control": "public, max-age=30"}


class Drafting(Struct, frozen=True, forbid_unknown_fields=True):
    incident: str


class Editing(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one that was seen: nobody may have been faster."""

    message: Message
    version: int


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Of acts that say all by their name."""


@dataclass(frozen=True, slots=True)
class WarningDoors:
    desk: WarningDesk
    ask: Ask
    could: Could

    def routes(self) -> list[Route]:
        one = "/warnings/{id}"
        return [
            Route("/warnings", self.listed),
            Route("/warnings", self.draft, methods=["POST"]),
            Route(one, self.one),
            Route(one, self.edit, methods=["PUT"]),
            Route(f"{one}/ask", self.asked, methods=["POST"]),
            Route(f"{one}/give-up", self.give_up, methods=["POST"]),
            Route(f"{one}/update", self.update, methods=["POST"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route("/open-data/warnings.atom", self.feed),
            Route("/open-data/warnings/{id}.xml", self.document),
        ]

    async def listed(self, request: Request) -> Response:
        incident = request.query_params.get("incident", "")
        found = await self.desk.latest(reader(request), incident)
        return JSONResponse({"warnings": msgspec.to_builtins(found)})

    async def one(self, request: Request) -> Response:
        return await self._told(request.path_params["id"], request)

    async def draft(self, request: Request) -> Response:
        wish = await sent(request, Drafting)
        return await self._told(
            await self.desk.draft(wish.incident, visitor(request)), request, 201
        )

    async def edit(self, request: Request) -> Response:
        id = request.path_params["id"]
        wish = await sent(request, Editing)
        await self.desk.edit(id, wish.message, wish.version, visitor(request))
        return await self._told(id, request)

    async def asked(self, request: Request) -> Response:
        id, _ = request.path_params["id"], await sent(request, Nothing)
        approval = await self.desk.ask(id, visitor(request), self.ask, self.could)
        return JSONResponse({"approval": approval}, 202)

    async def give_up(self, request: Request) -> Response:
        id, _ = request.path_params["id"], await sent(request, Nothing)
        await self.desk.give_up(id, visitor(request))
        return await self._told(id, request)

    async def update(self, request: Request) -> Response:
        id, _ = request.path_params["id"], await sent(request, Nothing)
        made = await self.desk.follow(id, "Update", visitor(request))
        return await self._told(made, request, 201)

    async def cancel(self, request: Request) -> Response:
        id, _ = request.path_params["id"], await sent(request, Nothing)
        made = await self.desk.follow(id, "Cancel", visitor(request))
        return await self._told(made, request, 201)

    async def feed(self, _: Request) -> Response:
        return Response(await self.desk.told(), 200, CACHED, "application/atom+xml")

    async def document(self, request: Request) -> Response:
        text = await self.desk.public(request.path_params["id"])
        return Response(text, 200, CACHED, CAP_TYPE)

    async def _told(self, id: str, request: Request, status: int = 200) -> Response:
        found = await self.desk.one(id, reader(request))
        return JSONResponse(msgspec.to_builtins(found), status)
