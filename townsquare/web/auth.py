"""From a visit to an Actor: every request passes here once, and nowhere else is this decided.

A bearer token names a machine, a session cookie a person; everybody else is anyone. How a
person gets a session depends on how the server was started:

    login   by an access token of the town
    demo    at the first look at the control room, as operator; roles can be switched
    open    nobody needs one: every visit is "open", and the server is on loopback only
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from msgspec import structs
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.errors import Unavailable
from townsquare.web.guard import sent

Mode = Literal["login", "demo", "open"]
COOKIE = "townsquare-session"
LONGEST = timedelta(hours=12)  # of a session: a long shift
MOST_SESSIONS = 1000
OPEN = Actor("machine:open", "machine", roles=frozenset({"open"}))

# What somebody in this role is here for, unless the request says otherwise.
USUAL_PURPOSE: Mapping[str, str] = {
    "citizen": "public information",
    "integrator": "integration",
}


@dataclass(eq=False, slots=True)
class Session:
    """Of one person in one browser. `ended` is set when it is over, by time or by hand."""

    actor: Actor
    until: datetime
    clock: Callable[[], datetime]
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def left_s(self) -> float:
        return (self.until - self.clock()).total_seconds()


class Sessions:
    """Held in memory: a restart of the server ends them all."""

    def __init__(self, clock: Callable[[], datetime], *, secure: bool = False) -> None:
        self.clock = clock
        self.secure = secure  # cookies over https only: behind the town's proxy
        self._open: dict[str, Session] = {}

    def start(self, actor: Actor, response: Response) -> Session:
        """A new session; the response carries its cookie. Raises Unavailable."""
        now = self.clock()
        self._expire(now)
        if len(self._open) >= MOST_SESSIONS:
            raise Unavailable("too many people are signed in; try again later", retry_after_s=60)
        name, session = secrets.token_urlsafe(32), Session(actor, now + LONGEST, self.clock)
        self._open[name] = session
        age_s = int(LONGEST.total_seconds())
        response.set_cookie(
            COOKIE, name, age_s, httponly=True, samesite="strict", secure=self.secure
        )
        return session

    def of(self, name: str) -> Session | None:
        session = self._open.get(name)
        return session if session and self.clock() < session.until else None

    def end(self, name: str) -> None:
        if session := self._open.pop(name, None):
            session.ended.set()

    def _expire(self, now: datetime) -> None:
        for name in [name for name, session in self._open.items() if session.until <= now]:
            self.end(name)


def person(role: str, organisation: str) -> Actor:
    """Somebody in this role, told apart from everybody else who is."""
    id = f"urn:ngsi-ld:Person:{role}-{secrets.token_hex(4)}"
    return Actor(id, "person", organisation, frozenset({role}))


@lru_cache(maxsize=1024)
def usual(actor: Actor) -> Why:
    purposes = {USUAL_PURPOSE.get(role, "operations") for role in actor.roles}
    return Why(purposes.pop() if len(purposes) == 1 else "operations")


UNKNOWN_TOKEN = JSONResponse(
    {
        "type": "about:blank",
        "title": "The access token is not known",
        "detail": "The token in Authorization is wrong or was withdrawn; ask for a new one.",
        "status": 401,
    },
    401,
    {"WWW-Authenticate": "Bearer"},
)


def _cookie(scope: Scope) -> str:
    return HTTPConnection(scope).cookies.get(COOKIE, "")


def _why(actor: Actor, headers: Mapping[bytes, bytes]) -> Why:
    purpose, case = headers.get(b"townsquare-purpose"), headers.get(b"townsquare-case", b"")
    if purpose is None:
        return structs.replace(usual(actor), case=case.decode("latin-1")) if case else usual(actor)
    return Why(purpose.decode("latin-1"), case.decode("latin-1"))


class Visits:
    """ASGI middleware: puts `actor`, `why` and `session` into the request's state."""

    def __init__(
        self, app: ASGIApp, mode: Mode, tokens: Mapping[str, Actor], sessions: Sessions
    ) -> None:
        self.app = app
        self.mode = mode
        self.tokens = tokens
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = sent(scope)
        session = self.sessions.of(_cookie(scope)) if b"cookie" in headers else None
        actor = self._actor(headers, session)
        if actor is None:
            await UNKNOWN_TOKEN(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["actor"] = actor
        state["why"] = _why(actor, headers)
        state["session"] = session
        await self.app(scope, receive, send)

    def _actor(self, headers: Mapping[bytes, bytes], session: Session | None) -> Actor | None:
        """None for a token that is not known."""
        given = headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, token = given.partition(" ")
        if scheme.lower() == "bearer":
            return self._token(token.strip())
        if session is not None:
            return session.actor
        return OPEN if self.mode == "open" else ANYONE

    def _token(self, given: str) -> Actor | None:
        found = None
        for token, actor in self.tokens.items():
            if secrets.compare_digest(token.encode(), given.encode()):
                found = actor
        return found
