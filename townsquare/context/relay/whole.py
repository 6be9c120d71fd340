"""An entity of which a source tells a part, put together with its other parts (clause 5.8.6)."""

import asyncio

from townsquare.context.contexts import Contexts
from townsquare.context.http import CONTEXT_REL, LD, Request
from townsquare.context.query import Query
from townsquare.context.sources.consumption import RETRIEVE, Demand, SharedReading
from townsquare.context.sources.joined import joined
from townsquare.context.sources.matching import Wanted
from townsquare.context.subscriptions.kept import Kept
from townsquare.model.entity import Entity


class Wholes:
    def __init__(self, reading: SharedReading, contexts: Contexts) -> None:
        self.reading = reading
        self.contexts = contexts

    async def of(self, kept: Kept, told: Entity, source: str) -> Entity:
        """As the subscriber may see it, with all but what `source` has, which was told just now."""
        by, why, tenant = kept.by, kept.why, kept.tenant
        link = {"link": f'<{kept.context}>; rel="{CONTEXT_REL}"; type="{LD}"'}
        request = Request("GET", ("entities", told.id), {}, link, b"", by, why, tenant)
        terms = await self.contexts.terms(kept.context, tenant)
        wanted = Wanted(frozenset(told.types), (told.id,))
        sources = await self.reading.sources(request, terms, wanted, RETRIEVE)
        demand = Demand(request, terms, wanted)
        asked = [self.reading.retrieved(demand, one) for one in sources if one.id != source]
        answers = await asyncio.gather(*asked)
        query = Query(ids=(told.id,), limit=1)
        here = await self.reading.broker.find(query, by, why, tenant=tenant, act="watch")
        parts = [told, *here.entities, *(e for answer in answers for e in answer.entities)]
        return joined(parts) or told
