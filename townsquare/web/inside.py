"""Who is let onto a page of the control room, and where others are sent."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from townsquare.model.actor import Actor
from townsquare.model.errors import Denied
from townsquare.web.control import Control
from townsquare.web.within import MAY_ENTER


def away(control: Control, request: Request, what: str) -> Response | None:
    """To sign in, for who did not. Raises Denied for whom the page is not."""
    by: Actor = request.state.actor
    if request.state.session is None and control.mode != "open":
        return RedirectResponse("/control" if control.demo else "/signin", 303)
    if by.roles.isdisjoint(MAY_ENTER):
        raise Denied(f"{what} are for the control room; you are here as {control.titles(by)}")
    return None
