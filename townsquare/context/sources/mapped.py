"""Reading by an entity map (clauses 4.3.6.7, 5.5.9.3, 5.5.14 and 5.14.4).

A map is made of what is found here and what each source says that it has. Sources that make maps
themselves are asked for one, and told to use it afterwards; of the others the entities are looked
through. Which sources are asked for a page is what the map says and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.maps.atlas import Atlas
from townsquare.context.maps.entity_map import HERE, EntityMap, Places, bounded, question
from townsquare.context.maps.entity_map import MOST as MOST_MAPPED
from townsquare.context.maps.entity_map import TYPE as MAP
from townsquare.context.maps.walk import Looked, walk
from townsquare.context.query import MOST, Page, Query
from townsquare.context.sources.calling import LOCATION, Errand, Reply
from townsquare.context.sources.consumption import (
    QUERY,
    Answered,
    Demand,
    Found,
    Retrieved,
    SharedReading,
    refuse_order,
    selected,
    warning,
)
from townsquare.context.sources.matching import Wanted, matches
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.selected import Selected, attributes, groups, wanted_by
from townsquare.context.sources.split import bare, fitting, is_split
from townsquare.context.sources.wording import reworded_filters
from townsquare.context.values import is_uri
from townsquare.model.entity import Entity, Json

CREATE = "createEntityMapQueryEntity"
Look = Callable[[Sequence[str]], Awaitable[Looked[Entity]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """What one source has of what is asked for, and its own map of it."""

    source: Registration
    ids: Sequence[str] = ()
    map: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A page of what the map has. `offset` is where it begins: behind the end is the last one."""

    found: Found
    map: EntityMap
    made: bool
    offset: int


@dataclass(slots=True)
class Pages:
    """What was heard while looking through sources."""

    warnings: list[str] = field(default_factory=list)
    maps: dict[str, str] = field(default_factory=dict)


