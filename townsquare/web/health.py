"""Is the house well? `/healthz` for people and supervisors, `/metrics` for Prometheus.

Both are open to everyone and so say nothing that moves with what the city measures: a count of
changes, or processor time, would tell to the second when somebody walks through a quiet street.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare import __version__
from townsquare.context.admission import LONGEST_LAG
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Why, room
from townsquare.model.entity import Entity, iso
from townsquare.web.doctor.finding import State
from townsquare.web.notary import Notary

States = Callable[[], Mapping[str, State]]  # of the doctor's checks
VALUES: Mapping[State, float] = {"good": 0, "warning": 1, "alarm": 2, "unknown": -1}

WEB = room("web")
WHY = Why("operations")


class Health:
    def __init__(self, broker: Broker, notary: Notary, states: States = dict) -> None:
        self.broker = broker
        self.notary = notary
        self.states = states

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.healthz), Route("/metrics", self.metrics)]

    async def cameras(self) -> list[Entity]:
        query = Query(types=("Camera",), limit=MOST)
        return (await self.broker.find(query, WEB, WHY)).entities

    async def healthz(self, _: Request) -> Response:
        """503 where news is not read in time, else 200; with what is wrong."""
        states = {c.id.rsplit(":", 1)[1]: c.value("status") for c in await self.cameras()}
        lags = self.broker.lags()
        late = [name for name, lag in lags.items() if lag > LONGEST_LAG]
        failing = [name for name, state in states.items() if state == "failing"]
        unreadable = self.broker.store.unreadable()
        trouble, stale = self.notary.trouble, self.notary.stale
        short = self.broker.admission.short
        behind, clock = self.notary.time.trouble, self.notary.time.doubt
        body = {
            "status": "degraded"
            if any((late, failing, unreadable, trouble, stale, short, behind, clock))
            else "ok",
            "version": __version__,
            "cameras": states,
            "failing": failing,
            "lateReaders": late,
            "history": unreadable or "ok",
            "log": trouble or "ok",
            "disk": "nearly full" if short else "ok",
            "clock": behind or clock or "ok",
            "witnesses": self.witnesses(),
        }
        return JSONResponse(
            body, 503 if late or trouble or behind else 200, {"cache-control": "no-store"}
        )

    def witnesses(self) -> dict[str, str]:
        """When each cosigned last, or why it did not."""
        asked = self.notary.witnesses
        return {
            name: asked.trouble.get(name) or (iso(at) if at else "not yet")
            for name, at in asked.last().items()
        }

    async def metrics(self, _: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(Figures(self.broker.lags(), await self.cameras(), self.states()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    """The house's own figures at one moment."""

    def __init__(
        self,
        lags: dict[str, timedelta],
        cameras: list[Entity],
        states: Mapping[str, State],
    ) -> None:
        self.lags = lags
        self.cameras = cameras
        self.states = states

    def collect(self) -> Iterable[Metric]:
        lag = GaugeMetricFamily(
            "townsquare_reader_lag_seconds",
            "Age of the oldest unread change, in steps of 10",
            labels=["reader"],
        )
        for name, behind in self.lags.items():
            lag.add_metric([name], behind.total_seconds() // 10 * 10)
        yield lag
        works = GaugeMetricFamily(
            "townsquare_camera_working", "1 while the camera works", labels=["camera"]
        )
        for camera in self.cameras:
            works.add_metric([camera.id], float(camera.value("status") == "working"))
        yield works
        check = GaugeMetricFamily(
            "townsquare_check_state",
            "Of a check of the doctor: 0 good, 1 warning, 2 alarm, -1 unknown",
            labels=["check"],
        )
        for name, state in self.states.items():
            check.add_metric([name], VALUES[state])
        yield check
