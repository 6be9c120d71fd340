"""What an operator and a citizen see, in a real browser, with the strict policy in force.

The screenshots of the README come from here.
"""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.town import CHROMIUM, ROOT, Town, eventually, settings

IMAGES = ROOT / "docs" / "img"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ALERT = "urn:ngsi-ld:Alert:crowd-on-square:square-plaza-live"
LOUD = ("error", "assert")
SLOW_MS = 90_000  # the background picture wants a minute of the clip


@pytest.fixture(scope="module")  # its event loop must be gone before other modules run theirs
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = CHROMIUM or next((p for n in names if (p := shutil.which(n))), "")
    if not path:
        pytest.fail("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visit. Any error, and any breach of the content security policy, fails the test."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    opened, errors = context.new_page(), list[str]()

    def heard(message: ConsoleMessage) -> None:
        lost = message.text.startswith("Failed to load resource")  # some tests mean that
        if (message.type in LOUD and not lost) or "Content Security Policy" in message.text:
            errors.append(message.text)

    context.on("console", heard)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield opened
    context.close()
    assert errors == []


def test_from_the_clip_to_the_operators_screen(demo: Town, page: Page) -> None:
    page.goto(f"{demo.url}/control")
    expect(page.get_by_text("people in zone plaza now")).to_be_visible(timeout=30_000)
    number = page.locator(".figure b").first
    expect(number).to_have_text(re.compile(r"^\d+$"))
    first = number.inner_text()
    eventually(lambda: number.inner_text() != first, 120)  # it lives
    expect(page.get_by_role("row", name="to the west")).to_contain_text(
        re.compile(r"[1-9]"), timeout=30_000
    )
    expect(page.get_by_text("Market square").first).to_be_visible()

    alarm = page.locator("li.alarm")
    expect(alarm).to_contain_text("Square is getting crowded", timeout=60_000)
    page.locator("camera-picture canvas").wait_for(state="visible", timeout=SLOW_MS)
    health = "urn:ngsi-ld:CameraHealth:square"
    eventually(lambda: demo.entity(health).get("background", 0) >= 0.88, 120)
    page.wait_for_timeout(5000)
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / "control.png")

    alarm.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    taken: dict[str, Any] = eventually(
        lambda: (a := demo.entity(ALERT)).get("acknowledgedBy") and a
    )
    assert taken["acknowledgedBy"].startswith("urn:ngsi-ld:Person:operator-")
    assert taken["state"] in ("ACKED", "NORMAL")


def test_the_last_hour_is_shown_whole_though_its_history_comes_in_parts(
    demo: Town, page: Page
) -> None:
    parts = list[int]()
    page.on("response", lambda r: parts.extend([r.status] if "/temporal/" in r.url else []))
    page.goto(f"{demo.url}/control")
    page.get_by_role("button", name="Table").click()
    rows = page.locator("table.windows tbody tr")
    expect(rows.nth(11)).to_contain_text("sample", timeout=30_000)  # 12 windows and an open one
    expect(rows.first).to_contain_text("growing")
    # Between the samples and what was counted there is a gap if the start took long.
    samples = rows.filter(has_text="sample")
    starts = [text.split(" ")[0] for text in samples.locator("th").all_inner_texts()]
    minutes = [int(h) * 60 + int(m) for h, m in (start.split(":") for start in starts)]
    steps = {(newer - older) % (24 * 60) for newer, older in itertools.pairwise(minutes)}
    assert steps == {5}, starts
    assert 206 in parts, "else this shows nothing"


def test_a_preview_is_asked_for_a_purpose_and_the_asking_is_kept(demo: Town, page: Page) -> None:
    before = {lease["id"] for lease in demo.entities("PreviewLease")}
    page.goto(f"{demo.url}/control")
    expect(page.get_by_text("crowd safety").first).to_be_visible(timeout=30_000)
    leases = eventually(
        lambda: [one for one in demo.entities("PreviewLease") if one["id"] not in before]
    )
    assert all(lease["actor"].startswith("urn:ngsi-ld:Person:operator-") for lease in leases)
    assert {lease["purpose"] for lease in leases} == {"crowd safety"}
    expect(page.get_by_text("can become part of the empty place").first).to_be_visible()


def test_anyone_reads_who_may_see_what(demo: Town, page: Page) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{demo.url}/policy")
    glance = page.get_by_role("region", name="at a glance")
    expect(glance.get_by_role("rowheader", name="Counts of people")).to_be_visible()
    page.screenshot(path=IMAGES / "policy.png")
    page.set_viewport_size({"width": 390, "height": 844})
    glance.evaluate("region => region.scrollTo(region.scrollWidth, 0)")
    left = glance.get_by_role("rowheader", name="Counts of people").bounding_box()
    assert left
    assert left["x"] >= 0, "what a row is about stays in view"


