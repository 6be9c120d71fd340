"""The page of calling people: who is on call, what a chain does, which ways work, what was sent.

Always holds: the page holds nothing of that itself; it is asked for at the doors of the room, with
the rights of who looks.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.alerts.notify.types import BROWSER, NOTIFICATION
from townsquare.model.errors import Denied
from townsquare.web.auth import usual
from townsquare.web.control import Control
from townsquare.web.within import around


@dataclass(frozen=True, slots=True)
class NotifyPage:
    control: Control

    def routes(self) -> list[Route]:
        return [Route("/control/notify", self.page)]

    async def page(self, request: Request) -> Response:
        control, by = self.control, request.state.actor
        if request.state.session is None and control.mode != "open":
            return RedirectResponse("/control" if control.demo else "/signin", 303)
        seen = control.broker.grant(by, request.state.why, "read", NOTIFICATION)
        if not seen.allowed:
            raise Denied(f"calls are for the control room; you are here as {control.titles(by)}")
        acting = by.through("alerts")
        tests, registers = (
            control.broker.grant(acting, usual(by), "write", type).allowed
            for type in (NOTIFICATION, BROWSER)
        )
        page = control.pages.page(
            "notify.html",
            session={
                "tests": tests,
                "registers": registers,
                "timezone": control.pages.town.timezone,
            },
            inside=around(control.broker, by, accounts=control.mode == "login"),
        )
        page.headers["cache-control"] = "no-store"
        return page
