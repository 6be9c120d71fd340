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
import sys
import tempfile
import time
from pathlib import Path

import av
from measure.process import ROOT, cpu_s, resident_mb, running
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

PORT = 8477
WARM_S, MEASURED_S = 20.0, 60.0
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
    command = [sys.executable, "-m", "townsquare.cli", "demo", "--port", str(PORT)]
    with (
        tempfile.TemporaryDirectory() as folder,
        running([*command, "--data", folder], f"http://localhost:{PORT}/healthz") as pid,
    ):
        time.sleep(WARM_S)
        before, start = cpu_s(pid), time.monotonic()
        delays = delays_ms(MEASURED_S)
        cost = (cpu_s(pid) - before) / (time.monotonic() - start)
        memory = resident_mb(pid)
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


def delays_ms(seconds: float) -> list[float]:
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
