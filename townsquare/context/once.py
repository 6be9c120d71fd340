"""What is read from the store when it is first needed, and in memory kept up to date then."""

import asyncio
from collections.abc import Awaitable, Callable


class Once:
    """Called by several at the same time the work is done by one, and the others wait for it. Work
    that fails is done again at the next call.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._one = asyncio.Lock()
        self._done = False

    async def __call__(self) -> None:
        if self._done:
            return
        async with self._one:
            if not self._done:
                await self._work()
                self._done = True
