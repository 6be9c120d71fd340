"""A store that seals every day before it is asked for the past, so that all of it lies in files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from townsquare.store import Find, Instance, Row, Store, open_store
from townsquare.store.conditions import Sql
from townsquare.store.past import Past, Span, Stays, Tally
from townsquare.store.sqlite import SqliteStore

SEALED = "sealed:town.db"
FAR = datetime(3000, 1, 1, tzinfo=UTC)


class SealingStore(SqliteStore):
    async def find(self, tenant: str, find: Find) -> list[Row]:
        await self.seal(FAR)
        return await super().find(tenant, find)

    async def count(self, tenant: str, find: Find) -> int:
        await self.seal(FAR)
        return await super().count(tenant, find)

    async def instances(self, tenant: str, past: Past) -> list[Instance]:
        await self.seal(FAR)
        return await super().instances(tenant, past)

    async def span(self, tenant: str, past: Past) -> Span | None:
        await self.seal(FAR)
        return await super().span(tenant, past)

    async def stays(self, tenant: str, past: Past, fits: Sql) -> Stays:
        await self.seal(FAR)
        return await super().stays(tenant, past, fits)

    async def tallies(
        self, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
    ) -> list[Tally]:
        await self.seal(FAR)
        return await super().tallies(tenant, past, edges, distinct=distinct)


def opened(url: str, folder: Path) -> Store:
    return SealingStore(folder / "town.db") if url == SEALED else open_store(url, folder)
