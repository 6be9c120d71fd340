"""The doors of accounts where there are none: in the demo, and in a town that is open.

Always holds: they say why, or lead to where everyone may go anyway.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.web.pages import Pages

PATHS = ("/accounts", "/account", "/enrol", "/emergency")


def routes(pages: Pages) -> list[Route]:
    async def without(request: Request) -> Response:
        whose = "The demo" if pages.demo else "A town started with --open"
        return pages.page(
            "error.html",
            404,
            status=404,
            title=f"{whose} has no accounts",
            detail="Everybody is let in without signing in. In a town of your own (townsquare"
            " init, then townsquare run) the first start prints a link for the first account;"
            " people sign in with passkeys, and an administrator invites the others.",
        )

    async def signin(request: Request) -> Response:
        return RedirectResponse("/control", 303)

    return [Route("/signin", signin), *(Route(path, without) for path in PATHS)]
