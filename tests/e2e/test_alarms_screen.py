"""Two operators, signed in in two browsers, and the alarms of a tank: acknowledged, shelved, out of
service and reset, by hand and by keyboard; and a flood of them.
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
FLOOD = ROOT / "docs" / "img" / "flood.png"
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


STORM = "".join(
    f"""
[[rule]]
name = "{name}"
title = "{title}"
type = "{type}"
attribute = "faults"
above = 1
clear_below = 0
severity = "{severity}"
response = "{response}"
scope = ""
{more}
"""
    for name, title, type, severity, response, more in [
        ("dark", "Street light is out", "Streetlight", "low", "Send the list to lighting", ""),
        ("power", "Power is out", "Feeder", "high", "Call the grid's control room", ""),
        ("tree", "Tree is on the road", "Road", "high", "Close the road; call the crew", ""),
        ("bin", "Bin was blown over", "Bin", "low", "Tell the depot", ""),
        ("sluice", "Sluice does not close", "Sluice", "medium", "Close it by hand", ""),
        ("wet", "Cabinet is wet", "Cabinet", "medium", "Switch it off", ""),
        ("gas", "Gas leaks", "Gas", "critical", "Clear the street; call the fire brigade", ""),
        ("blind", "Camera is blind", "Eye", "medium", "Look at its neighbour", ""),
        ("box-dead", "Box is dead", "Device", "high", "Call the street crew", "silences = true"),
    ]
)


KINDS = re.findall('type = "(.+)"', STORM)


class Sensors:
    """They tell of what they measure."""

    def __init__(self, town: Town) -> None:
        self.url = f"{town.url}/ngsi-ld/v1/entityOperations/upsert"
        self.headers = {"authorization": f"Bearer {town.new_token('integrator')}"}

    def tell(self, *entities: dict[str, object]) -> None:
        answer = httpx.post(self.url, json=entities, headers=self.headers, timeout=60)
        assert answer.status_code in (201, 204), answer.text


class Tank(Sensors):
    def tells(self, **values: float) -> None:
        tank: dict[str, object] = {"id": "urn:ngsi-ld:Tank:east", "type": "Tank"}
        told = {name: {"type": "Property", "value": value} for name, value in values.items()}
        self.tell(tank | told)


def fault(type: str, number: int, on: str = "") -> dict[str, object]:
    """Something broke, on a street of its own."""
    place = [13.3 + number % 10 * 0.02, 52.3 + number // 10 * 0.1 + KINDS.index(type) * 0.01]
    depends = {"dependsOn": {"type": "Relationship", "object": on}} if on else {}
    return {
        "id": f"urn:ngsi-ld:{type}:{type.lower()}-{number}",
        "type": type,
        "faults": {"type": "Property", "value": 1},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}},
        **depends,
    }


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

    # Who else has it selected is seen by who has it selected, while it lasts.
    ben.keyboard.press("j")
    others = ben.locator("li.alarm dd", has_text="Cleo Coder")
    cleo.keyboard.press("j")
    expect(others).to_contain_text(re.compile(r"Cleo Coder since \d\d:\d\d:\d\d"))
    expect(cleo.locator("li.alarm")).to_contain_text("Ben Bitdiddle since")
    cleo.keyboard.press("Escape")
    expect(others).to_have_count(0)
    cleo.keyboard.press("j")
    expect(others).to_have_count(1)
    cleo.goto(f"{town.url}/")
    expect(others).to_have_count(0)
    cleo.goto(f"{town.url}/control")
    expect(cleo.locator("li.alarm")).to_have_count(1)

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
    expect(ben.locator("li.row")).to_contain_text("2 to acknowledge")  # one tank, one row
    ben.keyboard.press("j")
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


def test_in_a_flood_the_queue_stays_short_and_hides_nothing(
    open_town: Open, tmp_path: Path, person: Callable[[], Person]
) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path, rules=STORM)))
    ben, cleo = operators(town, person)
    sensors = Sensors(town)
    sensors.tell(fault("Device", 7))
    expect(ben.locator("li.alarm")).to_contain_text("Box is dead", timeout=60_000)
    sensors.tell(*(fault("Eye", number, "urn:ngsi-ld:Device:device-7") for number in range(12)))
    for type, number in (("Road", 3), ("Bin", 5), ("Feeder", 2), ("Sluice", 2), ("Cabinet", 9)):
        sensors.tell(*(fault(type, n) for n in range(number)))
    sensors.tell(*(fault("Streetlight", number) for number in range(60)), fault("Gas", 1))

    rows = ben.locator("alarm-queue > ol > li")
    expect(ben.locator(".flood")).to_contain_text(
        re.compile(r"Flood: 83 alarms in 10 minutes in \d rows"), timeout=60_000
    )
    expect(cleo.get_by_text("Put aside: 12")).to_be_visible()
    assert rows.count() <= 10
    expect(rows.first).to_contain_text("Gas leaks")
    box = ben.locator("alarm-queue > ol li.alarm", has_text="Box is dead")
    expect(box).to_contain_text("silences 12")
    shown = rows.locator("button.pick").all_inner_texts()
    assert cleo.locator("alarm-queue > ol > li button.pick").all_inner_texts() == shown
    for fact in ("12put aside", "1source lost"):
        expect(ben.locator("status-bar .fact", has_text=re.compile(f"^{fact}"))).to_be_visible()
    assert_good(ben)
    ben.set_viewport_size({"width": 1280, "height": 800})
    ben.screenshot(path=FLOOD)

    # By keyboard: down to the row of the street lights, open, and each one is there.
    lights = ben.locator("li.row", has_text="Street light is out")
    titles = rows.locator(".what").all_inner_texts()
    for _ in range(1 + next(n for n, title in enumerate(titles) if "Street light" in title)):
        ben.keyboard.press("j")
    expect(lights).to_have_attribute("aria-current", "true")
    expect(lights.locator("li.alarm")).to_have_count(0)
    ben.keyboard.press("Enter")
    number = int(str(lights.locator(".number").inner_text()).split()[0])
    expect(lights.locator("li.alarm")).to_have_count(number)
    assert_good(ben)
    ben.keyboard.press("Enter")
    expect(lights.locator("li.alarm")).to_have_count(0)
    ben.keyboard.press("a")
    for page in (ben, cleo):
        seen = page.locator("li.row", has_text="Street light is out")
        expect(seen).to_contain_text("all acknowledged", timeout=60_000)

    # What is silent can be read, with the alarm that silences it.
    ben.get_by_text("Put aside: 12").click()
    ben.get_by_text("Silenced by Box is dead").click()
    expect(ben.locator("aside-list li.put-aside")).to_have_count(12)
    expect(ben.locator("aside-list li.put-aside").first).to_contain_text("Camera is blind")
    lights.get_by_role("button", name="Open one incident").click()
    expect(ben.get_by_role("heading", level=1)).to_contain_text("Street light is out")

    # What comes into the row later is added to that incident, by the other operator.
    sensors.tell(fault("Streetlight", 60))
    cleo.locator("li.row", has_text="Street light is out").locator("button.pick").click()
    cleo.get_by_role("button", name="Add 1 to its incident").click()
    cleo.get_by_role("link", name="Its incident").first.click()
    expect(cleo.get_by_text("streetlight-60")).not_to_have_count(0)
