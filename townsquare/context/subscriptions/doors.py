"""The doors of subscriptions: to entities (clauses 5.8.1 to 5.8.5, 6.10 and 6.11), and to
registrations of sources (clauses 5.11.2 to 5.11.6, 6.12 and 6.13).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec import structs

from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.conform import applied
from townsquare.context.http import JSON, LD, Answer, Request, address, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.pages import part_of
from townsquare.context.routes import Guarded, Routes, watch
from townsquare.context.subscriptions.book import fresh_id
from townsquare.context.subscriptions.kept import Kept, Tally
from townsquare.context.subscriptions.naming import read_types
from townsquare.context.subscriptions.query import names_in
from townsquare.context.subscriptions.read import amended, read
from townsquare.context.subscriptions.underway import UnderWay
from townsquare.context.subscriptions.wire import Subscription, renamed
from townsquare.context.values import is_uri
from townsquare.context.via import hops
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, Looping
from townsquare.store import Key
from townsquare.trust.policy import require

STOPPED = "stoppedBecause"  # not of the standard: its owner may not act any more


class Held(Protocol):
    """A subscription that is there."""

    @property
    def kept(self) -> Kept: ...
    @property
    def key(self) -> Key: ...


class Ledger(Protocol):
    """Where subscriptions are; those of others are as good as not there."""

    broker: Broker
    under_way: UnderWay

    async def load(self) -> None: ...
    def of(self, by: Actor, why: Why, tenant: str) -> Sequence[Held]: ...
    def own(self, key: Key, by: Actor, why: Why) -> Held: ...
    def tally(self, key: Key) -> Tally: ...
    async def create(self, kept: Kept) -> str: ...
    async def amend(
        self, key: Key, by: Actor, why: Why, change: Callable[[Kept], Kept]
    ) -> None: ...
    async def drop(self, key: Key, by: Actor, why: Why) -> None: ...


class Doors:
    def __init__(
        self,
        book: Ledger,
        contexts: Contexts,
        alias: Callable[[str], str],
        collection: str = "subscriptions",
        *,
        of_sources: bool = False,
    ) -> None:
        """`alias` is this broker's own in the chain of brokers that pass a request on.

        `of_sources`: to registrations, which have no triggers, but a `temporalQ`.
        """
        self.book = book
        self.alias = alias
        self.broker = book.broker
        self.contexts = contexts
        self.collection = collection
        self.of_sources = of_sources

    def routes(self) -> Routes:
        return {
            self.collection: {"GET": self.listed, "POST": watch(self.create)},
            f"{self.collection}/*": {
                "GET": self.retrieve,
                "PATCH": watch(self.amend),
                "DELETE": Guarded(self.delete, "watch", governed=True),
            },
        }

    async def create(self, request: Request) -> Answer:
        request.known("local")
        if self.alias(request.tenant) in hops(request):
            raise Looping("this subscription was passed on by this very broker")
        body = request.json()
        terms = await self.contexts.of(request, body)
        now = self.broker.clock()
        given = read(body, terms, now, past=self.of_sources)
        self._require(request, given)
        await self.book.load()
        kept = Kept(
            msgspec.structs.replace(given, id=given.id or fresh_id()),
            names_in(given, terms),
            await self._context(request, given, terms),
            request.actor,
            request.why,
            created_at=now,
            modified_at=now,
            tenant=request.tenant,
            via=hops(request),
        )
        id = await self.book.create(kept)
        where = address(self.collection, id)
        return Answer(201, headers={"location": where})

    def _require(self, request: Request, given: Subscription) -> None:
        """Raises Denied for who may not watch what it selects."""
        selections = [read_types(s.type) for s in given.entities or ()]
        types = {type for choices in selections for choice in choices for type in choice or {""}}
        for type in sorted(types or {""}):
            require(self.broker.grant(request.actor, request.why, "watch", type))

    async def _context(self, request: Request, given: Subscription, terms: Terms) -> str:
        """Address of what notifications are written in. Raises Invalid, ContextNotAvailable."""
        if given.jsonld_context is not None:
            if not is_uri(given.jsonld_context):
                raise Invalid(f"jsonldContext must be a URI, is {given.jsonld_context[:200]!r}")
            terms = await self.contexts.terms(given.jsonld_context, request.tenant)
        return (await self.contexts.addressed(terms, request.tenant)).url

    async def listed(self, request: Request) -> Answer:
        request.known("limit", "offset", "count", "options")
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        await self.book.load()
        mine = self.book.of(request.actor, request.why, request.tenant)
        # Links say JSON-LD to whom both are alike.
        part, headers = part_of(request, mine, request.accepts(LD, JSON))
        shown = [self._shown(request, one, terms) for one in part]
        return _unaltered(request, answer_json(request, shown, terms, media, **headers))

    async def retrieve(self, request: Request) -> Answer:
        request.known("options")
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        await self.book.load()
        key = self._key(request)
        await self.book.under_way.settled(key)
        one = self.book.own(key, request.actor, request.why)
        shown = self._shown(request, one, terms)
        return _unaltered(request, answer_json(request, shown, terms, media))

    async def amend(self, request: Request) -> Answer:
        key, fragment = self._key(request), request.json()
        terms = await self.contexts.of(request, fragment)
        await self.book.load()
        now = self.broker.clock()
        before = self.book.own(key, request.actor, request.why).kept
        # Looked at before it is decided in the store, since contexts are loaded and rights asked.
        wanted = amended(before.subscription, _members(fragment), terms, now, past=self.of_sources)
        self._require(request, wanted)
        moved = wanted.jsonld_context != before.subscription.jsonld_context
        context = await self._context(request, wanted, terms) if moved else before.context

        def change(kept: Kept) -> Kept:
            given = amended(kept.subscription, _members(fragment), terms, now, past=self.of_sources)
            asked = fragment.keys() & {"q", "csf", "expandValues"}
            return msgspec.structs.replace(
                kept,
                subscription=given,
                names=names_in(given, terms) if asked else kept.names,
                context=context,
                modified_at=now,
            )

        await self.book.amend(key, request.actor, request.why, change)
        return Answer(204)

    async def delete(self, request: Request) -> Answer:
        await self.book.load()
        await self.book.drop(self._key(request), request.actor, request.why)
        return Answer(204)

    def _key(self, request: Request) -> Key:
        """Raises Invalid."""
        id = request.path[1]
        if not is_uri(id):
            raise Invalid(f"the id of a subscription is a URI, not {id[:200]!r}")
        return Key(request.tenant, "subscription", id)

    def _shown(self, request: Request, one: Held, terms: Terms) -> dict[str, Json]:
        """With the members that only the broker sets (clauses 5.2.12 and 5.2.14.2)."""
        kept, tally = one.kept, self.book.tally(one.key)
        shown: dict[str, Json] = msgspec.to_builtins(renamed(kept.subscription, terms.compact))
        shown["notification"] |= _told(tally)
        shown["status"] = kept.status(self.broker.clock())
        if stopped := self.broker.owners.stopped(kept.by):
            shown |= {"status": "paused", STOPPED: stopped}
        if not self.of_sources:
            shown["notificationTrigger"] = list(kept.subscription.triggers)
            shown.setdefault("jsonldContext", kept.context)
        if request.option("sysAttrs"):
            shown |= {"createdAt": kept.created_at, "modifiedAt": kept.modified_at}
        return shown


def _unaltered(request: Request, answer: Answer) -> Answer:
    """A subscription has nothing that an earlier version tells otherwise (clause 4.3.6.8)."""
    headers = {**answer.headers, **applied(request.headers.get("prefer", ""))}
    return structs.replace(answer, headers=headers)


def _members(fragment: Json) -> Json:
    if not isinstance(fragment, dict):
        return fragment
    return {name: value for name, value in fragment.items() if name != "@context"}


def _told(tally: Tally) -> Mapping[str, int | str | datetime]:
    found = {
        "status": tally.status,
        "timesSent": tally.times_sent or None,
        "timesFailed": tally.times_failed or None,
        "lastNotification": tally.last_notification,
        "lastSuccess": tally.last_success,
        "lastFailure": tally.last_failure,
    }
    return {name: value for name, value in found.items() if value is not None}
