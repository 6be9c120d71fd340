"""The policy for everyone to read, and the commands that change it."""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.web.approvals.book import Book
from townsquare.web.pages import Pages
from townsquare.web.policy import asking
from townsquare.web.policy.meaning import extent, meaning, people
from townsquare.web.policy.ruling import Ruling

CACHED = {"cache-control": "public, max-age=30"}


def routes(ruling: Ruling, book: Book, pages: Pages) -> list[Route]:
    async def page(_: Request) -> Response:
        """Also while the town is closed: what is so must not be hidden by what is wrong."""
        told = await ruling.told()
        policy = ruling.broker.policy
        response = pages.page(
            "policy.html",
            **told,
            meaning=meaning(policy),
            people=people(policy),
            extent=extent,
        )
        response.headers.update(CACHED)
        return response

    async def told(_: Request) -> Response:
        return JSONResponse(await ruling.told())

    async def propose(request: Request) -> Response:
        by = request.state.actor
        id, change = await ruling.propose(by, request.state.why)
        asked = await asking.ask(book, id, change, by) if change.needs_approvers else None
        return JSONResponse({"version": id, "approval": asked, **msgspec.to_builtins(change)}, 201)

    return [
        Route("/policy", page),
        Route("/policy/versions", told),
        Route("/policy/versions", propose, methods=["POST"]),
    ]
