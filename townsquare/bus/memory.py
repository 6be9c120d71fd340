"""News within one process.

Every watcher has a queue of its own that keeps the latest news of each entity: a slow screen
loses intermediate states, never the last one, and nobody waits for it. Those who must miss
nothing are only woken; they read the outbox.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from townsquare.model.change import Changed


class Watch:
    """An endless iterator over news, in commit order of each entity's latest."""

    def __init__(self, bus: "MemoryBus", types: frozenset[str]) -> None:
        self._bus = bus
        self._types = types
        self._latest: dict[tuple[str, str], Changed] = {}
        self._there = asyncio.Event()
        self._closed = False

    def offer(self, changed: Changed) -> None:
        subject = changed.subject
        if self._types and self._types.isdisjoint(subject.types):
            return
        key = (changed.tenant, subject.id)
        if earlier := self._latest.pop(key, None):  # it moves to the end of the queue
            names = earlier.attributes | changed.attributes
            changed = replace(changed, before=earlier.before, attributes=names)
        self._latest[key] = changed
        self._there.set()

    async def __aiter__(self) -> AsyncIterator[Changed]:
        while not self._closed:
            await self._there.wait()
            while self._latest and not self._closed:
                yield self._latest.pop(next(iter(self._latest)))
            self._there.clear()

    def close(self) -> None:
        self._closed = True
        self._there.set()
        self._bus.watches.discard(self)


class MemoryBus:
    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self._woken: set[asyncio.Event] = set()

    def tell(self, news: Sequence[Changed]) -> None:
        for changed in news:
            for watch in self.watches:
                watch.offer(changed)
        for event in self._woken:
            event.set()

    def watch(self, types: Collection[str] = ()) -> Watch:
        """News of these types, of all types when there are none."""
        watch = Watch(self, frozenset(types))
        self.watches.add(watch)
        return watch

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """Set whenever there is news; for readers of the outbox."""
        event = asyncio.Event()
        self._woken.add(event)
        try:
            yield event
        finally:
            self._woken.discard(event)
