"""Finding cameras over HTTP, for engineers; each search is an entry of the log."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.bodies import sent
from townsquare.context.ledger import Said
from townsquare.context.outgoing import Allowed
from townsquare.model.entity import urn
from townsquare.vision.address import without_login
from townsquare.vision.joining.registrations import Login, Registrations
from townsquare.vision.joining.types import REGISTRATION
from townsquare.vision.onvif import asking


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    address: Annotated[str, Meta(max_length=100)] = ""
    seconds: Annotated[float, Meta(ge=1, le=10)] = 3.0


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    onvif: Annotated[str, Meta(max_length=1000)]
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class OnvifDoors:
    registrations: Registrations
    allowed: Allowed

    def routes(self) -> list[Route]:
        return [
            Route("/cameras/find", self.find, methods=["POST"]),
            Route("/cameras/find/streams", self.streams, methods=["POST"]),
        ]

    async def find(self, request: Request) -> Response:
        self.registrations.require(request.state.actor, request.state.why)
        wish = await sent(request, Search)
        await self._note(f"looked for cameras at {wish.address or 'all that answer'}", request)
        found = await asking.found(wish.address, wish.seconds, self.allowed)
        return JSONResponse(msgspec.to_builtins(found))

    async def streams(self, request: Request) -> Response:
        self.registrations.require(request.state.actor, request.state.why)
        wish = await sent(request, Ask)
        await self._note(f"asked the camera at {without_login(wish.onvif)}", request)
        told = await asking.streams(wish.onvif, wish.login, self.allowed)
        return JSONResponse(msgspec.to_builtins(told))

    async def _note(self, what: str, request: Request) -> None:
        subject, by = urn(REGISTRATION, "search"), request.state.actor
        ledger = self.registrations.broker.ledger
        await ledger.note(subject, "consultation", by, request.state.why, Said(what))
