"""The demo town that all tests share which only look at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.town import Town

# A machine whose host has other work is several times slower; what must be fast says so itself.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """`townsquare demo`. It ends with the last test of this folder: its cameras cost a fifth of a
    core.
    """
    town = Town(["demo"], tmp_path_factory.mktemp("demo") / "data")
    town.start()
    yield town
    town.stop()
