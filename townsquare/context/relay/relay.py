"""Passes subscriptions on to the sources that match them, and takes them back (clause 5.8.1.4).

What ought to be passed on follows from the subscriptions and the registrations that there are;
what was passed on is kept. Whenever one of them changes, and when the server starts, the second is
brought to agree with the first. A source that does not do its part is tried again, ever later.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Never

from msgspec import structs

from townsquare.context.contexts import Contexts
from townsquare.context.http import Request
from townsquare.context.jsonld import CORE_TERMS, Terms
from townsquare.context.relay.copy import copied, mark, watched
from townsquare.context.relay.passed import Passages, Passed, fresh_id
from townsquare.context.sources.calling import Caller, Errand, Reply
from townsquare.context.sources.discovery import Discovery, leads_to
from townsquare.context.sources.interest import Interested, interested
from townsquare.context.sources.registration import Registration
from townsquare.context.subscriptions.book import Book
from townsquare.context.subscriptions.kept import Kept
from townsquare.context.via import chain
from townsquare.model.actor import Why, room
from townsquare.model.entity import NULL, Json
from townsquare.model.errors import TownsquareError
from townsquare.store import Key

AGAIN_S, LONGEST_AGAIN_S = 5.0, 600.0  # before it is tried again: first, most
GIVEN_UP_AFTER_S = 86_400.0  # a source that is gone is told once more for a day that we are too
DOOR = "/ngsi-ld/ex/remote-notify"  # where sources tell; the standard names no place for it
DOORS = ("subscriptions",)
RELAY, WHY = room("subscriptions"), Why("operations")


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said to whom about which copy; of a subscription that is gone nothing is `kept`."""

    kept: Kept | None
    passed: Passed
    source: Registration
    terms: Terms


