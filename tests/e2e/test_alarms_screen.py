"""Two operators, signed in in two browsers, and the alarms of a tank: acknowledged, shelved, out of
service and reset, by hand and by keyboard.
"""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.test_accounts import Person, assert_good, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_approvals import invited
from tests.e2e.town import ROOT, Town, settings

Open = Callable[..., Town]
IMAGE = ROOT / "docs" / "img" / "alarms.png"
SEEN_MS = 1000  # what one operator does, the other sees
RULES = """
[[rule]]
name = "full"
title = "Tank is nearly full"
type = "Tank"
attribute = "level"
above = 90
clear_below = 80
severity = "high"
consequence = "It runs over into the canal"
response = "Open the outlet; call the waterworks"
scope = ""

[[rule]]
name = "pressure"
title = "Pump was stopped by its valve"
type = "Tank"
attribute = "pressure"
above = 6
clear_below = 4
severity = "medium"
response = "Look at the valve before you reset"
scope = ""
latching = true
"""


class Tank:
    """A sensor that tells of a tank."""

    def __init__(self, town: Town) -> None:
        self.url = f"{town.url}/ngsi-ld/v1/entityOperations/upsert"
        self.headers = {"authorization": f"Bearer {town.new_token('integrator')}"}

    def tells(self, **values: float) -> None:
        tank = {"id": "urn:ngsi-ld:Tank:east", "type": "Tank"}
        told = {name: {"type": "Property", "value": value} for name, value in values.items()}
        answer = httpx.post(self.url, json=[tank | told], headers=self.headers, timeout=60)
        assert answer.status_code in (201, 204), answer.text


@pytest.fixture
def town(open_town: Open, tmp_path: Path) -> Town:
    return open_town("run", "--settings", str(settings(tmp_path, rules=RULES)))


def operators(town: Town, person: Callable[[], Person]) -> tuple[Page, Page]:
    ada, ben, cleo = person(), person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    for one, name in ((ben, "Ben Bitdiddle"), (cleo, "Cleo Coder")):
        one.enrol(invited(ada, town, name, "Testtown", "Operator"), name)
        one.in_control()
        expect(one.page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    return ben.page, cleo.page


def test_an_alarm_from_the_tank_to_the_shelf_and_back(
    town: Town, person: Callable[[], Person]
) -> None:
    ben, cleo = operators(town, person)
    tank = Tank(town)
    tank.tells(level=95)
    for page in (ben, cleo):
        expect(page.locator("li.alarm")).to_contain_text("new", timeout=30_000)

    # What one acknowledges, the other sees within a second.
    with ben.expect_response(re.compile("/acknowledge$")):
        ben.get_by_role("button", name="Acknowledge").click()
    expect(cleo.locator("li.alarm")).to_contain_text("acknowledged", timeout=SEEN_MS)
    expect(cleo.get_by_role("button", name="Acknowledge")).to_have_count(0)

    # By keyboard: selected, a reason, Enter. It is back for neither until somebody says so.
    cleo.keyboard.press("j")
    cleo.keyboard.press("s")
    expect(cleo.get_by_label("Reason")).to_be_focused()
    cleo.keyboard.press("Enter")
    expect(cleo.get_by_label("Reason")).to_be_visible()  # nothing is shelved without one
    cleo.keyboard.type("Outlet is being cleaned")
    assert_good(cleo)
    cleo.keyboard.press("Enter")
    expect(ben.get_by_text("No open alarm.")).to_be_visible()
    badge = ben.get_by_text("Put aside: 1")
    badge.click()
    row = ben.locator("aside-list li")
    expect(row).to_contain_text("Outlet is being cleaned")
    expect(row).to_contain_text(re.compile(r"Until.*\d\d:\d\d"))
    assert_good(ben)
    row.get_by_role("button", name="Unshelve").click()
    expect(cleo.locator("alarm-queue > ol li.alarm")).to_contain_text("new")

    # Out of service: only the other one returns it.
    ben.get_by_role("button", name="Shelve …").click()
    ben.get_by_label("Reason").fill("Level sensor is replaced")
    ben.get_by_role("button", name="Take out of service").click()
    row.get_by_role("button", name="Return to service").click()
    expect(row.get_by_role("alert")).to_contain_text("second person")
    cleo.get_by_text("Put aside: 1").click()
    cleo.get_by_role("button", name="Return to service").click()
    expect(ben.get_by_text("Put aside: 0")).to_be_visible()


def test_what_latched_is_reset_by_key_and_the_picture_of_the_docs(
    town: Town, person: Callable[[], Person]
) -> None:
    ben, cleo = operators(town, person)
    tank = Tank(town)
    tank.tells(level=95, pressure=7)
    rows = ben.locator("alarm-queue > ol li.alarm")
    expect(rows).to_have_count(2, timeout=30_000)
    ben.keyboard.press("j")
    ben.keyboard.press("s")
    ben.get_by_label("Reason").fill("Outlet is being cleaned until noon")
    ben.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    ben.keyboard.press("j")
    ben.keyboard.press("a")
    expect(rows).to_contain_text("acknowledged")
    tank.tells(pressure=2)
    expect(rows).to_contain_text("over, to be reset")
    ben.get_by_text("Put aside: 1").click()
    found = Axe().run(ben)
    assert found.violations_count == 0, found.generate_report()
    ben.set_viewport_size({"width": 1280, "height": 800})
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    ben.screenshot(path=IMAGE)
    ben.keyboard.press("r")
    expect(cleo.get_by_text("No open alarm.")).to_be_visible()
