"""A real worker process, as the house starts it: how long that takes, and what it uses."""

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from townsquare.vision.observation import Health
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

TICKS_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """`started_s` and `started_cpu_s` are until the first picture was analysed; `memory_mb` is
    what the process would give back (PSS). Rates are the last of each camera.
    """

    started_s: float
    started_cpu_s: float
    memory_mb: float
    cpu_share: float
    healths: tuple[Health, ...]


async def used(cameras: Sequence[Watched], settings: Settings, models: Path, for_s: float) -> Used:
    began = time.monotonic()
    healths: dict[str, Health] = {}
    started: tuple[float, float] | None = None
    async with Workers(settings, models) as house:
        ended = asyncio.get_running_loop().time() + for_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(ended):
                async for seen in house.observed(cameras):
                    if isinstance(seen, Health):
                        (pid,) = house.pids()
                        healths[seen.camera] = seen
                        started = started or (time.monotonic() - began, cpu_s(pid))
                        memory, spent = memory_mb(pid), cpu_s(pid)
    assert started is not None  # noqa: S101 - a worker that tells nothing raises
    lasted = time.monotonic() - began - started[0]
    share = (spent - started[1]) / lasted
    return Used(*started, memory, share, tuple(healths.values()))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICKS_S


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
