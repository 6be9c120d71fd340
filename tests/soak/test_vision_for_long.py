"""24 simulated cameras on 2 cores for LONG_S seconds: `make soak-vision`.

The town runs as it does anywhere, six processes read its cameras. Now and then a table is printed,
at the end the verdict. What a process costs is its share of memory (PSS), since workers share
libraries. It does not grow if the slope of what is its own in that (not the pages of files, which
the system lends), after everything has been there for a while, comes to less than KEPT_MB over the
run; the slope is Theil-Sen's, which a short peak does not turn. A run shorter than half an hour
says little of the house, which fills its caches.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import av
import pytest

from tests import rtsp
from tests.contract.test_bad_input import raw
from tests.e2e.town import CLIP, Town, eventually

LONG_S = float(os.environ.get("LONG_S", "3600"))
CORES = 2
WARM_S = min(600.0, LONG_S / 4)  # a background has all its samples after five minutes
PATIENCE_S = 600.0  # the machine may have other work, and this is not about how fast it is
SAMPLE_S = min(10.0, LONG_S / 60)
TABLE_S = min(300.0, LONG_S / 4)
KEPT_MB = {"house": 30.0, "worker": 15.0}  # an allocator keeps so much more or less
CLIPS = Path(__file__).parents[3] / "shared" / "data" / "videos"
HEAD = "  min   house  workers  largest  working  looked/s (least, middle, most)   read/s   people"


@dataclass(frozen=True, slots=True)
class Simulated:
    """`line` as TOML; `counts` people, so that more of them must have come by the end."""

    name: str
    url: str
    classes: str
    line: str
    counts: bool = False


WEST = "a = [300, 170]\nb = [300, 345]"
MID = "a = [0, 216]\nb = [767, 216]"
PEOPLE, VEHICLES = '["person"]', '["car", "truck", "bus"]'
CAMERA = """
[[camera]]
name = "{0.name}"
title = "{0.name}"
url = "{0.url}"
classes = {0.classes}
position = {{ lon = {1:.4f}, lat = 52.4 }}
purposes = ["crowd safety"]
legal_basis = "test"
owner = "test"
review = 2099-01-01
impact_assessment = {{ reference = "test", completed = 2024-01-01 }}

[[camera.lines]]
name = "line"
{0.line}

