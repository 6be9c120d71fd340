"""The control room by keyboard: the sheet of keys, a key of one's own, and none at all."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import good
from tests.e2e.test_screen import page as page
from tests.e2e.town import ROOT, Town

IMAGE = ROOT / "docs" / "img" / "keys.png"


def test_keys_are_shown_changed_and_turned_off(demo: Town, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{demo.url}/control")
    chosen = page.locator("li.alarm.selected")
    expect(page.locator("li.alarm").first).to_be_visible(timeout=120_000)
    page.keyboard.press("j")
    expect(chosen).to_have_count(1)
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)

    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys of the control room")
    expect(sheet).to_be_visible()
    sheet.screenshot(path=IMAGE)
    change = sheet.get_by_role("button", name="Change the key for: next alarm")
    change.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    expect(sheet.get_by_role("status")).to_have_text("K is taken: previous alarm.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # of the key, not of the sheet
    expect(change).to_have_text("Change")
    page.keyboard.press("Enter")
    page.keyboard.press("x")
    expect(sheet.get_by_role("status")).to_have_text("X: next alarm.")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    page.keyboard.press("j")
    expect(chosen).to_have_count(0)
    page.keyboard.press("x")
    expect(chosen).to_have_count(1)
    page.reload()
    expect(page.locator("p.keys")).to_contain_text("X next", timeout=60_000)

    page.get_by_role("checkbox", name="Keys:").uncheck()
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="All keys").click()
    sheet.get_by_role("button", name="All as delivered").click()
    good(page, tmp_path / "sheet")
    sheet.get_by_role("button", name="Close").click()
    expect(page.locator("p.keys")).to_contain_text("J next")
