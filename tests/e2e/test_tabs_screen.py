"""Four tabs of one browser, each with an alarm and the four cameras at it, all of them live."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.e2e.bins import FULL, full
from tests.e2e.counting_screens import SAID
from tests.e2e.test_accounts import Person, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_alarms_screen import Sensors
from tests.e2e.test_approvals import invited
from tests.e2e.town import CLIP, Town, eventually, settings

AT = (13.5, 52.4)
CAMERAS = ("gate", "stairs", "bridge", "tower")  # one after the other, 70 m apart
BINS = ("north", "south", "east", "west")
PICTURE = re.compile(r"/vision/cameras/(\w+)/preview\.jpg")
SLOW_S = 400.0  # four backgrounds at once, each of a minute of the clip
MORE = 3  # pictures


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    file = settings(tmp_path, *((name, str(CLIP)) for name in CAMERAS), rules=FULL)
    text = file.read_text()
    for n, name in enumerate(CAMERAS):
        begin = text.index(f'name = "{name}"')
        north = f"lat = {AT[1] + n * 0.0006} }}"
        text = text[:begin] + text[begin:].replace("lat = 52.4 }", north, 1)
    file.write_text(text)
    arguments = ["run", "--settings", str(file)]
    town = Town(arguments, tmp_path / "town", program="tests.e2e.counting_screens")
    town.start()
    yield town
    town.stop()


class Tab:
    """`pictures` has how many came of each camera."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pictures = Counter[str]()
        page.on("response", self._heard)

    def _heard(self, answer: Response) -> None:
        if answer.status == 200 and (found := PICTURE.search(answer.url)):
            self.pictures[found[1]] += 1

    def select(self, url: str, bin: str) -> None:
        page = self.page
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(url)
        row = page.locator("li.row > button.pick", has_text="north and 3 more")
        row.click(timeout=60_000)
        page.locator("li.alarm", has_text=bin).locator("button.pick").click()
        expect(page.locator("camera-picture")).to_have_count(len(CAMERAS), timeout=60_000)

    def shown(self) -> frozenset[str]:
        self.page.wait_for_timeout(0)  # hears of what came
        return frozenset(self.pictures)

    def sees(self, number: int) -> bool:
        return len(self.shown()) == number

    def more(self, had: Counter[str]) -> bool:
        return all(self.pictures[name] >= had[name] + MORE for name in self.shown())


def screens(town: Town) -> list[int]:
    """How many live connections there were, each time that one began."""
    lines = town.log.read_text().splitlines()
    return [int(line.removeprefix(SAID)) for line in lines if line.startswith(SAID)]


def operator(town: Town, person: Callable[[], Person]) -> Page:
    ada, ben = person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ben.enrol(invited(ada, town, "Ben Bitdiddle", "Testtown", "Operator"), "Ben Bitdiddle")
    ben.in_control()
    ada.page.close()
    return ben.page


def test_four_tabs_of_one_browser_stay_live(town: Town, person: Callable[[], Person]) -> None:
    page, sensors = operator(town, person), Sensors(town)
    sensors.tell(*(full(name, AT[0], AT[1] + 0.0001 * n) for n, name in enumerate(BINS)))
    tabs = [Tab(one) for one in (page, *(page.context.new_page() for _ in BINS[1:]))]
    for tab, name in zip(tabs, BINS, strict=True):
        tab.select(f"{town.url}/control", name)

    # Three are seen; a fourth neighbour takes somebody else's approval, and its tile says so.
    for tab in tabs:
        eventually(partial(tab.sees, 3), SLOW_S)
        expect(tab.page.locator("camera-picture canvas:visible")).to_have_count(3, timeout=60_000)
        expect(tab.page.locator("camera-picture").get_by_text("agree")).to_have_count(1)

    sensors.tell(full("fifth", *AT))
    for tab in tabs:
        expect(tab.page.locator("status-bar")).to_contain_text("5 to acknowledge", timeout=60_000)
    for tab, had in [(tab, Counter(tab.pictures)) for tab in tabs]:
        eventually(partial(tab.more, had), SLOW_S)
    tabs[0].page.locator("li.alarm", has_text="north").get_by_role("button", name="Ack").click()
    for tab in tabs:
        expect(tab.page.locator("status-bar")).to_contain_text("4 to acknowledge", timeout=60_000)
    assert len({tab.shown() for tab in tabs}) == 1
    assert set(screens(town)) == {1}
