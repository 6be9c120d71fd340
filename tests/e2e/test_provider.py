"""Signing in and out at an OpenID provider, over TLS, in a real browser; and what is said when it
does not work.
"""

import datetime
import ipaddress
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.test_accounts import assert_good
from tests.e2e.test_screen import browser as browser  # the same Chromium and its flags
from tests.e2e.town import Town, eventually, free_port, settings
from tests.identity_provider import CLIENT, SECRET, IdentityProvider

OIDC = """
[oidc]
issuer = "{issuer}"
client_id = "{client}"
client_secret = "secret:oidc"
roles = [["control-room", "operator"]]
"""


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of localhost, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - datetime.timedelta(days=1))
        .not_valid_after(now() + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "login.pem", folder / "login.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, private


@dataclass
class Login:
    """A provider that is up, and the town that trusts it."""

    provider: IdentityProvider
    town: Town


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    port, (pem, private) = free_port(), certificate(tmp_path)
    issuer = f"https://localhost:{port}"
    provider = IdentityProvider(now, issuer=issuer, answers_as=issuer, says_goodbye=True)
    config = uvicorn.Config(
        provider.app, "localhost", port, ssl_certfile=pem, ssl_keyfile=private, log_level="warning"
    )
    server = uvicorn.Server(config)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setenv("TOWNSQUARE_SECRET_OIDC", SECRET)
    rules = OIDC.format(issuer=issuer, client=CLIENT)
    file = settings(tmp_path, rules=rules)
    town = Town(
        ["run", "--settings", str(file)], tmp_path / "town", program="tests.e2e.on_loopback"
    )
    try:
        eventually(lambda: server.started)
        town.start()
        yield Login(provider, town)
    finally:
        town.stop()
        server.should_exit = True
        serving.join(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Of a browser that takes the certificate; whatever breaks the policy of a page is an error."""
    context = browser.new_context(ignore_https_errors=True)
    opened, errors = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield opened
    context.close()
    assert errors == []


def enters(page: Page, town: Town) -> None:
    page.goto(f"{town.url}/signin")
    page.get_by_role("link", name="Sign in at localhost").click()


def late(route: Route) -> None:
    """The page has heard by then that its session has ended."""
    answer = route.fetch(max_redirects=0)
    time.sleep(2)
    route.fulfill(response=answer)


def test_somebody_signs_in_and_out_here_and_there(login: Login, page: Page) -> None:
    page.route("**/session/end", late)
    enters(page, login.town)
    expect(page).to_have_url(f"{login.town.url}/control", timeout=20_000)
    expect(page.get_by_text("Control room").first).to_be_visible(timeout=20_000)
    cookies = {cookie["name"] for cookie in page.context.cookies(login.town.url)}
    assert "townsquare-session" in cookies
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{login.town.url}/signin", timeout=20_000)
    assert login.provider.signed_out == ["ada@login"]
    page.goto(f"{login.town.url}/control")
    expect(page).to_have_url(f"{login.town.url}/signin")
    assert_good(page)


def test_what_does_not_work_is_said_in_plain_words(login: Login, page: Page) -> None:
    provider, said = login.provider, page.locator("main")
    provider.claims = {"nonce": "of somebody else"}
    enters(page, login.town)
    expect(said).to_contain_text("belongs to another sign-in; begin again")
    assert_good(page)
    hour_s = 3600
    provider.claims = {"iat": int(now().timestamp()) + hour_s}
    enters(page, login.town)
    expect(said).to_contain_text("the clocks of the town and of the identity provider")
    provider.claims, provider.groups = {}, ["canteen"]
    enters(page, login.town)
    expect(said).to_contain_text("gives you no role here; ask your administrator")
    page.goto(f"{login.town.url}/control")
    expect(page).to_have_url(f"{login.town.url}/signin")


def test_when_the_provider_is_down_that_is_said(login: Login, page: Page) -> None:
    login.provider.down = True
    enters(page, login.town)
    expect(page.locator("main")).to_contain_text("the identity provider does not answer")
    expect(page.locator("main")).to_contain_text("emergency access")
