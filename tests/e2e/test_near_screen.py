"""Who selects an alarm sees the cameras near it, and no others."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.bins import FULL, full, tell
from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import good
from tests.e2e.test_screen import page as page
from tests.e2e.town import Town, settings

AT = (13.5, 52.4)
FAR = {"gate": 0.0, "stairs": 0.0006, "bridge": 0.0011, "tower": 0.0018, "station": 0.02}


def test_an_alarm_brings_up_the_cameras_near_it(
    open_town: Callable[..., Town], page: Page, tmp_path: Path
) -> None:
    file = settings(tmp_path, *((name, "absent.mp4") for name in FAR), rules=FULL)
    text = file.read_text()
    for name, far in FAR.items():
        begin = text.index(f'name = "{name}"')
        text = text[:begin] + text[begin:].replace("lat = 52.4 }", f"lat = {AT[1] + far} }}", 1)
    file.write_text(text)
    town = open_town("run", "--open", "--settings", str(file))
    tell(town, full("a", *AT))

    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{town.url}/control")
    near = page.get_by_role("list", name="Near the alarm")
    expect(page.locator("li.alarm", has_text="Bin is full")).to_be_visible(timeout=60_000)
    expect(near).to_have_count(0)
    page.locator("li.alarm", has_text="Bin is full").locator("button.pick").click()
    expect(page.locator("camera-tile h2")).to_contain_text("Camera gate")  # the nearest is large
    items = near.get_by_role("listitem")
    expect(items).to_have_count(3)
    expect(items).to_contain_text(
        ["Camera stairs 70 m", "Camera bridge 120 m", "Camera tower 200 m"]
    )
    good(page, tmp_path / "near")
    items.nth(1).get_by_role("button").click()
    expect(page.locator("camera-tile h2")).to_contain_text("Camera bridge")
    expect(items.first).to_contain_text("Camera gate 0 m")
