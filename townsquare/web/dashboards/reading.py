"""What a dashboard is made of, asked of the broker with the rights of who looks.

Always holds: the store sums up, step by step; no single instance is read.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.context.aggregate import Aggregation, Duration
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.context.temporal import Tally, TemporalQuery, Window
from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.model.entity import Entity
from townsquare.model.town import Town
from townsquare.trust.policy import Act
from townsquare.vision.entities import CAMERA, CROWD, TRAFFIC
from townsquare.web.dashboards.charts import Chart, Tallies, chart
from townsquare.web.dashboards.measures import Measure, of_place, of_service
from townsquare.web.dashboards.spans import Run, Span, runs

SERVICES = (CROWD, TRAFFIC, ALERT)
MOST_TOGETHER = 400  # entities that are summed up; of what cameras count half are live ones
MOST_LISTED = 200
OF_WINDOW = frozenset({"coverage", "sample"})


@dataclass(frozen=True, slots=True)
class Topic:
    """What a page is about. `places` have pages of their own; `more` than are shown."""

    id: str
    shown: Sequence[Entity]
    measures: Sequence[Measure]
    place: Entity | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """As `by` may see it."""

    broker: Broker
    town: Town
    by: Actor
    why: Why

    def may(self, type: str) -> bool:
        return all(self.broker.grant(self.by, self.why, a, type).allowed for a in READS)

    async def services(self) -> list[str]:
        """Types that may have a past: what is counted, alarms, and what devices tell."""
        census = await self.broker.census(self.by, self.why)
        own = self.broker.policy.types
        told = {type for what in census for type in what.types.split() if type not in own}
        there = {type for what in census for type in what.types.split()}
        return [type for type in (*SERVICES, *sorted(told)) if type in there and self.may(type)]

    async def cameras(self) -> Sequence[Entity]:
        return (await self._find(Query((CAMERA,), limit=MOST_LISTED)))[0]

    async def topic(self, id: str) -> Topic:
        """Of a service by its type, or of a place by its id. Raises NotFound and Denied."""
        if ":" not in id:
            shown, more = await self._find(Query((id,), not_scope=PUBLISHED, limit=MOST_TOGETHER))
            return Topic(id, shown, of_service(id, shown), more=more)
        place = await self.broker.read(id, self.by, self.why)
        if place.types[0] != CAMERA:
            camera = await self._camera_of(place)
            return Topic(id, [place], of_place([place], camera), place)
        types = tuple(type for type in (CROWD, TRAFFIC) if self.may(type))
        q = parse(f'refDevice=="{id}"')
        shown, more = (
            await self._find(Query(types, q=q, not_scope=PUBLISHED, limit=MOST_TOGETHER))
            if types
            else ([], False)
        )
        return Topic(id, shown, of_place(shown, place), place, more)

    async def _camera_of(self, flow: Entity) -> Entity | None:
        camera = flow.value("refDevice")
        if not isinstance(camera, str) or not self.may(CAMERA):
            return None
        found, _ = await self._find(Query((CAMERA,), ids=(camera,)))
        return found[0] if found else None

    async def charts(self, topic: Topic, span: Span) -> list[Chart]:
        """Those of which anything is known in either time come first."""
        now, known = self.broker.clock(), _known_since(topic)
        types = dict.fromkeys(measure.type for measure in topic.measures)
        tallies: dict[str, Tallies] = {
            type: await self._tallies(type, topic, span) for type in types
        }
        made = [chart(m, span, tallies[m.type], known, now) for m in topic.measures]
        return sorted(made, key=lambda one: not one.known)

    async def _tallies(self, type: str, topic: Topic, span: Span) -> Tallies:
        measures = [measure for measure in topic.measures if measure.type == type]
        found: defaultdict[datetime, dict[tuple[str, str], Tally]] = defaultdict(dict)
        for run in runs([*span.steps, *span.before]):
            for since, tally in await self._tallied(measures, run):
                found[since][tally.entity, tally.attribute] = tally
        return found

    async def _tallied(self, measures: Sequence[Measure], run: Run) -> list[tuple[datetime, Tally]]:
        one = measures[0]
        ids = tuple(dict.fromkeys(id for measure in measures for id in measure.ids))
        if not ids:
            return []
        names = {name for measure in measures for name in measure.attributes}
        names |= OF_WINDOW if one.counted else set()
        # A window that is observed at its end belongs to the step in which it began.
        window = Window(one.of, run.since + one.lag, run.until + one.lag)
        query = Query((one.type,), ids=ids, limit=len(ids))
        ask = TemporalQuery(query, tuple(sorted(names)), window=window)
        how = Aggregation(("sum",), Duration(time=run.length))
        found = await self.broker.chronicle.aggregates(ask, how, self.by, self.why)
        return [(found.edges[tally.period] - one.lag, tally) for tally in found.tallies]

    async def _find(self, query: Query) -> tuple[list[Entity], bool]:
        page = await self.broker.find(query, self.by, self.why)
        return [one for one in page.entities if LIVE not in one.scope], page.more


READS: tuple[Act, ...] = ("read", "temporal")


def _known_since(topic: Topic) -> datetime | None:
    """When the first alarm was raised; before that there is no knowing."""
    return min((one.created_at for one in topic.shown if one.created_at), default=None)
