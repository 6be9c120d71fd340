"""Snapshots: create, clone, retrieve, change, delete, purge (clauses 5.16, 6.36 to 6.38)."""

from townsquare.context.contexts import Contexts
from townsquare.context.http import JSON, LD, Answer, Request, address, answer_json
from townsquare.context.jsonld import CORE_TERMS
from townsquare.context.routes import Routes, watch
from townsquare.context.snapshots.gallery import Gallery
from townsquare.context.snapshots.snapshot import (
    Given,
    Snapshot,
    amended,
    condition,
    end,
    fresh_place,
    read,
)
from townsquare.context.sources.properties import holds
from townsquare.context.values import is_uri
from townsquare.model.errors import Invalid, NotFound, Unavailable


class SnapshotDoors:
    def __init__(self, gallery: Gallery, contexts: Contexts) -> None:
        self.gallery = gallery
        self.contexts = contexts
        self.broker = gallery.broker

    def routes(self) -> Routes:
        return {
            "snapshots": {"POST": watch(self.create), "DELETE": watch(self.purge)},
            "snapshots/*": {
                "GET": watch(self.retrieve),
                "PATCH": watch(self.amend),
                "DELETE": watch(self.delete),
            },
            "snapshots/*/clone": {"POST": watch(self.clone)},
        }

    async def create(self, request: Request) -> Answer:
        request.known()
        body = request.json()
        terms = await self.contexts.of(request, body)
        named = await self.contexts.addressed(terms, request.tenant)
        return await self._added(self._new(request, read(body), named.url))

    async def clone(self, request: Request) -> Answer:
        request.known()
        body = request.json()
        await self.contexts.of(request, body)
        given = read(body, clone=True)
        one = await self.gallery.own(request, _id(request))
        if one.status == "preparing":
            raise Unavailable(f"{one.id} is still being prepared; clone it then", 1)
        return await self._added(self._new(request, given, one.context, one))

    def _new(
        self, request: Request, given: Given, context: str, of: Snapshot | None = None
    ) -> Snapshot:
        now = self.broker.clock()
        return Snapshot(
            given=given,
            tenant=request.tenant,
            by=request.actor,
            why=request.why,
            context=context,
            created_at=now,
            modified_at=now,
            expires_at=end(given, now, of.oldest if of else now),
            place=fresh_place(request.tenant),
            copied=of.place if of else "",
            found_at=of.oldest if of else None,
        )

    async def _added(self, one: Snapshot) -> Answer:
        await self.gallery.add(one)
        return Answer(201, headers={"location": address("snapshots", one.id)})

    async def retrieve(self, request: Request) -> Answer:
        request.known()
        return self._told(request, await self.gallery.own(request, _id(request)))

    def _told(self, request: Request, one: Snapshot) -> Answer:
        media = request.accepts(JSON, LD)
        return answer_json(request, one.json(self.gallery.last_used(one)), CORE_TERMS, media)

    async def amend(self, request: Request) -> Answer:
        request.known()
        id, fragment = _id(request), request.json()
        await self.contexts.of(request, fragment)
        one = await self.gallery.own(request, id)
        given = amended(one.given, fragment)
        renewed = "snapshotLifetime" in fragment
        return self._told(request, await self.gallery.amend(one, given, renewed=renewed))

    async def delete(self, request: Request) -> Answer:
        request.known()
        one = await self.gallery.own(request, _id(request))
        await self.gallery.drop(one, request.actor, request.why)
        return Answer(204)

    async def purge(self, request: Request) -> Answer:
        request.known("q")
        q = condition(request.parameters.get("q", ""))
        mine = await self.gallery.of(request)
        found = [one for one in mine if holds(q, one.members(self.gallery.last_used(one)))]
        if not found:
            raise NotFound("none of your snapshots is like that")
        for one in found:
            await self.gallery.drop(one, request.actor, request.why)
        return Answer(204)


def _id(request: Request) -> str:
    """Raises Invalid."""
    id = request.path[1]
    if not is_uri(id):
        raise Invalid(f"the id of a snapshot is a URI, not {id[:200]!r}")
    return id
