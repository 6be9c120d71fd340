"""An engineer counts by hand for a minute, in a real browser, while the machine counts too."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.town import ROOT, Town, eventually

IMAGES = ROOT / "docs" / "img"
FLASHES = """pad => new MutationObserver(() => {
  window.flashed ||= pad.classList.contains("pressed");
}).observe(pad, { attributes: true })"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, demo: Town) -> Iterator[Page]:
    with engineer(browser, demo) as opened:
        yield opened


def test_a_minute_is_counted_by_hand_and_its_result_kept(
    demo: Town, page: Page, tmp_path: Path
) -> None:
    page.get_by_role("link", name="Count by hand").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Count by hand: Market square")
    page.get_by_label("Minutes").fill("1")
    page.get_by_role("button", name="Change the key for people to the square").click()
    page.keyboard.press("x")
    expect(page.locator("ul.keys kbd")).to_have_text(["F", "X"])
    good(page, tmp_path / "choice")

    page.get_by_role("button", name="Begin").click()
    west = page.get_by_role("button", name=re.compile("people to the west, key F"))
    square = page.get_by_role("button", name=re.compile("people to the square, key X"))
    west.evaluate(FLASHES)  # a flash is over sooner than a busy machine looks
    page.keyboard.press("f")
    eventually(lambda: page.evaluate("window.flashed"))
    page.wait_for_timeout(2500)  # within 2 s of the start a press is nobody's
    for key in "fxff":
        page.keyboard.press(key)
    square.click()
    expect(west.locator("output")).to_have_text("4")
    expect(square.locator("output")).to_have_text("2")
    page.keyboard.press("Backspace")
    expect(page.get_by_text(re.compile(r"Taken back: people to the square at 0:"))).to_be_visible()
    expect(square.locator("output")).to_have_text("1")
    expect(page.get_by_role("button", name="End early")).to_be_disabled()

    page.on("dialog", lambda dialog: dialog.accept())  # a browser asks before it leaves
    page.reload()
    expect(west.locator("output")).to_have_text("4")
    expect(page.get_by_role("list", name="Last presses").get_by_role("listitem")).to_have_count(5)
    page.keyboard.press("f")
    good(page, tmp_path / "counting")

    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=150_000)
    row = page.get_by_role("row", name=re.compile("people to the west"))
    expect(row).to_contain_text(re.compile(r"of 100 counted, \d+ to \d+ really passed|unknown"))
    good(page, tmp_path / "result")
    (kept,) = demo.entities("CameraEvaluation")
    assert kept["durationMinutes"] == 1
    assert kept["method"].endswith("counted on the street")
    assert {(r["line"], r["of"], r["direction"]) for r in kept["results"]} == {
        ("west", "person", "in"),
        ("west", "person", "out"),
    }
    assert sum(r["hits"] + r["missed"] for r in kept["results"]) >= 4


def test_a_lost_connection_shows_and_loses_no_press(demo: Town, page: Page, tmp_path: Path) -> None:
    page.goto(f"{demo.url}/control/cameras/square/evaluation")
    page.get_by_role("button", name="Begin").click()
    page.locator("camera-picture canvas").wait_for(state="visible", timeout=90_000)
    for key in "fjffjf":
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / "handcount.png")
    page.route("**/evaluations/**", lambda route: route.abort())
    page.keyboard.press("j")
    expect(page.get_by_text("your presses are kept in this page")).to_be_visible(timeout=20_000)
    good(page, tmp_path / "lost")
    page.unroute("**/evaluations/**")
    expect(page.get_by_text("your presses are kept in this page")).to_have_count(0, timeout=20_000)
    page.get_by_role("button", name="Give up").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("You gave this count up")).to_be_visible()


def test_it_is_for_engineers(demo: Town, page: Page) -> None:
    page.goto(f"{demo.url}/control")
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_label("Role")).to_have_value("operator")
    answer = page.goto(f"{demo.url}/control/cameras/square/evaluation")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text("this page is for engineers")).to_be_visible()
