"""The page of the rules of alarms: what holds, its versions, and the form that tries and keeps one.

Always holds: the page holds nothing of a rule itself; that is asked for at the doors of the room,
with the rights of who looks.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.alerts.kept_rules import ALARM_RULE
from townsquare.model.errors import Denied
from townsquare.web.auth import OPEN, usual
from townsquare.web.control import Control
from townsquare.web.within import MAY_ENTER, around


@dataclass(frozen=True, slots=True)
class RulePages:
    control: Control

    def routes(self) -> list[Route]:
        return [Route("/control/rules", self.page)]

    async def page(self, request: Request) -> Response:
        control, session = self.control, request.state.session
        if session is None and control.mode != "open":
            return RedirectResponse("/control" if control.demo else "/signin", 303)
        by = session.actor if session else OPEN
        if by.roles.isdisjoint(MAY_ENTER):
            raise Denied(f"rules are for the control room; you are here as {control.titles(by)}")
        changing = control.broker.grant(by.through("alerts"), usual(by), "write", ALARM_RULE)
        page = control.pages.page(
            "rules.html",
            session={"changes": changing.allowed, "timezone": control.pages.town.timezone},
            inside=around(control.broker, by, accounts=control.mode == "login"),
        )
        page.headers["cache-control"] = "no-store"
        return page
