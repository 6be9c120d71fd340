"""A town that runs for LONG_S seconds neither grows nor falls behind: `make soak`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from tests.e2e.town import CLIP, Town, eventually, settings

LONG_S = float(os.environ.get("LONG_S", "600"))
WARM_S = 60.0
GROWTH_MB = 30.0  # what the allocator may keep; a leak of 1 kB an observation passes it in an hour
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


def memory_mb(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE_MB + sum(memory_mb(int(child)) for child in children)


@pytest.mark.soak
def test_memory_stays_flat_and_news_is_read_in_time(
    open_town: Callable[..., Town], tmp_path: Path
) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path, ("square", str(CLIP)))))
    assert town.server
    eventually(lambda: town.get("/healthz").json()["cameras"] == {"square": "working"})
    time.sleep(WARM_S)
    seen = []
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        assert town.get("/healthz").json()["status"] == "ok"
        seen.append(memory_mb(town.server.pid))
        time.sleep(2)
    tenth = max(1, len(seen) // 10)
    first, last = median(seen[:tenth]), median(seen[-tenth:])
    print(f"memory {first:.0f} MB at first, {last:.0f} MB after {LONG_S:.0f} s")
    assert last - first < GROWTH_MB
