"""What is promised is written down: settings and their defaults, commands, rooms, decisions."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import typer
from typer.main import get_command

from townsquare import __version__, app
from townsquare.cli import commands
from townsquare.model.settings import parse
from townsquare.trust.purposes import FILE, purposes
from townsquare.trust.texts import builtin

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
TEMPLATE = ROOT / "townsquare" / "cli" / "townsquare.toml"
# The house, not a room: what they are for is said in their first line.
NO_PAGE = {"app", "model", "store", "bus", "cli", "__pycache__"}


def sections(into: type, name: str = "") -> Iterator[tuple[str, type]]:
    """Heading and dataclass of each table that settings can have."""
    for key, hint in get_type_hints(into).items():
        below = f"{name}.{key}" if name else key
        item = get_args(hint)[0] if get_origin(hint) is tuple else None
        if isinstance(item, type) and is_dataclass(item):
            yield f"[[{below}]]", item
            yield from sections(item, below)
        elif isinstance(hint, type) and is_dataclass(hint) and not name:
            yield f"[{below}]", hint
            yield from sections(hint, below)
        elif choice := with_defaults(hint):
            yield f"[{below}]", choice


def with_defaults(hint: Any) -> type | None:
    """The table that may be left out, if it has defaults of its own to tell."""
    for choice in get_args(hint) if type(None) in get_args(hint) else ():
        if (
            isinstance(choice, type)
            and is_dataclass(choice)
            and any(f.default is not MISSING for f in fields(choice))
        ):
            return choice
    return None


def documented(heading: str) -> dict[str, str]:
    """Settings under a heading, with their default."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", SETTINGS, re.M | re.S)
    assert found, f"docs/settings.md has no heading {heading}"
    return dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", found[1], re.M))


def default(field: "Field[Any]") -> str:
    if field.default is MISSING:
        return "needed"
    return f"`{as_toml(field.default)}`"


def as_toml(value: object) -> str:
    if is_dataclass(value):
        given = ((f.name, as_toml(getattr(value, f.name))) for f in fields(value))
        return "{ " + ", ".join(f"{name} = {text}" for name, text in given) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize(("heading", "into"), list(sections(app.Settings)))
def test_every_setting_is_documented_with_its_default(heading: str, into: type) -> None:
    assert documented(heading) == {field.name: default(field) for field in fields(into)}


def test_no_section_is_documented_that_does_not_exist() -> None:
    told = set(re.findall(r"^#+ (\[.+\])$", SETTINGS, re.MULTILINE))
    assert told == {heading for heading, _ in sections(app.Settings)}


def test_every_purpose_of_cameras_is_documented() -> None:
    known = [p.name for p in purposes(builtin()[FILE]).purpose if p.cameras]
    assert [p for p in known if f'"{p}"' not in SETTINGS + TEMPLATE.read_text()] == []


def test_what_init_writes_is_valid_and_holds_the_defaults() -> None:
    settings = parse(TEMPLATE.read_text(), TEMPLATE.name, app.Settings)
    default = app.Settings()
    for section in ("web", "store", "bus", "vision", "outgoing", "log", "messages"):
        assert getattr(settings, section) == getattr(default, section)


def test_the_examples_that_init_writes_are_valid() -> None:
    """Examples are lines that begin with # and no blank; explanations have a blank."""
    text = re.sub(r"^#(?=\S)", "", TEMPLATE.read_text(), flags=re.MULTILINE)
    settings = parse(text, TEMPLATE.name, app.Settings)
    assert [camera.name for camera in settings.camera] == ["square"]
    assert [rule.name for rule in settings.rule] == ["crowd-on-square"]
    assert [witness.name for witness in settings.witness] == ["The Paper"]


def test_every_command_is_documented() -> None:
    group = get_command(commands)
    assert isinstance(group, typer.core.TyperGroup)
    readme = (ROOT / "README.md").read_text()
    assert [name for name in group.commands if f"townsquare {name}" not in readme] == []


def test_every_make_target_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        named = re.findall(r"`make ([a-z-]+)", page.read_text())
        assert set(named) <= targets, page.name


def test_every_room_has_a_page() -> None:
    rooms = {p.name for p in (ROOT / "townsquare").iterdir() if p.is_dir()} - NO_PAGE
    assert [room for room in sorted(rooms) if not (ROOT / "docs" / f"{room}.md").exists()] == []


def test_links_between_documents_lead_somewhere() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.split():
        page = ROOT / name
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{name} links to {link}"


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    names = sorted(p.name for p in folder.glob("0*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    index = (folder / "README.md").read_text()
    assert [name for name in names if name not in index] == []


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_core_dependency_has_a_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.search(r"^dependencies = \[(.*?)\n\]", project, re.M | re.S)
    assert declared
    told = (ROOT / "docs" / "dependencies.md").read_text()
    names = re.findall(r'^    "([a-z0-9-]+)', declared[1], re.MULTILINE)
    assert [name for name in names if f"| {name} |" not in told] == []


def test_the_versions_of_core_dependencies_are_those_of_the_lock() -> None:
    told = (ROOT / "docs" / "dependencies.md").read_text().split("## Pages", maxsplit=1)[0]
    lock = (ROOT / "requirements.lock").read_text()
    rows = re.findall(r"^\| ([a-z0-9-]+) \| [^|]+ \| [^|]+ \| ([\d.]+) \|", told, re.MULTILINE)
    assert rows
    assert [row for row in rows if f"{row[0]}=={row[1]} " not in lock] == []
