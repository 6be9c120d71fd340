"""What the control room takes to show what happens, in a real browser.

    make bench-control                       a minute of 1,000 readings a second
    make bench-control MINUTES=10            ten of them
    make bench-control MINUTES=10 HOURS=1    in ten minutes as many changes as in an hour


A house without cameras, whose rules watch bins and a siren. Sensors in a process of their own tell
it 1,000 readings a second, of which 20 cross the threshold, and count what they told: a flood, its
alarms share rows. The siren's has a row of its own, being critical; its delay runs from the moment
before the reading is sent until its row says so.

With HOURS the rate of readings stays, and so many more of them cross the threshold that as many
alarms change as they would in that time: readings that cross nothing reach no screen. What goes by
the clock (once a second, a minute, ten minutes) comes as often as it does in MINUTES.
"""

import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
from measure import growth, sensors
from measure.growth import Sample, Watched
from measure.process import core_ticks, running
from measure.sensors import Told
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

PORT = 8478
RAISED = "new alarm"  # in the words of the screen
URL = f"http://localhost:{PORT}"
PER_S, BUSY, PLACES = 1000, 100, 5000
MINUTES = float(os.environ.get("MINUTES", "1"))
HOURS = float(os.environ.get("HOURS") or MINUTES / 60)
CROSSING = max(1, math.ceil(HOURS * 60 / MINUTES))  # bins, each twentieth of a second
CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), ""
)
SETTINGS = """
[town]
name = "Benchtown"
timezone = "Europe/Berlin"

[[rule]]
name = "full"
title = "Bin is full"
type = "Bin"
attribute = "level"
above = 80
clear_below = 70
severity = "low"
scope = ""

[[rule]]
name = "siren"
title = "Siren sounds"
type = "Siren"
attribute = "level"
above = 80
clear_below = 70
severity = "critical"
scope = ""
"""
# Runs in the page: when the row of the probe's alarm says something else, as soon as that is drawn.
WATCH = """
() => {
  window.seen = [];
  let last = "";
  const look = () => {
    const row = document.querySelector('[data-alarm$=":probe"]')?.closest("li");
    const state = row?.querySelector(".state b")?.textContent ?? "";
    if (!state || state === last) return;
    last = state;
    const drawn = () => window.seen.push([Date.now() / 1000, state]);
    requestAnimationFrame(() => requestAnimationFrame(drawn));
  };
  const all = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(document.body, all);
}
"""
PAINTED = """
() => [...document.querySelectorAll(".cluster b")].reduce((sum, b) => sum + Number(b.textContent),
  document.querySelectorAll(".flag").length)
"""
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
Row = tuple[str, str, str]


def main() -> None:
    table = Table("", "measured", "goal", title="make bench-control")
    ticks = core_ticks()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with town() as pid:
            page = browser.new_page()
            table.add_row("first load of /control, kB sent", first_load_kb(page), "< 700")
            watched = Watched(page, browser.new_browser_cdp_session(), pid)
            told, samples = under_load(watched)
            for row in rows(page, told, samples):
                table.add_row(*row)
            page.close()
        with town():
            table.add_row(*painted(browser.new_page()))
        browser.close()
    whole, stolen = (after - before for after, before in zip(core_ticks(), ticks, strict=True))
    table.add_row("time of the cores that their host gave to others", f"{stolen / whole:.0%}", "")
    Console(width=100).print(table, growth.table(samples))


@contextmanager
def town() -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "townsquare.toml"
        settings.write_text(SETTINGS)
        command = [sys.executable, "-m", "townsquare.cli", "run", "--open", "--port", str(PORT)]
        command += ["--settings", str(settings), "--data", str(Path(folder) / "data")]
        with running(command, f"{URL}/healthz") as pid:
            yield pid


def first_load_kb(page: Page) -> str:
    """What comes over the line until the map is there, as the server sends it: compressed."""
    sent = 0

    def finished(event: dict[str, Any]) -> None:
        nonlocal sent
        sent += int(event["encodedDataLength"])

    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", finished)
    with httpx.Client(base_url=URL, timeout=60) as client:
        sensors.tell(client, [sensors.reading(sensors.PROBE, sensors.FULL, (13.5, 52.4))])
    page.goto(f"{URL}/control")
    page.locator(".flag").first.wait_for(timeout=60_000)
    return f"{sent / 1000:.0f}"


