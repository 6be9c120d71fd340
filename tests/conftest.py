"""The city in memory, on disk, and as the running program, for tests that need one."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.town import Town
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.model.declaration import EntityType
from townsquare.store import open_store
from townsquare.trust.policy import policy

STORES = ("memory:", "sqlite:town.db")
OpenBroker = Callable[..., Broker]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def open_broker(tmp_path: Path) -> AsyncIterator[OpenBroker]:
    """Opens a broker on a store URL with the types that are given; closes it afterwards."""
    opened: list[Broker] = []

    def open_(*types: EntityType, url: str = "memory:") -> Broker:
        broker = Broker(open_store(url, tmp_path), open_bus("memory:"), policy(types))
        opened.append(broker)
        return broker

    yield open_
    for broker in opened:
        await broker.store.close()


@pytest.fixture
def broker(open_broker: OpenBroker, store_url: str) -> Broker:
    return open_broker(url=store_url)


@pytest.fixture
def open_town(tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """Starts towns and ends them with the test."""
    opened: list[Town] = []

    def open_(*arguments: str) -> Town:
        town = Town(list(arguments), tmp_path / f"town{len(opened)}")
        opened.append(town)
        town.start()
        return town

    yield open_
    for town in opened:
        town.stop()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """`townsquare demo`, one for all tests that only look."""
    town = Town(["demo"], tmp_path_factory.mktemp("demo") / "data")
    town.start()
    yield town
    town.stop()
