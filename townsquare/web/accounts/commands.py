"""What the owner of this machine does about accounts, through DATA/control.sock.

Always holds: everybody else is told that there is nothing here. The first link is made only while
nobody is enrolled, so that the machine's owner cannot make themselves another account later; a link
into one that is there raises an alarm and is public.
"""

from datetime import timedelta

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.errors import Invalid
from townsquare.trust.identity.token import Token, Wanted
from townsquare.web.accounts.ceremony import wished
from townsquare.web.accounts.governing import for_machines
from townsquare.web.accounts.people import People
from townsquare.web.accounts.tokens import Tokens

# Who speaks through the control socket.
ADMINISTRATOR = Actor(
    "machine:administrator", "machine", roles=frozenset({"administrator", "engineer"})
)


class TokenWish(msgspec.Struct):
    label: str
    roles: frozenset[str]
    days: int
    organisation: str = ""
    areas: frozenset[str] = frozenset()


class Lost(msgspec.Struct):
    reason: str
    id: str = ""


class Named(msgspec.Struct):
    id: str


class Commands:
    def __init__(self, people: People, tokens: Tokens) -> None:
        self.people = people
        self.tokens = tokens

    def routes(self) -> list[Route]:
        return [
            Route("/commands/enrolment", self.enrolment, methods=["POST"]),
            Route("/commands/recovery", self.recovery, methods=["POST"]),
            Route("/commands/tokens", self.listed),
            Route("/commands/tokens", self.create, methods=["POST"]),
            Route("/commands/tokens/revoke", self.revoke, methods=["POST"]),
        ]

    async def enrolment(self, request: Request) -> Response:
        _require_owner(request)
        return JSONResponse({"link": await self.people.first_link()})

    async def recovery(self, request: Request) -> Response:
        _require_owner(request)
        wish = await wished(request, Lost)
        link = await self.people.recovery_link(wish.id, ADMINISTRATOR, wish.reason)
        return JSONResponse({"link": link})

    async def listed(self, request: Request) -> Response:
        _require_owner(request)
        return JSONResponse([_told(one) for one in self.tokens.everyone()])

    async def create(self, request: Request) -> Response:
        _require_owner(request)
        wish = await wished(request, TokenWish)
        known = for_machines(self.people.broker)
        if strange := wish.roles.difference(known):
            raise Invalid(f"{min(strange)!r} is no role for a token; known: {', '.join(known)}")
        if not 0 < wish.days <= 366:
            raise Invalid(f"days takes 1 to 366, not {wish.days}")
        until = self.people.broker.clock() + timedelta(days=wish.days)
        organisation = wish.organisation or self.people.site.title
        wanted = Wanted(wish.label, organisation, wish.roles, until, wish.areas)
        one, text = await self.tokens.create(wanted, ADMINISTRATOR)
        return JSONResponse({**_told(one), "token": text}, 201)

    async def revoke(self, request: Request) -> Response:
        _require_owner(request)
        wish = await wished(request, Named)
        return JSONResponse(_told(await self.tokens.revoke(wish.id, ADMINISTRATOR)))


def _require_owner(request: Request) -> None:
    if request.state.actor != ADMINISTRATOR:
        raise HTTPException(404)


def _told(one: Token) -> dict[str, str | list[str]]:
    return {
        "id": one.id,
        "status": one.status,
        "label": one.label,
        "organisation": one.organisation,
        "roles": sorted(one.roles),
        "areas": sorted(one.areas),
        "until": one.until.isoformat(timespec="minutes"),
    }
