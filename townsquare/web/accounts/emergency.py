"""Emergency access: two passkeys within ten minutes, and an alarm for as long as it is open."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.errors import Denied
from townsquare.trust.identity import emergency, recovery
from townsquare.trust.identity.account import until_of
from townsquare.trust.identity.emergency import EMERGENCY, Waiting
from townsquare.web.accounts import kept
from townsquare.web.accounts.kept import ROOM, WHY, acting
from townsquare.web.accounts.signing import Signing
from townsquare.web.sessions import COOKIE

PURPOSE = "open emergency access"
LOOK_S = 15.0  # how late its end may be told
LOUD = {EMERGENCY: emergency.closed, recovery.RECOVERY: recovery.closed}  # while they are open


class Emergency:
    def __init__(self, signing: Signing) -> None:
        self.signing = signing
        self.people = signing.people
        self._first: Waiting | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/emergency", self.page),
            Route("/emergency/options", self.options, methods=["POST"]),
            Route("/emergency", self.open, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return self.people.site.own(request.url) or self.signing.pages.page("emergency.html")

    async def options(self, _: Request) -> Response:
        return JSONResponse(self.signing.ceremonies.request(PURPOSE))

    async def open(self, request: Request) -> Response:
        one, _ = await self.signing.proven(request, PURPOSE)
        now, first = self.people.broker.clock(), self._first
        if first is None or not emergency.joins(one, first, now):
            self._first = emergency.waiting(one, now)
            return JSONResponse({"waiting": True, "until": self._first.until.isoformat()}, 202)
        self._first = None
        if self.people.actor(first.id) is None:
            raise Denied("the first of the two may not come in any more; begin again")
        await self.people.broker.apply([emergency.opened(first, one, now)], acting(one), WHY)
        response = JSONResponse({"next": "/control"})
        self.signing.sessions.end(request.cookies.get(COOKIE, ""))
        ends = [self.people.until(both) for both in (one, self.people.of(first.id))]
        self.signing.sessions.start(emergency.actor(one, now, ends), response, also=first.id)
        return response

    async def run(self) -> None:
        """Never returns. Tells of the end of each, also of those that a restart has ended."""
        while True:
            await self.close()
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        now = self.people.broker.clock()
        for type, closed in LOUD.items():
            for one in await kept.everything(self.people.broker, type):
                until = until_of(one)
                if one.value("active") and until and until <= now:
                    await self.people.broker.apply([closed(one.id, now)], ROOM, WHY)
