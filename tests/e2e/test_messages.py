"""What the server says about itself names nobody and gives no secret away, whatever happens."""

import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_accounts import Open, Person
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.town import Town, eventually, free_port, run, settings

NAME, MAIL, CASE = "Markeda Quibble", "markeda.quibble@example.org", "case-marked-4711"
PASSWORD, TOKEN, QUERY = "marked-pa55word", "marked-T0ken-9QvTbJ7LmW2sRyHcUeGd5nAo", "markedquery"
BODIES = (
    f'{{"id": "urn:ngsi-ld:Bin:{MAIL}", "type": "Bin", "name": {{"value": "{NAME}"}}}}',
    f'{{"id": "{MAIL}"',
    f'["{NAME}"]',
    "{" * 2_000 + MAIL,
)


def marked(folder: Path, syslog: int) -> Path:
    """Its camera is nowhere, and has a login; its messages are JSON, for a syslog host too."""
    url = f"rtsp://127.0.0.1:{free_port()}/1?{QUERY}=1"
    told = f'[messages]\nform = "json"\nsyslog = "udp://127.0.0.1:{syslog}"\n'
    file = settings(folder, ("square", url), rules=told)
    text = file.read_text().replace("[[camera]]", '[[camera]]\nlogin = "secret:square"', 1)
    file.write_text(text)
    return file


def misused(town: Town, token: str) -> None:
    """Failed logins, requests that cannot be answered, and a thing that is named after her."""
    url = f"{town.url}/ngsi-ld/v1/entities"
    for bearer in (TOKEN, f"{token}x"):
        refused = httpx.get(url, headers={"authorization": f"Bearer {bearer}"}, timeout=60)
        assert refused.status_code == 401
    for path in ("/session/passkey", f"/enrol?{QUERY}={MAIL}", f"/no/such/page/{MAIL}"):
        httpx.post(town.url + path, content=MAIL, headers={"origin": town.url}, timeout=60)
    for body in BODIES:
        for kind in ("application/json", "application/ld+json"):
            headers = {"authorization": f"Bearer {token}", "content-type": kind}
            httpx.post(url, content=body, headers=headers, timeout=60)


def looked(one: Person, town: Town) -> None:
    """Into the log, which is not open to her, for this case and reason."""
    asked: dict[str, str | float | bool] = {"case": CASE, "by": MAIL, "reason": f"{NAME} asked"}
    refused = one.page.request.post(
        f"{town.url}/who-looked", form=asked, headers={"origin": town.url}
    )
    assert refused.status == 403


def kept_secrets(town: Town) -> list[str]:
    """What lies in the folder of secrets, in pieces as a line would have them."""
    texts = [file.read_text() for file in (town.data / "secrets").iterdir() if file.is_file()]
    return [word for text in texts for word in text.split() if len(word) >= 20]


def test_neither_names_nor_secrets_are_in_what_the_server_says(
    open_town: Open,
    person: Callable[[], Person],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOWNSQUARE_SECRET_SQUARE", f"admin:{PASSWORD}")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        town = open_town("run", "--settings", str(marked(tmp_path, receiver.getsockname()[1])))
        link = run("accounts", "enrol", "--data", str(town.data)).stdout.strip()
        ada = person()
        ada.takes_over(link, NAME)
        token = town.new_token("integrator")
        misused(town, token)
        looked(ada, town)
        ada.page.goto(f"{town.url}/doctor")
        eventually(lambda: "camera square" in town.log.read_text(), 120)
        scraped = town.get("/metrics").text + town.get("/healthz").text
        cookies = [str(cookie["value"]) for cookie in ada.context.cookies()]
        assert town.stop() == 0
        sent = b"".join(received(receiver)).decode()
    log = town.log.read_text()
    said = log + sent + scraped
    marks = [NAME, "Quibble", MAIL, CASE, PASSWORD, TOKEN, QUERY, token, link.partition("#")[2]]
    assert [one for one in [*marks, *cookies, *kept_secrets(town)] if one and one in said] == []
    told = [json.loads(line) for line in log.splitlines()]
    assert any("serves Testtown" in one["message"] for one in told)
    assert "camera square" in sent


def received(receiver: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(receiver.recv(65_536))
        except BlockingIOError:
            return found
