"""The room of accounts, put together."""

from dataclasses import dataclass

from starlette.routing import Route

from townsquare.web.accounts.ceremony import Ceremonies
from townsquare.web.accounts.commands import Commands
from townsquare.web.accounts.emergency import Emergency
from townsquare.web.accounts.enrolling import Enrolling
from townsquare.web.accounts.genesis import FirstPolicy, Genesis
from townsquare.web.accounts.governing import Governing
from townsquare.web.accounts.people import People
from townsquare.web.accounts.provider import Provider, ProviderDoors
from townsquare.web.accounts.signing import Signing
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.pages import Pages
from townsquare.web.sessions import Sessions
from townsquare.web.tries import Tries


@dataclass(frozen=True, slots=True)
class Beside:
    """What a town may have beside accounts: somebody else who knows people, a policy to sign."""

    provider: Provider | None = None
    first: FirstPolicy | None = None


NOTHING_BESIDE = Beside()


class Desk:
    def __init__(
        self,
        people: People,
        tokens: Tokens,
        pages: Pages,
        sessions: Sessions,
        tries: Tries,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        provider, first = beside.provider, beside.first
        ceremonies = Ceremonies(people)
        host = provider.settings.host if provider else ""
        signing = Signing(ceremonies, pages, sessions, tries, host)
        beyond = ProviderDoors(provider, people, signing, tries).routes() if provider else []
        self.emergency = Emergency(signing)
        self._routes = [
            *signing.routes(),
            *beyond,
            *(Genesis(first, ceremonies, pages).routes() if first else []),
            *Enrolling(ceremonies, signing, pages, tries).routes(),
            *self.emergency.routes(),
            *Governing(people, tokens, pages).routes(),
            *Commands(people, tokens).routes(),
        ]

    def routes(self) -> list[Route]:
        return self._routes

    async def run(self) -> None:
        """Never returns."""
        await self.emergency.run()
