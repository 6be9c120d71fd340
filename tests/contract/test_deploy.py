"""What a town is deployed with: units that hold, and a page whose commands exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from townsquare.cli import commands

ROOT = Path(__file__).parents[2]
DEPLOY, PAGE = ROOT / "deploy", ROOT / "docs" / "deploy.md"
UNITS = sorted((DEPLOY / "systemd").iterdir())
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = {"townsquare.service": 15, "townsquare-backup.service": 10}  # tenths
CALL = re.compile(r"(?:bin/| |`)townsquare ((?:[a-z][a-z-]* ?)+)([^\n`#]*(?:\\\n[^\n`#]*)*)")


def analyzed(*arguments: object) -> "subprocess.CompletedProcess[str]":
    assert ANALYZE
    command = [ANALYZE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """As they are, with a program that is there."""
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/townsquare/bin/townsquare", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def test_systemd_finds_nothing_wrong_in_the_units(units: Path) -> None:
    done = analyzed("verify", *sorted(units.iterdir()))
    assert done.returncode == 0, done.stderr
    assert not re.search("Unknown|Invalid|ignoring|Failed", done.stderr), done.stderr


@pytest.mark.parametrize("name", MOST_EXPOSED)
def test_a_unit_gives_little(units: Path, name: str) -> None:
    done = analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSED[name]}", units / name)
    assert done.returncode == 0, done.stdout[-400:]


def calls() -> list[tuple[str, str]]:
    """Commands of townsquare that the page and the units name, with what follows."""
    texts = [file.read_text() for file in (PAGE, DEPLOY / "container" / "Containerfile", *UNITS)]
    found = [(words.split(), rest) for text in texts for words, rest in CALL.findall(text)]
    return [(" ".join(word for word in words if word.islower()), rest) for words, rest in found]


@pytest.mark.parametrize(("words", "rest"), calls())
def test_each_command_that_is_named_is_there(words: str, rest: str) -> None:
    told = CliRunner().invoke(commands, [*words.split(), "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    for option in re.findall(r"--[a-z][a-z-]*", rest):
        assert re.search(rf"{option}\b", told.output), option


def test_the_page_and_the_units_name_commands() -> None:
    named = {words.split()[0] for words, _ in calls()}
    assert named >= {"run", "init", "check", "doctor", "backup", "backup-key", "accounts"}
