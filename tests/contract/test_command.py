"""The `townsquare` command: what goes wrong ends in one sentence and exit code 2."""

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server
from townsquare import __version__
from townsquare.cli import main

DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture
def townsquare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Townsquare":
    return Townsquare(monkeypatch, capsys)


class Townsquare:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *args: object) -> tuple[int, str, str]:
        """Exit code, output, complaints."""
        self.monkeypatch.setattr(sys, "argv", ["townsquare", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def port() -> Iterator[int]:
    """One that another program uses."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        yield used.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as used:
        return int(used.getsockname()[1])


def test_it_says_its_version(townsquare: Townsquare) -> None:
    assert townsquare("--version") == (0, f"townsquare {__version__}\n", "")


def test_init_writes_settings_once(townsquare: Townsquare, tmp_path: Path) -> None:
    code, out, _ = townsquare("init", tmp_path / "new")
    file = tmp_path / "new" / "townsquare.toml"
    assert (code, file.exists()) == (0, True)
    assert f"townsquare run --settings {file}" in out

    file.write_text("mine")
    code, _, err = townsquare("init", tmp_path / "new")
    assert (code, file.read_text()) == (2, "mine")
    assert err == f"townsquare: {file} is there already and stays as it is\n"


def test_what_init_wrote_passes_the_check(townsquare: Townsquare, tmp_path: Path) -> None:
    townsquare("init", tmp_path)
    file = tmp_path / "townsquare.toml"
    file.write_text(file.read_text().replace("port = 8400", f"port = {free_port()}"))
    code, out, err = townsquare("check", "--settings", file)
    assert (code, err) == (0, ""), out


def test_the_check_tries_the_database_and_leaves_it_as_it_is(
    townsquare: Townsquare, tmp_path: Path, postgres: Server
) -> None:
    townsquare("init", tmp_path)
    file = tmp_path / "townsquare.toml"
    written = file.read_text().replace("port = 8400", f"port = {free_port()}")
    file.write_text(written.replace("sqlite:townsquare.db", postgres.url))
    code, out, err = townsquare("check", "--settings", file)
    assert (code, "database" in out) == (0, True), err
    file.write_text(written.replace("sqlite:townsquare.db", "postgresql://x@/x?host=/nowhere"))
    code, out, _ = townsquare("check", "--settings", file)
    assert (code, "database: the database x on /nowhere cannot be reached" in out) == (2, True)


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[web]\nprot = 1\n", 'line 2: unknown key "prot" in [web]; did you mean "port"?'),
        ("[web\n", "line 1: this is not TOML"),
        ('[store]\npassword = "hunter2"\n', 'line 1: password takes "secret:NAME"'),
        ('[town]\ntimezone = "Berlin"\n', "line 1: timezone 'Berlin' is not known"),
    ],
)
def test_wrong_settings_end_in_one_sentence(
    townsquare: Townsquare, tmp_path: Path, command: str, text: str, complaint: str
) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_text(text)
    code, out, err = townsquare(command, "--settings", file)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"townsquare: {file} {complaint}")


@pytest.mark.parametrize("command", ["run", "check"])
def test_settings_that_are_not_there(townsquare: Townsquare, tmp_path: Path, command: str) -> None:
    file = tmp_path / "none.toml"
    code, _, err = townsquare(command, "--settings", file)
    assert (code, err.count("\n")) == (2, 1)
    assert str(file) in err


def test_settings_that_are_not_text(townsquare: Townsquare, tmp_path: Path) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_bytes(b"\xff\xfe\x00[town]")
    code, _, err = townsquare("run", "--settings", file)
    assert (code, err.count("\n")) == (2, 1)
    assert str(file) in err


def test_a_port_in_use(townsquare: Townsquare, tmp_path: Path, port: int) -> None:
    code, _, err = townsquare("demo", "--port", port, "--data", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert f"port {port} is in use" in err
    assert "--port" in err


def test_check_names_each_trouble(townsquare: Townsquare, tmp_path: Path, port: int) -> None:
    """The clip is not beside the settings, the port is taken, the data folder is a file."""
    file = tmp_path / "townsquare.toml"
    file.write_text((DEMO / "townsquare.toml").read_text() + f"[web]\nport = {port}\n")
    code, out, _ = townsquare("check", "--settings", file, "--data", file)
    assert code == 2
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(" no")] == [
        ["no", "data"],
        ["no", "port"],
        ["no", "camera"],
    ]
    assert "square.mp4 does not exist" in out


@pytest.mark.parametrize(("size", "complaint"), [(0, "empty"), (1000, "cut off")])
def test_check_reads_a_picture(
    townsquare: Townsquare, tmp_path: Path, size: int, complaint: str
) -> None:
    file = tmp_path / "townsquare.toml"
    shutil.copy(DEMO / "townsquare.toml", file)
    (tmp_path / "square.mp4").write_bytes((DEMO / "square.mp4").read_bytes()[:size])
    code, out, _ = townsquare("check", "--settings", file)
    assert code == 2
    assert complaint in out


def test_the_demo_needs_the_repository(
    townsquare: Townsquare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["townsquare.cli.demo"], "CLONE", tmp_path)
    code, _, err = townsquare("demo")
    assert (code, err.count("\n")) == (2, 1)
    assert "make demo" in err


CALLED = """
[outgoing]
hosts = ["hooks.example"]

[[notify.contact]]
name = "ana"
[[notify.contact.channel]]
kind = "webhook"
address = "https://hooks.example/ana"
key = "secret:hook-key"
[[notify.contact.channel]]
kind = "ntfy"
address = "secret:ana-ntfy"
"""


def test_check_names_secrets_and_hosts_that_calling_people_lacks(
    townsquare: Townsquare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_text(CALLED)
    code, out, _ = townsquare("check", "--settings", file)
    assert code == 2
    assert "secret 'hook-key' is missing" in out
    assert "secret 'ana-ntfy' is missing" in out
    monkeypatch.setenv("TOWNSQUARE_SECRET_HOOK_KEY", "key")
    monkeypatch.setenv("TOWNSQUARE_SECRET_ANA_NTFY", "https://ntfy.example/word-of-ana")
    code, out, _ = townsquare("check", "--settings", file)
    assert code == 2
    assert "calls to ntfy.example are not declared" in out
    assert "word-of-ana" not in out
    file.write_text(CALLED.replace('["hooks.example"]', '["hooks.example", "ntfy.example"]'))
    _, out, _ = townsquare("check", "--settings", file)
    assert [line for line in out.splitlines() if line.startswith(" no  call")] == []