def under_load(watched: Watched) -> tuple[Told, list[Sample]]:
    watched.page.evaluate(WATCH)
    with httpx.Client(base_url=URL, timeout=60) as client:
        sensors.tell(client, [sensors.reading(sensors.PROBE, sensors.EMPTY)])
    seconds = MINUTES * 60
    with ProcessPoolExecutor(1, get_context("spawn")) as load:
        going = load.submit(sensors.run, URL, PER_S, seconds, BUSY, CROSSING)
        samples = list(growth.followed(watched, seconds, going.done))
        told = going.result()
    watched.page.wait_for_timeout(5000)
    return told, samples


def rows(page: Page, told: Told, samples: list[Sample]) -> Iterator[Row]:
    yield "readings told, a second", f"{told.readings / MINUTES / 60:,.0f}", f"{PER_S:,}"
    yield "  the sensors were late by at most, ms", f"{told.late_s * 1000:.0f}", ""
    delays = sorted(delays_ms(told.probe, page.evaluate("window.seen")))
    yield "reading -> alarm on the screen, p50 ms", f"{statistics.median(delays):.0f}", "< 100"
    yield (
        "reading -> alarm on the screen, p99 ms",
        f"{delays[int(0.99 * len(delays))]:.0f}",
        "< 500",
    )
    yield "  changes timed", f"{len(delays)} of {len(told.probe)}", ""
    lost = sum(abs(told.raised[name] - n) for name, n in counted().items())
    yield "alarms raised at the source", f"{told.raised.total():,}", ""
    yield "  lost or doubled", str(lost), "0"
    first, last = samples[0], samples[-1]
    after = f"after {MINUTES:g} min, MB"
    yield f"server memory {after}", f"{last.server_mb:.0f}", "flat"
    yield "  growth since its first minute, MB", f"{last.server_mb - first.server_mb:+.0f}", "0"
    yield f"memory of the page {after}", f"{last.page_mb:.0f}", "< 300"


def delays_ms(told: list[tuple[float, bool]], seen: list[tuple[float, str]]) -> Iterator[float]:
    """Each change that was told and the first time that the screen said so before the next."""
    for n, (at, full) in enumerate(told):
        until = told[n + 1][0] + 5 if n + 1 < len(told) else at + 5
        shown = [then for then, said in seen if at < then < until and (said == RAISED) is full]
        if shown:
            yield (shown[0] - at) * 1000


def counted() -> dict[str, int]:
    """How often each alarm was raised, by its bin. The first raise of the probe was before."""
    asked: dict[str, str | int] = {"type": "Alert", "options": "keyValues", "limit": 1000}
    found = httpx.get(f"{URL}/ngsi-ld/v1/entities", params=asked, timeout=60).json()
    known = {str(one["id"]).rsplit(":", 1)[1]: int(one["count"]) for one in found}
    return known | {sensors.PROBE: known[sensors.PROBE] - 1}


def alarms(client: httpx.Client) -> int:
    asked: dict[str, str | int] = {"type": "Alert", "limit": 0, "count": "true"}
    found = client.get("/ngsi-ld/v1/entities", params=asked)
    return int(found.headers["NGSILD-Results-Count"])


def painted(page: Page) -> Row:
    """From the call of the page until the map shows all of them."""
    with httpx.Client(base_url=URL, timeout=60) as client:
        for first in range(0, PLACES, 500):
            told = [
                sensors.reading(f"b{n}", sensors.FULL, (13.4 + n % 71 / 500, 52.3 + n // 71 / 500))
                for n in range(first, first + 500)
            ]
            sensors.tell(client, told)
        while alarms(client) < PLACES:
            time.sleep(0.5)
    page.goto("about:blank")
    begun = time.monotonic()
    page.goto(f"{URL}/control", wait_until="commit")
    while page.evaluate(PAINTED) < PLACES:
        time.sleep(0.02)
    return f"{PLACES:,} places on the map, s", f"{time.monotonic() - begun:.2f}", "< 1.5"


if __name__ == "__main__":
    main()
