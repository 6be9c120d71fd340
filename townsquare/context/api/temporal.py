"""The past out: retrieve and query (clauses 5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1 and 6.24)."""

from dataclasses import replace

import msgspec

from townsquare.context.api.ask import (
    HOW,
    OF_TIME,
    Telling,
    content_range,
    read_telling,
    temporal_query,
)
from townsquare.context.api.body import BY_POST, TEMPORAL_MEMBERS, read_query
from townsquare.context.api.record import entity_id
from townsquare.context.api.select import SELECTORS, narrowed, ordering, selector
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.temporal import write_aggregates, write_evolution, write_values
from townsquare.context.form.view import spoken, trimmed
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.ordering import read_order
from townsquare.context.paging import paging
from townsquare.context.query import Query
from townsquare.context.routes import Routes
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound

QUERY = (*SELECTORS, *OF_TIME, *HOW, "orderBy", "collation", "splitEntities")


class Past:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "temporal/entities": {"GET": self.query},
            "temporal/entities/*": {"GET": self.retrieve},
            "temporal/entityOperations/query": {"POST": self.query_by_post},
        }

    async def query(self, request: Request) -> Answer:
        request.known(*QUERY)
        terms = await self.contexts.of(request)
        return await self._found(request, selector(request, terms), terms)

    async def query_by_post(self, request: Request) -> Answer:
        request.known(*BY_POST)
        body = request.json()
        terms = await self.contexts.of(request, body)
        told, query = read_query(request, body, TEMPORAL_MEMBERS, terms)
        return await self._found(told, narrowed(told, query), terms)

    async def _found(self, request: Request, query: Query, terms: Terms) -> Answer:
        media = request.accepts(JSON, LD)
        if "timerel" not in request.parameters:
            raise Invalid("a query of the past needs timerel: before, after or between")
        query = replace(query, order=read_order(ordering(request), terms))
        if any(order.path.member != "id" or order.reference for order in query.order):
            raise Invalid("the past is ordered by id alone (clause 5.7.4.4)")
        how = read_telling(request, terms)
        answered = await self._answered(request, query, how, terms, media)
        return await self._with_terms(request, answered, terms)

    async def retrieve(self, request: Request) -> Answer:
        request.known(*OF_TIME, *HOW)
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        id = entity_id(request)
        how = read_telling(request, terms)
        # Through `read`, so that a missing and a hidden entity are told alike.
        await self.broker.read(id, request.actor, request.why, tenant=request.tenant)
        answered = await self._answered(request, Query(ids=(id,)), how, terms, media)
        if not answered.json or not answered.json[0]:
            raise NotFound(f"{id} has nothing in its past that was asked for and is open to you")
        one = replace(answered, json=answered.json[0])
        return await self._with_terms(request, one, terms)

    async def _answered(
        self, request: Request, query: Query, how: Telling, terms: Terms, media: str
    ) -> Answer:
        """Without @context yet."""
        ask = temporal_query(request, query, how)
        by, why, tenant = request.actor, request.why, request.tenant
        if how.aggregation:
            sums = await self.broker.aggregates(ask, how.aggregation, by, why, tenant=tenant)
            bodies = write_aggregates(sums, terms, how.aggregation.methods, ask.attributes)
            count, more, part = sums.count, sums.more, None
        else:
            found = await self.broker.evolution(ask, by, why, tenant=tenant)
            bodies = [written(entity, terms, how) for entity in found.entities]
            count, more, part = found.count, found.more, found.part
        headers = paging(request, query, media, more=more)
        if count is not None:
            headers["NGSILD_Results_Count"] = str(count)
        if part:
            headers["content-range"] = content_range(ask, part)
        return Answer(206 if part else 200, [_shown(b, how) for b in bodies], headers, media)

    async def _with_terms(self, request: Request, answer: Answer, terms: Terms) -> Answer:
        known = await self.contexts.addressed(terms, request.tenant)
        told = answer_json(request, answer.json, known, answer.media, **answer.headers)
        return replace(told, status=answer.status)


def written(entity: Entity, terms: Terms, how: Telling) -> Json:
    if how.languages:
        told = {
            name: tuple(spoken(i, how.languages) for i in instances)
            for name, instances in entity.attributes.items()
        }
        entity = msgspec.structs.replace(entity, attributes=told)
    if how.format == "temporalValues":
        return write_values(entity, terms, how.of)
    return write_evolution(entity, terms, concise=how.format == "concise", sys=how.sys, of=how.of)


def _shown(body: dict[str, Json], how: Telling) -> Json:
    return trimmed(body, how.projection)
