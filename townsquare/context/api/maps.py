"""Entity maps: make, retrieve, change, delete (clauses 5.14, 6.32, 6.34 and 6.35)."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from townsquare.context.api.consume import Consumption
from townsquare.context.api.temporal import Past
from townsquare.context.contexts import Contexts
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.maps.entity_map import HERE, TYPE, EntityMap
from townsquare.context.query import MOST, Query
from townsquare.context.routes import Routes, watch
from townsquare.context.values import is_uri, read_time
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid


class MapDoors:
    def __init__(self, present: Consumption, past: Past, contexts: Contexts) -> None:
        self.present = present
        self.past = past
        self.contexts = contexts
        self.maps = present.maps
        self.atlas = past.atlas
        self.broker = past.broker

    def routes(self) -> Routes:
        return {
            "entityMaps": {"GET": watch(self.make), "POST": watch(self.make_by_post)},
            "temporal/entityMaps": {
                "GET": watch(self.make_of_past),
                "POST": watch(self.make_of_past_by_post),
            },
            "entityMaps/*": {
                "GET": watch(self.retrieve),
                "PATCH": watch(self.amend),
                "DELETE": watch(self.delete),
            },
        }

    async def make(self, request: Request) -> Answer:
        asked, query = await self.present.asked(request)
        return await self._made(asked.request, asked.terms, query)

    async def make_by_post(self, request: Request) -> Answer:
        asked, query = await self.present.asked_by_post(request)
        return await self._made(asked.request, asked.terms, query)

    async def _made(self, request: Request, terms: Terms, query: Query) -> Answer:
        request.accepts(JSON, LD)
        one, warnings = await self.maps.made(request, terms, query)
        answer = self._told(request, one, terms, 201)
        if not warnings:
            return answer
        return structs.replace(
            answer, headers={**answer.headers, "NGSILD-Warning": ", ".join(warnings)}
        )

    async def make_of_past(self, request: Request) -> Answer:
        asked = await self.past.asked(request)
        return self._told(request, await self.past.made(asked), asked.terms, 201)

    async def make_of_past_by_post(self, request: Request) -> Answer:
        asked = await self.past.asked_by_post(request)
        return self._told(request, await self.past.made(asked), asked.terms, 201)

    def _told(self, request: Request, one: EntityMap, terms: Terms, status: int) -> Answer:
        media = request.accepts(JSON, LD)
        answer = answer_json(request, one.json(), terms, media, NGSILD_EntityMap=one.location)
        return structs.replace(answer, status=status)

    async def retrieve(self, request: Request) -> Answer:
        request.known()
        request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        one = await self.atlas.own(request, _id(request))
        return self._told(request, await self._shown(request, one), terms, 200)

    async def _shown(self, request: Request, one: EntityMap) -> EntityMap:
        """Without what is here and not, or not any more, open to who asks for this purpose."""
        by, why, tenant = request.actor, request.why, request.tenant
        here = [id for id, places in one.entities.items() if HERE in places]
        seen: set[str] = set()
        for part in _parts(here):
            query = Query(ids=part, limit=len(part))
            seen |= set(await self.broker.ids(query, by, why, MOST, tenant=tenant))
        return one.without(set(here) - seen)

    async def amend(self, request: Request) -> Answer:
        """Its end; what only we say of it is not heard (clause 5.14.2.4)."""
        request.known()
        id, fragment = _id(request), request.json()
        await self.contexts.of(request, fragment)
        if not isinstance(fragment, dict) or fragment.get("type", TYPE) != TYPE:
            raise Invalid(f"a fragment of an {TYPE} must be a JSON object of that type")
        await self.atlas.own(request, id)
        if "expiresAt" in fragment:
            await self.atlas.expire(request, id, _time(fragment["expiresAt"]))
        return Answer(204)

    async def delete(self, request: Request) -> Answer:
        request.known()
        await self.atlas.drop(request, _id(request))
        return Answer(204)


def _time(text: Json) -> datetime:
    found = read_time(text)
    if found is None:
        raise Invalid(f"expiresAt must be a UTC time like 2026-01-31T12:00:00Z, is {text!r:.80}")
    return found


def _id(request: Request) -> str:
    """Raises Invalid."""
    id = request.path[1]
    if not is_uri(id):
        raise Invalid(f"the id of an entity map is a URI, not {id[:200]!r}")
    return id


def _parts(ids: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + MOST]) for start in range(0, len(ids), MOST)]
