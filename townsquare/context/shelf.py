"""The documents that contexts are made of (ETSI GS CIM 009, clause 5.13).

Hosted for a client, cached from elsewhere, or created here because an answer needed an address
for the context that it is written in. All lie in the store, each tenant's apart, so that what
was once cached is known after a restart too, and when the line is cut: a copy that cannot be
had anew is used on. How often each was found is counted from the start of the server.
"""

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import unquote

import httpx
import msgspec

from townsquare.context import outgoing
from townsquare.context.broker import Broker
from townsquare.context.http import JSON, LD, ROOT, decoded
from townsquare.context.jsonld import checked
from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.errors import (
    ContextNotAvailable,
    Denied,
    Invalid,
    InvalidRequest,
    NotFound,
    TooComplex,
)
from townsquare.store import Job, Key, Row, Writes

Kind = Literal["Hosted", "Cached", "ImplicitlyCreated"]
KINDS: tuple[Kind, ...] = ("Hosted", "Cached", "ImplicitlyCreated")
ID = "urn:ngsi-ld:Context:"
MOST = 100  # documents of one kind in a tenant
BIGGEST = 2**20  # bytes of a document
SHORTEST, USUAL, LONGEST = timedelta(minutes=1), timedelta(days=1), timedelta(days=30)  # cached
AGAIN = timedelta(minutes=5)  # after a copy that has expired could not be had anew
AT_ONCE = 8  # documents under way
_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)=\"?(\d{1,9})")


