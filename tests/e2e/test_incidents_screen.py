"""Operators work on an incident in a browser: open, take, go by the book, comment, close."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contract.alerts.desk import ROAD, ROAD_ID
from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.town import Town

SEND = """async ([method, path, body]) => {
    const headers = {"content-type": "application/json"};
    const answer = await fetch(path, {method, headers, body: JSON.stringify(body)});
    return answer.json();
}"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def does(page: Page, button: str, **fields: str) -> None:
    """In the form of this button, by keyboard."""
    form = page.locator("form", has=page.get_by_role("button", name=button, exact=True))
    for label, text in fields.items():
        form.get_by_label(label.replace("_", " ")).fill(text)
    form.get_by_role("button", name=button, exact=True).press("Enter")


def test_an_incident_from_a_call_to_its_cause(browser: Browser, demo: Town, tmp_path: Path) -> None:
    with engineer(browser, demo) as page:
        page.evaluate(SEND, ["PUT", "/procedures/road", ROAD])
        page.get_by_label("Role").select_option("operator")
        page.get_by_role("button", name="Switch").click()
        page.get_by_role("link", name="Incidents").click()
        works(page, demo, tmp_path)


def works(page: Page, demo: Town, tmp_path: Path) -> None:
    does(page, "Open an incident", What_it_is="Lamp is down", Where="North gate")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lamp is down", timeout=20_000)
    page.get_by_role("button", name="Take it").press("Enter")
    expect(page.locator(".lead")).to_contain_text("in progress")
    needless = ["Nothing needed to be done", "False alarm"]
    expect(page.get_by_label("Cause").get_by_role("option")).to_have_text(needless)

    wish = {"name": "Accident at the gate", "origin": "call", "procedure": ROAD_ID}
    made = page.evaluate(SEND, ["POST", "/incidents", wish])
    page.goto(f"{demo.url}/control/incidents/{made['id']}")
    expect(page.locator("li.due")).to_contain_text("Is somebody hurt?")
    does(page, "no", Note="Two cars, nobody hurt")
    expect(page.locator("li.due")).to_contain_text("Clear the road")
    does(page, "skip, with the note as reason")
    expect(page.get_by_role("alert")).to_contain_text("why the step is skipped is empty")
    does(page, "skip, with the note as reason", Note="They drove on")
    expect(page.locator("li.due")).to_have_count(0)
    does(page, "Comment", Comment="The police know")
    expect(page.locator(".story li.comment")).to_contain_text("The police know")
    good(page, tmp_path / "incident")
    does(page, "Resolve", What_was_done="Road is free")
    expect(page.locator(".lead")).to_contain_text("resolved")
    page.get_by_label("Cause").select_option("traffic")
    does(page, "Close")
    expect(page.locator(".story")).to_contain_text("cause: Accident or congestion")
    page.goto(f"{demo.url}/control/incidents")
    expect(page.get_by_role("row", name="Lamp is down")).to_be_visible()
    expect(page.get_by_text("Accident at the gate")).to_have_count(0)
    good(page, tmp_path / "incidents")
