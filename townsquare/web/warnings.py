"""Pages of warnings: the list, and one as a form while it is a draft.

Always holds: what everyone reads is not made here but at the doors of the room; a draft is shown to
those who sit in the control room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.alerts.handover.paper import Named
from townsquare.alerts.incidents.doors import reader
from townsquare.alerts.warnings import message
from townsquare.alerts.warnings.cap import CAP_TYPE
from townsquare.alerts.warnings.desk import WarningDesk
from townsquare.alerts.warnings.types import WARNING
from townsquare.alerts.warnings.warning import DRAFT, PUBLISHED
from townsquare.model.customs import near
from townsquare.model.entity import Json
from townsquare.model.texts import later
from townsquare.model.town import NOWHERE, Town
from townsquare.web.auth import usual
from townsquare.web.control import Control
from townsquare.web.inside import away
from townsquare.web.within import around

CHOICES = {
    "status": message.Status,
    "category": message.Category,
    "urgency": message.Urgency,
    "severity": message.Severity,
    "certainty": message.Certainty,
    "response": message.Response,
}
TITLES = {
    "status": later("Meant"),
    "category": later("Kind of danger"),
    "urgency": later("Urgency"),
    "severity": later("Severity"),
    "certainty": later("Certainty"),
    "response": later("What people should do"),
}
# As the standard calls them, for who writes one; a message itself keeps the terms.
TERMS = (
    later("Actual"),
    later("Exercise"),
    later("Test"),
    later("Geo"),
    later("Met"),
    later("Safety"),
    later("Security"),
    later("Rescue"),
    later("Fire"),
    later("Health"),
    later("Env"),
    later("Transport"),
    later("Infra"),
    later("CBRNE"),
    later("Other"),
    later("Shelter"),
    later("Evacuate"),
    later("Prepare"),
    later("Execute"),
    later("Avoid"),
    later("Monitor"),
    later("AllClear"),
    later("None"),
    later("Immediate"),
    later("Expected"),
    later("Future"),
    later("Past"),
    later("Unknown"),
    later("Extreme"),
    later("Severe"),
    later("Moderate"),
    later("Minor"),
    later("Observed"),
    later("Likely"),
    later("Possible"),
    later("Unlikely"),
)
KINDS = {"Alert": later("Warning"), "Update": later("Correction"), "Cancel": later("End")}


@dataclass(frozen=True, slots=True)
class WarningPages:
    control: Control
    desk: WarningDesk
    named: Named

    def routes(self) -> list[Route]:
        return [
            Route("/control/warnings", self.listed),
            Route("/control/warnings/{id}.xml", self.preview),
            Route("/control/warnings/{id}", self.one),
        ]

    async def listed(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "warnings"):
            return elsewhere
        return self._page(
            "warnings.html", request, warnings=await self.desk.latest(reader(request))
        )

    async def one(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "warnings"):
            return elsewhere
        one = await self.desk.one(request.path_params["id"], reader(request))
        choices = {name: get_args(terms) for name, terms in CHOICES.items()}
        where = _where(one.message.areas, self.control.pages.town)
        return self._page(
            "warning.html", request, one=one, choices=choices, titles=TITLES, where=where
        )

    async def preview(self, request: Request) -> Response:
        """As it would be published."""
        if elsewhere := away(self.control, request, "warnings"):
            return elsewhere
        one = await self.desk.one(request.path_params["id"], reader(request))
        return Response(
            self.desk.drafted(one), 200, {"cache-control": "no-store"}, f"{CAP_TYPE}; charset=utf-8"
        )

    def _page(self, name: str, request: Request, **shown: Json) -> Response:
        control, who = self.control, reader(request)
        town = control.pages.town
        grant = control.broker.grant(who.by.through("alerts"), usual(who.by), "write", WARNING)
        page = control.pages.page(
            name,
            inside=around(control.broker, who.by, accounts=control.mode == "login"),
            may=grant.allowed,
            draft=DRAFT,
            published=PUBLISHED,
            kinds=KINDS,
            now=control.broker.clock(),
            named=lambda id: self.named(id) or id.rsplit(":", 1)[-1],
            clock=lambda at: near(town.local(at)) if at else "",
            hour=lambda at: f"{town.local(at):%Y-%m-%dT%H:%M}" if at else "",
            **shown,
        )
        page.headers["cache-control"] = "no-store"
        return page


def _where(areas: Sequence[message.Area], town: Town) -> Json:
    """What the map shows, and the town's clock."""
    centre = None if town.centre == NOWHERE else [town.centre.lon, town.centre.lat]
    return {
        "polygons": [one for area in areas for one in area.polygons],
        "circles": [one for area in areas for one in area.circles],
        "town": {"centre": centre, "zoom": town.zoom, "timezone": town.timezone},
    }
