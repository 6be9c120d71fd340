"""The alarm load as pages: for the control room with every alarm by name, and for everyone.

Always holds: both are made from the same report whenever somebody asks, so nobody can edit one;
the public one names no place, and no number of alarms from 1 to 4.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil

from msgspec import Struct, json
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.alerts import told
from townsquare.alerts.load.flood import FLOOD_ABOVE
from townsquare.alerts.load.reports import Reports
from townsquare.context.broker import Broker
from townsquare.model import customs
from townsquare.model.entity import Entity
from townsquare.model.errors import Denied
from townsquare.model.texts import later, text
from townsquare.web.pages import Pages
from townsquare.web.within import around

CACHED = {"cache-control": "public, max-age=300"}
BARS = 750  # in a picture, at most
LAST = {
    "tenMinutes": later("Last 10 minutes"),
    "hour": later("Last hour"),
    "day": later("Last day"),
}


class Bar(Struct, frozen=True):
    """The most alarms in ten minutes of this stretch; None: unknown."""

    x: int
    number: int | None


class Picture(Struct, frozen=True):
    bars: Sequence[Bar]
    top: int
    each: int  # tens of minutes in a bar


def picture(numbers: Sequence[int | None]) -> Picture:
    each = ceil(len(numbers) / BARS)
    parts = [numbers[at : at + each] for at in range(0, len(numbers), each)]
    known = [[number for number in part if number is not None] for part in parts]
    bars = [Bar(x, max(part, default=None)) for x, part in enumerate(known)]
    top = max((bar.number or 0 for bar in bars), default=0)
    return Picture(bars, max(top, FLOOD_ABOVE) + 2, each)


def routes(pages: Pages, reports: Reports, broker: Broker) -> list[Route]:
    async def inside(request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        try:
            reports.require(by, why)
        except Denied:
            if request.state.session is None:
                return RedirectResponse("/control", 303)
            raise
        asked = request.query_params.get("month", "")
        loads = {"month": await reports.month(asked)} if asked else await reports.last()
        whole = loads["month" if asked else "day"]
        named = await reports.named([*loads.values()], by, why)
        page = pages.page(
            "load.html",
            inside=around(broker, by, accounts=not pages.demo),
            month=asked,
            months=await reports.names(),
            loads=loads,
            titles=LAST,
            load=whole,
            picture=picture(whole.numbers),
            named=_names(named),
            told=told,
            moment=lambda at: _moment(reports, at),
            flooded=any(flood.until is None for flood in whole.floods),
        )
        page.headers["cache-control"] = "no-store"
        return page

    async def public(request: Request) -> Response:
        names = await reports.names()
        asked = request.query_params.get("month", "") or (names[0] if names else "")
        published = await reports.public(asked) if asked else None
        page = pages.page(
            "alarm-load.html",
            months=names,
            load=published,
            picture=published and picture(published.numbers),
            told=told,
            moment=lambda at: _moment(reports, at),
        )
        page.headers.update(CACHED)
        return page

    async def file(request: Request) -> Response:
        asked = request.query_params.get("month", "")
        return Response(json.encode(await reports.public(asked)), 200, CACHED, "application/json")

    return [
        Route("/control/load", inside),
        Route("/alarm-load", public),
        Route("/open-data/alarm-load.json", file),
    ]


def _names(named: Mapping[str, Entity]) -> Mapping[str, str]:
    """What rings, and where."""
    return {
        id: f"{alarm.value('name') or text('Alarm')} · {_short(alarm.value('alertSource') or id)}"
        for id, alarm in named.items()
    }


def _short(id: str) -> str:
    return id.rsplit(":", 1)[-1]


def _moment(reports: Reports, at: datetime) -> str:
    return customs.moment(reports.town.local(at))
