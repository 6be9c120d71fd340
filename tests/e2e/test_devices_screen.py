"""A device that nobody knows is seen, accepted by an engineer, heard, and refused again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.town import ROOT, Town, eventually

IMAGE = ROOT / "docs" / "img" / "devices.png"
LEVEL = bytes.fromhex("0175640367f80004820101050001")  # 100 %, 24.8 °C, 257 mm, tilted
PUSH = """async ([path, bytes]) =>
    (await fetch(path, {method: "POST", body: new Uint8Array(bytes)})).status"""
BIN = "urn:ngsi-ld:WasteContainer:bin-12"
HEAD = "source,address,kind,thing,owner,purpose,longitude,latitude\n"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def say(page: Page, address: str, payload: bytes = LEVEL) -> None:
    """As a program of this engineer's does."""
    sent = [f"/devices/push/sensors/{address}", list(payload)]
    assert page.evaluate(PUSH, sent) == 204


def accept(page: Page, address: str, thing: str) -> None:
    card = page.get_by_role("article").filter(has_text=address)
    card.get_by_text("Accept it").press("Enter")
    card.get_by_role("textbox", name="Name", exact=True).fill("Bin at the town hall")
    card.get_by_label("Thing that it tells of").fill(thing)
    card.get_by_label("Owner").fill("Waste department")
    card.get_by_label("Purpose").select_option("operations")
    card.get_by_label("Place: longitude, latitude").fill("13.5324, 52.4309")
    card.get_by_role("button", name="Listen to it").press("Enter")


def test_a_device_is_seen_accepted_heard_and_refused(
    browser: Browser, demo: Town, tmp_path: Path
) -> None:
    with engineer(browser, demo) as page:
        for address in ("24e124713d35", "bin-13", "frost-3"):
            say(page, address)
        say(page, "frost-3", b"{}")
        page.get_by_role("link", name="Devices", exact=True).press("Enter")
        card = page.get_by_role("article").filter(has_text="24e124713d35")
        expect(card).to_contain_text("milesight-em400: batteryLevel 1.0, temperature 24.8")
        good(page, tmp_path / "waiting")
        accept(page, "24e124713d35", "urn:ngsi-ld:Alert:1")
        expect(page.get_by_role("main")).to_contain_text("devices tell nothing to a Alert")
        page.goto(f"{demo.url}/control/devices")
        accept(page, "24e124713d35", BIN)
        expect(page.get_by_role("status")).to_contain_text("Bin at the town hall")
        say(page, "24e124713d35")
        assert eventually(lambda: demo.entity(BIN).get("distance")) == 257
        row = page.get_by_role("row", name="Bin at the town hall")

        def counted() -> bool:
            page.reload()
            return row.get_by_role("cell").nth(5).inner_text() == "2"  # the first while it waited

        assert eventually(counted)
        page.screenshot(path=IMAGE, full_page=True)
        good(page, tmp_path / "known")
        form = page.get_by_role("form", name="Stop listening to one")
        form.get_by_label("Device").select_option(label="Bin at the town hall")
        form.get_by_label("Why").fill("the bin was taken away")
        form.get_by_role("button", name="Refuse it").press("Enter")
        expect(row).to_contain_text("refused")


def test_a_file_of_devices_with_wrong_lines_says_which(
    browser: Browser, demo: Town, tmp_path: Path
) -> None:
    file = tmp_path / "devices.csv"
    right = "sensors,lamp-{n},elsys,urn:ngsi-ld:Room:{n},Works,operations,13.5,52.4\n"
    wrong = "sensors,lamp-9,radium,urn:ngsi-ld:Room:9,Works,operations,13.5,52.4\n"
    with engineer(browser, demo) as page:
        page.goto(f"{demo.url}/control/devices")
        file.write_text(HEAD + right.format(n=1) + wrong)
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Accept these").press("Enter")
        expect(page.get_by_role("listitem").filter(has_text="radium")).to_be_visible()
        good(page, tmp_path / "wrong")
        file.write_text(HEAD + right.format(n=1) + right.format(n=2))
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Accept these").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("2")
        expect(page.get_by_role("row", name="lamp-2")).to_contain_text("accepted")
