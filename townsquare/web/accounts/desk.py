"""The room of accounts, put together."""

from starlette.routing import Route

from townsquare.web.accounts.ceremony import Ceremonies
from townsquare.web.accounts.commands import Commands
from townsquare.web.accounts.enrolling import Enrolling
from townsquare.web.accounts.governing import Governing
from townsquare.web.accounts.people import People
from townsquare.web.accounts.signing import Signing
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.pages import Pages
from townsquare.web.sessions import Sessions
from townsquare.web.tries import Tries


def routes(
    people: People, tokens: Tokens, pages: Pages, sessions: Sessions, tries: Tries
) -> list[Route]:
    ceremonies = Ceremonies(people)
    signing = Signing(ceremonies, pages, sessions, tries)
    return [
        *signing.routes(),
        *Enrolling(ceremonies, signing, pages, tries).routes(),
        *Governing(people, tokens, pages).routes(),
        *Commands(people, tokens).routes(),
    ]
