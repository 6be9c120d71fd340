"""The past of entities (clauses 5.6.11 to 5.6.16, 5.7.3, 5.7.4 and 6.18 to 6.22)."""

from datetime import datetime

from townsquare.context.api.select import SELECTORS, names, selector
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.read import read_time
from townsquare.context.form.temporal import write_temporal
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query, TemporalQuery
from townsquare.context.routes import Routes
from townsquare.model.errors import Invalid, NotFound


class Past:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "temporal/entities": {"GET": self.query_temporal},
            "temporal/entities/*": {"GET": self.retrieve_temporal},
        }

    async def query_temporal(self, request: Request) -> Answer:
        request.known(*SELECTORS, "timerel", "timeAt", "endTimeAt", "lastN")
        terms = await self.contexts.of(request)
        return await self._temporal(request, selector(request, terms), terms, single=False)

    async def retrieve_temporal(self, request: Request) -> Answer:
        request.known("timerel", "timeAt", "endTimeAt", "lastN", "attrs", "options", "format")
        terms = await self.contexts.of(request)
        id = request.path[2]
        # Through `read`, so that a missing and a hidden entity are told alike.
        await self.broker.read(id, request.actor, request.why, tenant=request.tenant)
        return await self._temporal(request, Query(ids=(id,)), terms, single=True)

    async def _temporal(
        self, request: Request, query: Query, terms: Terms, *, single: bool
    ) -> Answer:
        media = request.accepts(JSON, LD)
        after, before = period(request)
        last = request.number("lastN", 0) or None
        ask = TemporalQuery(query, names(request, terms), after, before, last)
        found = await self.broker.history(ask, request.actor, request.why, tenant=request.tenant)
        if single and not found:
            raise NotFound(f"{query.ids[0]} has no past that is open to you")
        values = "temporalValues" in (request.parameters.get("format"), *request.listed("options"))
        bodies = [write_temporal(e, terms, values=values) for e in found]
        return answer_json(request, bodies[0] if single else bodies, terms, media)


def period(request: Request) -> tuple[datetime | None, datetime | None]:
    """(after, before) of timerel, timeAt and endTimeAt (clause 4.11)."""
    relation = request.parameters.get("timerel")
    times = [_time_of(request, name) for name in ("timeAt", "endTimeAt")]
    if relation is None and times == [None, None]:
        return None, None
    if times[0] is None or (relation == "between") != (times[1] is not None):
        raise Invalid("timerel needs timeAt, and between needs endTimeAt too")
    if relation == "before":
        return None, times[0]
    if relation in ("after", "between"):
        return times[0], times[1]
    raise Invalid(f"timerel must be before, after or between, is {relation!r}")


def _time_of(request: Request, name: str) -> datetime | None:
    text = request.parameters.get(name)
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        raise Invalid(f"{name} must be a UTC time like 2026-01-31T12:00:00Z, is {text!r}")
    return found
