"""Signing in and out.

Always holds: who fails to sign in is told the same, whatever the reason, so that nobody learns who
has an account; and a session that is there before ends with the sign-in.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.errors import Denied
from townsquare.trust.identity import credential_id
from townsquare.trust.identity.account import Account
from townsquare.web.accounts.ceremony import Ceremonies, require_person, wished
from townsquare.web.pages import Pages
from townsquare.web.parting import parted
from townsquare.web.sessions import COOKIE, Sessions
from townsquare.web.tries import Tries

SIGN_IN = "sign in"
REFUSED = (
    "This passkey does not open an account here. It may be of another town, or its account may have"
    " ended; ask your administrator."
)


class SignIn(msgspec.Struct):
    credential: Json


class Signing:
    def __init__(
        self,
        ceremonies: Ceremonies,
        pages: Pages,
        sessions: Sessions,
        tries: Tries,
        provider: str = "",
    ) -> None:
        """`provider` is the host of the identity provider, where the town has one."""
        self.provider = provider
        self.ceremonies = ceremonies
        self.people = ceremonies.people
        self.pages = pages
        self.sessions = sessions
        self.tries = tries

    def routes(self) -> list[Route]:
        return [
            Route("/signin", self.page),
            Route("/session/options", self.options, methods=["POST"]),
            Route("/session", self.sign_in, methods=["POST"]),
            Route("/session/end-everywhere", self.sign_out_everywhere, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return self.people.site.own(request.url) or self.pages.page(
            "signin.html", provider=self.provider
        )

    async def options(self, _: Request) -> Response:
        return JSONResponse(self.ceremonies.request(SIGN_IN))

    async def sign_in(self, request: Request) -> Response:
        one, actor = await self.proven(request, SIGN_IN)
        if one.kept.subject and self.provider:
            # It says each time what they may; a passkey would go on when it says nothing any more.
            raise Denied(f"sign in at {self.provider}; passkeys are for approvals and emergencies")
        return self.signed_in(request, actor)

    async def proven(self, request: Request, purpose: str) -> tuple[Account, Actor]:
        """Who signed for this with a passkey, and may come in. Raises Denied, TooOften."""
        credential = (await wished(request, SignIn)).credential
        id = credential_id(credential)
        known = id if self.people.holding(id) else b""
        if known:
            self.tries.require("passkey", request.scope, known)
        try:
            one = await self.ceremonies.signed(credential, purpose)
        except Denied as error:
            self.tries.miss("passkey", request.scope, known)
            raise Denied(REFUSED) from error
        actor = self.people.actor(one.id)
        if actor is None:
            raise Denied(REFUSED)
        return one, actor

    def signed_in(self, request: Request, actor: Actor, next: str = "/control") -> Response:
        """Raises Unavailable."""
        response = JSONResponse({"next": next})
        self.started(request, actor, response)
        return response

    def started(
        self, request: Request, actor: Actor, response: Response, farewell: str = ""
    ) -> None:
        """Raises Unavailable."""
        self.sessions.end(request.cookies.get(COOKIE, ""))
        self.sessions.start(actor, response, farewell=farewell)

    async def sign_out_everywhere(self, request: Request) -> Response:
        self.sessions.end_of(require_person(request))
        return parted(self.pages, request.state.session, "/signin")
