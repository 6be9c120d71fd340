"""Footage from the camera to the auditor: recorded sealed, asked for, agreed to with passkeys,
released by two custodians' own programs, opened by who asked, and verified in an empty folder.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import av
from playwright.sync_api import Page, expect

from tests.e2e.test_accounts import Open, Person, assert_good, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_approvals import invited
from tests.e2e.town import CLIP, Town, eventually, run, settings
from townsquare import cli

PROGRAMS = Path(cli.__file__).parent
CUSTODIANS = {"police": "Police", "data": "Data office", "court": "Court"}
IMAGES = Path(__file__).parents[2] / "docs" / "img"
BERLIN = ZoneInfo("Europe/Berlin")


def client(*arguments: str) -> str:
    """The custodian's program, on its own and knowing nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAMS / "custodian.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def recorded(folder: Path) -> Path:
    """The settings of a town that records one camera, with keys of three custodians."""
    parts = ["[recording]"]
    for name, organisation in CUSTODIANS.items():
        (folder / f"{name}.pub").write_text(client("keygen", name, str(folder / f"{name}.key")))
        parts.append(f'[[recording.custodian]]\norganisation = "{organisation}"')
        parts.append(f'key = "{name}.pub"')
    file = settings(folder, ("square", str(CLIP)))
    whole = file.read_text().replace("[[camera]]", "[[camera]]\nrecord = true", 1)
    file.write_text("\n".join([whole, *parts]))
    return file


def recorded_since(data: Path) -> datetime | None:
    """Once two segments are sealed."""
    lists = [*data.glob("sealed/square/*/list.jsonl")]
    lines = [json.loads(line) for file in lists for line in file.read_text().splitlines()]
    begun = [datetime.fromisoformat(line["since"]) for line in lines]
    return min(begun) if len(begun) >= 2 else None


def asked(page: Page, town: Town, key: str) -> None:
    """As soon as there is something to ask for."""
    since = eventually(lambda: recorded_since(town.data), 300)
    until = min(since + timedelta(seconds=20), datetime.now(UTC))
    page.goto(f"{town.url}/control/custody")
    form = page.locator("form.asking")
    form.get_by_label("From").fill(f"{since.astimezone(BERLIN):%Y-%m-%dT%H:%M:%S}")
    form.get_by_label("To, an hour").fill(f"{until.astimezone(BERLIN):%Y-%m-%dT%H:%M:%S}")
    form.get_by_label("File number").fill("2030-17")
    form.get_by_label("Line of the one-time key").fill(key)
    assert_good(page)
    page.set_viewport_size({"width": 1366, "height": 768})
    form.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Asked.")


def drilled(town: Town, file: Path, folder: Path, log: str) -> None:
    """All three try their keys, and a lost one is walked through."""
    where = ("--settings", str(file), "--data", str(town.data))
    begun = run("custodian", "drill", "recovery", *where)
    assert "Court (court): waits for custodian.py answer KEYFILE" in begun.stdout, begun.stderr
    assert "newest footage of square: whole" in begun.stdout
    for name in CUSTODIANS:
        client("trust", str(folder / f"{name}.key"), town.url, log)
        assert "answered drill" in client("answer", str(folder / f"{name}.key"))
    walked = run("custodian", "drill", "lost", "--done", "skipped", *where)
    assert "Recorded: partly" in walked.stdout, walked.stderr
    assert "NO" not in walked.stdout
    known = run("custodian", "drill", "list", *where).stdout.split()
    assert known[1::3] == ["lost", "recovery"]


def named(town: Town, *marks: str) -> list[str]:
    """Which of these the server says something of."""
    return [mark for mark in marks if mark in town.log.read_text()]


def test_from_the_camera_to_the_auditor(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    file = recorded(tmp_path)
    town = open_town("run", "--settings", str(file))
    ada, ines, pat, cara = person(), person(), person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    for one, name, organisation, role in (
        (ines, "Ines Investigator", "Prosecution", "Investigator"),
        (pat, "Pat Police", "Police", "Custodian of footage"),
        (cara, "Cara Court", "Court", "Custodian of footage"),
    ):
        one.enrol(invited(ada, town, name, organisation, role), name)
        head = one.page.get_by_role("heading", level=1)
        expect(head).to_have_text("Sealed footage", timeout=60_000)

    log = town.get("/log/key").text.strip()
    key = tmp_path / "ines.key"
    line = run("footage", "key", str(key)).stdout.strip()
    assert run("footage", "trust", str(key), town.url, log).returncode == 0
    asked(ines.page, town, line)

    for one, told in ((pat, "1 of 2 approvals"), (cara, "Approved by")):
        one.page.goto(f"{town.url}/approvals")
        request = one.page.locator(".approval")
        expect(request).to_contain_text("2030-17")
        request.get_by_role("button", name="Approve with a passkey").click()
        expect(one.page.locator("main")).to_contain_text(told, timeout=60_000)

    drilled(town, file, tmp_path, log)
    pat.page.goto(f"{town.url}/control/custody")
    expect(pat.page.get_by_text("python custodian.py release KEYFILE")).to_be_visible()
    for kind, result in (("trial of all keys", "passed"), ("lost key", "passed in part")):
        row = pat.page.locator("details", has_text=kind)
        expect(row.locator("b")).to_have_text(result)
    pat.page.locator("details", has_text="trial of all keys").locator("summary").click()
    expect(pat.page.get_by_text("Court: the key works")).to_be_visible()
    expect(pat.page.get_by_role("img", name="its last hours")).to_be_visible()
    assert_good(pat.page)
    pat.page.set_viewport_size({"width": 1366, "height": 900})
    pat.page.screenshot(path=IMAGES / "custody.png", full_page=True)
    found = eventually(
        lambda: client("inbox", str(tmp_path / "police.key")).partition("opening")[2]
    )
    opening = found.split()[0]

    def released(name: str) -> bool:
        """The log is signed every few seconds."""
        arguments = (str(tmp_path / f"{name}.key"), opening, "--yes")
        done = subprocess.run(
            [sys.executable, "-I", str(PROGRAMS / "custodian.py"), "release", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return "released" in done.stdout

    for name in ("police", "court"):
        eventually(partial(released, name), 120)

    export = tmp_path / "export"
    done = run("footage", "open", str(key), opening, str(export), timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert "0 gaps" in done.stdout
    with av.open(str(export / "footage.mp4"), "r") as video:
        pictures = sum(1 for _ in video.decode(video=0))
    assert pictures > 20

    alone = tmp_path / "auditor"
    alone.mkdir()
    for program in ("verifier.py", "footage_verifier.py"):
        shutil.copy(PROGRAMS / program, alone)
    checked = subprocess.run(
        [sys.executable, "footage_verifier.py", str(export), log],
        cwd=alone,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "are as they were sealed" in checked.stdout
    assert (
        named(town, "Lovelace", "Investigator", "Pat Police", "Cara Court", "2030-17", line) == []
    )
