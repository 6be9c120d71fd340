"""Calling people over HTTP: how it stands, and a test of one way."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.notify import notification
from townsquare.alerts.notify.browsers import Browsers
from townsquare.alerts.notify.notification import Calling
from townsquare.alerts.notify.overview import overview
from townsquare.alerts.notify.push import Subscription, octets, require_service
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.notify.types import NOTIFICATION
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.bodies import sent
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.outgoing import Allowed
from townsquare.context.query import Query
from townsquare.model.actor import Actor
from townsquare.model.entity import iso
from townsquare.model.errors import Denied, NotFound, TooOften

MOST_TESTS = 10  # of one person in a minute


class Test(Struct, frozen=True, forbid_unknown_fields=True):
    contact: str
    channel: str


class Keys(Struct, frozen=True):
    p256dh: str
    auth: str


class Registered(Struct, frozen=True, forbid_unknown_fields=True):
    """As a browser's `PushSubscription` tells it."""

    contact: str
    endpoint: Annotated[str, Meta(max_length=2000)]
    keys: Keys


class Left(Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: Annotated[str, Meta(max_length=2000)]


@dataclass(frozen=True, slots=True)
class NotifyDoors:
    """`push_key` is the public one, that browsers ask for."""

    broker: Broker
    staff: Staff
    allowed: Allowed
    push_key: str
    testing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> list[Route]:
        return [
            Route("/notify", self.stands),
            Route("/notify/test", self.test, methods=["POST"]),
            Route("/notify/browsers", self.register, methods=["POST"]),
            Route("/notify/browsers/leave", self.leave, methods=["POST"]),
        ]

    async def stands(self, request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        grant = self.broker.grant(by, why, "read", NOTIFICATION)
        if not grant.allowed:
            raise Denied(grant.reason)
        told = await overview(self.broker, self.staff, by, why)
        contacts = [name for name, channel in self.staff.ways if channel.kind == "browser"]
        return JSONResponse({**told, "browser": {"key": self.push_key, "contacts": contacts}})

    async def test(self, request: Request) -> Response:
        """Written as a call that waits; the room sends it, and what became of it stands there."""
        wish, by = await sent(request, Test), request.state.actor.through("alerts")
        channel = self.staff.way(wish.contact, wish.channel)
        if channel is None:
            raise NotFound(f"{wish.contact[:80]} has no way {wish.channel[:80]!r} in [notify]")
        id = notification.named("test", secrets.token_hex(16))
        one = Calling(wish.contact, channel.kind, test=True, id=id)
        async with self.testing:  # else many at once would each find few before them
            await self._require_seldom(by)
            change = notification.queued(one, self.broker.clock(), asked_by=by.id)
            await self.broker.apply([change], by, request.state.why)
        return JSONResponse({"id": id}, 201)

    async def _require_seldom(self, by: Actor) -> None:
        """Each test calls somebody. Raises TooOften."""
        since = self.broker.clock() - timedelta(minutes=1)
        q = parse(f'test==true;queuedAt>={iso(since)};askedBy=="{by.id}"')
        tested = await self.broker.ids(Query((NOTIFICATION,), q=q), ROOM, WHY, MOST_TESTS)
        if len(tested) >= MOST_TESTS:
            raise TooOften(
                f"you tested {MOST_TESTS} ways within a minute; somebody is called each time",
                retry_after_s=60,
            )

    async def register(self, request: Request) -> Response:
        wish, by = await sent(request, Registered), request.state.actor.through("alerts")
        if self.staff.way(wish.contact, "browser") is None:
            raise NotFound(f"{wish.contact[:80]} has no channel of kind browser in [notify]")
        keys = wish.keys
        one = Subscription(wish.endpoint, octets(keys.p256dh), octets(keys.auth))
        require_service(one)
        if not self.allowed.host(one.host):
            raise Denied(
                f"this browser is reached by {one.host}, which is not declared; list it in"
                " [outgoing] hosts"
            )
        id = await Browsers(self.broker).register(wish.contact, one, by, request.state.why)
        return JSONResponse({"id": id}, 201)

    async def leave(self, request: Request) -> Response:
        wish, by = await sent(request, Left), request.state.actor.through("alerts")
        await Browsers(self.broker).leave(wish.endpoint, by, request.state.why)
        return JSONResponse({})