[[camera.zones]]
name = "all"
corners = [[0, 0], [400, 0], [400, 300], [0, 300]]
"""


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[list[Simulated]]:
    """Clips in a loop, three cameras that speak RTSP, one of which stops sending every minute, and
    one whose pictures change their size.
    """
    samples = [("vtest.avi", WEST, PEOPLE), ("car-detection.mp4", MID, VEHICLES)]
    samples += [("ot_Cars-Truck.mp4", MID, VEHICLES)]
    there = [(CLIPS / name, a, b) for name, a, b in samples if (CLIPS / name).exists()]
    files = itertools.cycle([(CLIP, WEST, PEOPLE), *there])
    changing = tmp_path / "changing.m4v"
    changing.write_bytes(raw((640, 480), 250) + raw((800, 600), 250))
    shown = rtsp.coded(taken(CLIP, 200))
    live = [rtsp.Camera(per_s=10, pictures=n, shows=shown) for n in (10**9, 10**9, 600)]
    with ExitStack() as stack:
        found = [Simulated("changing", str(changing), PEOPLE, WEST)]
        for n, camera in enumerate(live):
            stack.enter_context(rtsp.serving(camera))
            found.append(Simulated(f"live{n}", camera.url, PEOPLE, WEST))
        for n in range(24 - len(found)):
            clip, line, classes = next(files)
            found.append(Simulated(f"file{n}", str(clip), classes, line, line == WEST))
        yield found


def taken(clip: Path, number: int) -> Iterator[av.VideoFrame]:
    with av.open(str(clip), "r") as container:
        yield from itertools.islice(container.decode(video=0), number)


# --- what is looked at


@dataclass(slots=True)
class Log:
    """Of one run, by process and camera, in the order of sampling. `own_mb` is with times."""

    own_mb: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    people: list[int] = field(default_factory=list)

    def sample(self, pids: Sequence[int], at_s: float) -> None:
        for pid in pids:
            self.own_mb.setdefault(pid, []).append((at_s, memory_mb(pid, "Pss_Anon")))


def memory_mb(pid: int, kind: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1024


def processes(town: Town) -> list[int]:
    """The house's first, then its workers', without the one that compiles the model before."""
    assert town.server
    pid = town.server.pid
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = {int(child) for task in tasks for child in task.read_text().split()}
    return [pid, *sorted(child for child in children if is_worker(child))]


def is_worker(pid: int) -> bool:
    with suppress(OSError):
        return b"townsquare.vision.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def begun(town: Town) -> bool:
    """All six read their cameras."""
    healths = town.entities("CameraHealth")
    looked = [one for one in healths if one.get("analysedPerSecond") is not None]
    return len(processes(town)) == 7 and len(looked) >= 23  # one stops sending now and then


def slope_mb_per_s(samples: Sequence[tuple[float, float]]) -> float:
    """Median of the slopes between any two."""
    pairs = itertools.combinations(samples[:: max(1, len(samples) // 200)], 2)
    return median((b - a) / (t - s) for (s, a), (t, b) in pairs)


def row(town: Town, log: Log, pids: Sequence[int]) -> str:
    """Looks at the health of every camera."""
    at_s = log.own_mb[pids[0]][-1][0]
    states: dict[str, str] = town.get("/healthz").json()["cameras"]
    working = sum(state == "working" for state in states.values())
    healths = {one["id"].rsplit(":", 1)[1]: one for one in town.entities("CameraHealth")}
    assert len(healths) == len(states)
    for name, health in healths.items():
        log.rates.setdefault(name, []).append(health.get("analysedPerSecond") or 0.0)
    looked = sorted(rates[-1] for rates in log.rates.values())
    read = sum(health.get("readPerSecond") or 0.0 for health in healths.values())
    lines = town.entities("CrowdFlowObserved")
    log.people.append(sum(counted(line) for line in lines))
    house, *workers = [memory_mb(pid, "Pss") for pid in pids]
    return (
        f"{at_s / 60:5.1f} {house:6.0f}M {sum(workers):7.0f}M {max(workers):7.0f}M"
        f" {working:5}/{len(states)} {looked[0]:14.1f} {median(looked):7.1f} {looked[-1]:5.1f}"
        f" {read:16.0f} {log.people[-1]:8}"
    )


def counted(line: dict[str, object]) -> int:
    today = (line.get("todayTowards"), line.get("todayAway"))
    return sum(n for n in today if isinstance(n, int))


def verdict(log: Log, house: int) -> list[str]:
    """A line for each process that grew."""
    told = []
    for pid, all_of in log.own_mb.items():
        samples = [sample for sample in all_of if sample[0] >= WARM_S]
        grown_mb = slope_mb_per_s(samples) * (samples[-1][0] - samples[0][0])
        name = "house" if pid == house else "worker"
        print(f"{name} {pid}: {samples[-1][1]:.0f} MB, {grown_mb:+.1f} MB since it was warm")
        if grown_mb > KEPT_MB[name]:
            told.append(f"{name} {pid} grew by {grown_mb:.1f} MB")
    return told


@pytest.mark.soak
def test_24_cameras_on_2_cores_run_without_growth(
    cameras: list[Simulated], open_town: Callable[..., Town], tmp_path: Path
) -> None:
    assert len(cameras) == 24
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # what it starts inherits it
    parts = ['[town]\nname = "Long"\ntimezone = "Europe/Berlin"\n']
    parts += [CAMERA.format(camera, 13.0 + n / 100) for n, camera in enumerate(cameras)]
    settings = tmp_path / "townsquare.toml"
    settings.write_text("\n".join(parts))
    town, log, wait = open_town("run", "--settings", str(settings)), Log(), threading.Event()
    assert town.server
    eventually(lambda: begun(town), PATIENCE_S)
    began = processes(town)
    start_s, table_s = time.monotonic(), TABLE_S
    print(f"\n24 cameras on {CORES} cores for {LONG_S:.0f} s\n{HEAD}", flush=True)
    while (at_s := time.monotonic() - start_s) < LONG_S:
        log.sample(began, at_s)
        if at_s >= table_s:
            print(eventually(lambda: row(town, log, began), PATIENCE_S), flush=True)
            table_s += TABLE_S
        wait.wait(SAMPLE_S)
    print(eventually(lambda: row(town, log, began), PATIENCE_S), flush=True)
    grown = verdict(log, began[0])
    print("verdict:", "; ".join(grown) or "no growth", flush=True)
    assert not grown
    assert processes(town) == began, "a worker was started anew"
    assert log.people[-1] > log.people[0]
    assert all(max(rates) > 0 for rates in log.rates.values()), log.rates
    looked = [median(rates) for name, rates in log.rates.items() if name.startswith("file")]
    # What moves there asks for 5 to 10 a second; where there is time for less, all get less.
    assert min(looked) < 0.5 or max(looked) < 4 * min(looked), log.rates