def test_the_demo_says_why_it_has_no_accounts(demo: Town, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{demo.url}/accounts")
    expect(page.get_by_role("heading", level=1)).to_have_text("The demo has no accounts")
    expect(page.get_by_text("It signs you in by itself")).to_be_visible()
    expect(page.get_by_role("heading", name="In a town of your own")).to_be_visible()
    good(page, tmp_path / "without")
    page.goto(f"{demo.url}/approvals")
    expect(page).to_have_url(f"{demo.url}/control")


def good(page: Page, picture: Path) -> None:
    """For people with other eyes and hands too, and on a phone; kept as pictures."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.screenshot(path=f"{picture}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=f"{picture}-phone.png", full_page=True)
    page.set_viewport_size({"width": 1366, "height": 768})


def test_a_map_without_a_centre_shows_what_there_is(
    open_town: Callable[..., Town], page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    file = settings(tmp_path, ("one", "absent.mp4"), ("other", "absent.mp4"))
    one, other = file.read_text().split('name = "other"')
    file.write_text(f'{one}name = "other"{other.replace("13.5", "13.45")}')
    town = open_town("run", "--open", "--settings", str(file))
    page.goto(f"{town.url}/control")
    flags, frame = page.locator(".flag"), page.locator("town-map .frame")
    expect(flags).to_have_count(2, timeout=30_000)
    around = frame.bounding_box()
    assert around
    for flag in flags.all():
        box = flag.bounding_box()
        assert box
        assert around["x"] <= box["x"] + box["width"] / 2 <= around["x"] + around["width"]
        assert around["y"] <= box["y"] + box["height"] <= around["y"] + around["height"]
    good(page, tmp_path / "fitted")


def test_a_town_of_which_nothing_has_a_place_says_so(
    open_town: Callable[..., Town], page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    town = open_town("run", "--open", "--settings", str(settings(tmp_path)))
    page.goto(f"{town.url}/control")
    expect(page.get_by_text("Nothing here has a place yet")).to_be_visible(timeout=30_000)
    expect(page.locator("town-map .frame")).to_have_count(0)
    good(page, tmp_path / "nowhere")


def test_other_roles_have_other_eyes(demo: Town, page: Page) -> None:
    page.goto(f"{demo.url}/control")
    page.get_by_label("Role").select_option("engineer")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_label("Role")).to_have_value("engineer")
    expect(page.get_by_text("Market square").first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("link", name="Count by hand")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.locator(".figure b").first).not_to_have_text(re.compile(r"^\d+$"))
    page.get_by_label("Role").select_option("data-protection")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_text("give your role no picture of this place")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Show picture|approval"))).to_have_count(0)
    expect(page.get_by_role("link", name="Count by hand")).to_have_count(0)
    page.get_by_label("Role").select_option("citizen")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("not open to this role")


def test_a_lost_connection_shows_and_catches_up(demo: Town, page: Page) -> None:
    page.goto(f"{demo.url}/control")
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator(".flag").first).to_be_visible(timeout=30_000)  # the map is there too
    page.wait_for_timeout(4000)  # and its own workers have loaded
    demo.stop()
    expect(page.get_by_text(re.compile("STALE", re.IGNORECASE)).first).to_be_visible(timeout=30_000)
    demo.start()  # the page notices by itself
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("people in zone plaza now")).to_be_visible(timeout=30_000)
    expect(page.get_by_text(re.compile(r"Connection was lost from \d\d:\d\d"))).to_be_visible()
    page.get_by_role("button", name="Understood").click()
    expect(page.get_by_role("button", name="Understood")).to_have_count(0)


def test_the_public_page_answers_the_four_questions(demo: Town, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(demo.url)
    for question in (
        "How is it stored?",
        "Who can access it?",
        "How is it used?",
        "For how long?",
    ):
        expect(page.get_by_role("heading", name=question)).to_be_visible()
    expect(page.get_by_text("The next hour's cell appears at")).to_be_visible()
    expect(page.get_by_text("sample", exact=True).first).to_be_visible()
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / "portal.png", full_page=True)
    page.get_by_role("link", name="Market square").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Market square")


def test_a_page_that_does_not_exist_says_so(demo: Town, page: Page) -> None:
    answer = page.goto(f"{demo.url}/cameras/none")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("link", name="Go to the start page")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/control", "/cameras/square"])
def test_pages_are_accessible(demo: Town, page: Page, path: str) -> None:
    page.goto(demo.url + path)
    expect(page.get_by_text("Market square").first).to_be_visible(timeout=30_000)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_public_page_is_german_for_who_reads_german(demo: Town, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="de-DE")
    page = context.new_page()
    page.goto(demo.url)
    expect(page.get_by_role("heading", name="Wie wird gespeichert?")).to_be_visible()
    expect(page.get_by_text("Niemand wird verfolgt.")).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.screenshot(path=IMAGES / "portal-de.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("Sprache").select_option("sr-Latn")
    page.get_by_role("button", name="Wechseln").click()
    expect(page.get_by_role("heading", name="Kako se čuva?")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


@pytest.mark.parametrize("tag", ["de", "fr", "es", "sr-Latn"])
def test_the_control_room_is_told_in_the_readers_language(
    demo: Town, browser: Browser, tag: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=tag)
    page = context.new_page()
    page.goto(f"{demo.url}/control")
    told = json.loads((ROOT / f"townsquare/web/static/texts/{tag}.json").read_text())
    expect(page.locator(".figure b").first).to_have_text(re.compile(r"^\d+$"), timeout=60_000)
    for english in ("Alarms", "Town", "Last hour, windows of 5 minutes", "Last 24 hours"):
        expect(page.get_by_text(told[english]).locator("visible=true").first).to_be_visible()
        assert told[english] != english
        expect(page.get_by_text(english, exact=True)).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if tag == "de":
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.screenshot(path=IMAGES / "control-de.png")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label(told["Language"]).select_option("en")
    expect(page.get_by_role("heading", name="Alarms")).to_be_visible()
    context.close()
