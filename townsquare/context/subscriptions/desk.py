"""The desk that tells subscribers (clause 5.8.6): a durable reader of the outbox.

A notification is sent at least once, after its change is committed, also when the server was
ended in between: tallies and the reader's cursor are saved together. Reading never waits for a
program outside. An endpoint that is slow or down delays only its own subscription, for which
changes gather meanwhile, are tried again at growing intervals and given up after a while. What
other brokers tell for it goes the same way, apart from what changes here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Never

from townsquare.context.scratch import Scratch
from townsquare.context.subscriptions.book import READER, Book
from townsquare.context.subscriptions.delivery import Courier, Message, Outcome
from townsquare.context.subscriptions.kept import Tally
from townsquare.context.subscriptions.letters import Letter, Mail
from townsquare.context.subscriptions.matching import Compiled, Difference, concerns, difference
from townsquare.context.subscriptions.pending import Pending
from townsquare.context.subscriptions.writer import Writer
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.errors import TownsquareError
from townsquare.store import Key

SAVE_S = 1.0
AGAIN_S, LONGEST_AGAIN_S = 5.0, 60.0  # before a failed notification is tried again: first, most
GIVEN_UP_AFTER = timedelta(minutes=10)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Waiting:
    """Of one subscription: what it has not been told, and how often that failed."""

    pending: Pending = field(default_factory=Pending)
    letters: dict[str, Letter] = field(default_factory=dict)  # of other brokers, by their ids
    failures: int = 0
    failing_since: float = 0.0  # monotonic
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        return bool(self.pending or self.letters)


class Desk:
    def __init__(self, book: Book, writer: Writer, courier: Courier) -> None:
        self.book = book
        self.broker = book.broker
        self.writer = writer
        self.courier = courier
        self._waiting: dict[Key, Waiting] = {}
        self._ticks: dict[Key, float] = {}
        self._told_all: set[Key] = set()  # under way
        self.mail = Mail(book.broker)
        self._post: asyncio.Queue[Letter] = asyncio.Queue()
        self._read = 0
        self._scratch: Scratch

    async def run(self) -> None:
        """Never returns."""
        self._waiting, self._ticks = {}, {}
        self._scratch = Scratch(self.broker)
        await self.book.load()
        self._post = asyncio.Queue()
        for letter in await self.mail.waiting():
            self.post(letter)
        self._read = await self.broker.cursor(READER) or 0
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._save_now_and_then())
                tasks.create_task(self._tick(tasks))
                tasks.create_task(self._sort(tasks))
                async for news in self.broker.follow(READER):
                    for changed in news:
                        self._hand_out(changed, tasks)
                    self._read = news[-1].seq
                    await asyncio.sleep(0)
        finally:
            await self.courier.lines.close()
            await self._save()
            await self._scratch.close()

    # --- what changes

    def _hand_out(self, news: Changed, tasks: asyncio.TaskGroup) -> None:
        """To whom it concerns, as they may see it: what is hidden changes nothing for them."""
        seen: dict[tuple[Actor, Why], tuple[Changed, Difference] | None] = {}
        for one in self.book.index.candidates(news):
            if one.subscription.time_interval or not self.book.is_active(one):
                continue
            if news.seq <= self.book.tally(one.key).told:
                continue
            viewer = (one.kept.by, one.kept.why)
            if viewer not in seen:
                shown = self.broker.shown(news, *viewer)
                seen[viewer] = (shown, difference(shown)) if shown else None
            told = seen[viewer]
            if told and concerns(one, *told):
                self._pend(one.key, told[0], tasks)

    def _pend(self, key: Key, news: Changed, tasks: asyncio.TaskGroup) -> None:
        self._waits(key, tasks).pending.add(news)

    def _waits(self, key: Key, tasks: asyncio.TaskGroup) -> Waiting:
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = Waiting()
            tasks.create_task(self._tell(key, waiting))
        return waiting

    # --- what other brokers tell

    def post(self, letter: Letter) -> None:
        """A letter that is kept already."""
        self._post.put_nowait(letter)

    def waiting(self, key: Key) -> int:
        """How many letters wait for this subscriber."""
        return len(self._waiting[key].letters) if key in self._waiting else 0

    async def _sort(self, tasks: asyncio.TaskGroup) -> Never:
        while True:
            letter = await self._post.get()
            self._waits(letter.key, tasks).letters[letter.id] = letter

    # --- one subscriber

    async def _tell(self, key: Key, waiting: Waiting) -> None:
        """All that waits for one subscription; what comes meanwhile makes the next round."""
        while waiting:
            one = self.book.get(key)
            if one is None:
                break
            await asyncio.sleep(self._wait_s(one, waiting))
            one = self.book.get(key)
            if one is None or not self.book.is_active(one):
                break
            await (self._round if waiting.pending else self._read_out)(one, waiting)
        del self._waiting[key]
        await self.mail.drop(waiting.letters.values())

    async def _round(self, one: Compiled, waiting: Waiting) -> None:
        items, upto = waiting.pending.take()
        if waiting.pending.lost:
            log.warning(
                "%s: too many entities to wait with it; %d were left out",
                one.kept.id,
                waiting.pending.lost,
            )
            waiting.pending.lost = 0
        outcome = await self._notify(one, self.writer.message(one, items, self._scratch))
        if outcome.again and not self._is_hopeless(waiting):
            waiting.failures += 1
            waiting.pending.put_back(items)
            return
        waiting.failures = 0
        waiting.pending.told()
        tally = self._tally(one)
        tally.told = max(tally.told, upto)

    async def _read_out(self, one: Compiled, waiting: Waiting) -> None:
        """All letters that wait, as one notification."""
        letters = list(waiting.letters.values())
        outcome = await self._notify(one, self.writer.letters(one, letters, self._scratch))
        if outcome.again and not self._is_hopeless(waiting):
            waiting.failures += 1
            return
        waiting.failures = 0
        for letter in letters:
            del waiting.letters[letter.id]
        await self.mail.drop(letters)

    def _is_hopeless(self, waiting: Waiting) -> bool:
        if not waiting.failures:
            waiting.failing_since = monotonic()
        return monotonic() - waiting.failing_since > GIVEN_UP_AFTER.total_seconds()

    def _wait_s(self, one: Compiled, waiting: Waiting) -> float:
        """Seconds until it may be told: for `throttling`, and after a failure."""
        tally = self.book.tally(one.key)
        waits_s = [0.0, self._cooling_s(one)]
        if one.subscription.throttling and tally.last_notification:
            past_s = (self.broker.clock() - tally.last_notification).total_seconds()
            waits_s.append(one.subscription.throttling - past_s)
        if waiting.failures:
            growing_s = AGAIN_S * 2.0 ** min(waiting.failures - 1, 10)
            waits_s.append(min(growing_s, LONGEST_AGAIN_S))
        return max(waits_s)

    def _cooling_s(self, one: Compiled) -> float:
        """What is left of the endpoint's `cooldown` (clause 5.2.15)."""
        tally, cooldown_ms = (
            self.book.tally(one.key),
            one.subscription.notification.endpoint.cooldown,
        )
        if not cooldown_ms or tally.status != "failed" or tally.last_failure is None:
            return 0.0
        return cooldown_ms / 1000 - (self.broker.clock() - tally.last_failure).total_seconds()

    # --- what is told from time to time

    async def _tick(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self.book.altered.clear()
            due = self._due()
            for key in [key for key, at in due.items() if at <= monotonic()]:
                one = self.book.get(key)
                if one and one.subscription.time_interval:
                    self._ticks[key] = monotonic() + one.subscription.time_interval
                    tasks.create_task(self._tell_all(one))
            next_at = min(self._due().values(), default=None)
            wait_s = None if next_at is None else max(0.0, next_at - monotonic())
            try:
                async with asyncio.timeout(wait_s):
                    await self.book.altered.wait()
            except TimeoutError:
                continue

    def _due(self) -> Mapping[Key, float]:
        """When each is told next, by the monotonic clock."""
        there = {one.key: one for one in self.book.periodic()}
        self._ticks = {key: at for key, at in self._ticks.items() if key in there}
        for key, one in there.items():
            if key not in self._ticks:
                interval_s = float(one.subscription.time_interval or 0)
                last = self.book.tally(key).last_notification or one.kept.created_at
                past_s = (self.broker.clock() - last).total_seconds()
                self._ticks[key] = monotonic() + min(max(0.0, interval_s - past_s), interval_s)
        return self._ticks

    async def _tell_all(self, one: Compiled) -> None:
        """Not while the one before is still under way."""
        if one.key in self._told_all:
            return
        self._told_all.add(one.key)
        try:
            if self.book.is_active(one) and self._cooling_s(one) <= 0:
                await self._notify(one, self.writer.overview(one))
        finally:
            self._told_all.discard(one.key)

    # --- telling

    async def _notify(self, one: Compiled, writing: Awaitable[Message | None]) -> Outcome:
        """What fails is this subscription's own failure: the others are told all the same."""
        try:
            message = await writing
        except TownsquareError as error:
            # Not the message, which may have an address with a token.
            return self._count(one, Outcome(False, True, type(error).__name__))
        if message is None:
            return Outcome(True)
        with self.book.under_way.telling(one.key):
            self._tally(one).sent(self.broker.clock())
            return self._count(one, await self.courier.deliver(message))

    def _count(self, one: Compiled, outcome: Outcome) -> Outcome:
        now, tally = self.broker.clock(), self._tally(one)
        if outcome.delivered:
            tally.succeeded(now)
        else:
            tally.failed(now)
            log.warning("%s was not told: %s", one.kept.id, outcome.reason)
        return outcome

    def _tally(self, one: Compiled) -> Tally:
        """Of a subscription that was deleted meanwhile nothing is kept."""
        return self.book.tallied(one.key) if self.book.get(one.key) else Tally()

    # --- keeping

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            await self._save()
            await self.courier.lines.end_idle()

    async def _save(self) -> None:
        oldest = [w.pending.since for w in self._waiting.values() if w.pending.since]
        await self.book.save(min(oldest, default=self._read + 1) - 1)
