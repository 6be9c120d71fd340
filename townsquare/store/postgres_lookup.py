"""Rows by their key. Those that are asked for while others are on their way come together.

A journey to the server costs this process more than a row does, so under load a row costs little.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager

from townsquare.store import Key, Row
from townsquare.store import postgres_tables as tables
from townsquare.store.postgres_link import Pooled
from townsquare.store.postgres_words import numbered

MOST = 500  # at once
Waiting = tuple[Key, "asyncio.Future[Row | None]"]


class Lookup:
    def __init__(self, reading: Callable[[], AbstractAsyncContextManager[Pooled]]) -> None:
        self._reading = reading
        self._waiting: list[Waiting] = []
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Row | None:
        future: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="store-lookup")
        return await future

    async def _ask(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            keys = {key for key, _ in batch}
            (found,) = await asyncio.gather(self._found(keys), return_exceptions=True)
            for key, future in batch:
                if future.cancelled():
                    continue
                if isinstance(found, BaseException):
                    future.set_exception(found)
                else:
                    future.set_result(found.get(key))

    async def _found(self, keys: Collection[Key]) -> dict[Key, Row]:
        columns = tuple(map(list, zip(*keys, strict=True)))
        async with self._reading() as db:
            found = await db.fetch(*numbered(tables.LOAD, columns))
        return {row.key: row for row in map(tables.to_row, found)}
