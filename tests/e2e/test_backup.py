"""A town that goes on while it is backed up, and the same town in another folder."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.town import Town, eventually, run, settings

Open = Callable[..., Town]
LEVELS = "urn:ngsi-ld:Counter:levels"
CREATED = {"id": LEVELS, "type": "Counter", "level": {"type": "Property", "value": 0}}


@contextmanager
def counting(town: Town) -> Iterator[list[int]]:
    """Somebody who counts up, and what was answered so far."""
    answered, end = [0], threading.Event()

    def count() -> None:
        with httpx.Client(base_url=f"{town.url}/ngsi-ld/v1", timeout=120) as http:
            assert http.post("/entities", json=CREATED).status_code == 201
            while not end.is_set():
                level = {"level": {"type": "Property", "value": answered[0] + 1}}
                done = http.patch(f"/entities/{LEVELS}/attrs", json=level)
                assert done.status_code == 204, done.text
                answered[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        eventually(lambda: answered[0] > 20, 120)
        yield answered
    finally:
        end.set()
        thread.join(120)


def past(town: Town) -> tuple[int, ...]:
    """Of the counter: how many values it had, how many of them differ, and the greatest."""
    asked: dict[str, Any] = {
        "options": "aggregatedValues",
        "aggrMethods": "totalCount,distinctCount,max",
        **{"timerel": "before", "timeAt": "2999-01-01T00:00:00Z", "timeproperty": "createdAt"},
    }
    login = "--open" not in town.arguments
    found = town.get(f"/ngsi-ld/v1/temporal/entities/{LEVELS}", token=login, **asked)
    assert found.status_code == 200, found.text
    level = found.json()["level"]
    return tuple(int(level[method][0][0]) for method in asked["aggrMethods"].split(","))


def level(town: Town) -> int:
    answer = town.get(f"/ngsi-ld/v1/entities/{LEVELS}", options="keyValues")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["level"])


def test_a_backup_of_a_running_town_is_a_town(open_town: Open, tmp_path: Path) -> None:
    file, data, again = settings(tmp_path), tmp_path / "town0", tmp_path / "again"
    town = open_town("run", "--open", "--settings", str(file))
    key, sealed = str(tmp_path / "key"), str(tmp_path / "secrets")
    assert run("backup-key", key).returncode == 0
    with counting(town) as answered:
        before = answered[0]
        done = run(
            *("backup", str(tmp_path / "b.tar"), "--settings", str(file), "--data", str(data)),
            *("--secrets", sealed, "--key", f"{key}.pub"),
            timeout_s=300,
        )
        after = answered[0]
    assert done.returncode == 0, done.stderr
    assert after > before, "nobody could write meanwhile"
    town.stop()

    restored = run(
        *("restore", str(tmp_path / "b.tar"), str(again), "--secrets", sealed, "--key", key),
        timeout_s=300,
    )
    assert restored.returncode == 0, restored.stderr
    verified = run("log", "verify", str(again))
    assert verified.returncode == 0, verified.stdout
    copy = Town(["run", "--open", "--settings", str(again / "settings" / file.name)], again)
    copy.start()
    try:
        last = level(copy)
        assert before <= last <= after + 1
        assert past(copy) == (last + 1, last + 1, last)
    finally:
        copy.stop()


def test_an_export_of_a_running_town_is_a_town_with_accounts_of_its_own(
    open_town: Open, tmp_path: Path
) -> None:
    file, data, again = settings(tmp_path), tmp_path / "town0", tmp_path / "again"
    town, exported = open_town("run", "--open", "--settings", str(file)), str(tmp_path / "export")
    with counting(town):
        who = ("--to", "the next vendor", "--reason", "the contract has ended")
        done = run(
            *("export", exported, *who, "--settings", str(file), "--data", str(data)), timeout_s=300
        )
        assert done.returncode == 0, done.stderr
        refused = run("import", exported, "--settings", str(file), "--data", str(data))
        assert refused.returncode == 2
        assert "in use by another townsquare" in refused.stderr
    town.stop()
    (last_entry,) = (tmp_path / "export" / "log" / "entries.jsonl").read_text().splitlines()[-1:]
    assert "the next vendor" in last_entry
    imported = run("import", exported, "--settings", str(file), "--data", str(again))
    assert imported.returncode == 0, imported.stderr
    copy = Town(["run", "--settings", str(file)], again)
    copy.start()
    try:
        assert copy.get("/healthz").status_code == 200
        last = int(copy.entity(LEVELS)["level"])
        assert past(copy) == (last + 1, last + 1, last)
    finally:
        copy.stop()
    verified = run("log", "verify", str(again))
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize("command", ["backup", "restore", "export"])
def test_what_is_there_already_ends_in_one_sentence(command: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    before = ["x"] if command == "restore" else []
    after = ["--to", "x", "--reason", "y"] if command == "export" else []
    told = run(command, *before, str(tmp_path / "there"), *after)
    assert told.returncode == 2
    assert "stays as it is" in told.stderr
    assert (tmp_path / "there" / "file").read_text() == "mine"