class Document(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """`url` is where a cached one is from; the others are served here, under their id."""

    id: str
    kind: Kind
    context: Json
    created_at: datetime
    url: str = ""
    expires_at: datetime | None = None
    by: Actor | None = None  # who hosts it


@dataclass(slots=True)
class Use:
    hits: int = 0
    last: datetime | None = None


class Shelf:
    def __init__(self, broker: Broker, client: outgoing.Client, origin: str) -> None:
        self.broker = broker
        self.client = client
        self.home = f"{origin}{ROOT}/jsonldContexts/"  # where this server serves them
        self.uses: defaultdict[Key, Use] = defaultdict(Use)
        self._coming: dict[Key, asyncio.Task[Document]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def key(self, tenant: str, name: str) -> Key:
        """By local id, by the address here, or by the address that it was cached from."""
        id = unquote(name.removeprefix(self.home))
        if not id.startswith(ID):
            id = ID + hashlib.sha256(name.encode()).hexdigest()[:32]
        return Key(tenant, "document", id)

    def address(self, document: Document) -> str:
        return document.url or self.home + document.id

    def used(self, key: Key) -> None:
        use = self.uses[key]
        use.hits += 1
        use.last = self.broker.clock()

    async def get(self, key: Key) -> Document:
        """Raises NotFound."""
        return _document(await self.broker.documents.read(key))

    async def listed(self, tenant: str) -> list[Document]:
        rows = await self.broker.documents.listed("document", tenant)
        return [_document(row.body) for row in rows if row.key.id.startswith(ID)]

    async def find(self, tenant: str, url: str) -> Document:
        """What is at `url`, from here or from there. Raises ContextNotAvailable or Invalid."""
        key = self.key(tenant, url)
        try:
            known = await self.get(key)
        except NotFound as error:
            if url.startswith(self.home):
                raise ContextNotAvailable(f"the context {url} is not here (any more)") from error
            return await self.renew(key, url)
        if known.expires_at is None or known.expires_at > self.broker.clock():
            return known
        try:
            return await self.renew(key, url)
        except Invalid:
            later = self.broker.clock() + AGAIN
            return await self._put(key, msgspec.structs.replace(known, expires_at=later))

    async def renew(self, key: Key, url: str) -> Document:
        """A fresh copy; who asks for it meanwhile gets the same."""
        return await self._once(key, lambda: self._fetched(key, url))

    async def implicit(self, tenant: str, context: Json) -> str:
        """An address for a context that has none."""
        digest = hashlib.sha256(msgspec.json.encode(context, order="deterministic")).hexdigest()
        key = Key(tenant, "document", f"{ID}{digest[:32]}")
        made = Document(key.id, "ImplicitlyCreated", context, self.broker.clock())
        try:
            await self.get(key)
        except NotFound:
            await self._once(key, lambda: self._put(key, made))
        return self.home + key.id

    async def room_for(self, key: Key, kind: Kind) -> list[Key]:
        """What has to go so that another one fits. Raises TooComplex where nothing may go."""
        same = [d for d in await self.listed(key.tenant) if d.kind == kind]
        keys = [Key(key.tenant, "document", d.id) for d in same]
        if len(same) < MOST or key in keys:
            return []
        if kind == "Hosted":
            raise TooComplex(f"{MOST} contexts are hosted here already; delete one first")
        return [min(keys, key=self._last_used)]

    def _last_used(self, key: Key) -> datetime:
        return self.uses[key].last or datetime.min.replace(tzinfo=UTC)

    async def _once(self, key: Key, make: Callable[[], Awaitable[Document]]) -> Document:
        if key not in self._coming:
            self._coming[key] = asyncio.ensure_future(make())
            self._coming[key].add_done_callback(lambda done: self._came(key, done))
        return await asyncio.shield(self._coming[key])

    def _came(self, key: Key, done: "asyncio.Task[Document]") -> None:
        del self._coming[key]
        if not done.cancelled():
            done.exception()  # who waits is told; if nobody waits any more, nobody is

    async def _fetched(self, key: Key, url: str) -> Document:
        try:
            async with self._at_once:
                got = await outgoing.fetch(self.client, url, BIGGEST, f"{LD}, {JSON}")
        except (httpx.HTTPError, httpx.InvalidURL, Denied) as error:
            raise ContextNotAvailable(f"the context {url} cannot be loaded: {error}") from error
        found, now = _read(url, got.body), self.broker.clock()
        if not isinstance(found, dict) or "@context" not in found:
            raise Invalid(f"the document {url} has no @context")
        context = checked(found["@context"], url)
        until = now + lifetime(got.headers, now)
        return await self._put(key, Document(key.id, "Cached", context, now, url, until))

    async def _put(self, key: Key, document: Document) -> Document:
        """Without an entry in the log: it is a copy, or what a logged request made necessary."""
        outdated = await self.room_for(key, document.kind)
        row = Row(key, 1, msgspec.json.encode(document))
        writes = Writes(put=[row], delete=outdated)
        now = self.broker.clock()
        await self.broker.store.commit(Job(now, key.tenant, (key, *outdated), lambda _: writes))
        for gone in outdated:
            self.uses.pop(gone, None)
        return document


def _read(url: str, body: bytes) -> Json:
    """Raises Invalid: the request was readable, what it refers to is not (clause 5.5.6)."""
    try:
        return decoded(body)
    except InvalidRequest as error:
        raise Invalid(f"the context {url}: {error}") from error


def lifetime(headers: httpx.Headers, now: datetime) -> timedelta:
    """How long a copy may be used (RFC 9111), but never so short that each request loads it."""
    given = headers.get("cache-control", "").lower()
    age = _MAX_AGE.search(given)
    if "no-store" in given or "no-cache" in given:
        stated = SHORTEST
    elif age:
        stated = timedelta(seconds=int(age[1]))
    else:
        stated = _until(headers.get("expires"), now)
    return min(max(stated, SHORTEST), LONGEST)


def _until(expires: str | None, now: datetime) -> timedelta:
    if expires is None:
        return USUAL
    try:
        at = parsedate_to_datetime(expires)
    except (ValueError, OverflowError):
        return SHORTEST  # RFC 9111, 5.3: what is no date is past
    return at.replace(tzinfo=at.tzinfo or UTC) - now


def _document(body: bytes) -> Document:
    return msgspec.json.decode(body, type=Document)
