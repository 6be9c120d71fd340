"""An engineer draws on the picture of a camera, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.town import ROOT, Town, eventually

IMAGES = ROOT / "docs" / "img"
WIDTH = 768  # of the demo's picture


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, demo: Town) -> Iterator[Page]:
    with engineer(browser, demo) as opened:
        yield opened


def click(page: Page, *places: tuple[int, int]) -> None:
    """On the picture, in its own pixels."""
    box = page.locator("svg.board").bounding_box()
    assert box
    scale = box["width"] / WIDTH
    for x, y in places:
        page.mouse.click(box["x"] + x * scale, box["y"] + y * scale)


def tried(page: Page) -> bool:
    """Nothing is told of less than a minute, and nothing twice in four seconds."""
    page.wait_for_timeout(4500)
    page.get_by_role("button", name="Count the last 5 minutes").click()
    status = page.locator(".trial [role=status]")
    expect(status).to_have_text(re.compile("^(Over|Only)"))
    return status.inner_text().startswith("Over")


def test_a_line_is_drawn_and_tells_what_it_would_have_counted(
    demo: Town, page: Page, tmp_path: Path
) -> None:
    eventually(lambda: demo.entity("urn:ngsi-ld:Camera:square").get("pictureSize"), 120)
    page.get_by_role("link", name="Calibrate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Calibrate: Market square")
    page.locator("camera-picture canvas").wait_for(state="visible", timeout=90_000)
    page.get_by_role("button", name="Draw a line").click()
    click(page, (420, 150), (420, 400))
    drawn = page.get_by_role("group", name="Line line-1")
    drawn.get_by_label("Name").fill("middle")
    drawn.get_by_label("Name").press("Tab")
    drawn = page.get_by_role("group", name="Line middle")
    drawn.get_by_label(re.compile("Words for in")).fill("to the lawn")
    drawn.get_by_label("Words for out").fill("to the road")
    drawn.get_by_label("Words for out").press("Tab")

    handle = page.get_by_role("button", name=re.compile("Point 2 at 420, 400"))
    handle.press("Shift+ArrowDown")
    expect(page.get_by_role("button", name=re.compile("Point 2 at 420, 410"))).to_be_focused()
    eventually(lambda: tried(page), 60)
    row = drawn.get_by_role("row", name=re.compile("people"))
    counted = [int(text) for text in row.locator("td").all_inner_texts()]
    assert sum(counted) > 0
    good(page, tmp_path / "tried")
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / "calibration.png")

    drawn.get_by_label("Name").fill("Middle Line")
    drawn.get_by_label("Name").press("Tab")
    wrong = page.get_by_role("group", name="Line Middle Line")
    expect(wrong.get_by_role("alert")).to_contain_text("use a-z, 0-9")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    wrong.get_by_label("Name").fill("middle")
    wrong.get_by_label("Name").press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved; the camera counts so from now on.")).to_be_visible()
    live = "urn:ngsi-ld:CrowdFlowObserved:square-middle-live"
    eventually(lambda: demo.entity(live).get("peopleCountTowards") is not None, 120)
    assert demo.entity("urn:ngsi-ld:CameraLayout:square")["holds"] == "drawing"

    page.reload()
    page.get_by_role("button", name="Back to the settings").click()
    expect(page.get_by_text("The settings hold again.")).to_be_visible()
    eventually(lambda: demo.entity(live) == {}, 120)


def test_ground_points_zones_and_masks_are_drawn_and_measured(
    demo: Town, page: Page, tmp_path: Path
) -> None:
    eventually(lambda: demo.entity("urn:ngsi-ld:Camera:square").get("pictureSize"), 120)
    page.goto(f"{demo.url}/control/cameras/square/calibration")
    page.locator("camera-picture canvas").wait_for(state="visible", timeout=90_000)
    page.get_by_role("button", name="Set ground points").click()
    click(page, (150, 250), (560, 250), (740, 520), (40, 520), (300, 380))
    page.keyboard.press("Escape")
    across = [(0, 12), (9, 12), (9, 0), (0, 0), (4, 4)]
    for n, (x, y) in enumerate(across, 1):
        point = page.get_by_role("group", name=f"Point {n}")
        point.get_by_label("metres across").fill(str(x))
        point.get_by_label("metres along").fill(str(y))
        point.get_by_label("metres along").press("Tab")
    measured = re.compile("Mean error of the points|measure it again")
    expect(page.get_by_text(measured)).to_be_visible()

    page.get_by_role("button", name="Draw a mask").click()
    click(page, (330, 10), (560, 10), (560, 70), (330, 70), (330, 10))
    page.get_by_role("button", name="Draw a zone").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Zone zone-1")).to_be_visible()
    expect(page.get_by_role("group", name="Mask 1")).to_be_visible()
    expect(page.get_by_label("Text for townsquare.toml")).to_have_value(
        re.compile(r"\[\[camera\.masks\]\]")
    )
    good(page, tmp_path / "ground")
    page.on("dialog", lambda dialog: dialog.accept())  # a browser asks before it leaves
