"""The doors of accounts where there are none: in the demo, and in a town that is open.

Always holds: they say why, or lead to where everyone may go anyway.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.web.pages import Pages

PATHS = ("/accounts", "/account", "/enrol", "/emergency")


def routes(pages: Pages) -> list[Route]:
    async def without(_: Request) -> Response:
        return pages.page("without.html", 404)

    async def signin(request: Request) -> Response:
        return RedirectResponse("/control", 303)

    return [Route("/signin", signin), *(Route(path, without) for path in PATHS)]
