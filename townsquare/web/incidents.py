"""Pages of incidents: the list, one with its steps and its story, and the procedures.

Always holds: a page holds nothing of an incident itself; that is asked for at the doors of the
room, with the rights of who looks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.alerts.incidents.acts import CAUSES, NUISANCE
from townsquare.alerts.incidents.incident import INCIDENT
from townsquare.alerts.incidents.types import PROCEDURE
from townsquare.alerts.warnings.types import WARNING
from townsquare.web.auth import usual
from townsquare.web.control import Control
from townsquare.web.inside import away
from townsquare.web.within import around


@dataclass(frozen=True, slots=True)
class IncidentPages:
    control: Control
    operators: Callable[[], Mapping[str, str]]  # id to name, as far as it is known

    def routes(self) -> list[Route]:
        return [
            Route("/control/procedures", self.page),
            Route("/control/incidents", self.page),
            Route("/control/incidents/{id}", self.page),
        ]

    async def page(self, request: Request) -> Response:
        control, by = self.control, request.state.actor
        if elsewhere := away(control, request, "incidents"):
            return elsewhere
        acting = by.through("alerts")
        page = control.pages.page(
            "incidents.html",
            session={
                "person": by.id,
                "warns": control.broker.grant(acting, usual(by), "write", WARNING).allowed,
                "acts": control.broker.grant(acting, usual(by), "write", INCIDENT).allowed,
                "writes": control.broker.grant(acting, usual(by), "write", PROCEDURE).allowed,
                "people": [
                    [id, name or id.rsplit(":", 1)[-1]] for id, name in self.operators().items()
                ],
                "procedures": request.url.path == "/control/procedures",
                "causes": [[name, title, name in NUISANCE] for name, title in CAUSES.items()],
                "incident": request.path_params.get("id", ""),
                "alarm": request.query_params.get("alarm", ""),
                "timezone": control.pages.town.timezone,
            },
            inside=around(control.broker, by, accounts=control.mode == "login"),
        )
        page.headers["cache-control"] = "no-store"
        return page
