"""The city in memory, on disk, and as the running program, for tests that need one."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.town import Town
from tests.office import Office
from tests.postgres import Server, server
from tests.sealing import SEALED, opened
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import EntityType
from townsquare.trust.identity import types as identity
from townsquare.trust.policy import policy

STORES = ("memory:", "sqlite:town.db", "postgresql:")
OPEN = Actor("machine:open", "machine", roles=frozenset({"open"}))
E2E = "tests/e2e/"
OpenBroker = Callable[..., Broker]
App = Callable[[Any, Any, Any], Awaitable[None]]


# Nothing is timed here: on a busy machine any example may take a while.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """On several cores a file stays on one, as what it shares is dear to make. Whole towns with a
    browser are on one, too: two at once would wait for each other.

    Not xdist's own groups: those of 3.8 are lost with pytest 9.2, which has its node ids elsewhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return E2E if file.startswith(E2E) else file


@pytest.hookimpl(optionalhook=True)  # one process needs none
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Towns with a browser come first, being longest; then the files with the most tests, so that
    no core is left with a long one at the end.
    """
    yield  # what shuffles, shuffles within a file
    sizes = Counter(map(_file, items))
    items.sort(key=lambda item: (not _file(item).startswith(E2E), -sizes[_file(item)], _file(item)))


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with server() as started:
        yield started


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    if request.param != "postgresql:":
        return str(request.param)
    postgres: Server = request.getfixturevalue("postgres")
    return postgres.emptied()


@pytest.fixture(params=(*STORES, SEALED))
def past_url(request: pytest.FixtureRequest) -> str:
    """For tests of the past: it also lies in files."""
    if request.param == SEALED:
        pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")
    if request.param != "postgresql:":
        return str(request.param)
    postgres: Server = request.getfixturevalue("postgres")
    return postgres.emptied()


@pytest.fixture
async def open_broker(tmp_path: Path) -> AsyncIterator[OpenBroker]:
    """Opens a broker on a store URL with the types that are given; closes it afterwards."""
    brokers: list[Broker] = []

    def open_(*types: EntityType, url: str = "memory:") -> Broker:
        broker = Broker(opened(url, tmp_path), open_bus("memory:"), policy(types))
        brokers.append(broker)
        return broker

    yield open_
    for broker in brokers:
        await broker.store.close()


@pytest.fixture
def broker(open_broker: OpenBroker, store_url: str) -> Broker:
    return open_broker(url=store_url)


def visited(api: App, by: Actor = OPEN, why: str = "operations") -> App:
    """The API, or pages, as this actor meets them; if none is named, a visitor of `--open`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"actor": by, "why": Why(why)}
        await api(scope, receive, send)

    return app


def client(app: App) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://t/ngsi-ld/v1")


@pytest.fixture
async def api(open_broker: OpenBroker) -> AsyncIterator[Api]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        yield Api(open_broker(), to_others)


@pytest.fixture
async def http(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with client(visited(api)) as visitor:
        yield visitor


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


@pytest.fixture
async def office(open_broker: OpenBroker, store_url: str) -> Office:
    return await Office(open_broker(*identity.TYPES, url=store_url)).open()


@pytest.fixture
async def quick(open_broker: OpenBroker) -> Office:
    """In memory, where no store is concerned."""
    return await Office(open_broker(*identity.TYPES)).open()
