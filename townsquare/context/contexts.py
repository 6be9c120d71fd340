"""The @context of a request: where it is named, and the table it resolves to (clause 6.3.5)."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import msgspec

from townsquare.context.http import APART, CONTEXT_REL, LD, Request
from townsquare.context.jsonld import CORE_TERMS, Terms, is_core, references, resolve
from townsquare.context.shelf import Shelf
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.store import Key

MOST_PARTS = 32  # documents that make up one context
MOST_HELD = 500_000  # terms of all tables together, and 100 for each table besides
LONGEST_LINK = 4096
_LINK = re.compile(r"<([^>]*)>\s*;[^,]*rel=\"?" + re.escape(CONTEXT_REL) + r"\"?")


@dataclass(frozen=True, slots=True)
class Table:
    """A context as it was resolved, good `until` a document that it is made of expires."""

    terms: Terms
    documents: Sequence[Key]
    until: datetime | None

    @property
    def size(self) -> int:
        return len(self.terms.iris) + 100


class Contexts:
    """Resolves contexts, each once."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._tables: OrderedDict[tuple[str, bytes], Table] = OrderedDict()
        self._held = 0

    async def of(self, request: Request, body: Json = None) -> Terms:
        """Raises Invalid for a context in the wrong place, ContextNotAvailable."""
        link = linked(request)
        inside = body.get("@context") if isinstance(body, dict) else None
        if request.body:
            ld = request.media_type() == LD
            if ld and (inside is None or link is not None):
                raise Invalid("application/ld+json has its @context in the body, not in Link")
            if not ld and inside is not None:
                raise Invalid("@context in the body needs the media type application/ld+json")
        return await self.terms(inside if inside is not None else link, request.tenant)

    async def terms(self, context: Json, tenant: str = "") -> Terms:
        """Raises Invalid, ContextNotAvailable."""
        if context is None or is_core(context):
            return CORE_TERMS
        tenant = _home(tenant)
        key = (tenant, msgspec.json.encode(context))
        table = self._tables.get(key)
        if table is None or (table.until and table.until <= self.shelf.broker.clock()):
            table = await self._resolved(context, tenant)
            self._hold(key, table)
        self._tables.move_to_end(key)
        for document in table.documents:
            self.shelf.used(document)
        return table.terms

    async def addressed(self, terms: Terms, tenant: str) -> Terms:
        """The same terms, with an address for Link where the context has none."""
        if terms.url:
            return terms
        return replace(terms, url=await self.shelf.implicit(_home(tenant), terms.source))

    def forget(self, document: Key) -> None:
        """It changed: what was made of it is made anew."""
        for key, table in list(self._tables.items()):
            if document in table.documents:
                self._held -= self._tables.pop(key).size

    def _hold(self, key: tuple[str, bytes], table: Table) -> None:
        if before := self._tables.pop(key, None):
            self._held -= before.size
        self._tables[key] = table
        self._held += table.size
        while self._held > MOST_HELD and len(self._tables) > 1:
            self._held -= self._tables.popitem(last=False)[1].size

    async def _resolved(self, context: Json, tenant: str) -> Table:
        loaded: dict[str, Json] = {}
        ends: list[datetime] = []
        waiting = list(references(context))
        while waiting:
            url = waiting.pop()
            if url in loaded:
                continue
            if len(loaded) == MOST_PARTS:
                raise Invalid(f"@context is made of more than {MOST_PARTS} documents")
            document = await self.shelf.find(tenant, url)
            loaded[url] = document.context
            waiting += references(document.context, url)
            if document.expires_at:
                ends.append(document.expires_at)
        documents = [self.shelf.key(tenant, url) for url in loaded]
        return Table(resolve(context, loaded), documents, min(ends, default=None))


def linked(request: Request) -> str | None:
    """The context that the header Link names."""
    return _linked(request.headers.get("link", ""))


@lru_cache(maxsize=1024)
def _linked(header: str) -> str | None:
    if not header:
        return None
    if len(header) > LONGEST_LINK:
        raise Invalid(f"Link has more than {LONGEST_LINK} characters")
    found = _LINK.findall(header)
    if len(found) > 1:
        raise Invalid("a request has at most one Link to a JSON-LD context")
    return found[0] if found else None


def _home(tenant: str) -> str:
    """What lies apart has no contexts of its own."""
    return tenant.partition(APART)[0]
