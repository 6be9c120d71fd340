"""One request to one source (clauses 4.3.6.4 to 4.3.6.6 and 6.3.17 to 6.3.19).

What a source does wrong is a `Reply`, never an exception: it may be slow, broken or hostile, so
its answer is bounded in time and size and a redirect is not followed. It is told nothing of who
asks but what its registration names, and never the asker's own credentials.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode
from weakref import WeakValueDictionary

import httpx
import msgspec

from townsquare.context import outgoing
from townsquare.context.contexts import Contexts
from townsquare.context.http import CONTEXT_REL, JSON, LD, ROOT, Request
from townsquare.context.jsonld import CORE_TERMS, Terms
from townsquare.context.sources.reading import FROM_REQUEST
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.registry import Registry
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, TownsquareError

BIGGEST = 8 * 2**20  # bytes of an answer
USUAL_S = 5.0  # to wait for one; a registration may ask for less, or for more up to
LONGEST_S = 10.0
AT_ONCE = 64  # requests under way to all sources, and
AT_ONCE_EACH = 8  # to one
# Set by HTTP or by us, whatever a registration says.
OURS = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "accept", "accept-encoding"}
    | {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"}
    | {
        "via",
        "link",
        "ngsild-tenant",
        "ngsild-entitymap",
        "contenttype",
        "jsonldcontext",
        "ngsildconformance",
    }
    | {"proxy-authorization", "proxy-connection"}
)
# What proves to us who asks is nobody else's.
SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})

LOCATION = re.compile(r"[\x21-\x7e]{1,2048}")
Trouble = Literal["", "loop", "silent", "garbled", "refused"]


@dataclass(frozen=True, slots=True)
class Errand:
    """What a source is asked: a request below its root. Names are in `words`."""

    method: str
    path: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    map: str = ""  # the source's own entity map that it shall use


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` 0: none came. `words` are those that the answer is written in."""

    trouble: Trouble
    status: int = 0
    json: Json = None
    words: Terms = CORE_TERMS
    reason: str = ""
    count: int = 0  # of all that it has, where it was asked
    map: str = ""  # where the source has the entity map that it used
    part: str = ""  # which part of the past it is, where it is no more than a part


Write = Callable[[Terms], Errand]  # an errand in these words


class Caller:
    def __init__(self, client: httpx.AsyncClient, contexts: Contexts, registry: Registry) -> None:
        self.client = client
        self.contexts = contexts
        self.registry = registry
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def words(self, one: Registration, terms: Terms, tenant: str) -> Terms:
        """The words that a source is spoken to in: its own, or those of the request.

        A context that has no address cannot be named to others: they are told full names.
        """
        own = _extra(one).get("jsonldcontext")
        if own:
            return await self.contexts.terms(own, tenant)
        return terms if terms.url else CORE_TERMS

    async def call(self, one: Registration, request: Request, terms: Terms, write: Write) -> Reply:
        """`terms` are the words of the request that this is a part of."""
        tally = self.registry.tally(request.tenant, one)
        if tally.resting(one, self.registry.broker.clock()):
            return Reply("silent", reason="it failed a moment ago and is left alone for a while")
        try:
            words = await self.words(one, terms, request.tenant)
            host = self._hosts.setdefault(one.endpoint, asyncio.Semaphore(AT_ONCE_EACH))
            async with host, self._slots:
                reply = await self._asked(one, request, words, write(words))
        except TownsquareError as error:
            reply = Reply("silent", reason=str(error))
        tally.count(self.registry.broker.clock(), good=reply.trouble == "")
        return reply

    async def _asked(
        self, one: Registration, request: Request, words: Terms, errand: Errand
    ) -> Reply:
        headers, content = self._written(one, request, words, errand)
        try:
            asked = self.client.build_request(
                errand.method,
                address(one, errand),
                headers=headers,
                content=content,
            )
            got = await outgoing.ask(self.client, asked, BIGGEST, longest_s(one))
        except outgoing.TooLong as error:
            return Reply("garbled", reason=f"the answer is {error}")
        except (httpx.HTTPError, httpx.InvalidURL, Denied, ValueError) as error:
            return Reply("silent", reason=str(error) or type(error).__name__)
        return _reply(got, words)

    def _written(
        self, one: Registration, request: Request, words: Terms, errand: Errand
    ) -> tuple[dict[str, str], bytes | None]:
        extra = _extra(one)
        headers = _headers(one, request)
        headers["Accept"] = extra.get("accept", JSON)
        hop = f"1.1 {self.registry.alias(request.tenant)}"
        before = request.headers.get("via")
        headers["Via"] = f"{before}, {hop}" if before else hop
        if one.tenant:
            headers["NGSILD-Tenant"] = one.tenant
        if errand.map:
            headers["NGSILD-EntityMap"] = errand.map
        body = errand.body
        ld = body is not None and extra.get("contenttype") == LD and "jsonldcontext" not in extra
        if not ld:
            headers["Link"] = f'<{words.url}>; rel="{CONTEXT_REL}"; type="{LD}"'
        if body is None:
            return headers, None
        headers["Content-Type"] = LD if ld else JSON
        return headers, msgspec.json.encode(_labelled(body, words) if ld else body)


def address(one: Registration, errand: Errand) -> str:
    base = one.endpoint.rstrip("/")
    root = "" if base.endswith(ROOT) else ROOT
    path = "/".join((base + root, *(quote(part, safe=":") for part in errand.path)))
    asked = {**errand.parameters, **({"local": "true"} if one.local_only else {})}
    return f"{path}?{urlencode(asked)}" if asked else path


def longest_s(one: Registration) -> float:
    asked = one.management.timeout if one.management else None
    return min(asked / 1000, LONGEST_S) if asked else USUAL_S


def _extra(one: Registration) -> dict[str, str]:
    """What the registration says under keys that have a meaning of their own."""
    return {pair.key.lower(): pair.value for pair in one.context_source_info or ()}


def _headers(one: Registration, request: Request) -> dict[str, str]:
    headers = {}
    for pair in one.context_source_info or ():
        key, value = pair.key.lower(), pair.value
        if key in OURS:
            continue
        if value == FROM_REQUEST:
            if key in SECRET or key not in request.headers:
                continue
            value = request.headers[key]
        headers[pair.key] = value
    return headers


def _labelled(body: Json, words: Terms) -> Json:
    if isinstance(body, list):
        return [_labelled(part, words) for part in body]
    return {**body, "@context": words.source} if isinstance(body, dict) else body


def _reply(got: outgoing.Fetched, words: Terms) -> Reply:
    try:
        json = msgspec.json.decode(got.body) if got.body.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if 200 <= got.status < 300:
            return Reply("garbled", got.status, reason="the answer is not JSON")
        json = None
    if got.status == 508:
        return Reply("loop", got.status, json, words, "the request came back to a source")
    good = 200 <= got.status < 300
    reason = "" if good else f"it answered {got.status}"
    count = got.headers.get("ngsild-results-count", "")
    total = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 0
    map = got.headers.get("ngsild-entitymap", "")
    known = map if LOCATION.fullmatch(map) else ""
    part = got.headers.get("content-range", "")
    return Reply("" if good else "refused", got.status, json, words, reason, total, known, part)
