"""The alarm load as an operator and a citizen see it, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.at_camera import browsing
from tests.e2e.town import ROOT, Town, eventually, run

IMAGES = ROOT / "docs" / "img"


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as opened:
        yield opened.new_page(viewport={"width": 1440, "height": 960})


def accessible(seen: Page) -> None:
    assert [v["id"] for v in Axe().run(seen).response["violations"]] == []


def test_an_operator_sees_the_load(demo: Town, page: Page) -> None:
    eventually(lambda: demo.entities("Alert"), 90)
    load = eventually(lambda: (found := demo.entities("AlarmLoad")) and found[0])
    page.goto(f"{demo.url}/control")
    fact = page.locator("status-bar .fact", has_text="alarms in 10 min")
    expect(fact).to_contain_text(re.compile(r"^\s*\d+/10"), timeout=30_000)
    assert load["flood"] is False
    page.get_by_role("link", name="Alarm load").click()
    expect(page.get_by_role("heading", name="Alarm load")).to_be_visible()
    expect(
        page.get_by_role("row", name=re.compile("Most alarms in any ten minutes"))
    ).to_contain_text("very likely acceptable")
    expect(page.get_by_role("row", name=re.compile("Square is getting crowded"))).to_be_visible()
    accessible(page)
    page.screenshot(path=IMAGES / "alarm-load.png", full_page=True)


def test_everyone_reads_what_the_figures_mean(demo: Town, page: Page) -> None:
    page.goto(f"{demo.url}/alarm-load")
    expect(page.get_by_text("No month of which alarms are known is over yet")).to_be_visible()
    expect(page.get_by_text("are not told apart from quiet ones")).to_be_visible()
    accessible(page)


def test_the_command_prints_it(demo: Town) -> None:
    eventually(lambda: demo.entities("Alert"), 90)
    done = run("report", "alarms", "--data", str(demo.data))
    assert done.returncode == 0, done.stderr
    assert "Most alarms in any ten minutes" in done.stdout
    assert "Square is getting crowded" in done.stdout
    wrong = run("report", "alarms", "--month", "june", "--data", str(demo.data))
    assert (wrong.returncode, "2026-10" in wrong.stderr) == (2, True)
