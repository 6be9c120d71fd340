"""The room of accounts behind its guard, with browsers and a clock that can be set."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.authenticator import Authenticator, raw
from townsquare.context.broker import Broker
from townsquare.model.errors import TownsquareError
from townsquare.model.town import Town
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.accounts.desk import Beside, Desk
from townsquare.web.accounts.people import People
from townsquare.web.accounts.site import site
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.auth import Door, Visits, always
from townsquare.web.guard import Guard, content_security_policy, origins
from townsquare.web.pages import Pages
from townsquare.web.sessions import Session, Sessions
from townsquare.web.tries import Tries

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
URL = "http://localhost:8400"
OWNER = "owners-own-token"


async def who(request: Request) -> JSONResponse:
    actor = request.state.actor
    return JSONResponse({"id": actor.id, "roles": sorted(actor.roles), "of": actor.organisation})


class Office:
    def __init__(self, broker: Broker) -> None:
        self.now = NOON
        self.broker = broker
        broker.clock = lambda: self.now
        self.pages = Pages(Town(name="Testtown"), demo=False)
        self.sessions = Sessions(broker.clock)
        self.tries = Tries(broker.clock)
        self.beside = Beside()
        self.gone: list[str] = []

    async def open(self) -> "Office":
        """Again is as a restart of the server: what is in memory is read anew."""
        self.people = People(self.broker, site("", 8400, "Testtown"), self.left)
        self.tokens = Tokens(self.broker, self.left, self.people.end_of)
        await self.people.load()
        await self.tokens.load()
        told = (self.people, self.tokens, self.pages, self.sessions, self.tries)
        self.desk = Desk(*told, self.beside)
        errors = {TownsquareError: self.pages.error}
        inside = Starlette(
            routes=[*self.desk.routes(), Route("/who", who, methods=["GET", "POST"])],
            exception_handlers=errors,
        )
        owner = always(OWNER, ADMINISTRATOR, self.broker.clock)

        def known(text: str) -> Session | None:
            return owner(text) or self.tokens.known(text)

        visits = Visits(inside, Door("login", known, self.sessions, self.tries))
        self.app = Guard(visits, origins(8400, ""), content_security_policy("{}"))
        return self

    async def left(self, actor: str) -> None:
        self.gone.append(actor)
        self.sessions.end_of(actor)

    def browser(self) -> "Browser":
        return Browser(self)


class Browser:
    """With its own cookies, on our own pages."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=office.app), base_url=URL, headers={"origin": URL}
        )

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body)

    async def form(self, path: str, **fields: Any) -> httpx.Response:
        return await self.http.post(path, data=fields, headers={"accept": "text/html"})

    async def roles(self) -> list[str]:
        found: list[str] = (await self.http.get("/who")).json()["roles"]
        return found

    async def me(self) -> str:
        return str((await self.http.get("/who")).json()["id"])

    async def enrol(self, link: str, one: Authenticator, name: str = "Ada") -> httpx.Response:
        secret = link.partition("#")[2]
        asked = await self.post("/enrol/options", link=secret, name=name)
        if asked.is_error:
            return asked
        made = one.made(raw(asked.json()["challenge"]))
        return await self.post("/enrol", link=secret, name=name, credential=made)

    async def challenge(self) -> bytes:
        return raw((await self.post("/session/options")).json()["challenge"])

    async def sign_in(self, one: Authenticator) -> httpx.Response:
        return await self.post("/session", credential=one.signed(await self.challenge()))

    async def emergency(self, one: Authenticator) -> httpx.Response:
        asked = (await self.post("/emergency/options")).json()["challenge"]
        return await self.post("/emergency", credential=one.signed(raw(asked)))

    async def invite(self, name: str, *roles: str, **more: str) -> str:
        """The link for somebody."""
        fields = {"name": name, "organisation": "Testtown", "roles": list(roles), **more}
        return shown(await self.form("/accounts/invite", **fields))


def shown(answer: httpx.Response) -> str:
    """The link or token that a page shows once."""
    assert answer.status_code == 200, answer.text
    found = re.search(r"<output>(.*?)</output>", answer.text)
    assert found, answer.text
    return found[1]


async def first(office: Office) -> tuple[Browser, Authenticator]:
    """The administrator, signed in."""
    browser, one = office.browser(), Authenticator()
    assert (await browser.enrol(await office.people.first_link(), one)).status_code == 200
    return browser, one


async def another(
    office: Office, admin: Browser, *roles: str, name: str = "Ben", **more: str
) -> tuple[Browser, Authenticator, str]:
    browser, one = office.browser(), Authenticator()
    link = await admin.invite(name, *roles, **more)
    assert (await browser.enrol(link, one, name)).status_code == 200
    return browser, one, await browser.me()


async def logged(office: Office, id: str) -> int:
    """How many entries the log has of this account."""
    found = await office.broker.store.log(0, 1000)
    return sum(id.encode() in entry.record for entry in found if entry.record)
