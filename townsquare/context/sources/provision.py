"""Writing an entity where sources have a part in it (clauses 5.6 and 6.3.17).

This broker does its own part first: what the policy refuses here goes nowhere else. Then all
sources are asked at once, and what became of each part is told together. What a room of the
house declares is shared with nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from msgspec import Struct, structs

from townsquare.context.commit import Outcome
from townsquare.context.form.read import ENTITY_MEMBERS
from townsquare.context.http import Answer, Request, problem
from townsquare.context.jsonld import Terms
from townsquare.context.sources.answers import Part, conflict, part, together
from townsquare.context.sources.calling import Caller, Errand, Reply
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.shares import Share, Shares, divided
from townsquare.context.sources.wording import reworded, reworded_types
from townsquare.context.via import hops
from townsquare.model.change import Change, Operation
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, NotFound, TownsquareError, Unavailable

OFFERED: Mapping[Operation, str] = {
    "create": "createEntity",
    "merge": "mergeEntity",
    "replace": "replaceEntity",
    "delete": "deleteEntity",
    "append": "appendAttrs",
    "update": "updateEntity",
    "patch": "updateAttrs",
    "put": "replaceAttrs",
    "remove": "deleteAttrs",
}
BY_ATTRIBUTE: frozenset[Operation] = frozenset({"append", "update"})
ONE_ATTRIBUTE: frozenset[Operation] = frozenset({"patch", "put", "remove"})

Local = Callable[[Change], Awaitable[Outcome]]
LOOP = Reply("loop", reason="the request has been here before")


class Deed(Struct, frozen=True):
    """A change as a request asks for it. `body` is in the words of `terms`."""

    request: Request
    terms: Terms
    change: Change
    body: Json = None

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset(self.change.entity.attributes)

    def only(self, attributes: frozenset[str]) -> Change:
        entity = self.change.entity
        kept = {name: a for name, a in entity.attributes.items() if name in attributes}
        return structs.replace(self.change, entity=msgspec.structs.replace(entity, attributes=kept))

    def errand(self, words: Terms, attributes: frozenset[str]) -> Errand:
        request, path = self.request, self.request.path
        if self.change.operation in ONE_ATTRIBUTE and self.attributes:
            path = (*path[:3], *map(words.compact, self.attributes))
        body = part_of_body(self.body, self.terms, attributes, self.change.operation)
        if words is not self.terms and body is not None:
            body = reworded(body, self.terms, words)
        parameters = {n: v for n, v in request.parameters.items() if n != "local"}
        if "type" in parameters:
            parameters["type"] = reworded_types(parameters["type"], self.terms, words)
        return Errand(request.method, path, parameters, body)


def part_of_body(
    body: Json, terms: Terms, attributes: frozenset[str], operation: Operation
) -> Json:
    """With these attributes only; without @context, which is told beside it."""
    if not isinstance(body, dict):
        return body
    bare = {name: value for name, value in body.items() if name != "@context"}
    if operation in ONE_ATTRIBUTE:
        return bare
    return {
        name: value
        for name, value in bare.items()
        if name in ENTITY_MEMBERS or terms.expand(name) in attributes
    }


class SharedWriting:
    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.registry = caller.registry
        self.broker = caller.registry.broker

    async def provide(
        self, deed: Deed, local: Local, answered: Callable[[Outcome], Answer]
    ) -> Answer:
        """`local` does what is left to this broker, `answered` tells that all went well."""
        sources = await self.sources(deed.request)
        types = await self.types(deed) if sources else frozenset()
        if not sources or not types.isdisjoint(self.broker.policy.types):
            return answered(await local(deed.change))
        entity = deed.change.entity
        wanted = Wanted(types, (entity.id,), attributes=deed.attributes)
        shares = divided(sources, wanted, [OFFERED[deed.change.operation]])
        return await self._shared(deed, shares, local, answered)

    async def sources(self, request: Request) -> Sequence[Registration]:
        """All that may have a part in a write; none where it shall stay here."""
        known = await self.registry.of(request.tenant)
        if not known or request.flag("local"):
            return ()
        return [one for one in known if not one.temporal and one.mode != "auxiliary"]

    async def types(self, deed: Deed) -> frozenset[str]:
        """Those that the request names, or that the entity has here; none: it may be any."""
        change = deed.change
        named = frozenset(change.entity.types).union(*change.types)
        here = await self.broker.types_of(change.entity.id, tenant=deed.request.tenant)
        return named.union(here)

    async def _shared(
        self, deed: Deed, shares: Shares, local: Local, answered: Callable[[Outcome], Answer]
    ) -> Answer:
        operation, id = deed.change.operation, deed.change.entity.id
        parts, done = await self._here(deed, shares, local)
        errands = [self._asked(deed, share) for share in shares.elsewhere]
        parts += [found for found in await asyncio.gather(*errands) if found]
        parts += [
            Part(share.attributes, conflict(share.source, OFFERED[operation]), share.source.id)
            for share in shares.refused
        ]
        answer = answered(done or Outcome(id))
        return together(id, parts, answer, by_attribute=operation in BY_ATTRIBUTE)

    async def _here(
        self, deed: Deed, shares: Shares, local: Local
    ) -> tuple[list[Part], Outcome | None]:
        """Raises Denied or Unavailable, before anybody else has heard of it."""
        whole = deed.change.operation == "delete"
        if not shares.local and not whole:
            return [], None
        try:
            outcome = await local(deed.change if whole else deed.only(shares.here))
        except (Denied, Unavailable):
            raise
        except NotFound as error:
            absent = [] if shares.proxied else [Part(shares.here, problem(error).json)]
            return absent, None
        except TownsquareError as error:
            return [Part(shares.here, problem(error).json)], None
        return [Part(shares.here)], outcome

    async def _asked(self, deed: Deed, share: Share) -> Part | None:
        one, request = share.source, deed.request
        if self.looping(one, request):
            return part(one, share.attributes, LOOP) if one.proxied else None
        reply = await self.caller.call(
            one, request, deed.terms, lambda words: deed.errand(words, share.attributes)
        )
        return part(one, share.attributes, reply)

    def looping(self, one: Registration, request: Request) -> bool:
        """Whether the request was there, or here, before (clause 4.3.6.4)."""
        before = hops(request)
        return self.registry.alias(request.tenant) in before or one.context_source_alias in before
