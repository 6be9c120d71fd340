"""Tells who subscribed to registrations what becomes of them (clause 5.11.7).

Each subscriber has a task of its own, so one that is slow or down delays nobody else. A message
is sent once, and what fails is counted as that subscription's own failure; meanwhile news gather,
of each registration the newest.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from typing import Never
from uuid import uuid4

from townsquare.context.contexts import Contexts
from townsquare.context.http import LD
from townsquare.context.sources.interest import Interested
from townsquare.context.sources.news import News, Reason
from townsquare.context.sources.reading import written
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.registry import Registry
from townsquare.context.sources.subscribers import Subscribers
from townsquare.context.subscriptions.delivery import Courier, Message, Outcome
from townsquare.model.entity import Json
from townsquare.model.errors import TownsquareError
from townsquare.store import Key

log = logging.getLogger(__name__)


class Bulletin:
    def __init__(
        self, registry: Registry, subscribers: Subscribers, courier: Courier, contexts: Contexts
    ) -> None:
        self.registry = registry
        self.subscribers = subscribers
        self.courier = courier
        self.contexts = contexts
        self.broker = registry.broker
        self._news: defaultdict[Key, News] = defaultdict(News)
        self._woken: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: dict[Key, asyncio.Task[Never]] = {}
        self._registered = asyncio.Event()
        registry.listeners.append(self._hear)

    async def run(self) -> Never:
        await self.subscribers.load()
        self._tasks = {}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end_what_expires())
            for one in self.subscribers.everybody():
                self._begin(one, tasks)
            while True:
                key = await self.subscribers.altered.get()
                if task := self._tasks.pop(key, None):
                    task.cancel()
                self._news.pop(key, None)
                self._woken.pop(key, None)
                if altered := self.subscribers.get(key):
                    await self._introduce(altered)
                    self._begin(altered, tasks)

    def _begin(self, one: Interested, tasks: asyncio.TaskGroup) -> None:
        telling = self._from_time_to_time if one.subscription.time_interval else self._as_it_comes
        self._tasks[one.key] = tasks.create_task(telling(one))

    async def _introduce(self, one: Interested) -> None:
        """Who subscribes is told first what there is."""
        for registration in await self.registry.of(one.kept.tenant):
            self._pend(one, None, registration)

    def _hear(self, tenant: str, before: Registration | None, after: Registration | None) -> None:
        self._registered.set()
        for one in self.subscribers.in_tenant(tenant):
            if self._is_active(one) and not one.subscription.time_interval:
                self._pend(one, before, after)

    def _pend(
        self, one: Interested, before: Registration | None, after: Registration | None
    ) -> None:
        news = self._news[one.key]
        news.add(one.part(before), one.part(after))
        if news:
            self._woken[one.key].set()

    def _is_active(self, one: Interested) -> bool:
        kept, owners = one.kept, self.broker.owners
        return kept.status(self.broker.clock()) == "active" and not owners.stopped(kept.by)

    # --- one subscriber

    async def _as_it_comes(self, one: Interested) -> Never:
        woken = self._woken[one.key]
        while True:
            await woken.wait()
            woken.clear()
            await asyncio.sleep(self._throttled_s(one))
            for reason, registrations in self._news[one.key].take().items():
                await self._tell(one, reason, registrations)

    async def _from_time_to_time(self, one: Interested) -> Never:
        reason: Reason = "newlyMatching"
        while True:
            known = await self.registry.of(one.kept.tenant)
            if parts := [part for part in map(one.part, known) if part]:
                await self._tell(one, reason, parts)
                reason = "updated"
            await asyncio.sleep(float(one.subscription.time_interval or 0))

    def _throttled_s(self, one: Interested) -> float:
        last, seconds = (
            self.subscribers.tally(one.key).last_notification,
            one.subscription.throttling,
        )
        if not (last and seconds):
            return 0.0
        return max(0.0, seconds - (self.broker.clock() - last).total_seconds())

    async def _tell(self, one: Interested, reason: Reason, parts: list[Registration]) -> None:
        """Who may not watch any more is told nothing."""
        kept = one.kept
        if not (self._is_active(one) and self.broker.grant(kept.by, kept.why, "watch", "").allowed):
            return
        with self.subscribers.under_way.telling(one.key):
            tally = self.subscribers.tally(one.key)
            tally.sent(self.broker.clock())
            outcome = await self._deliver(one, reason, parts)
            if outcome.delivered:
                tally.succeeded(self.broker.clock())
            else:
                tally.failed(self.broker.clock())
                log.warning("%s was not told: %s", kept.id, outcome.reason)

    async def _deliver(self, one: Interested, reason: Reason, parts: list[Registration]) -> Outcome:
        try:
            message = await self._message(one, reason, parts)
        except TownsquareError as error:
            return Outcome(False, False, str(error))
        return await self.courier.deliver(message)

    async def _message(self, one: Interested, reason: Reason, parts: list[Registration]) -> Message:
        kept, endpoint = one.kept, one.subscription.notification.endpoint
        terms = await self.contexts.terms(kept.context, kept.tenant)
        open_to = self.broker.grant(kept.by, kept.why, "write", "").allowed
        body: dict[str, Json] = {
            "id": f"urn:ngsi-ld:ContextSourceNotification:{uuid4()}",
            "type": "ContextSourceNotification",
            "subscriptionId": kept.id,
            "notifiedAt": self.broker.clock(),
            "data": [written(part if open_to else part.masked, terms) for part in parts],
            "triggerReason": reason,
        }
        if endpoint.media == LD:
            body["@context"] = terms.url
        return Message(endpoint, body, terms.url, kept.tenant)

    # --- registrations that end by themselves

    async def _end_what_expires(self) -> Never:
        while True:
            await self.registry.sweep()
            self._registered.clear()
            wait_s = await self.registry.next_expiry_s()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._registered.wait()
