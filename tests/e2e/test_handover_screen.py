"""Two operators hand a shift over in two browsers: one signs, the other takes over."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.contract.alerts.desk import ROAD, ROAD_ID
from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.test_incidents_screen import SEND
from tests.e2e.town import ROOT, Town, eventually
from tests.reader import english_in

IMAGES = ROOT / "docs" / "img"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def as_operator(page: Page) -> None:
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_label("Role")).to_have_value("operator")


def busy_night(page: Page) -> None:
    """An alarm that is shelved, an incident in which a mandatory step was skipped, a closed one."""
    wish = {"name": "Accident at the gate", "origin": "call", "procedure": ROAD_ID}
    made = page.evaluate(SEND, ["POST", "/incidents", wish])
    said = {"step": "look", "answer": "skipped", "note": "The police were there before us"}
    page.evaluate(SEND, ["POST", f"/incidents/{made['id']}/answer", said])
    other = page.evaluate(
        SEND, ["POST", "/incidents", {"name": "Barrier stuck", "severity": "low"}]
    )
    page.evaluate(SEND, ["POST", f"/incidents/{other['id']}/close", {"cause": "noActionNeeded"}])


def test_one_signs_and_another_takes_over(browser: Browser, demo: Town, tmp_path: Path) -> None:
    eventually(lambda: demo.entities("Alert"), 120)
    with engineer(browser, demo) as goes, engineer(browser, demo) as comes:
        goes.evaluate(SEND, ["PUT", "/procedures/road", ROAD])
        as_operator(goes)
        as_operator(comes)
        busy_night(goes)
        goes.get_by_role("link", name="Hand-over").click()
        expect(goes.get_by_text("Not signed")).to_be_visible()
        expect(goes.get_by_role("region", name="Incidents still open, table")).to_contain_text(
            "Accident"
        )
        expect(goes.get_by_role("region", name="Alarm load of the shift, table")).to_be_visible()
        good(goes, tmp_path / "before")
        goes.get_by_label("Notes").fill("Market on the square until 22:00; expect crowding.")
        goes.get_by_label("Open points, one a line").fill("Call the lamp crew\nGate 3 is stuck")
        goes.get_by_role("button", name="Sign the hand-over").press("Enter")
        a_point_was_forgotten(goes)
        goes.get_by_label("Notes").fill("Market on the square until 22:00; expect crowding.")
        goes.get_by_label("Open points, one a line").fill("Call the lamp crew\nGate 3 is stuck")
        goes.get_by_role("button", name="Sign the hand-over").press("Enter")
        expect(goes.get_by_text("You wrote this")).to_be_visible()
        expect(goes.get_by_role("button", name="I take it over")).to_have_count(0)

        comes.goto(f"{demo.url}/control/handover")
        comes.get_by_role("region", name="Hand-overs before").get_by_role("link").first.click()
        expect(comes.get_by_text("Gate 3 is stuck")).to_be_visible()
        comes.get_by_label("Remark").fill("Read and understood")
        comes.get_by_role("button", name="I take it over").press("Enter")
        expect(comes.get_by_text("Taken over by operator")).to_be_visible()
        good(comes, tmp_path / "after")
        comes.screenshot(path=IMAGES / "handover.png", full_page=True)
        comes.emulate_media(media="print")
        expect(comes.get_by_role("navigation", name="Pages", exact=True)).to_be_hidden()
        expect(comes.get_by_role("link", name="As a PDF")).to_be_hidden()
        comes.screenshot(path=tmp_path / "print.png", full_page=True)
        comes.emulate_media(media="screen")
        goes.reload()
        expect(goes.get_by_text("Taken over by operator")).to_be_visible()
        on_paper(comes, demo, tmp_path)
        in_serbian(comes)


def a_point_was_forgotten(page: Page) -> None:
    page.get_by_label("Reason").fill("The gate was forgotten")
    page.get_by_role("button", name="Withdraw it").press("Enter")
    expect(page.get_by_text("Why it was withdrawn")).to_contain_text("The gate was forgotten")
    expect(page.get_by_role("button", name="Withdraw it")).to_have_count(0)
    assert Axe().run(page).violations_count == 0
    page.get_by_role("link", name="How things stand now").click()
    expect(page.locator(".earlier")).to_contain_text("withdrawn")


def on_paper(page: Page, demo: Town, tmp_path: Path) -> None:
    path = page.get_by_role("link", name="As a PDF").get_attribute("href")
    answer = page.request.get(f"{demo.url}{path}")
    assert answer.headers["content-type"] == "application/pdf"
    (tmp_path / "handover.pdf").write_bytes(answer.body())
    read = "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.body())).pages)
    for said in ("Gate 3 is stuck", "Read and understood", "The police were there before us"):
        assert said in read
    assert "Page 1 of" in read


def in_serbian(page: Page) -> None:
    page.set_extra_http_headers({"accept-language": "sr-RS"})
    page.reload()
    expect(page.get_by_role("heading", name="Primopredaja smene")).to_be_visible()
    expect(page.get_by_role("region", name="Još otvoreni incidenti, tabela")).to_be_visible()
    expect(page.get_by_text("Gate 3 is stuck")).to_be_visible()  # what somebody wrote
    assert english_in(page.content(), "sr-Latn") == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
