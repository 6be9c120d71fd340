"""Signing in at the town's identity provider: authorisation code with PKCE.

Always holds: nothing that a browser brings is believed before the provider confirms it over a
connection that we opened; its keys are asked for anew when an unknown one signed, at most once a
minute.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.context import outgoing
from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Unavailable
from townsquare.trust.identity import provider
from townsquare.trust.identity.provider import Claimed, Settings, UnknownKey
from townsquare.web.accounts.attempt import COOKIE, PATH, Attempt, Attempts
from townsquare.web.accounts.people import People
from townsquare.web.accounts.signing import Signing
from townsquare.web.tries import Tries

BACK = f"{PATH}/return"
KNOWN_FOR = timedelta(hours=1)  # metadata and keys
AGAIN = timedelta(minutes=1)
BIGGEST = 2**18  # bytes of an answer
LONGEST_S = 10.0
SILENT = "the identity provider does not answer; try again, or let two people open emergency access"


@dataclass(frozen=True, slots=True)
class Known:
    """What it said of itself, and when."""

    metadata: Json
    keys: KeySet
    at: datetime


class Provider:
    """How it is asked."""

    def __init__(self, settings: Settings, secret: str, client: outgoing.Client) -> None:
        self.settings = settings
        self._secret = secret
        self._client = client
        self._known: Known | None = None

    async def known(self, now: datetime, longest: timedelta = KNOWN_FOR) -> Known:
        """Not older than this. Raises Denied, Unavailable."""
        if self._known is None or now - self._known.at >= longest:
            self._known = await self._ask(now)
        return self._known

    async def claimed(self, token: Json, nonce: str, now: datetime) -> Claimed:
        """Raises Denied, Unavailable."""
        before = await self.known(now)
        try:
            return provider.claimed(token, before.keys, nonce, self.settings, now)
        except UnknownKey:
            after = await self.known(now, AGAIN)
            if after is before:
                raise
        return provider.claimed(token, after.keys, nonce, self.settings, now)

    async def token(self, code: str, attempt: Attempt, back: str, now: datetime) -> Json:
        """For a code. Raises Denied, Unavailable."""
        told = provider.endpoints((await self.known(now)).metadata, self.settings)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        # RFC 6749, 2.3.1: each half is form-encoded before they are joined.
        login = f"{quote(self.settings.client_id, '')}:{quote(self._secret, '')}".encode()
        headers = {"authorization": f"Basic {base64.b64encode(login).decode()}"}
        url = told["token_endpoint"]
        answer = await self._answer(
            self._client.build_request("POST", url, data=form, headers=headers)
        )
        return answer.get("id_token") if isinstance(answer, dict) else None

    async def _ask(self, now: datetime) -> Known:
        url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = await self._answer(self._client.build_request("GET", url))
        told = provider.endpoints(metadata, self.settings)
        keys = await self._answer(self._client.build_request("GET", told["jwks_uri"]))
        try:
            return Known(metadata, KeySet.import_key_set(keys), now)
        except (JoseError, LookupError, TypeError, ValueError) as error:
            raise Denied("the identity provider shows no keys that can be used") from error

    async def _answer(self, request: httpx.Request) -> Json:
        try:
            got = await outgoing.ask(self._client, request, BIGGEST, LONGEST_S)
        except httpx.HTTPError as error:
            raise Unavailable(SILENT) from error
        if got.status >= 500:
            raise Unavailable(SILENT)
        if got.status != 200:
            raise Denied(f"the identity provider refused ({got.status})")
        try:
            return json.loads(got.body)
        except (ValueError, RecursionError) as error:
            raise Denied("the identity provider answered no JSON") from error


class ProviderDoors:
    def __init__(self, provider: Provider, people: People, signing: Signing, tries: Tries) -> None:
        self.provider = provider
        self.people = people
        self.signing = signing
        self.tries = tries
        self._attempts = Attempts(people.broker.clock, secure=signing.sessions.secure)

    def routes(self) -> list[Route]:
        return [Route(PATH, self.leave), Route(BACK, self.come_back)]

    async def leave(self, request: Request) -> Response:
        if elsewhere := self.people.site.own(request.url):
            return elsewhere
        metadata = (await self.provider.known(self._now())).metadata
        told = provider.endpoints(metadata, self.provider.settings)
        attempt = self._attempts.begin()
        asked = {
            "response_type": "code",
            "client_id": self.provider.settings.client_id,
            "redirect_uri": self.people.site.link(BACK),
            "scope": "openid profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        url = told["authorization_endpoint"]
        response = RedirectResponse(f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}", 303)
        self._attempts.remember(attempt, response)
        return response

    async def come_back(self, request: Request) -> Response:
        self.tries.require("provider", request.scope)
        try:
            actor, farewell = await self._actor(request)
        except Denied:
            self.tries.miss("provider", request.scope)
            raise
        # A page and no redirect: a browser sends a strict cookie only where our own page leads.
        response = self.signing.pages.page("signed-in.html")
        self.signing.started(request, actor, response, farewell)
        response.delete_cookie(COOKIE, path=PATH)
        return response

    async def _actor(self, request: Request) -> tuple[Actor, str]:
        """Who came, and where they sign out there too."""
        asked, now = request.query_params, self._now()
        attempt = self._attempts.of(request.cookies.get(COOKIE, ""), asked.get("state", ""))
        metadata = (await self.provider.known(now)).metadata
        provider.require_issuer(metadata, asked.get("iss"), self.provider.settings)
        if "code" not in asked:
            raise Denied("the identity provider did not let you in")
        back = self.people.site.link(BACK)
        token = await self.provider.token(asked["code"], attempt, back, now)
        claimed = await self.provider.claimed(token, attempt.nonce, now)
        self._attempts.spend(attempt)
        actor = await self.people.provided(claimed, self.provider.settings.organisation)
        signed_out = self.people.site.link("/signin")
        return actor, provider.farewell(metadata, self.provider.settings, str(token), signed_out)

    def _now(self) -> datetime:
        return self.people.broker.clock()
