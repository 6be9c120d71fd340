"""From a one-time link to a passkey, and to a second one."""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Invalid
from townsquare.model.texts import found
from townsquare.trust.identity import account
from townsquare.trust.identity.account import ADMINISTRATOR, Account
from townsquare.web.accounts.ceremony import Ceremonies, require_fresh, wished
from townsquare.web.accounts.genesis import PATH as POLICY
from townsquare.web.accounts.kept import acting
from townsquare.web.accounts.signing import Signing
from townsquare.web.pages import Pages
from townsquare.web.tries import Tries
from townsquare.web.within import around


class Invitation(msgspec.Struct):
    link: str


class Ready(msgspec.Struct):
    link: str
    name: str


class Enrolment(msgspec.Struct):
    link: str
    name: str
    credential: Json


class Addition(msgspec.Struct):
    credential: Json


class Enrolling:
    def __init__(
        self, ceremonies: Ceremonies, signing: Signing, pages: Pages, tries: Tries
    ) -> None:
        self.ceremonies = ceremonies
        self.people = ceremonies.people
        self.signing = signing
        self.pages = pages
        self.tries = tries

    def routes(self) -> list[Route]:
        return [
            Route("/enrol", self.page),
            Route("/enrol/invitation", self.invitation, methods=["POST"]),
            Route("/enrol/options", self.options, methods=["POST"]),
            Route("/enrol", self.enrol, methods=["POST"]),
            Route("/account", self.own),
            Route("/account/options", self.more_options, methods=["POST"]),
            Route("/account/passkeys", self.add, methods=["POST"]),
            Route("/account/passkeys/remove", self.remove, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The link's secret is behind a #, so that it is in nobody's log."""
        return self.people.site.own(request.url) or self.pages.page("enrol.html")

    async def invitation(self, request: Request) -> Response:
        one = self._invited(request, (await wished(request, Invitation)).link)
        organisation, roles = one.organisation, self._titles(one)
        told = {"name": one.kept.name, "organisation": organisation, "roles": roles}
        return JSONResponse(told)

    async def options(self, request: Request) -> Response:
        wish = await wished(request, Ready)
        one = self._invited(request, wish.link)
        return JSONResponse(self.ceremonies.creation(one, account.named(wish.name)))

    async def enrol(self, request: Request) -> Response:
        wish = await wished(request, Enrolment)
        one = self._invited(request, wish.link)
        passkey = self.ceremonies.made(wish.credential, one)
        await self.people.enrol(wish.link, wish.name, passkey)
        actor = self.people.actor(one.id)
        if actor is None:
            raise Denied("your passkey is enrolled, but your task or your organisation's has ended")
        # Where the town begins with a policy that nobody signed, that page comes first.
        begins = ADMINISTRATOR in actor.roles
        return self.signing.signed_in(request, actor, POLICY if begins else "/control")

    def _titles(self, one: Account) -> list[str]:
        roles = self.people.broker.policy.roles
        return [found(roles[name].title) for name in sorted(one.roles) if name in roles]

    def _invited(self, request: Request, link: str) -> Account:
        """Raises Denied, TooOften."""
        try:
            return self.people.linked(link)
        except Denied:
            self.tries.miss("link", request.scope)
            raise

    # --- somebody who is signed in

    async def own(self, request: Request) -> Response:
        session = request.state.session
        if session is None or session.actor.kind != "person":
            return RedirectResponse("/signin", 303)
        one = self.people.of(session.actor.id)
        keys = [{"id": bytes_to_base64url(p.id), "at": p.added_at} for p in one.kept.passkeys]
        inside = around(self.people.broker, session.actor, accounts=True)
        titles = self._titles(one)
        return self.pages.page("account.html", one=one, roles=titles, passkeys=keys, inside=inside)

    async def more_options(self, request: Request) -> Response:
        one = self.people.of(require_fresh(request))
        return JSONResponse(self.ceremonies.creation(one, one.kept.name))

    async def add(self, request: Request) -> Response:
        one = self.people.of(require_fresh(request))
        wish = await wished(request, Addition)
        await self.people.add_passkey(one.id, self.ceremonies.made(wish.credential, one))
        return JSONResponse({"next": "/account"})

    async def remove(self, request: Request) -> Response:
        one = self.people.of(require_fresh(request))
        id = passkey_id(str((await request.form(max_files=0)).get("passkey", "")))

        def without(before: Account) -> Account:
            return account.without_passkey(before, id)

        await self.people.change(one.id, without, acting(one))
        return RedirectResponse("/account", 303)


def passkey_id(text: str) -> bytes:
    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise Invalid("this names no passkey") from error
