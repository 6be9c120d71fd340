"""The town's database: opened, tried, and what becomes of old days in it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from townsquare.app.settings import Store
from townsquare.model.declaration import EntityType
from townsquare.model.errors import TownsquareError
from townsquare.store import Store as Keeping
from townsquare.store import open_store
from townsquare.store import reach as reach_store
from townsquare.store import seals as store_seals
from townsquare.store.sqlite_soundness import of_file
from townsquare.trust import secret
from townsquare.web.doctor.facts import Database


def opened(store: Store, data: Path, types: Sequence[EntityType]) -> Keeping:
    password = secret.resolve(store.password, data) if store.password else ""
    queried = frozenset(name for type in types for name in type.queried)
    return open_store(store.url, data, password, queried)


async def soundness(store: Keeping) -> Database:
    """What it says of itself; that it does not answer is trouble too."""
    try:
        found = await store.soundness()
    except (TownsquareError, OSError) as error:
        return Database("PostgreSQL", 0, trouble=str(error))
    return Database(found.kind, found.size, found.wal, found.trouble, found.whole)


def looked_at(store: Store, data: Path) -> Database | None:
    """The database of a town that is off; None where there is none yet."""
    scheme, _, name = store.url.partition(":")
    if scheme == "sqlite" and (data / name).is_file():
        found = of_file(data / name)
        return Database(found.kind, found.size, found.wal, found.trouble, found.whole)
    if scheme == "postgresql":
        try:
            asyncio.run(reach(store, data))
        except TownsquareError as error:
            return Database("PostgreSQL", 0, trouble=str(error))
        return Database("PostgreSQL", 0)
    return None


async def reach(store: Store, data: Path) -> None:
    """Raises CannotStart or Invalid where its database does not let us in; changes nothing."""
    password = secret.resolve(store.password, data) if store.password else ""
    await reach_store(store.url, password)


def sealing(store: Store) -> str:
    """What becomes of old days of history, in a few words."""
    if not store.seal_after_days:
        return "stays in the database"
    if store_seals(store.url):
        return f"in Parquet after {store.seal_after_days} days"
    if store.url.startswith("sqlite:"):
        return "stays in the database; pip install 'townsquare[analysis]' makes Parquet of it"
    return "stays in the database, whatever seal_after_days says"
