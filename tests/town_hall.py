"""People with accounts and passkeys in software, for tests of what they agree to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.authenticator import Authenticator
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.trust.identity import account, registered
from townsquare.web.accounts.people import People
from townsquare.web.accounts.site import site

CHALLENGE = bytes(32)
FIRST = Actor("urn:ngsi-ld:Person:first", "person", "Town", frozenset({"administrator"}))
WORK = Why("operations")


async def nobody_left(_: str) -> None:
    """Nobody is signed in here."""


@dataclass
class Member:
    """`key` is their authenticator."""

    actor: Actor
    key: Authenticator


@dataclass
class TownHall:
    broker: Broker
    now: datetime = datetime(2030, 6, 1, 12, tzinfo=UTC)
    people: People = field(init=False)

    def __post_init__(self) -> None:
        self.broker.clock = lambda: self.now
        self.people = People(self.broker, site("", 8400, "Testtown"), nobody_left)

    async def member(self, name: str, organisation: str, *roles: str) -> Member:
        """Somebody who was invited and has enrolled."""
        one, link = account.invited(name, organisation, roles, None, self.now)
        await self.people.add(one, FIRST)
        key, here = Authenticator(), self.people.site
        made = key.made(CHALLENGE)
        passkey = registered(made, CHALLENGE, here.origin, here.rp_id, self.now)
        after = await self.people.enrol(link, name, passkey)
        return Member(after.actor(None), key)
