"""Subscriptions: news of entities for programs outside (ETSI GS CIM 009, clause 5.8).

A durable reader of the outbox: a notification is sent at least once, after its change is
committed, also when the server was ended in between. Whether an entity matches is asked of the
broker as the subscriber, so a subscription shows nothing that a query would not.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec

from townsquare.context import outgoing
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.read import read_format
from townsquare.context.form.write import only, write_entity
from townsquare.context.http import JSON, LD, ROOT, Answer, Request, answer_json
from townsquare.context.jsonld import CORE_TERMS, Terms
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.context.routes import Routes, watch
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Changed
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import (
    Invalid,
    NotFound,
    TooComplex,
    TownsquareError,
    Unavailable,
)
from townsquare.store import Cursor, Key
from townsquare.trust.policy import require

READER = "subscriptions"
MOST_EACH = 100  # subscriptions of one actor
SAVE_S = 1.0
AT_ONCE = 16  # notifications under way
log = logging.getLogger(__name__)


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uri: str
    accept: Literal["application/json", "application/ld+json"] = "application/json"


class Notification(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    endpoint: Endpoint
    attributes: tuple[str, ...] = ()
    format: Literal["normalized", "concise", "simplified", "keyValues"] = "normalized"


class Selector(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    type: str
    id: str = ""


class Subscription(
    msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """As the client gave it. Names in `names` are canonical, to match with."""

    notification: Notification
    id: str = ""
    type: str = "Subscription"
    description: str = ""
    entities: tuple[Selector, ...] = ()
    watched_attributes: tuple[str, ...] = ()
    q: str = ""
    is_active: bool = True
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    throttling: float = 0  # s between notifications


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store holds: the subscription, on whose behalf, and in whose words.

    `selected` and `watched` are its types and attributes in canonical names.
    """

    subscription: Subscription
    selected: tuple[str, ...]
    watched: frozenset[str]
    context: Json
    by: Actor
    why: Why
    tenant: str = ""


@dataclass(slots=True)
class Pending:
    """What one subscription has not been told yet: entities that changed from `since` on."""

    kept: Kept
    since: int
    ids: set[str]


@dataclass(slots=True)
class Delivery:
    """Counters of one subscription since the server started."""

    times_sent: int = 0
    times_failed: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_sent: datetime | None = None


