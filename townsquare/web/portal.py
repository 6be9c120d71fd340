"""The public portal: every camera, what it is for, and its published counts.

Rendered from the running system's own settings, policy and published cells, read as anyone:
what this page shows is what everyone may read, and it cannot drift from what is so.
"""

from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.register.cameras import Card
from townsquare.web.pages import Pages

CACHED = {"cache-control": "public, max-age=30"}
Cards = Callable[[], Awaitable[Sequence[Card]]]


def routes(pages: Pages, cards: Cards) -> list[Route]:
    async def start(_: Request) -> Response:
        return _cached(pages.page("portal.html", cameras=await cards()))

    async def camera(request: Request) -> Response:
        for card in await cards():
            if card.name == request.path_params["name"]:
                return _cached(pages.page("camera.html", camera=card))
        raise HTTPException(404)

    return [Route("/", start), Route("/cameras/{name}", camera)]


def _cached(response: Response) -> Response:
    response.headers.update(CACHED)
    return response
