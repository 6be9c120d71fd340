"""A camera as it is, once people of two other organisations agreed to it with their passkeys."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.test_accounts import Open, Person, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_approvals import good, invited
from tests.e2e.town import CLIP, settings

SHOWN = "() => document.querySelector('.clear-picture')?.naturalWidth > 0"


def test_two_others_agree_and_it_ends(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path, ("square", str(CLIP)))))
    ada, others = person(), (person(), person())
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.in_control()
    for one, (name, organisation, role) in zip(
        others,
        (
            ("Ole Officer", "Data office", "Data protection"),
            ("Cara Court", "Court of audit", "Security engineer"),
        ),
        strict=True,
    ):
        one.enrol(invited(ada, town, name, organisation, role), name)
        one.in_control()

    page = ada.page
    page.goto(f"{town.url}/control")
    page.get_by_role("link", name="See it as it is").click()
    good(page, tmp_path / "asking")
    page.get_by_label("File number").fill("2030-17")
    page.get_by_label("For how long").select_option("5")
    page.get_by_role("button", name="Ask two others to agree").click()
    expect(page.get_by_text("Waiting until people of two other organisations")).to_be_visible()
    for one in others:
        one.page.goto(f"{town.url}/approvals")
        request = one.page.locator(".approval")
        expect(request).to_contain_text("2030-17")
        request.get_by_role("button", name="Approve with a passkey").click()
        expect(one.page.locator("main")).to_contain_text(re.compile("[12] of 2 approvals"))

    expect(page.get_by_text("AS IT IS", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Court of audit, Data office")).to_be_visible()
    page.wait_for_function(SHOWN, timeout=120_000)
    page.screenshot(path=tmp_path / "seen.png")
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("It ended at")).to_be_visible()
    expect(page.locator(".clear-picture")).to_have_count(0)

    page.goto(f"{town.url}/figures")
    seen = page.get_by_role("table", name="Times and minutes")
    expect(seen.get_by_role("row").last).to_contain_text("crowd safety")
    good(page, tmp_path / "figures")
