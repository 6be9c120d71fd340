"""The past where sources have a part in it (clauses 5.7.3 and 5.7.4).

As for the present, all sources that may know something are asked at once, each for what it is
registered with, and their troubles are warnings; what they and this broker know is put together by
instance. What a source tells in parts is known up to the end of its part alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import structs

from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.query import MOST
from townsquare.context.sources.calling import Errand, Reply
from townsquare.context.sources.consumption import (
    FILTERS,
    GEO_FILTERS,
    Demand,
    SharedReading,
    left_here,
    refuse_order,
    selected,
    warning,
)
from townsquare.context.sources.discovery import overlaps, read_during
from townsquare.context.sources.evolved import edge, evolutions, time_property, together
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.received import Reader
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.selected import Selected, attributes, groups, wanted_by
from townsquare.context.sources.split import bare, is_split
from townsquare.context.sources.wording import reworded_filters
from townsquare.context.temporal import Evolution, TemporalQuery
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid, TooManyResults

RETRIEVE = ("retrieveTemporal", "queryTemporal")
QUERY = ("queryTemporal",)
OF_TIME = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN")
EVER = {"timerel": "after", "timeAt": "0001-01-01T00:00:00Z"}
MOST_HERE = 2000  # instances of this broker that are put together with others' at once
MOST_SUMMED = 100_000  # and where sums are made of them
MOST_PARTS = 50  # that one source is asked for, where all of them are needed


class Question(Demand, frozen=True):
    shown: frozenset[str] = frozenset()  # attributes that are told; none named: all


@dataclass(frozen=True, slots=True)
class Told:
    """What one source said; all up to `cut`, where there is one."""

    source: Registration
    entities: Sequence[Entity] = ()
    warning: str = ""
    cut: datetime | None = None
    count: int = 0
    full: bool = False  # it may have more entities than it was asked for


@dataclass(frozen=True, slots=True)
class Gathering:
    """Of all that was asked: entities with their past, those of here first."""

    entities: Sequence[Entity]
    warnings: Sequence[str]
    cut: datetime | None  # up to which it is all
    count: int | None
    more: bool


class SharedPast:
    def __init__(self, reading: SharedReading) -> None:
        self.reading = reading
        self.broker = reading.broker

    async def sources(
        self, request: Request, terms: Terms, ask: TemporalQuery
    ) -> list[Registration]:
        """Those that have a part in it. Raises Invalid."""
        if not await self.reading.registry.of(request.tenant):
            return []
        if not self.broker.grant(request.actor, request.why, "temporal", "").allowed:
            return []
        during = read_during(request.parameters)
        names = QUERY if ask.query.types or ask.query.pattern else RETRIEVE
        wanted = _wanted(ask)
        found = await self.reading.sources(
            request, terms, wanted, names, lambda one: not one.temporal or overlaps(during, one)
        )
        return [] if found and await self._is_ours(request, wanted) else found

    async def _is_ours(self, request: Request, wanted: Wanted) -> bool:
        """Whether it is about one entity that a room of the house declares."""
        if len(wanted.ids) != 1:
            return False
        types = await self.broker.types_of(wanted.ids[0], tenant=request.tenant)
        return not self.broker.policy.types.keys().isdisjoint(types)

    async def gather(
        self,
        request: Request,
        terms: Terms,
        ask: TemporalQuery,
        sources: Sequence[Registration],
        *,
        whole: bool,
    ) -> Gathering:
        """`whole`: no part will do. Raises Invalid, TooManyResults."""
        refuse_order(ask.query)
        split = is_split(request)
        wide = _from_the_first(ask, split=split)
        demand = await self._demand(request, terms, wide, split=split)
        told = await asyncio.gather(*(self._asked(demand, one, whole=whole) for one in sources))
        by, why, most = request.actor, request.why, MOST_SUMMED if whole else MOST_HERE
        here = await self.broker.chronicle.evolution(
            replace(wide, most=most), by, why, tenant=request.tenant
        )
        cut = _cut(here, told, backwards=ask.last is not None)
        if whole and cut:
            raise TooManyResults("there is too much for one answer; narrow the time or the query")
        entities = self._joined(here.entities, told, wide)
        first, upto = ask.query.offset, wide.query.limit
        more = len(entities) > upto or here.more or any(one.full for one in told)
        return Gathering(
            entities if split else entities[first:upto],
            [one.warning for one in told if one.warning],
            cut,
            _count(here, told, len(entities)),
            more,
        )

    def _joined(
        self, here: Sequence[Entity], told: Sequence[Told], ask: TemporalQuery
    ) -> list[Entity]:
        sources = [one.source for one in told]
        house = self.broker.policy.types.keys()
        fixed = {entity.id for entity in here if not house.isdisjoint(entity.types)}
        parts: dict[str, list[Entity]] = {}
        for entity in here:
            left = entity if entity.id in fixed else left_here(entity, sources)
            if left:
                parts[entity.id] = [left]
        for one in told:
            for entity in one.entities:
                if entity.id not in fixed and selected(ask.query, entity):
                    parts.setdefault(entity.id, []).append(entity)
        return [together(of_it, time_property(ask)) for of_it in parts.values()]

    # --- asking one source

    async def _demand(
        self, request: Request, terms: Terms, ask: TemporalQuery, *, split: bool
    ) -> Question:
        told = ("datasetId",) if split else (*FILTERS, *GEO_FILTERS)
        said = {n: v for n, v in request.parameters.items() if n in (*told, *OF_TIME)}
        if ask.query.count:
            said["count"] = "true"
        named = await self.reading.contexts.addressed(terms, request.tenant)
        shown = frozenset((*ask.attributes, *ask.query.attributes))
        return Question(request, named, _wanted(ask), said, ask.query.limit, shown=shown)

    async def _asked(self, demand: Question, one: Registration, *, whole: bool) -> Told:
        parts = [await self._part(demand, one, {})]
        while (
            whole
            and "lastN" not in demand.parameters
            and (cut := parts[-1].cut)
            and len(parts) < MOST_PARTS
        ):
            parts.append(await self._part(demand, one, _behind(demand.parameters, cut)))
            if parts[-1].cut == cut:
                break  # it goes no further
        entities = [entity for part in parts for entity in part.entities]
        told = next((part.warning for part in parts if part.warning), "")
        return replace(parts[0], entities=entities, warning=told, cut=parts[-1].cut)

    async def _part(self, demand: Question, one: Registration, time: Mapping[str, str]) -> Told:
        asked = structs.replace(demand, parameters={**demand.parameters, **time})
        found = [await self._answer(asked, one, write) for write in _errands(asked, one)]
        cuts = [told.cut for told in found if told.cut]
        backwards = "lastN" in demand.parameters
        return Told(
            one,
            [entity for told in found for entity in told.entities],
            next((told.warning for told in found if told.warning), ""),
            (max if backwards else min)(cuts) if cuts else None,
            sum(told.count for told in found),
            any(told.full for told in found),
        )

    async def _answer(
        self, demand: Question, one: Registration, write: Callable[[Terms], Errand]
    ) -> Told:
        reply = await self.reading.asked(demand, one, write)
        if reply.status == 404:
            return Told(one)
        if reply.trouble:
            return Told(one, warning=warning(one, reply))
        house = self.broker.policy.types.keys()
        reader = Reader(one, reply.words, demand.wanted, house, self.broker.clock())
        try:
            entities = evolutions(reply.json, reader)
            cut = edge(reply.part) if reply.status == 206 else None
        except Invalid:
            return Told(one, warning=warning(one, Reply("garbled")))
        full = len(entities) >= demand.limit > 1
        return Told(one, entities, "", cut, reply.count or len(entities), full)


def _from_the_first(ask: TemporalQuery, *, split: bool) -> TemporalQuery:
    """For what is on a page of several brokers each is asked for all up to its end."""
    query = bare(ask.query) if split else ask.query
    upto = min(query.offset + query.limit, MOST)
    return replace(ask, query=replace(query, offset=0, limit=upto), bare=False)


def _cut(here: Evolution, told: Sequence[Told], *, backwards: bool) -> datetime | None:
    """Up to where everybody has told all."""
    cuts = [one.cut for one in told if one.cut]
    if here.part:
        cuts.append(here.part.first if backwards else here.part.last)
    return (max if backwards else min)(cuts) if cuts else None


def _count(here: Evolution, told: Sequence[Told], different: int) -> int | None:
    """Of all entities; those that several have count once as far as they were told."""
    if here.count is None:
        return None
    both = len(here.entities) + sum(len(one.entities) for one in told) - different
    return here.count + sum(one.count for one in told) - both


def asked_of_whole(request: Request, ask: TemporalQuery) -> TemporalQuery:
    """What is left to ask of what the parts make together: filters only where nobody was asked."""
    return ask if is_split(request) else replace(ask, query=replace(bare(ask.query), offset=0))


def _wanted(ask: TemporalQuery) -> Wanted:
    wanted = wanted_by(ask.query)
    return structs.replace(wanted, attributes=wanted.attributes | set(ask.attributes))


def _behind(parameters: Mapping[str, str], cut: datetime) -> Mapping[str, str]:
    """The time that is left behind the edge of a part."""
    at = cut.isoformat().replace("+00:00", "Z")
    until = parameters.get("endTimeAt", "")
    if parameters.get("timerel") == "before":
        until = parameters["timeAt"]
    left = {"timerel": "between", "timeAt": at, "endTimeAt": until}
    return left if until else {"timerel": "after", "timeAt": at}


def _errands(demand: Question, one: Registration) -> list[Callable[[Terms], Errand]]:
    """By the id where there is one and the source offers that, else by what it has."""
    wanted = demand.wanted
    if len(wanted.ids) == 1 and not wanted.types and "retrieveTemporal" in one.offers:
        path = ("temporal", "entities", wanted.ids[0])
        return [lambda words: Errand("GET", path, _said(demand, one, words))]
    return [_query(demand, one, selected) for selected in groups(one, wanted)]


def _query(demand: Question, one: Registration, selected: Selected) -> Callable[[Terms], Errand]:
    time = {} if "timerel" in demand.parameters else EVER

    def write(words: Terms) -> Errand:
        said = {**selected.parameters(words), **time, **_said(demand, one, words)}
        return Errand("GET", ("temporal", "entities"), said | {"limit": str(max(demand.limit, 1))})

    return write


def _said(demand: Question, one: Registration, words: Terms) -> dict[str, str]:
    filters = reworded_filters(demand.parameters, demand.terms, words)
    shown = structs.replace(demand.wanted, attributes=demand.shown)
    return {**filters, **attributes(one, shown, words), "options": "sysAttrs"}
