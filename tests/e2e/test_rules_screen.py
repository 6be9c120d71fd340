"""An engineer writes a rule by keyboard, sees what it would have raised, and keeps it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contract.alerts.desk import ROAD
from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.test_incidents_screen import SEND
from tests.e2e.town import ROOT, Town

IMAGE = ROOT / "docs" / "img" / "rules.png"
TELL = """async ([path, body]) => {
    const headers = {"content-type": "application/json"};
    return (await fetch(path, {method: "POST", headers, body: JSON.stringify(body)})).status;
}"""
LONG_MS = 120_000  # a dry run on a busy machine
DAYS_MIN = ((12, (0,)), (9, (0, 300)), (5, (0, 0.3, 0.6)), (2, (0, 60, 120, 180)), (1, (0,)))


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def flooded(page: Page) -> None:
    """The cellar was: 11 times, and three of them within a minute."""
    readings = []
    for days, minutes in DAYS_MIN:
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0) - timedelta(days=days)
        for minute in minutes:
            wet = noon + timedelta(minutes=minute)
            readings += [reading(wet, 0.9), reading(wet + timedelta(seconds=10), 0.1)]
    told(page, "Cellar:north", [reading(datetime.now(UTC) - timedelta(days=40), 0.1), *readings])


def told(page: Page, id: str, readings: list[dict[str, object]]) -> None:
    past = {"id": f"urn:ngsi-ld:{id}", "type": id.partition(":")[0], "level": readings}
    assert page.evaluate(TELL, ["/ngsi-ld/v1/temporal/entities", past]) == 201


def reading(at: datetime, value: float) -> dict[str, object]:
    return {"type": "Property", "value": value, "observedAt": at.isoformat().replace("+00:00", "Z")}


def test_a_rule_is_tried_and_kept_by_keyboard(browser: Browser, demo: Town, tmp_path: Path) -> None:
    with engineer(browser, demo) as page:
        flooded(page)
        page.evaluate(SEND, ["PUT", "/procedures/cellar", {**ROAD, "name": "Water in a cellar"}])
        page.get_by_role("link", name="Rules", exact=True).press("Enter")
        page.get_by_role("button", name="New rule").press("Enter")
        expect(page.get_by_role("heading", name="A new rule")).to_be_focused()
        writes(page, "Cellar")
        page.get_by_label("Procedure").select_option(label="Water in a cellar")
        page.get_by_role("button", name="Try it on the last 30 days").press("Enter")
        found = page.get_by_text("It would have raised 11 alarms, 3 of them chattering")
        expect(found).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_role("img", name="Alarms a day")).to_be_visible()
        listed = page.get_by_role("region", name="Alarms it would have")
        expect(listed.get_by_role("row")).to_have_count(12)
        good(page, tmp_path / "tried")
        page.screenshot(path=IMAGE, full_page=True)
        page.get_by_role("button", name="Keep it", exact=True).press("Enter")
        kept = page.get_by_role("row", name="cellar-wet")
        expect(kept).to_be_visible(timeout=LONG_MS)
        expect(kept).to_contain_text("Any Cellar with level at 0.8 or more, until 0.5 or less")
        page.get_by_role("button", name="Versions of cellar-wet").press("Enter")
        expect(page.get_by_role("region", name="Versions, table")).to_contain_text("first version")
        page.get_by_role("button", name="Take cellar-wet away").press("Enter")
        expect(kept).to_contain_text("taken away")
        expect(page.get_by_role("region", name="Versions, table")).to_contain_text("taken away")
        good(page, tmp_path / "kept")


def writes(page: Page, type: str) -> None:
    for label, text in {
        "Short name": "cellar-wet",
        "What the operator reads": "Water in the cellar",
        "Type of entities": type,
        "Attribute": "level",
        "Raises at or above": "0.8",
        "Returns at or below": "0.5",
    }.items():
        page.get_by_role("textbox", name=label).or_(
            page.get_by_role("spinbutton", name=label)
        ).fill(text)


def test_too_many_alarms_are_asked_about_and_a_broken_rule_shows_where(
    browser: Browser, demo: Town, tmp_path: Path
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0) - timedelta(days=3)
    wet = [
        (noon + timedelta(seconds=60 * n + s), v)
        for n in range(60)
        for s, v in ((0, 0.9), (30, 0.1))
    ]
    with engineer(browser, demo) as page:
        told(page, "Shaft:east", [reading(at, value) for at, value in wet])
        page.goto(f"{demo.url}/control/rules")
        page.get_by_role("button", name="New rule").press("Enter")
        writes(page, "Shaft")
        page.get_by_label("Short name").fill("cellar-leaks")
        page.get_by_label("Hours").fill("daily")
        page.get_by_role("button", name="Keep it", exact=True).press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("schedule: character 1", timeout=LONG_MS)
        expect(page.get_by_label("Hours")).to_be_focused()
        page.get_by_label("Hours").fill("")
        page.get_by_role("button", name="Keep it", exact=True).press("Enter")
        asked = page.get_by_role("dialog", name="That would be too many")
        expect(asked).to_be_visible(timeout=LONG_MS)
        expect(asked.get_by_role("button", name="Change the rule")).to_be_focused()
        good(page, tmp_path / "asked")
        asked.get_by_role("button", name="Keep it with").press("Enter")
        expect(page.get_by_role("row", name="cellar-leaks")).to_be_visible(timeout=LONG_MS)
        page.get_by_role("button", name="Take cellar-leaks away").press("Enter")
        expect(page.get_by_role("row", name="cellar-leaks")).to_contain_text("taken away")
