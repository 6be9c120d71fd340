"""The programs in docs/ngsi-ld.md run as they stand there, each in a Python that has its client."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.e2e.town import ROOT, Town

PAGE = (ROOT / "docs" / "ngsi-ld.md").read_text()
WITH_AIOHTTP, WITH_NGSILDCLIENT = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
# The package wants an httpx that is older than ours, so it lives in an environment of its own.
CLIENTS = os.environ.get("CLIENTS", "")


@pytest.fixture
def town(open_town: Callable[..., Town]) -> Town:
    return open_town("run", "--open")


def output(python: str, program: str, argument: str) -> str:
    """What it printed. It reads its program from standard input, as `python -` does."""
    done = subprocess.run(
        [python, "-", argument], input=program, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_with_aiohttp(town: Town) -> None:
    assert output(sys.executable, WITH_AIOHTTP, town.url).splitlines() == [
        "told: 0.85",
        "half full: ['urn:ngsi-ld:WasteContainer:oak-street-12']",
        "filled: [[0.35, '2026-01-31T12:00:00Z'], [0.6, '2026-01-31T12:10:00Z'],"
        " [0.85, '2026-01-31T12:20:00Z']]",
    ]


@pytest.mark.skipif(not CLIENTS, reason="CLIENTS names no Python that has ngsildclient")
def test_the_program_with_ngsildclient(town: Town) -> None:
    said = output(CLIENTS, WITH_NGSILDCLIENT, str(town.port)).splitlines()  # its own words too
    assert (
        "more than half full: ['urn:ngsi-ld:WasteContainer:elm-street-2',"
        " 'urn:ngsi-ld:WasteContainer:oak-street-12']"
    ) in said
    assert "all: 2" in said
