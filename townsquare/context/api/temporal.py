"""The past out: retrieve and query (clauses 5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1 and 6.24)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import structs

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
from townsquare.context.chronicle import Chronicle
from townsquare.context.contexts import Contexts
from townsquare.context.form.temporal import write_aggregates, write_evolution, write_values
from townsquare.context.form.view import spoken, trimmed
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.maps.atlas import Atlas
from townsquare.context.maps.entity_map import HERE, EntityMap, question
from townsquare.context.maps.entity_map import MOST as MOST_MAPPED
from townsquare.context.maps.walk import Looked, walk
from townsquare.context.opaque import Opaque
from townsquare.context.ordering import read_order
from townsquare.context.paging import paging
from townsquare.context.query import MOST, Query
from townsquare.context.routes import Routes
from townsquare.context.sources.gathered import Gathered, gathered
from townsquare.context.sources.past import SharedPast, asked_of_whole
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.split import is_split
from townsquare.context.temporal import TemporalQuery
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFoundAnywhere
from townsquare.store.past import Span

QUERY = (*SELECTORS, *OF_TIME, *HOW, "orderBy", "collation", "splitEntities")


@dataclass(frozen=True, slots=True)
class Asked:
    request: Request
    query: Query
    how: Telling
    terms: Terms
    media: str


@dataclass(frozen=True, slots=True)
class Told:
    """A page of what was found, as JSON; `part` where there is more of it in time."""

    bodies: list[Json]
    count: int | None
    more: bool
    part: Span | None = None
    warnings: Sequence[str] = ()


class Past:
    def __init__(self, shared: SharedPast, atlas: Atlas, contexts: Contexts) -> None:
        self.shared = shared
        self.broker = shared.broker
        self.atlas = atlas
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "temporal/entities": {"GET": self.query},
            "temporal/entities/*": {"GET": self.retrieve},
            "temporal/entityOperations/query": {"POST": self.query_by_post},
        }

    async def query(self, request: Request) -> Answer:
        return await self._found(await self.asked(request))

    async def query_by_post(self, request: Request) -> Answer:
        return await self._found(await self.asked_by_post(request))

    async def asked(self, request: Request) -> Asked:
        """Raises Invalid."""
        request.known(*QUERY)
        terms = await self.contexts.of(request)
        return self._asked(request, selector(request, terms), terms)

    async def asked_by_post(self, request: Request) -> Asked:
        """Raises Invalid."""
        request.known(*BY_POST)
        body = request.json()
        terms = await self.contexts.of(request, body)
        told, query = read_query(request, body, TEMPORAL_MEMBERS, terms)
        return self._asked(told, narrowed(told, query), terms)

    async def question(self, request: Request) -> TemporalQuery:
        """Of a query by POST. Raises Invalid."""
        asked = await self.asked_by_post(request)
        return temporal_query(asked.request, asked.query, asked.how)

    def _asked(self, request: Request, query: Query, terms: Terms) -> Asked:
        media = request.accepts(JSON, LD)
        if "timerel" not in request.parameters:
            raise Invalid("a query of the past needs timerel: before, after or between")
        query = replace(query, order=read_order(ordering(request), terms))
        if any(order.path.member != "id" or order.reference for order in query.order):
            raise Invalid("the past is ordered by id alone (clause 5.7.4.4)")
        return Asked(request, query, read_telling(request, terms), terms, media)

    async def _found(self, asked: Asked) -> Answer:
        if self.atlas.wanted(asked.request):
            return await self._by_map(asked)
        return await self._with_terms(asked, await self._answered(asked, asked.query))

    async def retrieve(self, request: Request) -> Answer:
        request.known(*OF_TIME, *HOW)
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        id = entity_id(request)
        asked = Asked(request, Query(ids=(id,)), read_telling(request, terms), terms, media)
        ask = temporal_query(request, asked.query, asked.how)
        if not await self.shared.sources(request, terms, ask):
            # Through `read`, so that a missing and a hidden entity are told alike.
            await self.broker.read(id, request.actor, request.why, tenant=request.tenant)
        answered = await self._answered(asked, asked.query)
        if not answered.json or not answered.json[0]:
            warned = answered.headers.get("NGSILD_Warning")
            raise NotFoundAnywhere(
                f"{id} has nothing in its past that was asked for and is open to you",
                [warned] if warned else (),
            )
        headers = dict(answered.headers)
        if self.atlas.wanted(request):
            known = await self.atlas.used(request)
            used = known or await self.atlas.keep(request, {id: (HERE,)})
            headers["NGSILD-EntityMap"] = used.location
        one = structs.replace(answered, json=answered.json[0], headers=headers)
        return await self._with_terms(asked, one)

    async def _answered(self, asked: Asked, query: Query, *, here: bool = False) -> Answer:
        """Without @context yet. `here`: no source is asked."""
        request, terms = asked.request, asked.terms
        ask = temporal_query(request, query, asked.how)
        sources = [] if here else await self.shared.sources(request, terms, ask)
        if sources:
            told = await self._together(asked, ask, sources)
        else:
            told = await self._told(asked, ask, self.broker.chronicle, request.tenant)
        headers = paging(request, query, asked.media, more=told.more)
        if told.count is not None:
            headers["NGSILD_Results_Count"] = str(told.count)
        if told.part:
            headers["content-range"] = content_range(ask, told.part)
        if told.warnings:
            headers["NGSILD_Warning"] = ", ".join(told.warnings)
        bodies = [_shown(body, asked.how) for body in told.bodies]
        return Answer(206 if told.part else 200, bodies, headers, asked.media)

    async def _together(
        self, asked: Asked, ask: TemporalQuery, sources: Sequence[Registration]
    ) -> Told:
        """What is here and what sources have."""
        request, whole = asked.request, asked.how.aggregation is not None
        parts = await self.shared.gather(request, asked.terms, ask, sources, whole=whole)
        async with gathered(self.broker, parts.entities, parts.cut) as apart:
            told = await self._told(asked, asked_of_whole(request, ask), apart, "")
        return replace(
            told,
            count=told.count if is_split(request) else parts.count,
            more=told.more or parts.more,
            warnings=parts.warnings,
        )

    async def _with_terms(self, asked: Asked, answer: Answer) -> Answer:
        known = await self.contexts.addressed(asked.terms, asked.request.tenant)
        told = answer_json(asked.request, answer.json, known, answer.media, **answer.headers)
        return structs.replace(told, status=answer.status)

    # --- by an entity map (clauses 5.5.14 and 5.14.5)

    async def made(self, asked: Asked) -> EntityMap:
        """Of all that match. Raises Invalid or TooManyResults."""
        ids = await self._ids(asked, asked.query, MOST_MAPPED + 1)
        places = dict.fromkeys(ids, (HERE,))
        return await self.atlas.keep(asked.request, places, asked=_question(asked))

    async def _by_map(self, asked: Asked) -> Answer:
        query = asked.query
        known = await self.atlas.used(asked.request)
        one = known or await self.made(asked)
        ids = [id for id in one.entities if not query.ids or id in query.ids]

        async def look(part: Sequence[str]) -> Looked[str]:
            found = await self._ids(asked, replace(query, ids=tuple(part), order=()), len(part))
            return Looked({id: id for id in found})

        walked = await walk(ids, query, look, same=one.asked == _question(asked))
        await self.atlas.prune(one, walked.gone, {})
        answer = await self._page(asked, walked.found)
        paged = replace(query, offset=walked.offset)
        headers = {
            **{name: value for name, value in answer.headers.items() if name != "link"},
            **paging(asked.request, paged, asked.media, more=walked.more),
            "NGSILD-EntityMap": one.location,
        }
        if query.count:
            headers["NGSILD-Results-Count"] = str(await self._count(look, ids))
        status = answer.status if known or answer.status != 200 else 201
        return await self._with_terms(
            asked, structs.replace(answer, status=status, headers=headers)
        )

    async def _page(self, asked: Asked, ids: Sequence[str]) -> Answer:
        if not ids:
            return Answer(200, [], media=asked.media)
        page = replace(asked.query, ids=tuple(ids), limit=len(ids), offset=0, count=False)
        return await self._answered(asked, page, here=True)

    async def _ids(self, asked: Asked, query: Query, most: int) -> list[str]:
        r, how = asked.request, asked.how
        ask = temporal_query(r, query, how)
        return await self.broker.chronicle.ids(
            ask, how.aggregation, r.actor, r.why, most, tenant=r.tenant
        )

    async def _count(
        self, look: Callable[[Sequence[str]], Awaitable[Looked[str]]], ids: Sequence[str]
    ) -> int:
        parts = [ids[start : start + MOST] for start in range(0, len(ids), MOST)]
        return sum([len((await look(part)).found) for part in parts])

    async def _told(
        self, asked: Asked, ask: TemporalQuery, chronicle: Chronicle | Gathered, tenant: str
    ) -> Told:
        how, terms, by, why = asked.how, asked.terms, asked.request.actor, asked.request.why
        if how.aggregation:
            sums = await chronicle.aggregates(ask, how.aggregation, by, why, tenant=tenant)
            bodies = write_aggregates(sums, terms, how.aggregation.methods, ask.attributes)
            return Told(bodies, sums.count, sums.more)
        found = await chronicle.evolution(ask, by, why, tenant=tenant)
        names = await self.broker.naming.names()
        bodies = [written(entity, terms, how, names) for entity in found.entities]
        return Told(bodies, found.count, found.more, found.part)


def _question(asked: Asked) -> str:
    ask = temporal_query(asked.request, Query(), asked.how)
    return question(asked.query, asked.request.why, ask)


def written(entity: Entity, terms: Terms, how: Telling, names: Opaque) -> Json:
    if how.languages:
        told = {
            name: tuple(spoken(i, how.languages) for i in instances)
            for name, instances in entity.attributes.items()
        }
        entity = msgspec.structs.replace(entity, attributes=told)
    if how.format == "temporalValues":
        return write_values(entity, terms, how.of)
    concise = how.format == "concise"
    return write_evolution(
        entity, terms, concise=concise, sys=how.sys, of=how.of, called=names.told
    )


def _shown(body: dict[str, Json], how: Telling) -> Json:
    return trimmed(body, how.projection)