class Relay:
    def __init__(self, book: Book, caller: Caller, contexts: Contexts, origin: str) -> None:
        self.book = book
        self.caller = caller
        self.registry = caller.registry
        self.broker = book.broker
        self.contexts = contexts
        self.back = origin + DOOR
        self.passages = Passages(book.broker)
        self._altered: asyncio.Queue[Key] = asyncio.Queue()
        self._woken: dict[Key, asyncio.Event] = {}
        book.listeners.append(self._altered.put_nowait)
        self.registry.listeners.append(self._registered)

    async def run(self) -> Never:
        await self.book.load()
        await self.passages.load()
        self._woken = {}
        async with asyncio.TaskGroup() as tasks:
            for key in {*self.passages.subscriptions(), *(c.key for c in self.book.everybody())}:
                self._wake(key, tasks)
            while True:
                self._wake(await self._altered.get(), tasks)

    def _registered(
        self, tenant: str, before: Registration | None, after: Registration | None
    ) -> None:
        """A registration came, changed or went."""
        for one in self.book.everybody():
            if one.kept.tenant == tenant and not one.subscription.local_only:
                self._altered.put_nowait(one.key)

    def _wake(self, key: Key, tasks: asyncio.TaskGroup) -> None:
        if key not in self._woken:
            self._woken[key] = asyncio.Event()
            tasks.create_task(self._settle(key))
        self._woken[key].set()

    async def _settle(self, key: Key) -> None:
        """Until what was passed on is what ought to be."""
        woken, failures, since = self._woken[key], 0, monotonic()
        while woken.is_set() or failures:
            if woken.is_set():
                failures, since = 0, monotonic()
            woken.clear()
            hopeless = monotonic() - since > GIVEN_UP_AFTER_S
            if await self._agree(key, hopeless=hopeless):
                failures = 0
                continue
            failures += 1
            wait_s = min(AGAIN_S * 2.0 ** min(failures - 1, 10), LONGEST_AGAIN_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await woken.wait()
        del self._woken[key]

    async def _agree(self, key: Key, *, hopeless: bool) -> bool:
        """One try; whether nothing is left to do."""
        one = self.wish(key)
        sources = {s.id: s for s in await self._sources(one)} if one else {}
        left = [p for p in self.passages.of(key) if p.source.id not in sources]
        if one is None and not left:
            return True
        ended = [self._end(passed, hopeless=hopeless) for passed in left]
        told = [self._told(one, source) for source in sources.values()] if one else []
        return all(await asyncio.gather(*ended, *told))

    # --- what ought to be passed on

    def wish(self, key: Key) -> Interested | None:
        """None where nothing is to be passed on."""
        compiled = self.book.get(key)
        if compiled is None or compiled.subscription.local_only:
            return None
        kept = compiled.kept
        if kept.status(self.broker.clock()) == "expired" or self.broker.owners.stopped(kept.by):
            return None
        if not self.broker.grant(kept.by, kept.why, "watch", "").allowed:
            return None
        return foreign(kept, self.broker.policy.types)

    async def _sources(self, one: Interested) -> Sequence[Registration]:
        known = await self.registry.of(one.kept.tenant)
        return [
            source
            for source in known
            if "createSubscription" in source.offers
            and source.mode != "auxiliary"
            and source.context_source_alias not in one.kept.via
            and any(leads_to(question, source) for question in one.questions)
            and watched(one, source) is not None
        ]

    # --- telling a source

    async def _told(self, one: Interested, source: Registration) -> bool:
        """Whether the source knows all of it now."""
        kept = one.kept
        try:
            terms = await self.contexts.terms(kept.context, kept.tenant)
            words = await self.caller.words(source, terms, kept.tenant)
        except TownsquareError:
            return False
        copy = copied(one, source, words, self.back)
        passed = await self._kept(one, source, mark(copy))
        done = passed.said == mark(copy)
        if not done:
            done = await self._send(Telling(kept, passed, source, terms), copy)
        now = structs.replace(passed, source=source, said=mark(copy), members=tuple(copy))
        if done and now != passed:
            await self.passages.keep(now)
        return done

    async def _kept(self, one: Interested, source: Registration, said: str) -> Passed:
        """What is known of the copy at this source; one that cannot follow is made anew."""
        passed = self.passages.to(one.key, source.id)
        if passed and (_moved(passed, source) or _stays(passed, source, said)):
            await self._end(passed, hopeless=True)
            passed = None
        if passed is None:
            passed = Passed(fresh_id(), one.kept.tenant, one.kept.id, source)
            await self.passages.keep(passed)
        return passed

    async def _send(self, to: Telling, copy: dict[str, Json]) -> bool:
        if not to.passed.said:
            reply = await self._call(to, Errand("POST", DOORS, body={"id": to.passed.id, **copy}))
            if reply.trouble in ("", "loop"):
                return True
            if reply.status != 409:  # there already: the answer to our last word was lost
                return False
        if "updateSubscription" not in to.source.offers:
            return True
        gone = {name: NULL for name in to.passed.members if name not in copy}
        reply = await self._call(to, Errand("PATCH", (*DOORS, to.passed.id), body=gone | copy))
        if reply.status == 404:
            await self.passages.keep(structs.replace(to.passed, said=""))
        return not reply.trouble

    async def _end(self, passed: Passed, *, hopeless: bool) -> bool:
        """Whether the source has let go of it."""
        if "deleteSubscription" in passed.source.offers:
            to = Telling(None, passed, passed.source, CORE_TERMS)
            reply = await self._call(to, Errand("DELETE", (*DOORS, passed.id)))
            if reply.trouble and reply.status != 404 and not hopeless:
                return False
        await self.passages.drop(passed)
        return True

    async def _call(self, to: Telling, errand: Errand) -> Reply:
        headers = {"via": chain(to.kept.via)} if to.kept and to.kept.via else {}
        request = Request(
            errand.method, errand.path, {}, headers, b"", RELAY, WHY, to.passed.tenant
        )
        return await self.caller.call(to.source, request, to.terms, lambda _: errand)


def _moved(passed: Passed, source: Registration) -> bool:
    return (passed.source.endpoint, passed.source.tenant) != (source.endpoint, source.tenant)


def _stays(passed: Passed, source: Registration, said: str) -> bool:
    """Whether the copy is to change at a source that does not change any, and drops them."""
    changes = "updateSubscription" in source.offers or "deleteSubscription" not in source.offers
    return bool(passed.said) and passed.said != said and not changes


def foreign(kept: Kept, house: Collection[str]) -> Interested | None:
    """What of it others may have: nothing of a type that a room of the house declares."""
    notification = kept.subscription.notification
    endpoint = structs.replace(notification.endpoint, accept=None)  # it is we whom sources tell
    plain = structs.replace(notification, endpoint=endpoint)
    given = structs.replace(kept.subscription, notification=plain)
    one = interested(structs.replace(kept, subscription=given))
    asked = [_without(question, frozenset(house)) for question in one.questions]
    questions = tuple(question for question in asked if question)
    return replace(one, questions=questions) if questions else None


def _without(question: Discovery, house: frozenset[str]) -> Discovery | None:
    types = question.wanted.types - house
    if question.wanted.types and not types:
        return None
    return replace(question, wanted=structs.replace(question.wanted, types=types))
