"""From the link of the first start to the control room, with an authenticator in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from tests.e2e.test_screen import browser as browser  # the same Chromium and its flags
from tests.e2e.town import Town, eventually, run, settings

Open = Callable[..., Town]
LINK = re.compile(r"http://localhost:\d+/enrol#\S+")


class Person:
    """Somebody with a browser, and an authenticator that holds their passkey."""

    def __init__(self, browser: Browser) -> None:
        self.context: BrowserContext = browser.new_context(viewport={"width": 1366, "height": 768})
        self.page: Page = self.context.new_page()
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.text))
        self.cdp.send("WebAuthn.enable")
        self.authenticator = self.plugged_in()

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.errors.append(text)

    def plugged_in(self) -> str:
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return str(added["authenticatorId"])

    def verified(self, fits: bool) -> None:
        """Whether the finger on the sensor is theirs."""
        here = {"authenticatorId": self.authenticator, "isUserVerified": fits}
        self.cdp.send("WebAuthn.setUserVerified", here)

    def another_browser(self, browser: Browser) -> "Person":
        """Somebody else's account, the very same authenticator."""
        other = Person(browser)
        kept = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        for credential in kept["credentials"]:
            here = {"authenticatorId": other.authenticator, "credential": credential}
            other.cdp.send("WebAuthn.addCredential", here)
        return other

    def takes_over(self, link: str, name: str) -> None:
        """The first one: with a signature under the policy."""
        self.enrol(link, name)
        expect(self.page.get_by_role("heading", level=1)).to_have_text("One signature more")
        assert_good(self.page)
        self.page.get_by_role("button", name="Sign with my passkey").click()
        self.in_control()

    def enrol(self, link: str, name: str) -> None:
        self.page.goto(link)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Make my passkey").click()

    def sign_in(self, town: Town) -> None:
        self.page.goto(f"{town.url}/signin")
        self.page.get_by_role("button", name="Sign in with a passkey").click()

    def in_control(self) -> None:
        expect(self.page).to_have_url(re.compile(r"/control$"), timeout=20_000)
        expect(self.page.get_by_text("Control room").first).to_be_visible(timeout=20_000)


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[[], Person]]:
    people: list[Person] = []

    def new() -> Person:
        people.append(Person(browser))
        return people[-1]

    yield new
    for one in people:
        one.context.close()
    assert [error for one in people for error in one.errors] == []


@pytest.fixture
def town(open_town: Open, tmp_path: Path) -> Town:
    return open_town("run", "--settings", str(settings(tmp_path)))


def first_link(town: Town) -> str:
    found = eventually(lambda: LINK.search(town.log.read_text()))
    return str(found[0])


def test_from_the_first_start_to_colleagues_and_back(
    town: Town, person: Callable[[], Person], browser: Browser
) -> None:
    ada, ben = person(), person()
    link = first_link(town)
    ada.takes_over(link, "Ada Lovelace")
    refused = run("accounts", "enrol", "--data", str(town.data))
    assert refused.returncode == 2
    assert "administrator invites" in refused.stderr

    signature = town.get("/policy/versions").json()["inForce"]["signature"]
    assert signature["by"].startswith("urn:ngsi-ld:Person:")

    stranger = person()
    stranger.page.goto(link)
    expect(stranger.page.get_by_role("alert")).to_contain_text("was used")

    ada.page.goto(f"{town.url}/accounts")
    form = ada.page.locator("form[action='/accounts/invite']")
    form.get_by_label("Name").fill("Ben Bitdiddle")
    form.get_by_label("Organisation").fill("Testtown")
    form.get_by_label("Operator").check()
    form.get_by_role("button", name="Make a link").click()
    invitation = ada.page.locator("output").inner_text()
    assert_good(ada.page)

    same = ada.another_browser(browser)
    same.enrol(invitation, "Ben Bitdiddle")
    expect(same.page.get_by_role("alert")).to_contain_text("holds a passkey of this town already")
    same.context.close()

    ben.enrol(invitation, "Ben Bitdiddle")
    ben.in_control()
    ben.page.get_by_role("button", name="Sign out").click()
    expect(ben.page).to_have_url(f"{town.url}/signin")
    ben.verified(fits=False)
    ben.sign_in(town)
    expect(ben.page.get_by_role("alert")).to_contain_text("Nothing was done")
    ben.verified(fits=True)
    ben.sign_in(town)
    ben.in_control()
    expect(ben.page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)

    ada.page.goto(f"{town.url}/accounts")
    card = ada.page.get_by_role("listitem").filter(has_text="Ben Bitdiddle")
    card.get_by_text("Change the account of").click()
    assert_good(ada.page)
    card.get_by_role("button", name="Disable").click()
    expect(card).to_contain_text("disabled")
    expect(ben.page.get_by_text("Live", exact=True)).to_be_hidden(timeout=20_000)
    ben.sign_in(town)
    expect(ben.page.get_by_role("alert")).to_contain_text("does not open an account here")
    assert_good(ben.page)


def test_a_second_passkey_of_ones_own(town: Town, person: Callable[[], Person]) -> None:
    ada = person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.page.goto(f"{town.url}/account")
    ada.page.get_by_role("button", name="Add a passkey").click()
    expect(ada.page.get_by_role("alert")).to_contain_text("another device")
    ada.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": ada.authenticator})
    ada.authenticator = ada.plugged_in()
    ada.page.get_by_role("button", name="Add a passkey").click()
    expect(ada.page.locator(".passkeys li")).to_have_count(2)
    assert_good(ada.page)
    ada.page.get_by_role("button", name="Everywhere").click()
    ada.sign_in(town)
    ada.in_control()


def test_the_pages_of_a_person_lead_to_each_other(town: Town, person: Callable[[], Person]) -> None:
    ada = person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.page.get_by_role("link", name="Your account").click()
    for title in ("Accounts", "Approvals", "Your account"):
        ways = ada.page.get_by_role("navigation", name="For you")
        ways.get_by_role("link", name=title, exact=True).click()
        assert_good(ada.page)
    ada.page.get_by_role("navigation", name="For you").get_by_text("Control room").click()
    ada.in_control()


def test_a_passkey_is_of_this_origin_alone(town: Town, person: Callable[[], Person]) -> None:
    ada = person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.page.context.clear_cookies()
    ada.page.goto(f"http://127.0.0.1:{town.port}/signin")
    expect(ada.page).to_have_url(f"{town.url}/signin")


def assert_good(page: Page) -> None:
    """For people with other eyes and hands too, and on a phone."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 1366, "height": 768})


def test_the_demos_role_switch_is_the_demos_alone(town: Town) -> None:
    assert town.get("/control").headers["location"] == "/signin"
    origin = {"origin": town.url}
    answer = httpx.post(f"{town.url}/session/role", data={"role": "operator"}, headers=origin)
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers
