"""Dashboards and the video wall of the demo town, in a real browser."""

import csv
import re
import struct
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_map_screen import STREET, painted
from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import good
from tests.e2e.test_screen import page as page
from tests.e2e.town import ROOT, Town, eventually

IMAGES = ROOT / "docs" / "img"
PNG = b"\x89PNG\r\n\x1a\n"
# Pixels of the first chart that are painted: an empty canvas has none.
PAINTED = """() => {
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


@pytest.fixture
def seen(demo: Town, page: Page) -> Page:
    """As an operator, once there is a past."""
    eventually(lambda: demo.entities("CrowdFlowObserved"), 120)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{demo.url}/control")
    page.get_by_role("link", name="Dashboards").click()
    return page


def test_charts_are_seen_compared_and_taken_along(seen: Page, tmp_path: Path) -> None:
    good(seen, tmp_path / "overview")
    seen.get_by_role("link", name="Counts of people").click()
    seen.get_by_role("link", name="Hour", exact=True).click()
    expect(seen.get_by_role("heading", name="People across all lines")).to_be_visible()
    expect(seen.locator(".plot canvas").first).to_be_visible()
    eventually(lambda: seen.evaluate(PAINTED) > 1000, 60)
    good(seen, IMAGES / "dashboard")
    (IMAGES / "dashboard-phone.png").unlink()

    seen.get_by_text("As a table").first.click()
    expect(seen.get_by_role("cell", name="sample").first).to_be_visible()
    seen.get_by_role("link", name="Without comparison").click()
    seen.get_by_role("link", name="Week", exact=True).press("Enter")
    expect(seen.get_by_role("link", name="Week", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    asked = parse_qs(urlsplit(seen.url).query)
    assert (asked["span"], asked["compare"]) == (["week"], ["no"])
    expect(seen.get_by_text("a week before")).to_have_count(0)

    with seen.expect_download() as got:
        seen.get_by_role("link", name="CSV", exact=True).first.click()
    with got.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 168
    assert sum(int(row["value"] or 0) for row in rows) > 0
    with seen.expect_download() as got:
        seen.get_by_role("button", name="PNG").first.click()
    made = got.value.path().read_bytes()
    width, height = struct.unpack(">II", made[16:24])
    assert made.startswith(PNG)
    assert width > 300
    assert height > 200
    assert len(made) > 5_000  # a plain field of that size has less
    assert got.value.suggested_filename == "People-across-all-lines-both-ways-week.png"


def test_a_place_has_its_own_page(seen: Page, tmp_path: Path) -> None:
    seen.get_by_role("link", name="Market square").click()
    expect(seen.get_by_role("heading", name="west · to the west")).to_be_visible()
    expect(seen.get_by_role("heading", name="Market square")).to_be_visible()
    good(seen, tmp_path / "place")


def test_the_wall_needs_no_hand(demo: Town, page: Page, tmp_path: Path) -> None:
    page.goto(f"{demo.url}/control")
    expect(page.get_by_role("link", name="Video wall")).to_be_visible()
    page.goto(f"{demo.url}/control/wall?cameras=square")
    expect(page.locator(".clock b")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    expect(page.locator("video-wall figure")).to_have_count(1, timeout=60_000)
    expect(page.locator(".lease")).to_contain_text("crowd safety", timeout=60_000)
    expect(page.locator("town-map canvas")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("navigation")).to_have_count(0)
    eventually(lambda: painted(page, STREET) > 100, 120)
    page.screenshot(path=IMAGES / "wall.png")
    good(page, tmp_path / "wall")
