"""The rules of CONTRIBUTING.md that neither ruff nor mypy nor import-linter can hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "tools/node.lock")
LONG = 500  # lines

# Spelt in pieces, so that this file does not name what it looks for.
REGISTRIES = ["pypi." + "org", "python" + "hosted.org", "npm" + "js.org", "deb." + "debian.org"]
MACHINE_PATH = re.compile(r"(?<![\w.~$}>/])/(?:home|root|Users|work|farm)/[\w.-]+")

SAYS_NOTHING = {
    *("manager", "managers", "handler", "handlers", "helper", "helpers", "util", "utils"),
    *("common", "base", "info", "data", "process", "new", "v2", "misc"),
}
GPL = re.compile(
    r"x264|x265|xvid|vidstab|rubberband|postproc|frei0r|xavs|davs2|dvdread|dvdcss|cdio|smbclient"
)


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each tracked file that is text."""
    for path in tracked():
        try:
            yield str(path.relative_to(ROOT)), path.read_text()
        except UnicodeDecodeError:
            continue


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in tracked("townsquare/*.py"):
        yield path, ast.parse(path.read_text())


def words(name: str) -> set[str]:
    """open_store, OpenStore and open-store are all {open, store}."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word.lower() for word in re.split(r"[_.-]+", apart) if word}


@pytest.mark.parametrize("kind", ["*.py", "*.js", "*.css"])
def test_a_long_file_says_why(kind: str) -> None:
    for path in tracked(kind):
        text = path.read_text()
        if len(text.splitlines()) > LONG:
            # The first lines are the docstring, or the comment that stands for one.
            assert re.search(r"[Ll]ong because", text[:2000]), f"{path.name}: why so long?"


def test_no_name_says_nothing() -> None:
    for path, tree in modules():
        names = [path.stem] if path.stem != "__init__" else [path.parent.name]
        names += [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
        assert [name for name in names if words(name) & SAYS_NOTHING] == [], path.name


def test_every_room_says_its_job_in_a_sentence() -> None:
    for path, tree in modules():
        if path.name == "__init__.py":
            said = (ast.get_docstring(tree) or "").splitlines()
            assert said, path
            assert said[0].endswith("."), path


def test_one_place_catches_everything() -> None:
    broad = {"Exception", "BaseException"}
    found = [
        path.name
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in broad))
    ]
    assert found == ["rooms.py"]


def test_every_exception_to_a_rule_has_its_reason() -> None:
    done = subprocess.run(
        [sys.executable, "tools/exceptions.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_registry_or_a_machine() -> None:
    hosts = re.compile("|".join(map(re.escape, [*REGISTRIES, *configured_hosts()])))
    for name, text in texts():
        assert not hosts.search(text), f"{name} names the host of a package registry"
        found = MACHINE_PATH.search(text)
        assert not found, f"{name} names a path of one machine: {found and found[0]}"


def configured_hosts() -> list[str]:
    """Where pip fetches from on this machine."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = {urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\\]+", listed.stdout)}
    return sorted(host for host in found if host and "." in host)


def test_development_folders_outside_are_known_to_tests_only() -> None:
    outside = re.compile(r"\.\./shared|(?<![\w])shared/")
    named = [name for name, text in texts() if outside.search(text)]
    assert [n for n in named if not n.startswith(("tests/", "bench/", "tools/"))] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_holds_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "index" not in text
    pins = re.split(r"(?<!\\)\n", text.strip())
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==\S+", pin), pin[:80]
        assert "--hash=sha256:" in pin, pin[:80]


def test_the_dev_lock_holds_the_core_as_it_is() -> None:
    core, dev = ((ROOT / lock).read_text() for lock in LOCKS[:2])
    assert set(re.findall(r"^\S+==\S+", core, re.M)) <= set(re.findall(r"^\S+==\S+", dev, re.M))


def test_the_lock_of_the_pages_pins_by_hash_and_holds_no_address() -> None:
    text = (ROOT / "townsquare" / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 0


def test_gpl_libraries_are_the_two_that_are_documented() -> None:
    names = re.findall(r"^(\S+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    found = {match[0] for name in set(names) for match in map(GPL.search, libraries(name)) if match}
    assert found <= {"x264", "x265"}


def test_no_encoder_of_a_gpl_library_is_named() -> None:
    named = [path.name for path in tracked("townsquare/*.py") if "libx26" in path.read_text()]
    assert named == []


def libraries(package: str) -> list[str]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:  # of another platform
        return []
    return [file.name for file in files if re.search(r"\.(so|dylib|dll)\b", file.name)]
