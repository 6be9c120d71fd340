"""A warning of the public in two browsers: one operator drafts it, a colleague's passkey agrees."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.test_accounts import Open, Person, assert_good, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_approvals import good
from tests.e2e.test_incidents_screen import SEND
from tests.e2e.town import ROOT, Town, settings

BERLIN = ZoneInfo("Europe/Berlin")
IMAGES = ROOT / "docs" / "img"
CAP = {"": "urn:oasis:names:tc:emergency:cap:1.2"}


def operator(ada: Person, town: Town, new: Person, name: str) -> Page:
    """Somebody more of the same organisation."""
    ada.page.goto(f"{town.url}/accounts")
    form = ada.page.locator("form[action='/accounts/invite']")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Organisation").fill("Testtown")
    form.get_by_label("Operator").check()
    form.get_by_role("button", name="Make a link").click()
    new.enrol(ada.page.locator("output").inner_text(), name)
    new.in_control()
    return new.page


def test_a_colleague_agrees_and_everyone_is_warned_until_it_is_over(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path)))
    ada = person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    olga = operator(ada, town, person(), "Olga Operator")
    ben = operator(ada, town, person(), "Ben Operator")
    wish = {"name": "Smoke at the mill", "severity": "high", "place": "Mill Lane"}
    made = olga.evaluate(SEND, ["POST", "/incidents", wish | {"location": [13.45, 52.5]}])
    incident = f"{town.url}/control/incidents/{made['id']}"
    olga.goto(incident)
    olga.get_by_role("button", name="Draft a warning of the public").press("Enter")
    drafted(olga, tmp_path)
    asked_and_agreed(olga, ben)
    ben.goto(incident)
    expect(ben.locator(".warnings")).to_contain_text(
        re.compile(r"Smoke at the mill[\s\S]*warns until")
    )
    good(ben, tmp_path / "incident")
    expect(olga.get_by_text("approved by Ben Operator")).to_be_visible()
    warned(olga, town, tmp_path)

    olga.get_by_role("button", name="Draft its end").press("Enter")
    expect(olga.get_by_role("heading", level=1)).to_contain_text("End: Smoke")
    olga.get_by_label("Note, such as why").fill("The fire is out")
    asked_and_agreed(olga, ben)
    anyone = httpx.get(town.url).text
    assert "Close your windows" not in anyone
    feed = httpx.get(f"{town.url}/open-data/warnings.atom").text
    assert "Over: Smoke at the mill" in feed
    olga.goto(f"{town.url}/control/warnings")
    expect(olga.get_by_role("table")).to_contain_text("replaced")
    good(olga, tmp_path / "warnings")


def drafted(page: Page, tmp_path: Path) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Warning: Smoke at the mill")
    expect(page.get_by_label("Severity")).to_have_value("Severe")
    by_the_clock_of_the_town(page)
    on_the_map(page)
    page.get_by_label("Meant").select_option("Actual")
    page.get_by_label("Circles").fill("52.5 13.45 0.5")
    page.get_by_label("Instruction").fill("Close your windows and stay inside.")
    entered(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("areas[0].circles[0]: a circle is")
    page.get_by_label("Circles").fill("52.5,13.45 0.5")
    page.get_by_role("button", name="Add a language").click()
    second = page.get_by_role("group", name="In one language").nth(1)
    for label, said in {
        "Language": "de",
        "Event": "Rauch",
        "Headline": "Rauch an der Mühle, Mühlgasse",
        "Description": "Rauch zieht über die Mühlgasse.",
        "Instruction": "Fenster schließen und drinnen bleiben.",
    }.items():
        second.get_by_label(label, exact=True).fill(said)
    entered(page, "Save")
    expect(page.get_by_text("Saved at")).to_be_visible()
    assert_good(page)
    page.screenshot(path=IMAGES / "warning.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / "warning-phone.png", full_page=True)
    page.set_viewport_size({"width": 1366, "height": 768})


def by_the_clock_of_the_town(page: Page) -> None:
    """Whatever the clock of the machine shows that the browser runs on."""
    ends = page.get_by_label("Ends")
    kept = page.evaluate(SEND, ["GET", warning_path(page)])["message"]["expires"]
    berlin = datetime.fromisoformat(kept).astimezone(BERLIN)
    expect(ends).to_have_value(f"{berlin:%Y-%m-%dT%H:%M}")
    noon = berlin.replace(hour=12, minute=0) + timedelta(days=1)
    ends.fill(f"{noon:%Y-%m-%dT%H:%M}")
    entered(page, "Save")
    expect(page.get_by_text("Saved at")).to_be_visible()
    kept = page.evaluate(SEND, ["GET", warning_path(page)])["message"]["expires"]
    assert datetime.fromisoformat(kept) == noon


def warning_path(page: Page) -> str:
    return str(page.locator("#warning").get_attribute("data-path"))


def on_the_map(page: Page) -> None:
    """A polygon, by mouse and by keyboard; the corners stand in the form."""
    polygons = page.get_by_label("Polygons")
    canvas = page.get_by_role("region", name="Area of the warning on the map")
    page.get_by_role("button", name="Draw a polygon on the map").press("Enter")
    close = page.get_by_role("button", name="Close the polygon")
    expect(close).to_be_disabled()
    canvas.click(position={"x": 60, "y": 60})
    canvas.click(position={"x": 300, "y": 60})
    page.get_by_role("button", name="Corner at the cross").press("Enter")
    expect(page.get_by_text("3 corners")).to_be_visible()
    close.press("Enter")
    expect(polygons).to_be_focused()
    corners = polygons.input_value().split()
    assert len(corners) == 4
    assert corners[0] == corners[-1]
    entered(page, "Save")
    expect(page.get_by_text("Saved at")).to_be_visible()


def entered(page: Page, name: str) -> None:
    """By keyboard, as soon as the page hears it."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_enabled()
    button.press("Enter")


def asked_and_agreed(asks: Page, agrees: Page) -> None:
    entered(asks, "Save and ask a second person")
    expect(asks.get_by_text("within 15 minutes")).to_be_visible()
    agrees.get_by_role("link", name="Approvals").click()
    request = agrees.locator(".approval")
    expect(request).to_contain_text("Fenster schließen und drinnen bleiben.")
    request.get_by_role("button", name="Approve with a passkey").click()
    expect(agrees.locator(".approval")).to_have_count(0)
    expect(asks.locator("#warning")).to_have_attribute("data-state", "published")


def warned(page: Page, town: Town, tmp_path: Path) -> None:
    """What everyone reads, without an account."""
    visitor = page.context.new_page()
    visitor.goto(town.url)
    expect(visitor.get_by_role("region", name="Warning")).to_contain_text("Close your windows")
    assert_good(visitor)
    visitor.screenshot(path=tmp_path / "public.png")
    visitor.close()
    anyone = httpx.get(town.url).text
    assert 'lang="de"' in anyone
    path = page.get_by_role("link", name="The document").get_attribute("href")
    answer = httpx.get(f"{town.url}{path}")
    root = ET.fromstring(answer.content)
    assert root.findtext("msgType", "", CAP) == "Alert"
    assert [one.text for one in root.findall("info/language", CAP)] == ["en", "de"]
    assert re.fullmatch(r".+[+-]\d\d:\d\d", root.findtext("sent", "", CAP))
    assert unquote(str(path)) in httpx.get(f"{town.url}/open-data/warnings.atom").text
