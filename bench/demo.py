"""What the demo costs, and how long a frame takes to become a number on the screen.

    make bench-demo                  prints the table that docs/bench.md keeps

One 768x576 camera at real time. Cost is that of the whole process tree, in processor seconds per
second and resident memory, read from /proc. Decoding alone, at the same pace in the same run, is
the raw limit. The delay runs from the moment a frame is due to the moment a real browser
has changed its page for what was seen in it.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
PORT = 8477
WARM_S, MEASURED_S = 20.0, 60.0
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), ""
)

# Runs in the page: every change of a live number is timed against the observation behind it.
WATCH = """
() => {
  window.delays = [];
  new MutationObserver((changes) => {
    for (const change of changes) {
      const element = change.target.nodeType === 1 ? change.target : change.target.parentElement;
      const live = element && element.closest("[data-observed-at]");
      if (live) window.delays.push(Date.now() - Date.parse(live.dataset.observedAt));
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true,
                             attributeFilter: ["data-observed-at"]});
}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as server:
        time.sleep(WARM_S)
        before, start = cpu_s(server.pid), time.monotonic()
        delays = delays_ms(Path(folder), MEASURED_S)
        cost = (cpu_s(server.pid) - before) / (time.monotonic() - start)
        memory = rss_mb(server.pid)
    decode = decode_cost(ROOT / "demo" / "square.mp4")
    table = Table("", "measured", "goal", title="make bench-demo")
    table.add_row("whole demo, cores", f"{cost:.2f}", "< 0.50")
    table.add_row("  of that, decoding alone", f"{decode:.3f}", "raw limit")
    table.add_row("whole demo, memory MB", f"{memory:.0f}", "< 600")
    table.add_row("frame → number on screen, p50 ms", f"{statistics.median(delays):.0f}", "")
    table.add_row("frame → number on screen, p99 ms", f"{quantile(delays, 0.99):.0f}", "< 1000")
    table.add_row("  changes timed", str(len(delays)), "")
    table.add_row("machine load (1 min)", f"{os.getloadavg()[0]:.1f}", "")
    Console(width=80).print(table)


@contextmanager
def demo(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "townsquare.cli", "demo", "--port", str(PORT)]
    server = subprocess.Popen([*command, "--data", str(folder)], cwd=ROOT)
    try:
        wait_for(f"http://localhost:{PORT}/healthz")
        yield server
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def delays_ms(folder: Path, seconds: float) -> list[float]:
    """Observation to changed page, for every change of a live number."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.goto(f"http://localhost:{PORT}/control")
        page.wait_for_selector("[data-observed-at]")
        page.evaluate(WATCH)
        page.wait_for_timeout(seconds * 1000)
        found: list[float] = json.loads(page.evaluate("() => JSON.stringify(window.delays)"))
        browser.close()
    return found


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


def rss_mb(pid: int) -> float:
    pages = (int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in tree(pid))
    return sum(pages) * PAGE / 1e6


def decode_cost(clip: Path) -> float:
    """Cores that decoding this clip alone takes at real time."""
    start = time.process_time()
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        frames = sum(1 for _ in container.decode(stream))
        rate = float(stream.average_rate or 10)
    return (time.process_time() - start) / (frames / rate)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
