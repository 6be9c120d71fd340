"""The video wall: the control room for a big screen that nobody sits at.

Always holds: it shows what the role of who started it may see, and offers nothing to change.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.web.control import Control
from townsquare.web.inside import away


@dataclass(frozen=True, slots=True)
class WallPage:
    control: Control

    def routes(self) -> list[Route]:
        return [Route("/control/wall", self.page)]

    async def page(self, request: Request) -> Response:
        control = self.control
        if elsewhere := away(control, request, "the video wall"):
            return elsewhere
        shown = control.described(request.state.actor)
        page = control.pages.page("wall.html", session=shown)
        page.headers["cache-control"] = "no-store"
        return page
