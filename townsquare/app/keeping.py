"""The town's database: opened, tried, and what becomes of old days in it."""

from collections.abc import Sequence
from pathlib import Path

from townsquare.app.settings import Store
from townsquare.model.declaration import EntityType
from townsquare.store import Store as Keeping
from townsquare.store import open_store
from townsquare.store import reach as reach_store
from townsquare.store import seals as store_seals
from townsquare.trust import secret


def opened(store: Store, data: Path, types: Sequence[EntityType]) -> Keeping:
    password = secret.resolve(store.password, data) if store.password else ""
    queried = frozenset(name for type in types for name in type.queried)
    return open_store(store.url, data, password, queried)


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
