"""People on call are told step by step, and engineers test a way, in a browser and for real."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.at_camera import browsing, engineer, good
from tests.e2e.phones import Phones, ringing
from tests.e2e.town import ROOT, Town, eventually

IMAGE = ROOT / "docs" / "img" / "notify.png"
WITHIN_S = 120.0
SETTINGS = """
[town]
name = "Testtown"
timezone = "Europe/Berlin"

[outgoing]
hosts = ["127.0.0.1"]

[[rule]]
name = "pump-hot"
title = "Pump is hot"
type = "Pump"
attribute = "temperature"
above = 80
clear_below = 60
scope = ""
severity = "critical"
consequence = "It stops, and the cellar fills"
response = "Start the second pump"

[[notify.contact]]
name = "duty-engineer"
[[notify.contact.channel]]
kind = "webhook"
address = "http://127.0.0.1:{port}/duty-engineer"

[[notify.contact]]
name = "shift-lead"
[[notify.contact.channel]]
kind = "webhook"
address = "http://127.0.0.1:{port}/shift-lead"

[[notify.contact]]
name = "mayor"
[[notify.contact.channel]]
kind = "browser"

[[notify.contact]]
name = "crisis-lead"
[[notify.contact.channel]]
kind = "webhook"
address = "http://127.0.0.1:{port}/broken"

[[notify.rota]]
name = "desk"
people = ["duty-engineer", "shift-lead"]
begins = {begins}

[[notify.rota]]
name = "crisis"
people = ["crisis-lead"]
begins = 2020-01-06

[[notify.chain]]
severities = ["critical"]
after_s = [0, 2, 4]
call = [["desk"], ["desk+1"], ["crisis"]]
loops = 1
last_s = 60

[[notify.quiet]]
severities = ["high"]
since = "22:00"
until = "06:00"
"""


def called_at(port: int, settings: str = SETTINGS) -> str:
    """With the port of the phones. The desk began two turns and a day ago: whatever day it is, its
    first person has the turn since yesterday.
    """
    begins = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=15)
    return settings.replace("{port}", str(port)).replace("{begins}", str(begins))


PUMP = {
    "id": "urn:ngsi-ld:Pump:1",
    "type": "Pump",
    "temperature": {"type": "Property", "value": 90},
}
ALARM = "urn:ngsi-ld:Alert:pump-hot:1"
SEND = """async ([path, body]) => {
    const headers = {"content-type": "application/json"};
    const answer = await fetch(path, {method: "POST", headers, body: JSON.stringify(body)});
    return answer.status;
}"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def test_people_are_called_one_after_another_and_a_way_is_tested(
    browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "townsquare.toml"
    town = Town([str(file)], tmp_path / "town", program="tests.e2e.demo_calling")
    with ringing() as (called, port):
        file.write_text(called_at(port))
        town.start()
        try:
            with engineer(browser, town) as page:
                page.get_by_role("link", name="Calling people").click()
                a_way_works(page, called)
                a_rota_is_changed(page, tmp_path)
                escalated(page, called, town, tmp_path)
        finally:
            town.stop()


def a_way_works(page: Page, called: Phones) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Calling people")
    expect(page.locator(".rotas .who").first).to_have_text("duty-engineer", use_inner_text=True)
    page.get_by_role("button", name="Test webhook to shift-lead").press("Enter")
    row = page.get_by_role("row").filter(has_text="test").filter(has_text="shift-lead")
    expect(row.last).to_contain_text("status 200", timeout=WITHIN_S * 1000)
    assert [(name, body["type"]) for name, body in called.told] == [("shift-lead", "test")]


