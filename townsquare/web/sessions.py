"""Who is signed in, in which browser, and until when.

Always holds: each sign-in has a new name, told to that browser only; a session ends with its shift,
after an hour in which neither its person nor their live connection was there, and at once where
somebody's rights change. Held in memory: a restart of the server ends them all.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import Response

from townsquare.model.actor import Actor
from townsquare.model.errors import Unavailable

COOKIE = "townsquare-session"
LONGEST = timedelta(hours=12)  # a long shift
IDLE = timedelta(hours=1)
MOST_SESSIONS = 1000
MOST_EACH = 20  # of one person, who else could take all places and shut emergency access out


@dataclass(eq=False, slots=True)
class Session:
    """Of one person in one browser, or of one machine. `ended` is set when it is over, by time or
    by hand; without `idle` it need not be used to go on.
    """

    actor: Actor
    until: datetime
    clock: Callable[[], datetime]
    idle: timedelta | None = None
    also: str = ""  # a second person without whom it would not be
    farewell: str = ""  # where the person signs out at the identity provider too
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    since: datetime = field(init=False)
    used_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.used_at = self.clock()

    def use(self) -> None:
        self.used_at = self.clock()

    def left_s(self) -> float:
        if self.ended.is_set():
            return 0.0
        until = min(self.until, self.used_at + self.idle) if self.idle else self.until
        return (until - self.clock()).total_seconds()

    def end(self) -> None:
        self.ended.set()


class Sessions:
    def __init__(self, clock: Callable[[], datetime], *, secure: bool = False) -> None:
        self.clock = clock
        self.secure = secure  # cookies over https only: behind the town's proxy
        self._open: dict[str, Session] = {}

    def start(
        self, actor: Actor, response: Response, also: str = "", farewell: str = ""
    ) -> Session:
        """A new session; the response carries its cookie. Raises Unavailable."""
        now = self.clock()
        self._expire()
        self._make_room(actor.id)
        if len(self._open) >= MOST_SESSIONS:
            raise Unavailable("too many people are signed in; try again later", retry_after_s=60)
        until = min(now + LONGEST, actor.until) if actor.until else now + LONGEST
        name, session = (
            secrets.token_urlsafe(32),
            Session(actor, until, self.clock, IDLE, also, farewell),
        )
        self._open[name] = session
        age_s = int((until - now).total_seconds())
        response.set_cookie(
            COOKIE, name, age_s, httponly=True, samesite="strict", secure=self.secure
        )
        return session

    def of(self, name: str) -> Session | None:
        """Whose request this is; that they made it keeps the session open."""
        session = self._open.get(name)
        if session is None or session.left_s() <= 0:
            return None
        session.use()
        return session

    def end(self, name: str) -> None:
        if session := self._open.pop(name, None):
            session.end()

    def end_of(self, actor: str) -> None:
        """Everywhere, with the live connections."""
        for name in [n for n, s in self._open.items() if actor in (s.actor.id, s.also)]:
            self.end(name)

    def roles(self, actor: str) -> frozenset[str]:
        """That this person has in any browser now."""
        open_ = (
            s.actor.roles for s in self._open.values() if s.actor.id == actor and s.left_s() > 0
        )
        return frozenset().union(*open_)

    def present(self, role: str) -> list[str]:
        """Who is signed in with this role now, in any browser."""
        there = (s.actor for s in self._open.values() if s.left_s() > 0)
        return list(dict.fromkeys(actor.id for actor in there if role in actor.roles))

    def _make_room(self, actor: str) -> None:
        """The one that was not used for longest gives way."""
        mine = [name for name, session in self._open.items() if session.actor.id == actor]
        mine.sort(key=lambda name: self._open[name].used_at)
        for name in mine[: max(0, len(mine) - MOST_EACH + 1)]:
            self.end(name)

    def _expire(self) -> None:
        for name in [name for name, session in self._open.items() if session.left_s() <= 0]:
            self.end(name)
