"""Documents: subscriptions, registrations, contexts and the like, which are not city state.

Always holds: a document that somebody writes or drops leaves an entry in the log with it. A note,
which the broker keeps for itself or for a while, leaves none.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import structs

from townsquare.context.admission import Admission
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import AlreadyExists, NotFound
from townsquare.store import Cursor, Job, Key, Row, RowKind, Store, Writes
from townsquare.trust import audit
from townsquare.trust.policy import Policy


class Documents:
    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        admission: Admission,
        policy: Callable[[], Policy],
    ) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission
        self._policy = policy

    async def keep(self, key: Key, body: bytes, by: Actor, why: Why, *, new: bool = False) -> None:
        """Write a document, with an entry in the log. Raises AlreadyExists if it must be new."""

        def writes(row: Row | None) -> Writes:
            if row and new:
                raise AlreadyExists(f"{key.id} exists already")
            return Writes(put=[Row(key, row.version + 1 if row else 1, body)])

        await self._write(key, by, why, writes)

    async def amend(self, key: Key, change: Callable[[bytes], bytes], by: Actor, why: Why) -> bytes:
        """The document after a change of what it is at that moment. Raises NotFound."""
        made: list[bytes] = []

        def writes(row: Row | None) -> Writes:
            assert row is not None  # noqa: S101 - the document must exist
            made[:] = [change(row.body)]
            return Writes(put=[Row(key, row.version + 1, made[0])])

        await self._write(key, by, why, writes, must_exist=True)
        return made[0]

    async def note(self, rows: Mapping[Key, bytes | None], upto: Cursor | None = None) -> None:
        """Notes, with the cursor of the durable reader whose they are; None drops a row."""
        put = [Row(key, 1, body) for key, body in rows.items() if body is not None]
        delete = [key for key, body in rows.items() if body is None]
        kept = Writes(put=put, delete=delete)
        await self._store.commit(Job(self._clock(), "", tuple(rows), lambda _: kept, upto=upto))

    async def revise(self, key: Key, change: Callable[[bytes], bytes]) -> None:
        """A note after a change of what it is at that moment; nothing where it is gone."""

        def decided(rows: Mapping[Key, Row]) -> Writes:
            return Writes(put=[Row(key, r.version + 1, change(r.body)) for r in rows.values()])

        await self._store.commit(Job(self._clock(), key.tenant, (key,), decided))

    async def drop(self, key: Key, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        await self._write(key, by, why, lambda _: Writes(delete=[key]), must_exist=True)

    async def _write(
        self,
        key: Key,
        by: Actor,
        why: Why,
        writes: Callable[[Row | None], Writes],
        *,
        must_exist: bool = False,
    ) -> None:
        """Raises Unavailable, as `apply` does."""
        self._admission.require(by)
        record = structs.replace(
            audit.record(by, why, self._clock(), key.id, "alteration", key.kind),
            policy=self._policy().hash,
        )

        def decided(rows: Mapping[Key, Row]) -> Writes:
            if must_exist and key not in rows:
                raise NotFound(f"{key.id} does not exist")
            return structs.replace(writes(rows.get(key)), log=[audit.entry(record)])

        await self._store.commit(Job(record.at, key.tenant, (key,), decided))

    async def read(self, key: Key) -> bytes:
        """Raises NotFound."""
        row = await self._store.get(key)
        if row is None:
            raise NotFound(f"{key.id} does not exist")
        return row.body

    async def listed(self, kind: RowKind, tenant: str | None = "") -> list[Row]:
        """Oldest first; of all tenants when `tenant` is None."""
        return await self._store.listed(kind, tenant)
