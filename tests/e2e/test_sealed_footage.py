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

import av
from playwright.sync_api import Page, expect

from tests.e2e.test_accounts import Open, Person, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_approvals import invited
from tests.e2e.town import CLIP, Town, eventually, run, settings
from townsquare import cli

PROGRAMS = Path(cli.__file__).parent
CUSTODIANS = {"police": "Police", "data": "Data office", "court": "Court"}
ASK = """async (wish) => {
    const answer = await fetch("/sealed/openings", {
        method: "POST",
        headers: {"content-type": "application/json"},
        body: JSON.stringify(wish),
    });
    return [answer.status, await answer.text()];
}"""


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


def asked(page: Page, town: Town, data: Path, key: str) -> None:
    """As soon as there is something to ask for."""

    def taken() -> bool:
        lists = [*data.glob("sealed/square/*/list.jsonl")]
        lines = [json.loads(line) for file in lists for line in file.read_text().splitlines()]
        if len(lines) < 2:
            return False
        since = min(datetime.fromisoformat(line["since"]) for line in lines)
        until = min(since + timedelta(seconds=20), datetime.now(UTC))
        wish = {"camera": "square", "since": since.isoformat(), "until": until.isoformat()}
        status, said = page.evaluate(ASK, {**wish, "case": "2030-17", "key": key})
        assert status == 201, said
        return True

    eventually(taken, 300)


def test_from_the_camera_to_the_auditor(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    file = recorded(tmp_path)
    town = open_town("run", "--settings", str(file))
    ada, ines, pat, cara = person(), person(), person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.in_control()
    for one, name, organisation, role in (
        (ines, "Ines Investigator", "Prosecution", "Investigator"),
        (pat, "Pat Police", "Police", "Custodian of footage"),
        (cara, "Cara Court", "Court", "Custodian of footage"),
    ):
        one.enrol(invited(ada, town, name, organisation, role), name)
        expect(one.page.get_by_role("heading", level=1)).to_have_text("Approvals", timeout=60_000)

    log = town.get("/log/key").text.strip()
    key = tmp_path / "ines.key"
    line = run("footage", "key", str(key)).stdout.strip()
    assert run("footage", "trust", str(key), town.url, log).returncode == 0
    asked(ines.page, town, town.data, line)

    for one in (pat, cara):
        one.page.goto(f"{town.url}/approvals")
        request = one.page.locator(".approval")
        expect(request).to_contain_text("2030-17")
        request.get_by_role("button", name="Approve with a passkey").click()
        expect(one.page.get_by_text("approvals, ").first).to_be_visible(timeout=60_000)

    for name in ("police", "court"):
        client("trust", str(tmp_path / f"{name}.key"), town.url, log)
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
