"""News within one process.

Every watcher has a queue of its own that keeps the latest news of each entity: a slow screen
loses intermediate states, never the last one, and nobody waits for it. Those who must miss
nothing are only woken; they read the outbox.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from msgspec import structs

from townsquare.model.change import Changed


async def rung(bell: asyncio.Event, within_s: float | None = None) -> bool:
    """False when it was not rung in that time."""
    if within_s is None:
        return await bell.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await bell.wait()
    return False


class Watch:
    """An endless iterator over news, in commit order of each entity's latest."""

    def __init__(self, bus: "MemoryBus", types: frozenset[str]) -> None:
        self._bus = bus
        self._types = types
        self._latest: dict[tuple[str, str], Changed] = {}
        self._there = asyncio.Event()
        self._woken = False
        self.closed = False

    def offer(self, changed: Changed) -> None:
        subject = changed.subject
        if self._types and self._types.isdisjoint(subject.types):
            return
        key = (changed.tenant, subject.id)
        if earlier := self._latest.pop(key, None):  # it moves to the end of the queue
            names = earlier.attributes | changed.attributes
            changed = structs.replace(changed, before=earlier.before, attributes=names)
        self._latest[key] = changed
        self._there.set()

    async def next(self, within_s: float | None = None) -> Changed | None:
        """None when there was none in that time, when it was woken, and when it is closed."""
        while not self._latest and not self.closed and not self._woken:
            self._there.clear()
            if not await rung(self._there, within_s):
                return None
        woken, self._woken = self._woken, False
        return None if woken or self.closed else self._latest.pop(next(iter(self._latest)))

    async def __aiter__(self) -> AsyncIterator[Changed]:
        while changed := await self.next():
            yield changed

    def wake(self) -> None:
        """Who waits hears now that there was none; who does not, goes on."""
        self._woken = True
        self._there.set()

    def close(self) -> None:
        self.closed = True
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