class MappedReading:
    def __init__(self, sharing: SharedReading, atlas: Atlas) -> None:
        self.sharing = sharing
        self.atlas = atlas
        self.broker = sharing.broker

    # --- one entity

    async def retrieve(
        self, request: Request, terms: Terms, wanted: Wanted
    ) -> tuple[Retrieved, EntityMap]:
        """Raises NotFound."""
        known = await self.atlas.used(request)
        seen = await self.sharing.retrieve(request, terms, wanted, known)
        if known is None:
            known = await self.atlas.keep(request, {wanted.ids[0]: seen.origins})
        return seen, known

    # --- many entities

    async def find(self, request: Request, terms: Terms, query: Query) -> Mapped:
        """Raises Invalid or TooManyResults."""
        known = await self.atlas.used(request)
        one, warnings = (known, []) if known else await self.made(request, terms, query)
        ids = [id for id in one.entities if not query.ids or id in query.ids]
        heard = Pages(warnings)
        look = await self._looking(request, terms, query, one, heard)
        same = one.asked == _question(request, query)
        walked = await walk(ids, query, look, same=same)
        remade = {name: map for name, map in heard.maps.items() if one.linked.get(name) != map}
        await self.atlas.prune(one, walked.gone, remade)
        count = await self._count(request, query, one, ids, look) if query.count else None
        page = Page(walked.found, count, walked.more)
        found = Found(page, list(dict.fromkeys(heard.warnings)))
        return Mapped(found, one, known is None, walked.offset)

    async def made(
        self, request: Request, terms: Terms, query: Query
    ) -> tuple[EntityMap, list[str]]:
        """A map of all that match, and the troubles of sources. Raises Invalid, TooManyResults."""
        entities, linked, warnings = await self._mapped(request, terms, query)
        asked = _question(request, query)
        return await self.atlas.keep(request, entities, linked, asked), warnings

    async def whole(self, request: Request, terms: Terms, query: Query) -> Found:
        """A page of entities that lie in parts. Raises Invalid or TooManyResults."""
        sources, _, _ = await self._asked(request, terms, query)
        if not sources:
            return await self.sharing.find(request, terms, query)
        warnings: list[str] = []
        found: list[Entity] = []
        async for part in self.everything(request, terms, query, warnings):
            found += part
        upto = query.offset + query.limit
        count = len(found) if query.count else None
        return Found(Page(found[query.offset : upto], count, len(found) > upto), warnings)

    async def everything(
        self, request: Request, terms: Terms, query: Query, warnings: list[str]
    ) -> AsyncIterator[Sequence[Entity]]:
        """All that match, part by part, of each source as it was once. Raises what `made` does."""
        sources, demand, asked = await self._asked(request, terms, query)
        answers = await asyncio.gather(*(self._all(demand, one, asked) for one in sources))
        here = dict.fromkeys(await self._ids(request, asked, MOST_MAPPED + 1), (HERE,))
        there = [{entity.id: entity for entity in answer.entities} for answer in answers]
        ids = list(bounded({**here, **{id: () for found in there for id in found}}))
        plain = replace(asked, order=(), limit=MOST, offset=0, count=False)
        for start in range(0, len(ids), MOST):
            part = ids[start : start + MOST]
            page = await self._page(request, plain, tuple(id for id in part if id in here))
            some = [
                replace(answer, entities=[found[id] for id in part if id in found])
                for answer, found in zip(answers, there, strict=True)
            ]
            found = self.sharing.joined(replace(plain, ids=tuple(part)), page, some).entities
            yield found if asked is query else await fitting(self.broker, request, query, found)
        warnings += dict.fromkeys(answer.warning for answer in answers if answer.warning)

    async def _asked(
        self, request: Request, terms: Terms, query: Query
    ) -> tuple[list[Registration], Demand, Query]:
        """And what is asked of everybody, which is less where entities lie in parts."""
        asked = bare(query) if is_split(request) else query
        sources = await self.sharing.sources(request, terms, wanted_by(asked), QUERY)
        if sources:
            refuse_order(query)
        plain = replace(asked, limit=MOST, count=False)
        demand = await self.sharing.demand(request, terms, plain, MOST)
        return sources, demand, asked if sources else query

    async def _page(self, request: Request, query: Query, ids: tuple[str, ...]) -> Page:
        if not ids:
            return Page([], None)
        return await self.sharing.page(request, replace(query, ids=ids, limit=len(ids)))

    async def _mapped(
        self, request: Request, terms: Terms, query: Query
    ) -> tuple[Places, dict[str, str], list[str]]:
        sources, demand, asked = await self._asked(request, terms, query)
        charts = await asyncio.gather(*(self._charted(demand, one, asked) for one in sources))
        entities = {id: (HERE,) for id in await self._ids(request, asked, MOST_MAPPED + 1)}
        for chart in charts:
            for id in chart.ids:
                entities[id] = (*entities.get(id, ()), chart.source.id)
        linked = {chart.source.id: chart.map for chart in charts if chart.map}
        warnings = [chart.warning for chart in charts if chart.warning]
        return bounded(entities), linked, warnings

    async def _ids(self, request: Request, query: Query, most: int) -> list[str]:
        by, why, tenant = request.actor, request.why, request.tenant
        return await self.broker.ids(query, by, why, most, tenant=tenant)

    async def _count(
        self, request: Request, query: Query, one: EntityMap, ids: Sequence[str], look: Look
    ) -> int:
        """What sources have counts as it was when the map was made; what is put together, anew."""
        if is_split(request):
            parts = [ids[start : start + MOST] for start in range(0, len(ids), MOST)]
            return sum([len((await look(part)).found) for part in parts])
        open_to = self._open_to(request, query)
        there = {id for id in ids if open_to and one.entities[id] != (HERE,)}
        here = [id for id in ids if HERE in one.entities[id] and id not in there]
        found = len(there)
        for start in range(0, len(here), MOST):
            part = replace(query, ids=tuple(here[start : start + MOST]), order=(), offset=0)
            found += len(await self._ids(request, part, MOST))
        return found

    # --- a page

    async def _looking(
        self, request: Request, terms: Terms, query: Query, one: EntityMap, heard: Pages
    ) -> Look:
        open_to = self._open_to(request, query)
        known = await self.sharing.registry.of(request.tenant) if open_to else ()
        asked = bare(query) if known and is_split(request) else query
        plain = replace(asked, order=(), limit=MOST, offset=0, count=False)
        demand = await self.sharing.demand(request, terms, plain, MOST)
        demand = structs.replace(demand, maps=one.linked)

        async def look(part: Sequence[str]) -> Looked[Entity]:
            places = {id: one.entities[id] for id in part}
            shares = [
                (source, ids)
                for source in known
                if (ids := tuple(id for id in part if source.id in places[id]))
            ]
            answers = await asyncio.gather(*(self._some(demand, *share) for share in shares))
            here = tuple(id for id in part if HERE in places[id])
            page = await self._page(request, plain, here)
            unsure = [ids for (_, ids), a in zip(shares, answers, strict=True) if a.warning]
            heard.warnings += [a.warning for a in answers if a.warning]
            heard.maps |= {a.source.id: a.map for a in answers if a.map}
            whole = self.sharing.joined(replace(plain, ids=tuple(part)), page, answers)
            fit = whole.entities
            if asked is not query:
                fit = await fitting(self.broker, request, query, fit)
            found = {entity.id: entity for entity in fit}
            return Looked(found, frozenset(id for ids in unsure for id in ids))

        return look

    def _open_to(self, request: Request, query: Query) -> bool:
        return self.sharing.open_to(request, wanted_by(query)) and not request.flag("local")

    async def _some(self, demand: Demand, one: Registration, ids: tuple[str, ...]) -> Answered:
        """These entities of a source, in as many requests as their ids need."""
        parts = [ids[start : start + MOST_NAMED] for start in range(0, len(ids), MOST_NAMED)]
        answers = [
            await self.sharing.queried(
                structs.replace(
                    demand,
                    wanted=structs.replace(demand.wanted, ids=part, pattern=""),
                    limit=len(part),
                ),
                one,
            )
            for part in parts
        ]
        return Answered(
            one,
            [entity for answer in answers for entity in answer.entities],
            next((answer.warning for answer in answers if answer.warning), ""),
            map=next((answer.map for answer in answers if answer.map), ""),
        )

    # --- what a source has

    async def _charted(self, demand: Demand, one: Registration, query: Query) -> Chart:
        asked = groups(one, demand.wanted)
        if CREATE in one.offers and len(asked) == 1:
            reply = await self.sharing.asked(demand, one, _chart_errand(demand, one, asked[0]))
            if reply.trouble in ("loop", "silent"):
                return Chart(one, warning=warning(one, reply))
            if chart := _read(one, reply, query):
                return chart
        answer = await self._all(demand, one, query)
        return Chart(one, [entity.id for entity in answer.entities], warning=answer.warning)

    async def _all(self, demand: Demand, one: Registration, query: Query) -> Answered:
        """Everything that a source has, page by page."""
        found: dict[str, Entity] = {}
        for offset in range(0, MOST_MAPPED + 1, MOST):
            told = {"offset": str(offset)} if offset else {}
            part = structs.replace(demand, parameters={**demand.parameters, **told})
            answer = await self.sharing.queried(part, one)
            found |= {e.id: e for e in answer.entities if selected(query, e)}
            if answer.warning or not answer.full or "queryEntity" not in one.offers:
                break
        return replace(answer, entities=list(found.values()))


