"""Who takes the town over signs the policy that it begins with: once, with the first passkey.

Always holds: what is signed is the hash of the policy in force, and what is kept lets anybody
check the signature without this server.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from webauthn.helpers import bytes_to_base64url

from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, NotFound
from townsquare.trust.identity import credential_id
from townsquare.trust.identity.account import ADMINISTRATOR
from townsquare.web.accounts.ceremony import Ceremonies, require_person, wished
from townsquare.web.accounts.kept import WHY
from townsquare.web.accounts.signing import SignIn
from townsquare.web.pages import Pages

PATH = "/account/policy"


@dataclass(frozen=True, slots=True)
class FirstPolicy:
    """`unsigned` tells its hash in hex, and "" where there is nothing to sign."""

    unsigned: Callable[[], Awaitable[str]]
    sign: Callable[[Json, Actor, Why], Awaitable[str]]


class Genesis:
    def __init__(self, first: FirstPolicy, ceremonies: Ceremonies, pages: Pages) -> None:
        self.first = first
        self.ceremonies = ceremonies
        self.people = ceremonies.people
        self.pages = pages

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.page),
            Route(f"{PATH}/options", self.options, methods=["POST"]),
            Route(PATH, self.sign, methods=["POST"]),
        ]

    async def page(self, _: Request) -> Response:
        hash = await self.first.unsigned()
        return self.pages.page("genesis.html", hash=hash) if hash else RedirectResponse("/control")

    async def options(self, request: Request) -> Response:
        hash = await self._hash(request)
        challenge = bytes_to_base64url(bytes.fromhex(hash))
        return JSONResponse({**self.ceremonies.request(PATH), "challenge": challenge})

    async def sign(self, request: Request) -> Response:
        credential, hash = (await wished(request, SignIn)).credential, await self._hash(request)
        id, by = credential_id(credential), request.state.actor
        one = await self.people.signed(id, credential, bytes.fromhex(hash))
        if one.id != by.id:
            raise Denied("this is the passkey of somebody else")
        key = next(passkey.key for passkey in one.kept.passkeys if passkey.id == id)
        proof = {"publicKey": bytes_to_base64url(key), **credential["response"]}
        await self.first.sign(proof, by, WHY)
        return JSONResponse({"next": "/control"})

    async def _hash(self, request: Request) -> str:
        """Raises Denied, NotFound."""
        require_person(request)
        if ADMINISTRATOR not in request.state.actor.roles:
            raise Denied("the first policy is signed by an administrator")
        hash = await self.first.unsigned()
        if not hash:
            raise NotFound("no policy waits for a first signature")
        return hash