def a_rota_is_changed(page: Page, tmp_path: Path) -> None:
    """By keyboard: a swap in which nobody stands in is a gap that everybody sees."""
    day = datetime.now(ZoneInfo("Europe/Berlin")).date() + timedelta(days=7)
    week = page.get_by_role("region", name="On call this week, table")
    expect(week).to_contain_text("duty-engineer")
    page.get_by_role("button", name="Change crisis").press("Enter")
    expect(page.get_by_role("heading", name="Change crisis")).to_be_focused()
    page.get_by_role("button", name="Add a swap").press("Enter")
    expect(page.get_by_role("combobox", name="Who")).to_be_focused()
    page.get_by_role("combobox", name="Who").select_option("nobody")
    page.get_by_label("From").fill(f"{day}T06:00")
    page.get_by_label("Until").fill(f"{day}T08:00")
    good(page, tmp_path / "rota")
    page.get_by_role("button", name="Keep it").press("Enter")
    expect(page.locator(".gaps")).to_contain_text("1 gap in the next 14 days")
    expect(page.locator(".gaps li")).to_contain_text(re.compile("06:00.*08:00, in crisis"))
    page.get_by_role("button", name="Week after").press("Enter")
    expect(week.locator(".gap")).to_contain_text(re.compile("06:00.08:00.*nobody"))
    good(page, tmp_path / "week")
    page.get_by_role("button", name="Change crisis").press("Enter")
    page.get_by_role("button", name="As in the settings again").press("Enter")
    expect(page.locator(".gaps")).to_have_count(0)


def escalated(page: Page, called: Phones, town: Town, tmp_path: Path) -> None:
    assert page.evaluate(SEND, ["/ngsi-ld/v1/entities", PUMP]) == 201
    eventually(lambda: len(called.names()) >= 3, WITHIN_S)
    assert called.names() == ["duty-engineer", "shift-lead", "broken"]
    (alarm,) = called.told[-1][1]["alarms"]
    assert (alarm["name"], alarm["response"]) == ("Pump is hot", "Start the second pump")
    calls = page.get_by_role("region", name="Last calls, table")
    given_up = calls.get_by_role("row").filter(has_text="crisis-lead")
    expect(given_up).to_contain_text("given up", timeout=WITHIN_S * 1000)
    expect(given_up).to_contain_text("status 403")
    waiting = page.get_by_role("region", name="Alarms that wait, table")
    expect(waiting.get_by_role("row", name="Pump is hot")).to_be_visible()
    good(page, tmp_path / "notify")
    page.screenshot(path=IMAGE, full_page=True)
    page.goto(f"{town.url}/control")
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_label("Role")).to_have_value("operator")
    # The chain has run out: the queue and the status bar say so.
    alarm = page.locator("li.alarm", has_text="Pump is hot")
    expect(alarm).to_contain_text("nobody has answered", timeout=WITHIN_S * 1000)
    expect(
        page.locator("status-bar .fact.abnormal", has_text="nobody has answered")
    ).to_be_visible()
    good(page, tmp_path / "unanswered")
    assert page.evaluate(SEND, [f"/alerts/{ALARM}/acknowledge", {}]) == 200
    expect(page.get_by_text("nobody has answered")).to_have_count(0)
    page.goto(f"{town.url}/control/notify")
    expect(page.get_by_role("region", name="Last calls, table")).to_contain_text("Pump is hot")
    expect(waiting).to_have_count(0)
    expect(page.get_by_role("button", name="Test")).to_have_count(0)


WORKER = "/static/notify/push-worker.js"
REGISTER = f"""async () => {{
    const worker = await navigator.serviceWorker.register("{WORKER}");
    const coming = worker.installing ?? worker.waiting;
    if (coming) await new Promise((done) => coming.addEventListener("statechange",
        () => coming.state === "activated" && done()));
}}"""
SHOWN = f"""async () => {{
    const worker = await navigator.serviceWorker.getRegistration("{WORKER}");
    return (await worker.getNotifications()).map((one) => [one.title, one.body]);
}}"""


def test_what_is_pushed_to_a_browser_is_shown_once(browser: Browser, demo: Town) -> None:
    """Push services are on the internet; their last step is made here in their place."""
    with engineer(browser, demo) as page:
        page.context.grant_permissions(["notifications"], origin=demo.url)
        page.evaluate(REGISTER)
        inside, known = page.context.new_cdp_session(page), list[Any]()
        inside.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: known.extend(told["registrations"]),
        )
        inside.send("ServiceWorker.enable")
        page.wait_for_function("() => true")
        registration = next(one["registrationId"] for one in known if "notify" in one["scopeURL"])
        for text in ("first", "again"):
            told = {"id": "1", "title": "Pump is hot", "text": text, "link": "/", "urgent": True}
            inside.send(
                "ServiceWorker.deliverPushMessage",
                {"origin": demo.url, "registrationId": registration, "data": json.dumps(told)},
            )
        eventually(lambda: page.evaluate(SHOWN) == [["Pump is hot", "again"]], WITHIN_S)