MOST_NAMED = 100  # ids in one address


def _question(request: Request, query: Query) -> str:
    """Asked of this broker alone, or of what parts make together, it is another one."""
    return question(query, request.why, request.flag("local"), is_split(request))


def _chart_errand(
    demand: Demand, one: Registration, selection: Selected
) -> Callable[[Terms], Errand]:
    def write(words: Terms) -> Errand:
        said = {
            **selection.parameters(words),
            **attributes(one, demand.wanted, words),
            **reworded_filters(demand.parameters, demand.terms, words),
        }
        if lifetime := demand.request.parameters.get("entityMapLifetime"):
            said["entityMapLifetime"] = lifetime
        return Errand("GET", ("entityMaps",), said)

    return write


def _read(one: Registration, reply: Reply, query: Query) -> Chart | None:
    """None for what is no map. Nothing is taken that the source is not registered with."""
    json = reply.json if not reply.trouble and isinstance(reply.json, dict) else {}
    entities = json.get("entityMap")
    if json.get("type") != MAP or not isinstance(entities, dict):
        return None
    ids = [id for id in list(entities)[: MOST_MAPPED + 1] if _may_have(one, id, query)]
    return Chart(one, ids, reply.map or _id(json.get("id")))


def _may_have(one: Registration, id: str, query: Query) -> bool:
    wanted = wanted_by(query)
    return (
        is_uri(id)
        and (not query.ids or id in query.ids)
        and matches(one, structs.replace(wanted, ids=(id,), attributes=frozenset()))
    )


def _id(given: Json) -> str:
    return given if isinstance(given, str) and LOCATION.fullmatch(given) else ""
