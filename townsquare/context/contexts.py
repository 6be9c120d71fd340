"""The @context of a request: where it is named, and the table it resolves to (clause 6.3.5)."""

import re

import httpx

from townsquare.context import outgoing
from townsquare.context.http import CONTEXT_REL, JSON, LD, Request, decoded
from townsquare.context.jsonld import (
    CORE_PREFIX,
    CORE_TERMS,
    DEEPEST,
    Terms,
    references,
    table,
    terms,
)
from townsquare.model.entity import Json
from townsquare.model.errors import ContextNotAvailable, Denied, Invalid

MOST_CACHED = 100  # documents; then it begins anew
BIGGEST = 2**20  # bytes of a context document
_LINK = re.compile(r"<([^>]*)>\s*;[^,]*rel=\"?" + re.escape(CONTEXT_REL) + r"\"?")


class Contexts:
    """Resolves contexts, each document loaded once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._documents: dict[str, Json] = {}
        self._tables: dict[str, Terms] = {}

    async def of(self, request: Request, body: Json = None) -> Terms:
        """Raises Invalid for a context in the wrong place, ContextNotAvailable."""
        linked = _linked(request)
        inside = body.get("@context") if isinstance(body, dict) else None
        if request.body:
            ld = request.media_type() == LD
            if ld and (inside is None or linked is not None):
                raise Invalid("application/ld+json has its @context in the body, not in Link")
            if not ld and inside is not None:
                raise Invalid("@context in the body needs the media type application/ld+json")
        return await self.terms(inside if inside is not None else linked)

    async def terms(self, context: Json) -> Terms:
        if context is None or (isinstance(context, str) and context.startswith(CORE_PREFIX)):
            return CORE_TERMS
        if not isinstance(context, str):
            await self._load(context)
            return terms(table(context, self._documents), context)
        if context not in self._tables:
            await self._load(context)
            self._tables[context] = terms(table(context, self._documents), context)
        return self._tables[context]

    async def _load(self, context: Json, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise Invalid(f"@context nests deeper than {DEEPEST}")
        for url in references(context):
            document = self._documents.get(url) or await self._fetch(url)
            inner = document.get("@context") if isinstance(document, dict) else None
            await self._load(inner, depth + 1)
            if len(self._documents) >= MOST_CACHED:
                self._tables.clear()
                self._documents.clear()
            self._documents[url] = document

    async def _fetch(self, url: str) -> Json:
        try:
            return decoded(await outgoing.fetch(self._client, url, BIGGEST, f"{LD}, {JSON}"))
        except (httpx.HTTPError, httpx.InvalidURL, Denied, Invalid) as error:
            raise ContextNotAvailable(f"the context {url} cannot be loaded: {error}") from error


def _linked(request: Request) -> str | None:
    found = _LINK.findall(request.headers.get("link", ""))
    if len(found) > 1:
        raise Invalid("a request has at most one Link to a JSON-LD context")
    return found[0] if found else None
