"""The public portal: every camera, what it is for, and its published counts; and every model that
looks at pictures, with its card.

Rendered from the running system's own settings, policy and published cells, read as anyone:
what this page shows is what everyone may read, and it cannot drift from what is so.
"""

from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from townsquare.alerts.warnings.warning import Warning
from townsquare.register.cameras import Card
from townsquare.vision.detectors.listed import Card as Model
from townsquare.web.pages import Pages

CACHED = {"cache-control": "public, max-age=30"}
Cards = Callable[[], Awaitable[Sequence[Card]]]
Models = Callable[[], Sequence[Model]]
Warnings = Callable[[], Awaitable[Sequence[Warning]]]


def routes(pages: Pages, cards: Cards, models: Models, warnings: Warnings) -> list[Route]:
    async def start(_: Request) -> Response:
        found = await warnings()
        clock = pages.town.local
        return _cached(
            pages.page("portal.html", cameras=await cards(), warnings=found, clock=clock)
        )

    async def camera(request: Request) -> Response:
        for card in await cards():
            if card.name == request.path_params["name"]:
                return _cached(pages.page("camera.html", camera=card))
        raise HTTPException(404)

    return [
        Route("/", start),
        Route("/cameras/{name}", camera),
        *_of_models(pages, models),
    ]


def _of_models(pages: Pages, models: Models) -> list[Route]:
    async def every(_: Request) -> Response:
        return _cached(pages.page("models.html", models=models()))

    async def one(request: Request) -> Response:
        for card in models():
            if card.model.name == request.path_params["name"]:
                return _cached(PlainTextResponse(card.text, media_type="text/markdown"))
        raise HTTPException(404)

    return [Route("/models", every), Route("/models/{name}", one)]


def _cached(response: Response) -> Response:
    response.headers.update(CACHED)
    return response
