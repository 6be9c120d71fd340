"""Reading entities where sources have a part in it (clauses 5.7.1, 5.7.2 and 6.3.17).

All sources that may know something are asked at once, each for what it is registered with; what
they answer is joined with what is here. Their troubles are warnings. What proxied sources have is
not read here, and what a room of the house declares is read nowhere else.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import re2
from msgspec import Raw, Struct, structs

from townsquare.context.broker import Written
from townsquare.context.choices import chosen
from townsquare.context.contexts import Contexts
from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.maps.entity_map import HERE, EntityMap
from townsquare.context.query import MOST, QUIET, Page, Query, Selector
from townsquare.context.sources import properties
from townsquare.context.sources.calling import Caller, Errand, Reply
from townsquare.context.sources.discovery import members
from townsquare.context.sources.joined import joined, without
from townsquare.context.sources.matching import Wanted, matches
from townsquare.context.sources.received import Reader
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.selected import Selected, attributes, groups, wanted_by
from townsquare.context.sources.shares import EVERYTHING, registered
from townsquare.context.sources.split import is_split
from townsquare.context.sources.wording import reworded_filters
from townsquare.context.sql import choice_of
from townsquare.context.told import Wording
from townsquare.context.via import hops
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound, NotFoundAnywhere

RETRIEVE = ("retrieveEntity", "queryEntity", "queryBatch")
QUERY = ("queryEntity", "queryBatch")
# Told to a source as they came, since it does the filtering (clause 5.7.2.4).
FILTERS = ("q", "expandValues", "jsonKeys", "scopeQ", "datasetId")
GEO_FILTERS = ("georel", "geometry", "coordinates", "geoproperty")


@dataclass(frozen=True, slots=True)
class Answered:
    """What one source said."""

    source: Registration
    entities: Sequence[Entity] = ()
    warning: str = ""
    count: int = 0
    full: bool = False  # it may have more than it was asked for
    map: str = ""  # the entity map that it used


class Retrieved(Struct, frozen=True):
    """`origins` are the ids of the sources that it came from, HERE for this broker."""

    entity: Entity
    warnings: Sequence[str] = ()
    origins: tuple[str, ...] = (HERE,)


class Found(Struct, frozen=True):
    page: Page
    warnings: Sequence[str] = ()


class Demand(Struct, frozen=True):
    """What is asked, of all sources alike."""

    request: Request
    terms: Terms
    wanted: Wanted
    parameters: Mapping[str, str] = {}
    limit: int = 1
    maps: Mapping[str, str] = {}  # that sources shall use, by their ids


class SharedReading:
    def __init__(self, caller: Caller, contexts: Contexts) -> None:
        self.caller = caller
        self.contexts = contexts
        self.registry = caller.registry
        self.broker = caller.registry.broker

    # --- one entity

    async def retrieve(
        self, request: Request, terms: Terms, wanted: Wanted, map: EntityMap | None = None
    ) -> Retrieved:
        """Of the one id that is `wanted`. A map says which sources to ask. Raises NotFound."""
        id = wanted.ids[0]
        sources = await self.sources(request, terms, wanted, RETRIEVE)
        if map is not None:
            sources = [one for one in sources if one.id in map.entities.get(id, ())]
        if not sources:
            return Retrieved(await self._here(request, id))
        types = await self.broker.types_of(id, tenant=request.tenant)
        if not self.broker.policy.types.keys().isdisjoint(types):
            return Retrieved(await self._here(request, id))
        linked = map.linked if map else {}
        demand = Demand(request, await self._named(terms, request), wanted, maps=linked)
        answers = await asyncio.gather(*(self.retrieved(demand, one) for one in sources))
        try:
            here = left_here(await self._here(request, id), sources)
        except NotFound:
            here = None
        entity = _whole(here, answers)
        warnings = [answer.warning for answer in answers if answer.warning]
        if entity is None:
            raise NotFoundAnywhere(f"{id} does not exist, or is not open to you", warnings)
        origins = [HERE] if here else []
        return Retrieved(
            entity, warnings, (*origins, *(a.source.id for a in answers if a.entities))
        )

    async def tell(self, request: Request, id: str, shape: Wording) -> Raw | None:
        """None where sources have a part in it. Raises NotFound."""
        some = await self.registry.of(request.tenant)
        if some and await self.sources(request, shape.terms, Wanted(ids=(id,)), RETRIEVE):
            return None
        by, why, tenant = request.actor, request.why, request.tenant
        return await self.broker.tell(id, by, why, shape, tenant=tenant)

    async def _here(self, request: Request, id: str) -> Entity:
        return await self.broker.read(id, request.actor, request.why, tenant=request.tenant)

    async def retrieved(self, demand: Demand, one: Registration) -> Answered:
        if "retrieveEntity" not in one.offers:
            return await self.queried(demand, one)
        id = demand.wanted.ids[0]

        def write(words: Terms) -> Errand:
            said = {"options": "sysAttrs", **attributes(one, demand.wanted, words)}
            return Errand("GET", ("entities", id), said, map=demand.maps.get(one.id, ""))

        return await self._answer(demand, one, write)

    # --- many entities

    async def find(self, request: Request, terms: Terms, query: Query) -> Found:
        """Raises Invalid."""
        wanted = wanted_by(query)
        sources = await self.sources(request, terms, wanted, QUERY)
        if not sources:
            return Found(await self.page(request, query))
        refuse_order(query)
        upto = min(query.offset + query.limit, MOST)
        demand = await self.demand(request, terms, query, upto)
        answers = await asyncio.gather(*(self.queried(demand, one) for one in sources))
        page = await self.page(request, replace(query, offset=0, limit=upto))
        warnings = [answer.warning for answer in answers if answer.warning]
        return Found(self.joined(query, page, answers), warnings)

    async def demand(self, request: Request, terms: Terms, query: Query, limit: int) -> Demand:
        """Of entities that lie in parts with several brokers the filters can be asked of none."""
        told = ("datasetId",) if is_split(request) else (*FILTERS, *GEO_FILTERS)
        said = {n: v for n, v in request.parameters.items() if n in told}
        if query.count:
            said["count"] = "true"
        wanted = wanted_by(query)
        if not query.attributes:
            # What `q` speaks of chooses who is asked; of whom it fits, everything is wanted.
            wanted = structs.replace(wanted, attributes=EVERYTHING)
        return Demand(request, await self._named(terms, request), wanted, said, limit)

    async def told(self, request: Request, query: Query, shape: Wording) -> Written | None:
        """None where sources have a part in it."""
        some = await self.registry.of(request.tenant)
        if some and await self.sources(request, shape.terms, wanted_by(query), QUERY):
            return None
        by, why, tenant = request.actor, request.why, request.tenant
        return await self.broker.told(query, by, why, shape, tenant=tenant)

    async def page(self, request: Request, query: Query) -> Page:
        return await self.broker.find(query, request.actor, request.why, tenant=request.tenant)

    async def queried(self, demand: Demand, one: Registration) -> Answered:
        if "queryEntity" in one.offers:
            asked = [self._by_get(demand, one, group) for group in groups(one, demand.wanted)]
        else:
            asked = [self._by_post(demand, one)]
        found = [await self._answer(demand, one, write) for write in asked]
        return Answered(
            one,
            [entity for answer in found for entity in answer.entities],
            next((answer.warning for answer in found if answer.warning), ""),
            sum(answer.count for answer in found),
            any(answer.full for answer in found),
            next((answer.map for answer in found if answer.map), ""),
        )

    def _by_get(
        self, demand: Demand, one: Registration, selected: Selected
    ) -> Callable[[Terms], Errand]:
        def write(words: Terms) -> Errand:
            said = {
                **selected.parameters(words),
                **attributes(one, demand.wanted, words),
                **reworded_filters(demand.parameters, demand.terms, words),
                "limit": str(max(demand.limit, 1)),
                "options": "sysAttrs",
            }
            return Errand("GET", ("entities",), said, map=demand.maps.get(one.id, ""))

        return write

    def _by_post(self, demand: Demand, one: Registration) -> Callable[[Terms], Errand]:
        def write(words: Terms) -> Errand:
            selected = groups(one, demand.wanted)
            entities = [body for each in selected for body in each.bodies(words)]
            said = attributes(one, demand.wanted, words)
            body: dict[str, Json] = {"type": "Query", "entities": entities}
            if said:
                body["attrs"] = said["attrs"].split(",")
            filters = reworded_filters(demand.parameters, demand.terms, words)
            body |= {n: v for n, v in filters.items() if n in ("q", "scopeQ")}
            if geo := {n: v for n, v in filters.items() if n in GEO_FILTERS}:
                body["geoQ"] = geo
            parameters = {"limit": str(max(demand.limit, 1)), "options": "sysAttrs"}
            map = demand.maps.get(one.id, "")
            return Errand("POST", ("entityOperations", "query"), parameters, body, map)

        return write

    def joined(self, query: Query, page: Page, answers: Sequence[Answered]) -> Page:
        """Those that are here first, in their order; then those of each source."""
        sources = [answer.source for answer in answers]
        house = self.broker.policy.types.keys()
        local = {entity.id: entity for entity in page.entities}
        fixed = {id for id, entity in local.items() if not house.isdisjoint(entity.types)}
        found: dict[str, Entity | None] = {
            id: entity if id in fixed else left_here(entity, sources)
            for id, entity in local.items()
        }
        elsewhere = {e.id: e for a in answers for e in a.entities if selected(query, e)}
        for id in elsewhere:
            if id not in fixed:
                own = [replace(a, entities=[e for e in a.entities if e.id == id]) for a in answers]
                found[id] = _whole(found.get(id), own)
        entities = [entity for entity in found.values() if entity]
        upto = query.offset + query.limit
        count = None
        if page.count is not None:
            both = sum(1 for id in elsewhere if id in local)
            count = page.count + sum(answer.count for answer in answers) - both
        more = len(entities) > upto or page.more or any(answer.full for answer in answers)
        return Page(entities[query.offset : upto], count, more)

    # --- what both have in common

    async def sources(
        self,
        request: Request,
        terms: Terms,
        wanted: Wanted,
        names: Sequence[str],
        fits: Callable[[Registration], bool] = lambda one: not one.temporal,
    ) -> list[Registration]:
        known = await self.registry.of(request.tenant)
        local = request.flag("local") or request.parameters.get("type") == "*"
        if not known or local or not self.open_to(request, wanted):
            return []
        csf = request.parameters.get("csf")
        filter = parse(csf, terms.expand) if csf else None
        return [
            one
            for one in known
            if fits(one)
            and one.offers.intersection(names)
            and matches(one, wanted)
            and (filter is None or properties.holds(filter, members(one)))
        ]

    def open_to(self, request: Request, wanted: Wanted) -> bool:
        """Whether what nobody declares is open to who asks, and anything else is asked for."""
        allowed = self.broker.grant(request.actor, request.why, "read", "").allowed
        return allowed and not (
            wanted.types and wanted.types <= frozenset(self.broker.policy.types)
        )

    async def _named(self, terms: Terms, request: Request) -> Terms:
        """Filters are told in the words they came in: those need an address."""
        return await self.contexts.addressed(terms, request.tenant)

    async def _answer(
        self, demand: Demand, one: Registration, write: Callable[[Terms], Errand]
    ) -> Answered:
        reply = await self.asked(demand, one, write)
        if reply.trouble and reply.status != 404:
            return Answered(one, warning=warning(one, reply))
        if reply.json is None or reply.status == 404:
            garbled = reply.status == 200 and Reply("garbled")
            return Answered(one, warning=warning(one, garbled) if garbled else "")
        house = self.broker.policy.types.keys()
        reader = Reader(one, reply.words, demand.wanted, house, self.broker.clock())
        try:
            entities = reader.entities(reply.json)
        except Invalid:
            return Answered(one, warning=warning(one, Reply("garbled")))
        full = len(entities) >= demand.limit > 1
        return Answered(one, entities, "", reply.count or len(entities), full, reply.map)

    async def asked(
        self, demand: Demand, one: Registration, write: Callable[[Terms], Errand]
    ) -> Reply:
        before = hops(demand.request)
        if self.registry.alias(demand.request.tenant) in before or (
            one.context_source_alias in before
        ):
            return Reply("loop")
        return await self.caller.call(one, demand.request, demand.terms, write)


WARNINGS: Mapping[str, str] = {
    "garbled": '111 {} "Revalidation Failed"',
    "loop": '199 {} "Miscellaneous Warning"',
    "silent": '199 {} "Miscellaneous Warning"',
    "refused": '299 {} "Miscellaneous Persistent Warning"',
}


def warning(one: Registration, reply: Reply) -> str:
    return WARNINGS[reply.trouble].format(one.id if one.id.isascii() else "source")


def refuse_order(query: Query) -> None:
    """Raises Invalid."""
    if query.order:
        raise Invalid("what several brokers have cannot be ordered; add local=true")


def selected(query: Query, entity: Entity) -> bool:
    chosen_by = query.selectors or [Selector(query.types, query.ids, query.pattern)]
    return any(_chooses(selector, entity) for selector in chosen_by)


def _chooses(one: Selector, entity: Entity) -> bool:
    types = tuple(map(choice_of, one.types))
    if types and not chosen(types, entity.types):
        return False
    if one.ids and entity.id not in one.ids:
        return False
    return not one.pattern or bool(re2.search(one.pattern, entity.id, QUIET))


def left_here(entity: Entity, sources: Iterable[Registration]) -> Entity | None:
    """What is read here of it: nothing that a proxied source has (clause 4.3.6.3)."""
    about = Wanted(frozenset(entity.types), (entity.id,))
    for one in sources:
        if one.proxied and matches(one, about):
            has = registered(one, about)
            if not has:
                return None
            entity = without(entity, has)
    return entity


def _whole(here: Entity | None, answers: Iterable[Answered]) -> Entity | None:
    """Raises nothing: what cannot be is left out."""
    listed = list(answers)
    parts = [here] if here else []
    parts += [e for a in listed if a.source.mode != "auxiliary" for e in a.entities]
    return joined(parts, [e for a in listed if a.source.mode == "auxiliary" for e in a.entities])
