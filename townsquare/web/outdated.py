"""Erases records of the log that the town has kept for long enough: no record is kept forever.

Always holds: the time that has come for certain decides, not a clock that was set; each erasure is
an entry of the log, commitments and proofs stay, and what proves that the policy in force was
agreed to is kept for as long as it is in force.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.ledger import MOST_FOUND
from townsquare.model.actor import Why, room

ROOM, WHY = room("log"), Why("operations")
EVERY = timedelta(days=1)
Proven = Callable[[], Awaitable[Collection[str]]]  # subjects whose records stay


class Outdated:
    def __init__(self, broker: Broker, keep_days: int, proven: Proven) -> None:
        self._broker = broker
        self._keep = timedelta(days=keep_days)
        self._proven = proven
        self._none_left: datetime | None = None  # when there was nothing more to erase

    async def erase(self) -> None:
        """Once a day, so many at each call that nobody has to wait for long."""
        now = self._broker.sure()
        if self._none_left and now - self._none_left < EVERY:
            return
        reason = f"older than {self._keep.days:,} days, which is how long the town keeps records"
        found = await self._broker.ledger.erase_before(
            now - self._keep, await self._proven(), ROOM, WHY, reason
        )
        if found < MOST_FOUND:
            self._none_left = now
