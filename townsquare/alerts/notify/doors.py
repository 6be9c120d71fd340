"""Calling people over HTTP: how it stands, and a test of one way."""

import secrets
from dataclasses import dataclass

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.bodies import sent
from townsquare.alerts.notify import notification
from townsquare.alerts.notify.notification import Calling
from townsquare.alerts.notify.overview import overview
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.notify.types import NOTIFICATION
from townsquare.context.broker import Broker
from townsquare.model.errors import Denied, NotFound


class Test(Struct, frozen=True, forbid_unknown_fields=True):
    contact: str
    channel: str


@dataclass(frozen=True, slots=True)
class NotifyDoors:
    broker: Broker
    staff: Staff

    def routes(self) -> list[Route]:
        return [
            Route("/notify", self.stands),
            Route("/notify/test", self.test, methods=["POST"]),
        ]

    async def stands(self, request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        grant = self.broker.grant(by, why, "read", NOTIFICATION)
        if not grant.allowed:
            raise Denied(grant.reason)
        return JSONResponse(await overview(self.broker, self.staff, by, why))

    async def test(self, request: Request) -> Response:
        """Written as a call that waits; the room sends it, and what became of it stands there."""
        wish, by = await sent(request, Test), request.state.actor.through("alerts")
        channel = self.staff.way(wish.contact, wish.channel)
        if channel is None:
            raise NotFound(f"{wish.contact[:80]} has no way {wish.channel[:80]!r} in [notify]")
        id = notification.named("test", secrets.token_hex(16))
        one = Calling(wish.contact, channel.kind, test=True, id=id)
        change = notification.queued(one, self.broker.clock(), asked_by=by.id)
        await self.broker.apply([change], by, request.state.why)
        return JSONResponse({"id": id}, 201)