class Subscriptions:
    def __init__(self, broker: Broker, contexts: Contexts, client: httpx.AsyncClient) -> None:
        self.broker = broker
        self.contexts = contexts
        self.client = client
        self.deliveries: defaultdict[str, Delivery] = defaultdict(Delivery)
        self._pending: dict[tuple[str, str], Pending] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._read = 0

    # --- the doors

    def routes(self) -> Routes:
        return {
            "subscriptions": {"GET": self.listed, "POST": watch(self.create)},
            "subscriptions/*": {"GET": self.retrieve, "DELETE": watch(self.delete)},
        }

    async def create(self, request: Request) -> Answer:
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = self._checked(body, terms)
        await self._require(request, given, terms)
        id = given.id or f"urn:ngsi-ld:Subscription:{uuid4()}"
        kept = Kept(
            msgspec.structs.replace(given, id=id),
            tuple(s.type if s.type == "*" else terms.expand(s.type) for s in given.entities),
            frozenset(map(terms.expand, given.watched_attributes)),
            terms.source,
            request.actor,
            request.why,
            request.tenant,
        )
        key = Key(request.tenant, "subscription", id)
        await self.broker.keep(key, msgspec.json.encode(kept), request.actor, request.why, new=True)
        return Answer(201, headers={"location": f"{ROOT}/subscriptions/{quote(id)}"})

    def _checked(self, body: Json, terms: Terms) -> Subscription:
        """Raises Invalid."""
        if not isinstance(body, dict):
            raise Invalid("a subscription must be a JSON object")
        try:
            members = {n: v for n, v in body.items() if n != "@context"}
            given = msgspec.convert(members, Subscription)
        except msgspec.ValidationError as error:
            raise Invalid(f"the subscription is wrong: {error}") from error
        if given.type != "Subscription" or not (given.entities or given.watched_attributes):
            raise Invalid("a subscription has type Subscription, and entities or watchedAttributes")
        if given.expires_at and given.expires_at <= self.broker.clock():
            raise Invalid(f"expiresAt {given.expires_at} is past")
        _require_address(given.notification.endpoint.uri)
        if given.q:
            parse(given.q, terms.expand)
        return given

    async def _require(self, request: Request, given: Subscription, terms: Terms) -> None:
        """Raises Denied for who may not watch what it selects, TooComplex for one too many."""
        types = {terms.expand(s.type) if s.type != "*" else "" for s in given.entities} or {""}
        for type in sorted(types):
            require(self.broker.grant(request.actor, request.why, "watch", type))
        rows = await self.broker.documents("subscription", request.tenant)
        if sum(_kept(row.body).by == request.actor for row in rows) >= MOST_EACH:
            raise TooComplex(f"you have {MOST_EACH} subscriptions; delete one first")

    async def listed(self, request: Request) -> Answer:
        media = request.accepts(JSON, LD)
        rows = await self.broker.documents("subscription", request.tenant)
        mine = [k for k in map(_kept, (row.body for row in rows)) if k.by == request.actor]
        offset, limit = request.number("offset", 0), request.number("limit", 20)
        page = [self._shown(k) for k in mine[offset : offset + limit]]
        return answer_json(request, page, CORE_TERMS, media)

    async def retrieve(self, request: Request) -> Answer:
        media = request.accepts(JSON, LD)
        return answer_json(request, self._shown(await self._own(request)), CORE_TERMS, media)

    async def delete(self, request: Request) -> Answer:
        kept = await self._own(request)
        key = Key(request.tenant, "subscription", kept.subscription.id)
        await self.broker.drop(key, request.actor, request.why)
        self.deliveries.pop(kept.subscription.id, None)
        self._pending.pop((request.tenant, kept.subscription.id), None)
        return Answer(204)

    async def _own(self, request: Request) -> Kept:
        """Raises NotFound, also for the subscription of somebody else."""
        id = request.path[1]
        kept = _kept(await self.broker.document(Key(request.tenant, "subscription", id)))
        if kept.by != request.actor:
            raise NotFound(f"{id} does not exist")
        return kept

    def _shown(self, kept: Kept) -> dict[str, Json]:
        sent = self.deliveries[kept.subscription.id]
        shown: dict[str, Json] = msgspec.to_builtins(kept.subscription)
        counted = {
            "timesSent": sent.times_sent,
            "timesFailed": sent.times_failed,
            "lastNotification": sent.last_sent,
            "lastSuccess": sent.last_success,
            "lastFailure": sent.last_failure,
        }
        shown["type"] = "Subscription"
        shown["notification"] |= {k: v for k, v in counted.items() if v is not None}
        shown["status"] = self._status(kept.subscription)
        return shown

    def _status(self, subscription: Subscription) -> str:
        if subscription.expires_at and subscription.expires_at <= self.broker.clock():
            return "expired"
        return "active" if subscription.is_active else "paused"

    # --- telling

    async def run(self) -> None:
        """Never returns. Reading never waits for a program outside; the cursor does."""
        self._pending = {}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._save())
            async for news in self.broker.follow(READER):
                self._read = news[-1].seq
                for row in await self.broker.documents("subscription", None):
                    self._pend(_kept(row.body), news, tasks)

    async def _save(self) -> None:
        """Once a second: how far everybody has been told."""
        saved = 0
        while True:
            await asyncio.sleep(SAVE_S)
            told = min((p.since - 1 for p in self._pending.values()), default=self._read)
            if told > saved:
                cursor = Cursor(READER, told)
                await self.broker.apply([], room(READER), Why("operations"), upto=cursor)
                saved = told

    def _pend(self, kept: Kept, news: list[Changed], tasks: asyncio.TaskGroup) -> None:
        ids = {n.subject.id for n in news if self._concerns(kept, n)}
        if not ids:
            return
        key = (kept.tenant, kept.subscription.id)
        if key in self._pending:
            self._pending[key].ids |= ids
            return
        self._pending[key] = Pending(kept, news[0].seq, ids)
        tasks.create_task(self._deliver(key))

    def _concerns(self, kept: Kept, news: Changed) -> bool:
        """As the subscriber may see it: what is hidden from it changes nothing for it."""
        given = kept.subscription
        if news.tenant != kept.tenant or self._status(given) != "active":
            return False
        seen = self.broker.shown(news, kept.by, kept.why)
        return seen is not None and seen.after is not None and _selects(kept, seen)

    async def _deliver(self, key: tuple[str, str]) -> None:
        """All that waits for one subscription; what comes meanwhile waits for the next round."""
        while pending := self._pending.get(key):
            ids, pending.ids = pending.ids, set()
            await self._notify(pending.kept, tuple(sorted(ids)))
            if not pending.ids:
                self._pending.pop(key, None)

    async def _notify(self, kept: Kept, ids: tuple[str, ...]) -> None:
        """What fails is this subscription's own failure: the others are told all the same."""
        sent = self.deliveries[kept.subscription.id]
        if self._throttled(kept.subscription):
            return
        try:
            terms = await self.contexts.terms(kept.context)
            found = await self._matching(kept, ids, terms)
            if found:
                async with self._at_once:
                    await self._send(kept, found, terms)
        except (httpx.HTTPError, httpx.InvalidURL, TownsquareError) as error:
            sent.times_failed += 1
            sent.last_failure = self.broker.clock()
            # Not the message: it has the address, and with it perhaps a token.
            log.warning("%s was not told: %s", kept.subscription.id, type(error).__name__)

    def _throttled(self, subscription: Subscription) -> bool:
        last = self.deliveries[subscription.id].last_sent
        if last is None or not subscription.throttling:
            return False
        return (self.broker.clock() - last).total_seconds() < subscription.throttling

    async def _matching(self, kept: Kept, ids: tuple[str, ...], terms: Terms) -> list[Entity]:
        given = kept.subscription
        query = Query(ids=ids, q=parse(given.q, terms.expand) if given.q else None, limit=len(ids))
        # A published observation may be queried by anyone but told to nobody: act `watch`.
        page = await self.broker.find(query, kept.by, kept.why, tenant=kept.tenant, act="watch")
        return page.entities

    async def _send(self, kept: Kept, entities: list[Entity], terms: Terms) -> None:
        given, now = kept.subscription, self.broker.clock()
        sent = self.deliveries[given.id]
        body = notification(given, entities, terms, now)
        sent.times_sent += 1
        sent.last_sent = now
        to, content = given.notification.endpoint, msgspec.json.encode(body)
        status = await outgoing.post(self.client, to.uri, content, to.accept)
        if status >= 300:
            raise Unavailable(f"the endpoint answered {status}")
        sent.last_success = now


