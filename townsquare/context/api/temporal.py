"""The past out: retrieve and query (clauses 5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1 and 6.24)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import get_args

from townsquare.context.aggregate import METHODS, Aggregation, read_duration
from townsquare.context.api.record import entity_id
from townsquare.context.api.select import SELECTORS, names, selector
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.read import read_time
from townsquare.context.form.temporal import write_aggregates, write_evolution, write_values
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query
from townsquare.context.routes import Routes
from townsquare.context.temporal import Evolution, TemporalQuery
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, NotFound
from townsquare.store.past import Span, TimeProperty, Window

PAGE = 30  # instances in an answer; those who want more ask on from its end (clause 6.3.10)
TEMPORAL = (
    "timerel",
    "timeAt",
    "endTimeAt",
    "timeproperty",
    "lastN",
    "aggrMethods",
    "aggrPeriodDuration",
)
SHOWN = ("attrs", "pick", "omit", "datasetId", "lang", "options", "format", "local")
FORMATS = frozenset(
    {"normalized", "concise", "temporalValues", "aggregatedValues", "sysAttrs", "count"}
)


class Past:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "temporal/entities": {"GET": self.query},
            "temporal/entities/*": {"GET": self.retrieve},
        }

    async def query(self, request: Request) -> Answer:
        request.known(*SELECTORS, *TEMPORAL, *SHOWN, "orderBy")
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        if "timerel" not in request.parameters:
            raise Invalid("a query of the past needs timerel: before, after or between")
        ask = asked(request, terms, selector(request, terms))
        bodies, headers = await self._answer(request, ask, terms)
        status = 206 if "content-range" in headers else 200
        return replace(answer_json(request, bodies, terms, media, **headers), status=status)

    async def retrieve(self, request: Request) -> Answer:
        request.known(*TEMPORAL, *SHOWN)
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        id = entity_id(request)
        # Through `read`, so that a missing and a hidden entity are told alike.
        await self.broker.read(id, request.actor, request.why, tenant=request.tenant)
        ask = asked(request, terms, Query(ids=(id,)))
        bodies, headers = await self._answer(request, ask, terms)
        if not bodies:
            raise NotFound(f"{id} has nothing in its past that was asked for and is open to you")
        status = 206 if "content-range" in headers else 200
        return replace(answer_json(request, bodies[0], terms, media, **headers), status=status)

    async def _answer(
        self, request: Request, ask: TemporalQuery, terms: Terms
    ) -> tuple[list[Json], dict[str, str]]:
        by, why, tenant = request.actor, request.why, request.tenant
        shape = shaped(request)
        if shape == "aggregatedValues":
            how = aggregation(request)
            sums = await self.broker.aggregates(ask, how, by, why, tenant=tenant)
            return write_aggregates(sums, terms, how.methods, ask.attributes), {}
        found = await self.broker.evolution(ask, by, why, tenant=tenant)
        headers = {"content-range": content_range(ask, found.part)} if found.part else {}
        return written(request, found, terms, shape), headers


def asked(request: Request, terms: Terms, query: Query) -> TemporalQuery:
    last = request.number("lastN", 0)
    if "lastN" in request.parameters and not last:
        raise Invalid("lastN must be a whole number from 1")
    return TemporalQuery(
        query,
        attributes=names(request, terms),
        window=window(request),
        datasets=datasets(request),
        last=last or None,
        most=PAGE,
    )


def shaped(request: Request) -> str:
    """`format` stands before `options`."""
    chosen = [name for name in request.options(FORMATS) if name not in ("sysAttrs", "count")]
    return chosen[0] if chosen else "normalized"


def written(request: Request, found: Evolution, terms: Terms, shape: str) -> list[Json]:
    of = time_property(request)
    if shape == "temporalValues":
        return [write_values(entity, terms, of) for entity in found.entities]
    sys, concise = request.option("sysAttrs"), shape == "concise"
    return [write_evolution(e, terms, concise=concise, sys=sys, of=of) for e in found.entities]


def aggregation(request: Request) -> Aggregation:
    methods = request.listed("aggrMethods")
    if not methods:
        raise Invalid(f"aggregatedValues needs aggrMethods: {', '.join(sorted(METHODS))}")
    if unknown := [name for name in methods if name not in METHODS]:
        raise Invalid(f"aggrMethods has {unknown[0]!r}; known: {', '.join(sorted(METHODS))}")
    every = read_duration(request.parameters.get("aggrPeriodDuration", "PT0S"))
    return Aggregation(methods, every)


def datasets(request: Request) -> tuple[str | None, ...]:
    return tuple(None if name == "@none" else name for name in request.listed("datasetId"))


# --- time (clause 4.11)


def time_property(request: Request) -> TimeProperty:
    given = request.parameters.get("timeproperty", "observedAt")
    for known in get_args(TimeProperty):
        if given == known:
            return known  # type: ignore[no-any-return]  # one of the literals
    raise Invalid(f"timeproperty must be one of {', '.join(get_args(TimeProperty))}: {given!r}")


def window(request: Request) -> Window | None:
    """None where nothing is asked of time."""
    of, relation = time_property(request), request.parameters.get("timerel")
    at, end = (_time_of(request, name) for name in ("timeAt", "endTimeAt"))
    if relation is None:
        if at or end:
            raise Invalid("timeAt and endTimeAt need timerel")
        return Window(of) if "timeproperty" in request.parameters else None
    if at is None or (relation == "between") != (end is not None):
        raise Invalid("timerel needs timeAt, and between needs endTimeAt too")
    bounds: Mapping[str, tuple[datetime | None, datetime | None]] = {
        "before": (None, at),
        "after": (at, None),
        "between": (at, end),
    }
    if relation not in bounds:
        raise Invalid(f"timerel must be before, after or between, is {relation!r}")
    return Window(of, *bounds[relation])


def _time_of(request: Request, name: str) -> datetime | None:
    text = request.parameters.get(name)
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        raise Invalid(f"{name} must be a UTC time like 2026-01-31T12:00:00Z, is {text!r}")
    return found


def content_range(ask: TemporalQuery, part: Span) -> str:
    """From where the pages are counted to where this one ends (clause 6.3.10)."""
    since, until = (ask.window.since, ask.window.until) if ask.window else (None, None)
    if ask.last is not None:
        return f"date-time {_iso(until or part.last)}-{_iso(part.first)}/{ask.last}"
    return f"date-time {_iso(since or part.first)}-{_iso(part.last)}/*"


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
