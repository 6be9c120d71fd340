"""Entities out: retrieve and query (clauses 5.7.1, 5.7.2, 6.4.3.2, 6.5.3.1 and 6.23)."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from msgspec import Struct, structs

from townsquare.context.api.body import BY_POST, MEMBERS, read_query
from townsquare.context.api.select import (
    SELECTORS,
    names,
    narrowed,
    ordering,
    selector,
    types,
)
from townsquare.context.api.show import SHOWN, reach, read_join, read_view
from townsquare.context.broker import Written
from townsquare.context.choices import chosen
from townsquare.context.contexts import Contexts
from townsquare.context.form.conform import Version, conforming, preferred
from townsquare.context.form.geojson import collection
from townsquare.context.form.join import Page, flat, inline
from townsquare.context.form.read import read_id
from townsquare.context.form.view import EVERYTHING, View
from townsquare.context.http import GEO, JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.linked import Join, linked
from townsquare.context.maps.entity_map import EntityMap
from townsquare.context.ordering import read_order
from townsquare.context.paging import paging
from townsquare.context.query import Page as PageFound
from townsquare.context.query import Query, depth
from townsquare.context.routes import Routes
from townsquare.context.sources.consumption import Found, Retrieved
from townsquare.context.sources.mapped import MappedReading
from townsquare.context.sources.matching import Wanted, every_type
from townsquare.context.sources.split import is_split
from townsquare.context.sql import choice_of
from townsquare.context.told import Wording
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import NotFound
from townsquare.store.memory import Memory

QUERY = (*SELECTORS, *SHOWN, "orderBy", "orderFrom", "orderGeometry", "collation", "splitEntities")
MOST_SAID = 2**20  # characters of parameters
LENGTH_BESIDE = 500  # of what else is kept with them
Said = tuple[Hashable, ...]


class Asked(Struct, frozen=True):
    """What an answer is made with. With a `shape` entities are told one by one, and in `whole`
    what is told of one depends on nothing else.
    """

    request: Request
    terms: Terms
    media: str
    view: View
    join: Join
    version: Version | None
    shape: Wording | None = None
    whole: bool = False

    def by(self, request: Request) -> "Asked":
        """The same, asked by another request."""
        r, shape, whole = request, self.shape, self.whole
        return Asked(r, self.terms, self.media, self.view, self.join, self.version, shape, whole)


class Consumption:
    def __init__(self, maps: MappedReading, contexts: Contexts) -> None:
        self.maps = maps
        self.sharing = maps.sharing
        self.broker = maps.broker
        self.contexts = contexts
        # The same is often asked again: reading it would take longer than finding the answer.
        self._manners: Memory[Said, Asked] = Memory(MOST_SAID)
        # The terms are held with it, so that no others have their id meanwhile.
        self._queries: Memory[Said, tuple[Terms, Query]] = Memory(MOST_SAID)

    def routes(self) -> Routes:
        return {
            "entities": {"GET": self.query},
            "entities/*": {"GET": self.retrieve},
            "entityOperations/query": {"POST": self.query_by_post},
        }

    async def retrieve(self, request: Request) -> Answer:
        request.known("type", "local", *SHOWN)
        id = read_id(request.path[1])
        asked = self._asked(request, await self.contexts.of(request))
        if asked.shape and asked.whole and not self.maps.atlas.wanted(request):
            told = await self.sharing.tell(request, id, asked.shape)
            if told is not None:
                return await self._answered(asked, told, False)
        return await self._retrieved(asked, id)

    async def _retrieved(self, asked: Asked, id: str) -> Answer:
        request = asked.request
        attributes, wanted = names(request, asked.terms), types(request, asked.terms)
        needs = frozenset(attributes or asked.view.projection.needs())
        about = Wanted(every_type(wanted), (id,), attributes=needs)
        seen, used = await self._seen(request, asked.terms, about)
        found = seen.entity
        if wanted and not chosen(tuple(map(choice_of, wanted)), found.types):
            raise NotFound(f"{id} is not of type {request.parameters['type']}")
        projection = asked.view.projection
        if not projection.shows_some(found) or (
            attributes and found.attributes.keys().isdisjoint(attributes)
        ):
            raise NotFound(f"{id} has nothing of what is asked for")
        written, altered = await self._written(asked, [found])
        # Alone it is no list, also where join=flat found nothing to put beside it.
        several = collection(written) if asked.media == GEO else written
        body = several if len(written) > 1 else written[0]
        return await self._answered(asked, body, altered, **warned(seen.warnings), **located(used))

    async def _seen(
        self, request: Request, terms: Terms, about: Wanted
    ) -> tuple[Retrieved, EntityMap | None]:
        if self.maps.atlas.wanted(request):
            return await self.maps.retrieve(request, terms, about)
        return await self.sharing.retrieve(request, terms, about), None

    async def query(self, request: Request) -> Answer:
        return await self._found(*await self.asked(request))

    async def query_by_post(self, request: Request) -> Answer:
        return await self._found(*await self.asked_by_post(request))

    async def asked(self, request: Request) -> tuple[Asked, Query]:
        """Raises Invalid."""
        request.known(*QUERY)
        terms = await self.contexts.of(request)
        asked, said = self._asked(request, terms), said_by(request, terms)
        known = self._queries.get(said)
        if known is None:
            query = completed(asked, selector(request, terms))
            known = self._queries.put(said, (terms, query), length(request, terms))
        return asked, known[1]

    async def asked_by_post(self, request: Request) -> tuple[Asked, Query]:
        """Raises Invalid."""
        request.known(*BY_POST)
        body = request.json()
        terms = await self.contexts.of(request, body)
        told, query = read_query(request, body, MEMBERS, terms)
        asked = self._asked(told, terms)
        return asked, completed(asked, narrowed(told, query))

    async def question(self, request: Request) -> tuple[Request, Terms, Query]:
        """Of a query by POST. Raises Invalid."""
        asked, query = await self.asked_by_post(request)
        return asked.request, asked.terms, query

    def _asked(self, request: Request, terms: Terms) -> Asked:
        said = said_by(request, terms)
        known = self._manners.get(said)
        if known is None:
            made = self._manner(request, terms)
            bare = structs.replace(request, headers={}, body=b"")  # not to be kept
            self._manners.put(said, made.by(bare), length(request, terms))
            return made
        return known.by(request)

    def _manner(self, request: Request, terms: Terms) -> Asked:
        media = request.accepts(JSON, LD, GEO)
        for name in ("entityMap", "local", "splitEntities"):
            request.flag(name)
        view = read_view(request, terms, media)
        version = preferred(request.headers.get("prefer", ""))
        join = read_join(request, view)
        alone = media == JSON and not join.level and not version and not is_split(request)
        how = tuple(request.parameters.get(name) for name in SHOWN)
        shape = self.broker.shape(terms, view, how) if alone else None
        whole = view.projection is EVERYTHING and "type" not in request.parameters
        return Asked(request, terms, media, view, join, version, shape, whole)

    async def _found(self, asked: Asked, query: Query) -> Answer:
        if self.maps.atlas.wanted(asked.request):
            return await self._mapped(asked, query)
        if asked.shape:
            page = await self.sharing.told(asked.request, query, asked.shape)
            if page is not None:
                headers = headed(asked, query, page)
                return await self._answered(asked, page.entities, False, **headers)
        reading = self.maps.whole if is_split(asked.request) else self.sharing.find
        return await self._paged(asked, query, await reading(asked.request, asked.terms, query))

    async def _mapped(self, asked: Asked, query: Query) -> Answer:
        seen = await self.maps.find(asked.request, asked.terms, query)
        query = replace(query, offset=seen.offset)
        answer = await self._paged(asked, query, seen.found, seen.map)
        return structs.replace(answer, status=201) if seen.made else answer

    async def _paged(
        self, asked: Asked, query: Query, found: Found, used: EntityMap | None = None
    ) -> Answer:
        written, altered = await self._written(asked, found.page.entities)
        headers = headed(asked, query, found.page) | warned(found.warnings) | located(used)
        body = collection(written) if asked.media == GEO else written
        return await self._answered(asked, body, altered, **headers)

    async def _written(self, asked: Asked, entities: Sequence[Entity]) -> tuple[list[Json], bool]:
        """And whether an earlier version made us tell it otherwise (clause 4.3.6.8)."""
        told, linked = list(entities), await self._linked(asked, entities)
        if asked.version:
            told = [conforming(entity, asked.version) for entity in entities]
            linked = {id: conforming(entity, asked.version) for id, entity in linked.items()}
        join = asked.join
        page = Page(asked.view, asked.terms, linked, join.level, join.contained, asked.media == GEO)
        altered = any(a is not b for a, b in zip(told, entities, strict=True))
        return (flat if join.form == "flat" else inline)(page, told), altered

    async def _linked(self, asked: Asked, entities: Sequence[Entity]) -> dict[str, Entity]:
        request = asked.request

        async def find(query: Query) -> list[Entity]:
            page = await self.broker.find(query, request.actor, request.why, tenant=request.tenant)
            return page.entities

        return await linked(find, entities, asked.view, asked.join)

    async def _answered(self, asked: Asked, body: Json, altered: bool, **headers: str) -> Answer:
        terms = await self.contexts.addressed(asked.terms, asked.request.tenant)
        answer = answer_json(asked.request, body, terms, asked.media, **headers)
        if asked.version is None:
            return answer
        told = {**answer.headers, "preference-applied": f"ngsi-ld={asked.version}"}
        return structs.replace(answer, status=203 if altered else 200, headers=told)


def said_by(request: Request, terms: Terms) -> Said:
    """Everything that has a say in how a request is read."""
    headers = (request.headers.get("accept"), request.headers.get("prefer"))
    return (id(terms), *headers, *request.parameters.items())


def length(request: Request, terms: Terms) -> int:
    """The terms are held, too, which may be of a context that nobody else holds."""
    return LENGTH_BESIDE + len(terms.iris) + sum(map(len, request.parameters.values()))


def completed(asked: Asked, query: Query) -> Query:
    """Raises Invalid where q reaches further than the join."""
    if query.q:
        reach(depth(query.q), asked.join)
    return replace(
        query,
        order=read_order(ordering(asked.request), asked.terms),
        attributes=query.attributes or asked.view.projection.needs(),
    )


def located(used: EntityMap | None) -> dict[str, str]:
    return {"NGSILD_EntityMap": used.location} if used else {}


def headed(asked: Asked, query: Query, page: Written | PageFound) -> dict[str, str]:
    headers = paging(asked.request, query, asked.media, more=page.more)
    if page.count is not None:
        headers["NGSILD_Results_Count"] = str(page.count)
    return headers


def warned(warnings: Sequence[str]) -> dict[str, str]:
    """Of sources that could not be asked (clause 6.3.17)."""
    return {"NGSILD_Warning": ", ".join(warnings)} if warnings else {}
