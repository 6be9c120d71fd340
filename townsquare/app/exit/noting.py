"""That everything was handed out stands in the log, to whom and why, before it is."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from townsquare.app.settings import Store
from townsquare.model.errors import Invalid
from townsquare.store import Job, LogEntry, Writes, copies, open_store
from townsquare.trust import audit, secret
from townsquare.web.handing import OWNER, TOWN, WHOLE, WHY


def note(store: Store, data: Path, recipient: str, reason: str) -> None:
    """In a town that does not run. Raises CannotStart where one does, Invalid."""
    if not (recipient and reason):
        raise Invalid("say to whom all of this goes and why, with --to and --reason")
    copies.size(store.url, data)  # where there is no town, none is made
    record = structs.replace(
        audit.record(OWNER, WHY, datetime.now(UTC), TOWN, "disclosure", WHOLE),
        justification=reason,
        recipients=(recipient,),
    )
    asyncio.run(_kept(store, data, audit.entry(record)))


async def _kept(store: Store, data: Path, entry: LogEntry) -> None:
    password = secret.resolve(store.password, data) if store.password else ""
    kept = open_store(store.url, data, password, None)
    try:
        await kept.ready()
        await kept.commit(Job(datetime.now(UTC), "", (), lambda _: Writes(log=[entry])))
    finally:
        await kept.close()
