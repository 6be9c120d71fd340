"""The map of a town with many alarms: clusters that show the worst inside, in a real browser."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.bins import FULL, full, tell
from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import page as page
from tests.e2e.town import ROOT, Town, eventually, settings
from tests.tiles import written

Open = Callable[..., Town]
IMAGE = ROOT / "docs" / "img" / "map.png"
RULES = f"""{FULL}
[[rule]]
name = "burns"
title = "Bin burns"
type = "Bin"
attribute = "temperature"
above = 80
clear_below = 60
severity = "critical"
scope = ""

[map]
pmtiles = "town.pmtiles"
"""
STREET = (248, 248, 248)  # of a main street by day
WATER = (179, 188, 194)
WEST, EAST = (13.500, 52.400), (13.540, 52.410)
EACH = 30


def bins(name: str, middle: tuple[float, float]) -> list[dict[str, object]]:
    lon, lat = middle
    return [full(f"{name}-{n}", lon + n % 6 / 4000, lat + n / 40000) for n in range(EACH)]


def painted(page: Page, colour: tuple[int, int, int]) -> int:
    """How many pixels of the map have this colour."""
    ground = Image.open(io.BytesIO(page.locator(".ground").screenshot())).convert("RGB")
    return int((np.asarray(ground) == colour).all(axis=2).sum())


def test_clusters_show_the_worst_inside_and_open(
    open_town: Open, tmp_path: Path, page: Page
) -> None:
    written(tmp_path / "town.pmtiles")
    town = open_town("run", "--open", "--settings", str(settings(tmp_path, rules=RULES)))
    asked: list[tuple[str, int]] = []
    page.on("response", lambda answer: asked.append((answer.url, answer.status)))
    told = [*bins("west", WEST), *bins("east", EAST)]
    told[0]["temperature"] = 300
    tell(town, *told)

    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{town.url}/control")
    page.get_by_text("Live", exact=True).wait_for(timeout=60_000)
    with_fire = page.get_by_role("button", name="31 places, worst alarm critical; zoom in")
    expect(with_fire).to_be_visible(timeout=60_000)  # the bin that burns is full as well
    expect(page.get_by_role("button", name="30 places, worst alarm low; zoom in")).to_be_visible()
    # The town's own tiles, from the town's own server, read in parts.
    expect(page.locator(".credit")).to_have_text("© Town & survey 2030")
    eventually(lambda: painted(page, STREET) > 100 and painted(page, WATER) > 1000, 60)
    assert {url for url, _ in asked if not url.startswith(town.url)} == set()
    assert {status for url, status in asked if url.endswith(".pmtiles")} == {206}
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGE)

    with_fire.focus()
    page.keyboard.press("Enter")
    expect(with_fire).to_have_count(0)
    inside = page.get_by_role("button", name=re.compile(r"^\d+ places.*; zoom in$"))
    expect(inside.first).to_be_visible()
