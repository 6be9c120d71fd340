"""Notifications that are under way, so that who asks just behind one is told how it went."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from townsquare.store import Key

SOON_S = 0.1


class UnderWay:
    def __init__(self) -> None:
        self._by_subscription: dict[Key, asyncio.Event] = {}

    @contextmanager
    def telling(self, key: Key) -> Iterator[None]:
        """Until the notification is counted."""
        done = self._by_subscription[key] = asyncio.Event()
        try:
            yield
        finally:
            done.set()
            self._by_subscription.pop(key, None)

    async def settled(self, key: Key) -> None:
        """Returns when it is known how it went, or soon."""
        if done := self._by_subscription.get(key):
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON_S):
                    await done.wait()
