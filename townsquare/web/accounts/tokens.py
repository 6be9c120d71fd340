"""Access tokens of machines. Kept in the store, and in memory since each request asks."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from msgspec import structs

from townsquare.context.broker import Broker
from townsquare.model.actor import Actor
from townsquare.model.errors import Conflict, NotFound
from townsquare.trust.identity import token
from townsquare.trust.identity.once import digest
from townsquare.trust.identity.token import ACCESS_TOKEN, Token, Wanted
from townsquare.trust.identity.types import OWNER
from townsquare.web.accounts import kept
from townsquare.web.accounts.kept import WHY
from townsquare.web.accounts.people import Left
from townsquare.web.sessions import Session

MOST_TOKENS = 1000  # that are not revoked


class Tokens:
    def __init__(self, broker: Broker, left: Left, ends: Callable[[str], datetime | None]) -> None:
        """`ends` tells when the task of an organisation does."""
        self.broker = broker
        self._left = left
        self._ends = ends
        self._all: dict[str, Token] = {}
        self._standing: dict[bytes, Session] = {}  # by the hash of the token
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        rows = await kept.private_rows(self.broker)
        for found in await kept.everything(self.broker, ACCESS_TOKEN):
            self._put(token.token(found, rows.get(found.id)))

    def _put(self, one: Token) -> None:
        before = self._all.get(one.id)
        self._all[one.id] = one
        if before and before.digest != one.digest:
            if session := self._standing.pop(before.digest, None):
                session.end()
        elif one.digest:
            end = self._ends(one.organisation)
            until = min(one.until, end) if end else one.until
            actor = structs.replace(one.actor(), until=until)
            self._standing[one.digest] = Session(actor, until, self.broker.clock)

    def everyone(self) -> list[Token]:
        return list(self._all.values())

    def stopped(self, by: Actor) -> str:
        """Why what a machine left standing may not go on; empty where it may."""
        one = self._all.get(by.id)
        if one is None:
            return ""
        if one.status == "revoked":
            return "the token of who made it was revoked"
        session = self._standing.get(one.digest)
        return "" if session and session.left_s() > 0 else "the token of who made it has ended"

    def known(self, text: str) -> Session | None:
        """Who comes with this token; None where it is wrong, revoked or over."""
        # By its hash: how long a comparison of hashes takes tells nothing of the token.
        session = self._standing.get(digest(text))
        return session if session and session.left_s() > 0 else None

    async def create(self, wanted: Wanted, by: Actor) -> tuple[Token, str]:
        """The token and its text, which is never shown again. Raises Invalid, Denied."""
        async with self._changing:
            self._expire()
            if len(self._standing) >= MOST_TOKENS:
                raise Conflict(f"there are {MOST_TOKENS} tokens already; revoke one first")
            made, text = token.made(wanted, self.broker.clock())
            await self._keep(made, by)
        return made, text

    async def revoke(self, id: str, by: Actor) -> Token:
        """Connections end with it. Raises NotFound, Conflict, Denied."""
        async with self._changing:
            if id not in self._all:
                raise NotFound(f"there is no token {id}")
            after = token.revoked(self._all[id])
            await self._keep(after, by)
        await self._left(id)
        return after

    async def organisation_ends(self, name: str) -> None:
        """At another time than was known: tokens of it stand anew, and connections end."""
        for one in [t for t in self._all.values() if t.organisation == name and t.digest]:
            if session := self._standing.pop(one.digest, None):
                session.end()
            self._put(one)
            await self._left(one.id)

    def _expire(self) -> None:
        over = [known for known, session in self._standing.items() if session.left_s() <= 0]
        for known in over:
            self._standing.pop(known).end()

    async def _keep(self, one: Token, by: Actor) -> None:
        rows = {kept.private_id(one.id): token.row(one)}
        await self.broker.apply_beside([token.change(one)], rows, by.through(OWNER), WHY)
        self._put(one)
