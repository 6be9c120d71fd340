"""A server as a child process, and what it costs by /proc."""

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def core_ticks() -> tuple[int, int]:
    """Of all cores since the machine started: all, and those that its host gave to others."""
    total = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(total), total[7]


@contextmanager
def running(command: Sequence[str], url: str, cpu: int | None = None) -> Iterator[int]:
    """The pid of a server that answers at `url`; bound to one core where `cpu` names it."""
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if cpu is not None:
        os.sched_setaffinity(server.pid, {cpu})
    try:
        wait_for(url)
        yield server.pid
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url: str, within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(p for child in children for p in tree(int(child)))]


def cpu_s(pid: int) -> float:
    total = 0
    for p in tree(pid):
        fields = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mb(pid: int) -> float:
    pages = (int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in tree(pid))
    return sum(pages) * PAGE / 1e6


def private_mb(pid: int) -> float:
    """What would be free again if the process ended: without files that others map too."""
    kb = 0
    for p in tree(pid):
        for line in Path(f"/proc/{p}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_"):
                kb += int(line.split()[1])
    return kb / 1000
