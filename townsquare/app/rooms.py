"""Rooms that go on: each in a task of its own, started again when it fails; and what the house does
by itself from time to time.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from townsquare.context.broker import Broker

SWEEP_S = 60.0
SEAL_S = 3600.0  # also the longest that what was erased stays in a file, twice
EXPIRY_S = 1.0  # how late the news of an end may be
NEVER = datetime.min.replace(tzinfo=UTC)  # no day ended before
LONGEST_WAIT_S = 60.0  # before a room that fails is started again

log = logging.getLogger(__name__)
Run = Callable[[], Awaitable[None]]
Failed = Callable[[str], None]


@contextlib.asynccontextmanager
async def running(rooms: Mapping[str, Run], failed: Failed) -> AsyncIterator[None]:
    """`failed` is told the name of each room that ends by an error."""
    tasks = [
        asyncio.create_task(kept_running(name, run, failed), name=name)
        for name, run in rooms.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def kept_running(name: str, run: Run, failed: Failed) -> None:
    """A room that fails is started again, later each time; the others go on."""
    wait_s = 1.0
    while True:
        started = now()
        try:
            await run()
        except Exception:
            failed(name)
            log.exception("the room %s failed and starts again in %.0f s", name, wait_s)
        calm = (now() - started).total_seconds() > LONGEST_WAIT_S
        wait_s = 1.0 if calm else min(2 * wait_s, LONGEST_WAIT_S)
        await asyncio.sleep(wait_s)


async def expire(broker: Broker) -> None:
    """What ends, ends in time also where nobody asks: there are readers who were promised news."""
    while True:
        await broker.expire()
        await broker.looks.settle()
        await asyncio.sleep(EXPIRY_S)


async def sweep(broker: Broker) -> None:
    while True:
        await broker.upkeep.sweep()
        await asyncio.sleep(SWEEP_S)


async def seal(broker: Broker, after_days: int) -> None:
    """Also where no more days are sealed: what is erased goes from those that were."""
    while True:
        before = now() - timedelta(days=after_days) if after_days else NEVER
        await broker.upkeep.seal(before)
        await asyncio.sleep(SEAL_S)


def now() -> datetime:
    return datetime.now(UTC)
