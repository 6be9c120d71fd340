"""What keeps the store small: old news go, history whose time is over, and days that are sealed.

Always holds: what is kept for a time is erased by a time that has come for certain, and never by a
clock that somebody set ahead.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from townsquare.store import Store
from townsquare.trust.policy import Policy

OUTBOX_KEPT = timedelta(hours=1)  # how far back a screen can catch up without a snapshot
LIVE_KEPT = timedelta(minutes=1)  # values of the moment are gone from the outbox after this
ONCE_KEPT = timedelta(days=30)  # an edge box may be cut off for that long and repeat itself
OTHERS_KEPT = timedelta(days=90)  # history of types that no room declares


class Upkeep:
    """`sure` is the time by which what is kept for a time is erased."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        sure: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._sure = sure

    async def sweep(self) -> None:
        """Drop old news, and history whose retention has ended."""
        now, types = self._clock(), self._policy().types
        sure = min(now, self._sure())
        await self._store.trim(now - OUTBOX_KEPT, now - LIVE_KEPT, sure - ONCE_KEPT)
        await self._store.roll_up(now)
        for type in types.values():
            await self._store.forget([type.name], sure - type.retention, others=False)
        await self._store.forget(list(types), sure - OTHERS_KEPT, others=True)

    async def seal(self, before: datetime) -> None:
        """Take days that ended before this out of the database, and settle what was erased."""
        await self._store.seal(before)
