"""The last 24 hours below the control room, and the playhead that its charts follow."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import good
from tests.e2e.test_screen import page as page
from tests.e2e.town import Town


def test_the_playhead_moves_the_charts_and_comes_back(
    demo: Town, page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{demo.url}/control")
    day = page.get_by_role("region", name="Last 24 hours")
    playhead = day.get_by_role("slider", name="Moment that the charts show")
    expect(day.locator("rect.high").first).to_be_attached(timeout=120_000)
    alarms = re.compile(r"^\d\d:\d\d to \d\d:\d\d: (no alarm|\d+ alarms? \(\d+ high\))$")
    expect(playhead).to_have_attribute("aria-valuetext", alarms)
    title = page.get_by_role("heading", name="Last hour, windows of 5 minutes")
    expect(title).to_be_visible()

    playhead.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")  # ten minutes each
    expect(page.get_by_role("heading", name=re.compile("Hour around"))).to_be_visible()
    expect(day).to_contain_text("Alarms and map are of now.")
    page.get_by_role("button", name="Table").click()
    # It ends half an hour behind the playhead: the window that still grows is not in it.
    rows = page.locator("table.windows tbody tr")
    expect(rows.nth(5)).to_contain_text("sample")
    expect(page.locator("table.windows")).not_to_contain_text("growing")
    page.get_by_role("button", name="Chart").click()
    good(page, tmp_path / "around")

    day.get_by_role("button", name="Back to now").click()
    expect(title).to_be_visible()
    expect(day).not_to_contain_text("Alarms and map are of now.")
