"""A browser for pages of one camera, in which an engineer of the demo town sits."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.town import CHROMIUM, Town

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
LOUD = ("error", "assert")


@contextmanager
def browsing() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = CHROMIUM or next((p for n in names if (p := shutil.which(n))), "")
    if not path:
        pytest.fail("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@contextmanager
def engineer(browser: Browser, town: Town) -> Iterator[Page]:
    """Any error, and any breach of the content security policy, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 960})
    page, errors = context.new_page(), list[str]()

    def heard(message: ConsoleMessage) -> None:
        lost = message.text.startswith("Failed to load resource")  # some tests mean that
        if (message.type in LOUD and not lost) or "Content Security Policy" in message.text:
            errors.append(message.text)

    context.on("console", heard)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page.goto(f"{town.url}/control")
    page.get_by_label("Role").select_option("engineer")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_label("Role")).to_have_value("engineer")
    yield page
    context.close()
    assert errors == []


def good(page: Page, picture: Path) -> None:
    """For people with other eyes and hands too, and on a phone; kept as pictures."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=f"{picture}-phone.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 960})
    page.screenshot(path=f"{picture}.png", full_page=True)
