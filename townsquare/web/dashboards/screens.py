"""The pages of dashboards: which there are, one of a service or place, and its figures as CSV.

Always holds: what a page shows is read with the rights of who looks, and so is its CSV.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.alerts.alert import ALERT
from townsquare.model import customs
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid
from townsquare.model.texts import later, text
from townsquare.vision.entities import CROWD, TRAFFIC
from townsquare.web.control import Control
from townsquare.web.dashboards import spans
from townsquare.web.dashboards.charts import Chart
from townsquare.web.dashboards.measures import MOST_CHARTS
from townsquare.web.dashboards.reading import Reader, Topic
from townsquare.web.dashboards.sheet import sheet
from townsquare.web.dashboards.spans import Span
from townsquare.web.inside import away
from townsquare.web.within import around

AT = "/control/dashboards"
TITLES = {
    CROWD: later("Counts of people"),
    TRAFFIC: later("Counts of vehicles"),
    ALERT: later("Alarms"),
}
LENGTHS: dict[spans.Name, str] = {
    "hour": later("Hour"),
    "day": later("Day"),
    "week": later("Week"),
    "year": later("Year"),
}
BEFORE: dict[spans.Name, str] = {
    "hour": later("the same hour a week before"),
    "day": later("the same hours a week before"),
    "week": later("the week before"),
    "year": later("the same days 52 weeks before"),
}
SHOWN = ("name", "cameraName", "title")


@dataclass(frozen=True, slots=True)
class Dashboards:
    control: Control

    def routes(self) -> list[Route]:
        return [
            Route(AT, self.overview),
            Route(f"{AT}.csv", self.file),
            Route(f"{AT}/{{id:path}}", self.page),
        ]

    async def overview(self, request: Request) -> Response:
        control = self.control
        if elsewhere := away(control, request, "dashboards"):
            return elsewhere
        reader = self._reader(request)
        services = [(self.path(type), titled(type)) for type in await reader.services()]
        cameras = [
            (self.path(one.id), named(one), self._spots(one)) for one in await reader.cameras()
        ]
        return self._told("dashboards.html", request, services=services, cameras=cameras)

    def _spots(self, camera: Entity) -> list[tuple[str, str]]:
        name = camera.id.rsplit(":", 1)[-1]
        there = [*(camera.value("zones") or ()), *(camera.value("lines") or ())]
        id = f"urn:ngsi-ld:{CROWD}:{name}-"
        return [(self.path(f"{id}{spot['name']}"), str(spot["name"])) for spot in there]

    async def page(self, request: Request) -> Response:
        if elsewhere := away(self.control, request, "dashboards"):
            return elsewhere
        reader = self._reader(request)
        topic, span = await reader.topic(request.path_params["id"]), self._span(request)
        charts = await reader.charts(topic, span)
        title = named(topic.place) if topic.place else titled(topic.id)
        return self._told(
            "dashboard.html",
            request,
            title=title,
            topic=topic,
            span=span,
            charts=charts,
            cut=len(topic.measures) >= MOST_CHARTS,
            places=self._places(topic),
            lengths=[
                (name, words, self._link(topic, name, request)) for name, words in LENGTHS.items()
            ],
            compares=wanted(request),
            other=self._link(topic, span.name, request, compare=not wanted(request)),
            before=BEFORE[span.name],
            earlier=self._moved(topic, span, request, span.since),
            later=self._moved(topic, span, request, span.until + (span.until - span.since)),
            csv=lambda chart: self._csv(topic, request, chart),
            local=lambda at: self._written(at, span),
            drawn=[self._drawn(chart, span) for chart in charts],
            known=customs.number,
        )

    async def file(self, request: Request) -> Response:
        """With `chart` that one alone."""
        if elsewhere := away(self.control, request, "dashboards"):
            return elsewhere
        reader, asked = self._reader(request), request.query_params
        topic, span = await reader.topic(asked.get("of", "")), self._span(request)
        charts = await reader.charts(topic, span)
        if one := asked.get("chart"):
            charts = [chart for chart in charts if chart.key == one]
        name = "".join(
            c if c.isascii() and c.isalnum() else "-" for c in topic.id.split("ngsi-ld:")[-1]
        )
        headers = {
            "content-disposition": f'attachment; filename="{name}-{span.name}.csv"',
            "cache-control": "no-store",
        }
        told = sheet(charts, self.control.pages.town)
        return Response(told, 200, headers, "text/csv; charset=utf-8; header=present")

    def _reader(self, request: Request) -> Reader:
        state, control = request.state, self.control
        return Reader(control.broker, control.pages.town, state.actor, state.why)

    def _span(self, request: Request) -> Span:
        asked, now = request.query_params, self.control.broker.clock()
        until = min(now, moment(asked["until"])) if asked.get("until") else now
        return spans.span(spans.read(asked.get("span", "day")), until, self.control.pages.town)

    def _told(self, name: str, request: Request, **values: Any) -> Response:
        control = self.control
        ways = around(control.broker, request.state.actor, accounts=control.mode == "login")
        page = control.pages.page(name, inside=ways, **values)
        page.headers["cache-control"] = "no-store"
        return page

    # --- addresses

    def path(self, id: str) -> str:
        return f"{AT}/{quote(id, safe=':')}"

    def _places(self, topic: Topic) -> list[tuple[str, str]]:
        if topic.id == ALERT:
            return []
        there = topic.shown if not topic.place or len(topic.shown) > 1 else []
        return sorted((self.path(one.id), placed(one)) for one in there)

    def _link(
        self, topic: Topic, name: str, request: Request, *, compare: bool | None = None
    ) -> str:
        asked = request.query_params
        compares = wanted(request) if compare is None else compare
        query = {"span": name, "compare": "yes" if compares else "no"}
        if until := asked.get("until"):
            query["until"] = until
        return f"{self.path(topic.id)}?{urlencode(query)}"

    def _moved(self, topic: Topic, span: Span, request: Request, until: datetime) -> str:
        """Empty where that would be after now."""
        now = self.control.broker.clock()
        if until > now and span.until >= now:
            return ""
        query = {"span": span.name, "compare": "yes" if wanted(request) else "no"}
        if until < now:
            query["until"] = until.isoformat()
        return f"{self.path(topic.id)}?{urlencode(query)}"

    def _csv(self, topic: Topic, request: Request, chart: Chart | None) -> str:
        span = request.query_params.get("span", "day")
        query = {"of": topic.id, "span": span}
        if until := request.query_params.get("until"):
            query["until"] = until
        if chart:
            query["chart"] = chart.key
        return f"{AT}.csv?{urlencode(query)}"

    # --- words

    def _written(self, at: datetime, span: Span) -> str:
        local = self.control.pages.town.local(at)
        return customs.day(local) if span.name == "year" else customs.near(local)

    def _drawn(self, chart: Chart, span: Span) -> dict[str, Json]:
        """For the browser, as columns; times are seconds since 1970."""
        points = chart.points
        return {
            "title": chart.title,
            "unit": chart.unit,
            "how": chart.how,
            "at": [point.since.timestamp() for point in points],
            "until": span.until.timestamp(),
            "value": [point.value for point in points],
            "before": [point.before for point in points],
            "low": [point.low for point in points],
            "high": [point.high for point in points],
            "light": [point.part or point.growing for point in points],
            "sample": [point.sample for point in points],
        }


def moment(asked: str) -> datetime:
    """Raises Invalid."""
    try:
        at = datetime.fromisoformat(asked)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None or not 1970 < at.year < 9000:
        raise Invalid(f"until {asked[:40]!r} is no time; write one such as 2030-05-06T14:00:00Z")
    return at


def wanted(request: Request) -> bool:
    return request.query_params.get("compare", "yes") != "no"


def titled(type: str) -> str:
    return text(TITLES[type]) if type in TITLES else type


def named(entity: Entity) -> str:
    told = (entity.value(name) for name in SHOWN)
    return next((str(one) for one in told if one), entity.id.rsplit(":", 1)[-1])


def placed(entity: Entity) -> str:
    """With its camera's name in it, where it has one."""
    return entity.id.rsplit(":", 1)[-1]
