"""From a visit to an Actor: every request passes here once, and nowhere else is this decided.

A bearer token names a machine, a session cookie a person; everybody else is anyone. How a
person gets a session depends on how the server was started:

    login   with a passkey, or by the town's identity provider
    demo    at the first look at the control room, as operator; roles can be switched
    open    nobody needs one: every visit is "open", and the server is on loopback only
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from msgspec import structs
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from townsquare.context.http import problem
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.errors import InvalidRequest, TooOften, TownsquareError
from townsquare.trust.audit import LONGEST_CASE
from townsquare.web.guard import sent
from townsquare.web.sessions import COOKIE, Session, Sessions
from townsquare.web.tries import Tries

Mode = Literal["login", "demo", "open"]
OPEN = Actor("machine:open", "machine", roles=frozenset({"open"}))

# What somebody in this role is here for, unless the request says otherwise.
USUAL_PURPOSE: Mapping[str, str] = {
    "citizen": "public information",
    "integrator": "integration",
}


Known = Callable[[str], Session | None]  # who comes with a token


def person(role: str, organisation: str) -> Actor:
    """Somebody in this role, told apart from everybody else who is."""
    id = f"urn:ngsi-ld:Person:{role}-{secrets.token_hex(4)}"
    return Actor(id, "person", organisation, frozenset({role}))


@lru_cache(maxsize=1024)
def usual(actor: Actor) -> Why:
    purposes = {USUAL_PURPOSE.get(role, "operations") for role in actor.roles}
    return Why(purposes.pop() if len(purposes) == 1 else "operations")


@dataclass(frozen=True, slots=True)
class Door:
    """How visitors are known."""

    mode: Mode
    known: Known
    sessions: Sessions
    tries: Tries

    @property
    def stranger(self) -> Actor:
        return OPEN if self.mode == "open" else ANYONE


def always(token: str, actor: Actor, clock: Callable[[], datetime]) -> Known:
    """For a token that is a file beside the database, and has no end."""
    session = Session(actor, datetime.max.replace(tzinfo=UTC), clock)
    return lambda given: session if secrets.compare_digest(token.encode(), given.encode()) else None


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
    """Raises InvalidRequest."""
    purpose, case = headers.get(b"townsquare-purpose"), headers.get(b"townsquare-case", b"")
    if purpose is None:
        return structs.replace(usual(actor), case=_case(case)) if case else usual(actor)
    return Why(purpose.decode("latin-1"), _case(case))


def _case(sent: bytes) -> str:
    """A file number as towns write them, since it is kept in the log. Raises InvalidRequest."""
    text = sent.decode("latin-1")
    if len(text) > LONGEST_CASE or not text.isprintable():
        raise InvalidRequest(
            f"Townsquare-Case must be a file number of up to {LONGEST_CASE} characters that can be"
            f" read, has {len(text)}"
        )
    return text


class Visits:
    """ASGI middleware: puts `actor`, `why` and `session` into the request's state."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = sent(scope)
        given = headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, token = given.partition(" ")
        if scheme.lower() == "bearer":
            session = self.door.known(token.strip())
            if session is None:
                await self._refusal(scope)(scope, receive, send)
                return
        else:
            session = self.door.sessions.of(_cookie(scope)) if b"cookie" in headers else None
        actor = session.actor if session else self.door.stranger
        state = scope.setdefault("state", {})
        state["actor"] = actor
        try:
            state["why"] = _why(actor, headers)
        except InvalidRequest as error:
            await _answered(error)(scope, receive, send)
            return
        state["session"] = session
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response:
        try:
            self.door.tries.miss("token", scope)
        except TooOften as error:
            return _answered(error)
        return UNKNOWN_TOKEN


def _answered(error: TownsquareError) -> Response:
    answer = problem(error)
    return JSONResponse(answer.json, answer.status, dict(answer.headers))
