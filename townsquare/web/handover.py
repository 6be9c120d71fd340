"""The hand-over of a shift as a page that prints well, and as a PDF.

Always holds: a page shows a signed hand-over as it was signed, and says of any other that it is
not signed; names of people come from their accounts, or their ids stand there.
"""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.alerts import told
from townsquare.alerts.handover.desk import HandoverDesk
from townsquare.alerts.handover.handover import Handover
from townsquare.alerts.handover.paper import Named, pdf, told_load
from townsquare.alerts.handover.report import Report
from townsquare.alerts.handover.shift import CHOICES_H, USUAL_H, last
from townsquare.alerts.handover.types import HANDOVER
from townsquare.alerts.incidents.doors import reader
from townsquare.model.customs import near
from townsquare.web.auth import usual
from townsquare.web.control import Control
from townsquare.web.inside import away
from townsquare.web.within import around


@dataclass(frozen=True, slots=True)
class HandoverPages:
    control: Control
    desk: HandoverDesk
    named: Named

    def routes(self) -> list[Route]:
        return [
            Route("/control/handover", self.now),
            Route("/control/handover.pdf", self.now_pdf),
            Route("/control/handover/{id}.pdf", self.signed_pdf),
            Route("/control/handover/{id}", self.signed),
        ]

    async def now(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "hand-overs"):
            return elsewhere
        return self._page(request, await self._report(request), None, await self._latest(request))

    async def signed(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "hand-overs"):
            return elsewhere
        one = await self.desk.one(request.path_params["id"], reader(request))
        return self._page(request, one.report, one, [])

    async def now_pdf(self, request: Request) -> Response:
        return away(self.control, request, "hand-overs") or await self._pdf(
            await self._report(request), None
        )

    async def signed_pdf(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "hand-overs"):
            return elsewhere
        one = await self.desk.one(request.path_params["id"], reader(request))
        return await self._pdf(one.report, one)

    # --- inside

    async def _report(self, request: Request) -> Report:
        now = self.control.broker.clock()
        shift = last(request.query_params.get("hours", ""), now)
        return await self.desk.gathering.report(shift, reader(request))

    async def _latest(self, request: Request) -> list[Handover]:
        return await self.desk.latest(reader(request))

    async def _pdf(self, report: Report, one: Handover | None) -> Response:
        town = self.control.pages.town
        made = await asyncio.to_thread(pdf, report, one, town, self._name)
        name = f"handover-{town.local(report.until):%Y-%m-%d-%H%M}.pdf"
        headers = {
            "content-disposition": f'inline; filename="{name}"',
            "cache-control": "no-store",
        }
        return Response(made, 200, headers, "application/pdf")

    def _page(
        self, request: Request, report: Report, one: Handover | None, latest: list[Handover]
    ) -> Response:
        control, who = self.control, reader(request)
        town = control.pages.town
        acts = control.broker.grant(who.by.through("alerts"), usual(who.by), "write", HANDOVER)
        page = control.pages.page(
            "handover.html",
            inside=around(control.broker, who.by, accounts=control.mode == "login"),
            report=report,
            signed=one,
            latest=latest,
            hours=request.query_params.get("hours", "") or str(USUAL_H),
            choices=[str(hours) for hours in CHOICES_H],
            may=acts.allowed and who.by.kind == "person",
            own=one is not None and one.written_by == who.by.id,
            named=self._name,
            told=told,
            age=lambda since: told.age(since, report.until),
            clock=lambda at: near(town.local(at)) if at else "",
            told_load=told_load(report),
        )
        page.headers["cache-control"] = "no-store"
        return page

    def _name(self, id: str) -> str:
        return self.named(id) or id.rsplit(":", 1)[-1]
