"""How the program is started decides who is let in, and nothing else can change that."""

import ast
import ipaddress
import re
from dataclasses import fields
from pathlib import Path

import pytest

from townsquare import app
from townsquare.model.errors import Invalid
from townsquare.web.accounts.site import site
from townsquare.web.app import Settings
from townsquare.web.server import listen

PACKAGE = Path(app.__file__).parents[1]


def test_the_server_listens_on_this_machine_only() -> None:
    sockets = listen(0)
    try:
        hosts = [ipaddress.ip_address(found.getsockname()[0]) for found in sockets]
        assert hosts
        assert all(host.is_loopback for host in hosts)
    finally:
        for found in sockets:
            found.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://square.example.org",
        "square.example.org",
        "https://",
        "https://user:word@square.example.org",
        "https://square.example.org/path",
        "ftp://square.example.org",
    ],
)
def test_beyond_this_machine_there_is_https_or_nothing(url: str) -> None:
    with pytest.raises(Invalid, match="public_url"):
        Settings(public_url=url)


@pytest.mark.parametrize(
    ("url", "origin", "name"),
    [
        ("", "http://localhost:8400", "localhost"),
        ("https://square.example.org", "https://square.example.org", "square.example.org"),
        (
            "https://Town.example.org:8443/",
            "https://town.example.org:8443",
            "town.example.org",
        ),
    ],
)
def test_passkeys_hold_for_one_name(url: str, origin: str, name: str) -> None:
    found = site(url, 8400, "Town")
    assert (found.origin, found.rp_id) == (origin, name)


def test_only_the_command_demo_lets_every_visitor_in() -> None:
    said = [
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and any(isinstance(a, ast.Constant) and a.value == "demo" for a in node.args)
    ]
    assert said == ["cli/demo.py"]


def test_no_setting_names_how_visitors_are_known() -> None:
    def names(into: type) -> set[str]:
        return {field.name for field in fields(into)}

    told = names(app.Settings) | names(Settings)
    assert told.isdisjoint({"mode", "demo", "open", "login", "auth"})


def test_the_environment_holds_secrets_only() -> None:
    asking = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if re.search(r"os\.environ|getenv", file.read_text())
    }
    # The workers hand on what a process needs to start at all, and nothing else.
    assert asking == {"trust/secret.py", "vision/sandbox.py"}
