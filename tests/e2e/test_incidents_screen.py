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


def test_an_engineer_writes_a_procedure_and_an_operator_goes_by_it(
    browser: Browser, demo: Town, tmp_path: Path
) -> None:
    with engineer(browser, demo) as page:
        page.goto(f"{demo.url}/control/procedures")
        page.get_by_role("button", name="A new procedure").press("Enter")
        page.get_by_label("Name in addresses").fill("water")
        page.get_by_label("Title").fill("Water on the road")
        page.get_by_label("What is to be done or asked").fill("Is a cellar flooded?")
        page.get_by_label("must be done").check()
        for answer in ("yes", "no"):
            page.get_by_role("button", name="Add an answer").press("Enter")
            page.get_by_label("Answer").last.fill(answer)
        for text in ("Call the fire brigade", "Close the road"):
            page.get_by_role("button", name="Add a step").press("Enter")
            page.get_by_label("What is to be done or asked").last.fill(text)
        page.get_by_label("leads to (2)").select_option(label="Close the road")
        expect(page.locator(".flow g rect")).to_have_count(4)
        expect(page.locator(".flow")).to_contain_text("Call the fire brigade")
        page.get_by_label("Id").last.fill("no id")
        page.get_by_label("Id").last.press("Tab")
        page.get_by_role("button", name="Save the procedure").press("Enter")
        assert page.evaluate("document.querySelectorAll(':invalid').length") > 0
        page.get_by_label("Id").last.fill("step-1")
        page.get_by_label("Id").last.press("Tab")
        page.get_by_role("button", name="Save the procedure").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("the same id")
        page.get_by_label("Id").last.fill("close")
        page.get_by_label("Id").last.press("Tab")
        page.get_by_label("leads to (2)").select_option(label="Close the road")
        page.get_by_role("button", name="Save the procedure").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Saved: Water on the road.")
        good(page, tmp_path / "procedure")

        page.goto(f"{demo.url}/control")
        page.get_by_label("Role").select_option("operator")
        page.get_by_role("button", name="Switch").click()
        page.get_by_role("link", name="Incidents").click()
        page.get_by_label("Procedure").select_option("Water on the road")
        does(page, "Open an incident", What_it_is="Burst pipe")
        expect(page.locator("li.due")).to_contain_text("Is a cellar flooded?")
        does(page, "skip, with the note as reason", Note="Nobody answers the bell")
        expect(page.locator(".note.alarm")).to_contain_text("Is a cellar flooded?")
        page.get_by_role("button", name="Add to it").press("Enter")
        expect(page.get_by_role("region", name="In it")).to_contain_text("operator-")
        good(page, tmp_path / "by-the-book")
