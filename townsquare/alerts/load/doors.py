"""The alarm load as JSON, for programs, screens and the command line."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.load.figures import Load
from townsquare.alerts.load.reports import Reports
from townsquare.model.entity import Entity


def routes(reports: Reports) -> list[Route]:
    async def load(request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        reports.require(by, why)
        month = request.query_params.get("month", "")
        loads = {"month": await reports.month(month)} if month else await reports.last()
        named = await reports.named([*loads.values()], by, why)
        return JSONResponse(told(loads, named))

    async def timeline(request: Request) -> Response:
        reports.require(request.state.actor, request.state.why)
        return JSONResponse(msgspec.to_builtins(await reports.timeline()))

    return [Route("/alerts/load", load), Route("/alerts/timeline", timeline)]


def told(loads: Mapping[str, Load], named: Mapping[str, Entity]) -> dict[str, Any]:
    """`alarms` are those that are named, as far as they may be seen."""
    alarms = {
        id: {"name": alarm.value("name"), "source": alarm.value("alertSource")}
        for id, alarm in named.items()
    }
    return {**{name: msgspec.to_builtins(one) for name, one in loads.items()}, "alarms": alarms}