def _require_address(uri: str) -> None:
    """Raises Invalid."""
    try:
        url = httpx.URL(uri)
    except httpx.InvalidURL as error:
        raise Invalid(f"notification.endpoint.uri is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise Invalid("notification.endpoint.uri must be an http or https address without a login")


def _kept(body: bytes) -> Kept:
    return msgspec.json.decode(body, type=Kept)


def _selects(kept: Kept, news: Changed) -> bool:
    given, entity = kept.subscription, news.subject
    if kept.watched and kept.watched.isdisjoint(news.attributes):
        return False
    return not kept.selected or any(
        (type == "*" or type in entity.types) and s.id in ("", entity.id)
        for type, s in zip(kept.selected, given.entities, strict=True)
    )


def notification(
    given: Subscription, entities: list[Entity], terms: Terms, now: datetime
) -> Mapping[str, Json]:
    shape = read_format((given.notification.format,))
    wanted = tuple(terms.expand(name) for name in given.notification.attributes)
    data = [write_entity(only(e, wanted), terms, shape) for e in entities]
    body: dict[str, Json] = {
        "id": f"urn:ngsi-ld:Notification:{uuid4()}",
        "type": "Notification",
        "subscriptionId": given.id,
        "notifiedAt": now,
        "data": data,
    }
    if given.notification.endpoint.accept == LD:
        body["@context"] = terms.source
    return body
