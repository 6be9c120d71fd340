"""Contexts kept here: host, list, serve, delete and reload (clauses 5.13, 6.29 and 6.30)."""

from uuid import uuid4

import msgspec

from townsquare.context.contexts import Contexts
from townsquare.context.core import CORE
from townsquare.context.http import JSON, LD, Answer, Request, address
from townsquare.context.jsonld import checked, is_core
from townsquare.context.routes import Guarded, Routes, write
from townsquare.context.shelf import BIGGEST, ID, KINDS, Document, Use
from townsquare.model.entity import Json
from townsquare.model.errors import (
    ContextNotAvailable,
    Invalid,
    InvalidRequest,
    NotFound,
    NotSupported,
)
from townsquare.store import Key


class ContextServer:
    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.shelf = contexts.shelf
        self.broker = contexts.shelf.broker
        self.started = self.broker.clock()

    def routes(self) -> Routes:
        return {
            "jsonldContexts": {"GET": self.listed, "POST": write(self.add)},
            "jsonldContexts/*": {
                "GET": self.serve,
                "DELETE": Guarded(self.delete, "write", governed=True),
            },
        }

    async def add(self, request: Request) -> Answer:
        body = request.json()
        if not isinstance(body, dict) or "@context" not in body:
            raise InvalidRequest("the body must be a JSON object with the member @context")
        if len(request.body) > BIGGEST:
            raise Invalid(f"a context has at most {BIGGEST} bytes")
        context = checked(body["@context"])
        id = f"{ID}{uuid4()}"
        document = Document(id, "Hosted", context, self.broker.clock(), by=request.actor)
        key = Key(request.tenant, "document", id)
        await self.shelf.room_for(key, "Hosted")
        content = msgspec.json.encode(document)
        await self.broker.documents.keep(key, content, request.actor, request.why, new=True)
        return Answer(201, headers={"location": address("jsonldContexts", id)})

    async def listed(self, request: Request) -> Answer:
        request.known("details", "kind")
        details, kind = _flag(request, "details"), request.parameters.get("kind")
        if kind is not None and kind not in KINDS:
            raise Invalid(f"kind must be one of {', '.join(KINDS)}, is {kind[:80]!r}")
        media = request.accepts(JSON, LD)
        found = [d for d in await self.shelf.listed(request.tenant) if kind in (None, d.kind)]
        told = [self._details(request, d) if details else self.shelf.address(d) for d in found]
        return Answer(200, told, media=media)

    async def serve(self, request: Request) -> Answer:
        request.known("details")
        details, media = _flag(request, "details"), request.accepts(JSON, LD)
        document = await self._found(request)
        if details:
            told = self._details(request, document)
        elif document.kind == "Cached":
            raise NotSupported(f"a copy is not served; the original is at {document.url}")
        else:
            told = {"@context": document.context}
        self.shelf.used(Key(request.tenant, "document", document.id))
        return Answer(200, told, media=media)

    async def delete(self, request: Request) -> Answer:
        request.known("reload")
        name, reload = request.path[1], _flag(request, "reload")
        if is_core(name) and not reload:
            raise Invalid(f"{name} is a core context, which cannot be deleted")
        if reload:
            await self._reload(request)
        else:
            key = self.shelf.key(request.tenant, name)
            await self._require_own(request, key)
            await self.broker.documents.drop(key, request.actor, request.why)
            self.contexts.forget(key)
            self.shelf.uses.pop(key, None)
        return Answer(204)

    async def _require_own(self, request: Request, key: Key) -> None:
        """Raises NotFound, Denied. Copies and what an answer needed are whoever's may write."""
        document, by, why = await self.shelf.get(key), request.actor, request.why
        if document.kind == "Hosted":
            self.broker.owners.require(document.by, by, why, document.id)

    async def _reload(self, request: Request) -> None:
        """Raises Invalid for what has no original, ContextNotAvailable and keeps the copy."""
        try:
            document = await self._found(request)
        except NotFound as error:
            raise Invalid(f"{request.path[1]} is not cached here, so it has no original") from error
        if document.kind != "Cached":
            raise Invalid(f"{document.id} is {document.kind}, so it has no original to reload")
        if is_core(document.url):
            return  # built in: there is nothing newer than this server knows
        key = Key(request.tenant, "document", document.id)
        try:
            await self.shelf.renew(key, document.url)
        except Invalid as error:
            raise ContextNotAvailable(f"the copy is kept: {error}") from error
        self.contexts.forget(key)

    async def _found(self, request: Request) -> Document:
        """Raises NotFound."""
        name = request.path[1]
        key = self.shelf.key(request.tenant, name)
        if is_core(name):
            return Document(key.id, "Cached", CORE, self.started, name)
        return await self.shelf.get(key)

    def _details(self, request: Request, document: Document) -> Json:
        use = self.shelf.uses.get(Key(request.tenant, "document", document.id), Use())
        told = {
            "URL": self.shelf.address(document),
            "localId": document.id,
            "kind": document.kind,
            "createdAt": document.created_at,
            "expiresAt": document.expires_at,
            "lastUsage": use.last,
            "numberOfHits": use.hits,
        }
        return {name: value for name, value in told.items() if value is not None}


def _flag(request: Request, name: str) -> bool:
    """Raises Invalid: clauses 5.13.3 and 5.13.5 see wrong data here, not a wrong request."""
    try:
        return request.flag(name)
    except InvalidRequest as error:
        raise Invalid(str(error)) from error
