"""How late the town is on the screen, reckoned and shown in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.bins import FULL, full, tell
from tests.e2e.test_screen import browser as browser
from tests.e2e.test_screen import page as page
from tests.e2e.town import Town, settings

Open = Callable[..., Town]
NOON = 1_900_000_000_000  # ms since 1970
# Takes [ms of the clock ahead, [[drawn at, of when], …], asked at] and gives the median.
RECKONED = """
async ([ahead, drawn, at]) => {
  const { Delays } = await import("/static/control/delay.js");
  const delays = new Delays();
  delays.ahead = ahead;
  for (const [now, read] of drawn) {
    const iso = new Date(read).toISOString();
    delays.expect({ id: "urn:a", type: "A", at: iso, modifiedAt: iso });
    delays.draw(now);
  }
  return delays.median(at);
}
"""
SINCE = """
async ([entity, before]) => {
  const { since } = await import("/static/control/delay.js");
  return new Date(since(entity, before ?? undefined)).toISOString();
}
"""
# News as they come over the live connection: a clock, then changes of readings some ms old.
LATE = """
(ms) => {
  const { store } = document.querySelector("control-room");
  const read = new Date(Date.now() - ms).toISOString();
  for (let n = 0; n < 50; n += 1) {
    const entity = { id: `urn:late:${n}`, type: "Late", at: read, modifiedAt: read };
    store.take({ kind: "change", entity });
  }
}
"""


@pytest.fixture
def town(open_town: Open, tmp_path: Path) -> Town:
    return open_town("run", "--open", "--settings", str(settings(tmp_path, rules=FULL)))


def test_the_reckoning(town: Town, page: Page) -> None:
    page.goto(f"{town.url}/healthz")

    def median(ahead: int | None, drawn: list[tuple[int, int]], at: int = NOON) -> Any:
        return page.evaluate(RECKONED, [ahead, drawn, at])

    assert median(0, []) is None
    assert median(None, [(NOON, NOON - 100)]) is None  # nobody has said what time it is there
    assert median(0, [(NOON, NOON - 100)]) == 100
    assert median(0, [(NOON, NOON - ms) for ms in (100, 9000, 300)]) == 300
    assert median(0, [(NOON, NOON - ms) for ms in (100, 300)]) == 200
    assert median(60_000, [(NOON, NOON - 60_200)]) == 200  # this machine's clock is ahead
    assert median(-60_000, [(NOON, NOON + 59_800)]) == 200  # and behind
    assert median(500, [(NOON, NOON - 400)]) == 0
    minute = [(NOON - 59_999, NOON - 60_099), (NOON - 60_000, NOON - 69_000)]
    assert median(0, minute) == 100

    read, kept, later = (f"2030-05-06T12:00:0{n}.000Z" for n in (0, 2, 4))
    change = {"at": read, "modifiedAt": kept}
    assert page.evaluate(SINCE, [change, None]) == read
    assert page.evaluate(SINCE, [change, {"at": kept}]) == read
    assert page.evaluate(SINCE, [change, {"at": read}]) == kept  # no reading came with it
    assert page.evaluate(SINCE, [{"at": later, "modifiedAt": kept}, None]) == kept


def test_the_status_bar_says_it_and_marks_what_is_late(town: Town, page: Page) -> None:
    page.goto(f"{town.url}/control")
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
    fact = page.locator("status-bar .fact", has_text="delay")
    expect(fact).to_have_text(re.compile(r"^(.delay unknown|\d.*delay)$"))  # a dash, never 0
    tell(town, full("b1", 13.5, 52.4))
    expect(fact).to_have_text(re.compile(r"^\d.*sdelay$"), timeout=60_000)
    page.evaluate(LATE, 200_000)
    expect(fact).to_have_text(re.compile(r"^3 min .*delay$"), timeout=60_000)
    expect(fact).to_have_class(re.compile("abnormal"))
