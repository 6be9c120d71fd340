"""What an operator sees of an event: what lasts, where, since when, and the alarm of its rule."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.at_camera import browsing
from tests.e2e.town import CLIP, Town, settings

Open = Callable[..., Town]
RULE = """
[[rule]]
name = "intruder"
title = "Somebody where nobody may be"
type = "CameraEvent"
attribute = "intrusion"
above = 1
clear_below = 0
"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def test_what_lasts_stands_at_its_camera_in_words(
    browser: Browser, open_town: Open, tmp_path: Path
) -> None:
    file = settings(tmp_path, ("square", str(CLIP)), rules=RULE)
    zone = 'name = "plaza"\n'
    file.write_text(file.read_text().replace(zone, f"{zone}intrusion = {{ after_s = 1 }}\n"))
    town = open_town("run", "--open", "--settings", str(file))
    page = browser.new_page(viewport={"width": 1440, "height": 960})
    page.goto(f"{town.url}/control")
    lasting = page.get_by_role("list", name="what lasts here")
    expect(lasting).to_contain_text("Somebody in the restricted zone plaza", timeout=60_000)
    expect(lasting).to_contain_text(re.compile(r"since \d\d:\d\d"))
    expect(page.locator("li.alarm")).to_contain_text("Somebody where nobody may be")
    page.get_by_role("button", name="List").click()
    row = page.get_by_role("row", name="Camera square")
    expect(row).to_contain_text("Somebody in the restricted zone plaza since")
