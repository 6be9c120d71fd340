"""The list of checks as a page, and for the command line.

Always holds: it opens where the town is shut too, since it says why; to the people of the town, and
to nobody else.
"""

from dataclasses import dataclass
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.customs import near
from townsquare.model.entity import Json, iso
from townsquare.model.texts import later
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.control import Control
from townsquare.web.doctor.finding import STATES, TITLES, Finding, State, by_check, worst
from townsquare.web.doctor.rounds import Rounds
from townsquare.web.inside import away
from townsquare.web.within import around

SUMS: dict[State, str] = {
    "alarm": later("Something needs a person now."),
    "warning": later("Something needs a person soon."),
    "unknown": later("Nothing is wrong that is known; something is not known."),
    "good": later("All is well."),
}


@dataclass(frozen=True, slots=True)
class DoctorPage:
    control: Control
    rounds: Rounds

    def routes(self) -> list[Route]:
        return [Route("/doctor", self.page), Route("/commands/doctor", self.told)]

    async def page(self, request: Request) -> Response:
        control = self.control
        if elsewhere := away(control, request, "checks of the town's server"):
            return elsewhere
        found = by_check(self.rounds.findings)
        page = control.pages.page(
            "doctor.html",
            inside=around(control.broker, request.state.actor, accounts=control.mode == "login"),
            found=found,
            titles=TITLES,
            states=STATES,
            sum=SUMS[worst(self.rounds.findings)],
            worst=worst,
            since=self._since,
            at=control.pages.town.local(control.broker.clock()),
        )
        page.headers["cache-control"] = "no-store"
        return page

    async def told(self, request: Request) -> Response:
        """To the owner of this machine, through the control socket."""
        if request.state.actor != ADMINISTRATOR:
            raise HTTPException(404)
        return JSONResponse([line(one) for one in self.rounds.findings])

    def _since(self, at: datetime | None) -> str:
        return near(self.control.pages.town.local(at)) if at else ""


def line(one: Finding) -> dict[str, Json]:
    return {
        "check": one.check,
        "subject": one.subject,
        "state": one.state,
        "seen": one.seen.told,
        "next": one.next.told,
        "since": iso(one.since) if one.since else "",
    }
