"""`townsquare count` on a real clip, as an engineer uses it; killed, cut off, wrongly called."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from townsquare.cli import commands
from townsquare.model.errors import TownsquareError

CLIP = Path(__file__).parents[2] / "demo" / "square.mp4"
WEST = "--line=west=300,170,300,345"


def command(*given: str) -> list[str]:
    return [sys.executable, "-m", "townsquare.cli", "count", *given]


def counted(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*given), cwd=folder, capture_output=True, text=True, timeout=300)


def crossings(rows: list[dict[str, Any]], direction: str) -> int:
    return sum(int(row["n"]) for row in rows if row["direction"] == direction)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of the whole clip."""
    said = counted(tmp_path_factory.mktemp("whole"), str(CLIP), WEST, "--out=-", "--class=person")
    assert said.returncode == 0, said.stderr
    rows: list[dict[str, Any]] = json.loads(said.stdout)["counts"]
    return rows


def test_a_clip_is_counted_within_15_percent_of_the_truth(whole: list[dict[str, Any]]) -> None:
    assert crossings(whole, "in") == pytest.approx(15, rel=0.15)
    assert crossings(whole, "out") == pytest.approx(12, rel=0.15)
    assert set(whole[0]) == {"recording", "line", "class", "direction", "from", "to", "n"}


def test_what_was_killed_goes_on_where_it_was(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    given = (str(CLIP), WEST, "--class=person", "--out=counts.csv")
    journal = tmp_path / "counts.csv.part"
    first = subprocess.Popen(
        command(*given),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(journal.read_text().splitlines() if journal.exists() else ()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = [json.loads(line)["part"] for line in journal.read_text().splitlines()]
    with journal.open("a") as torn:
        torn.write('{"key": "cut o')
    again = counted(tmp_path, *given)
    assert again.returncode == 0, again.stderr
    assert not journal.exists()
    with (tmp_path / "counts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert kept[-1]["upto_s"] > 0
    for direction in ("in", "out"):
        assert abs(crossings(rows, direction) - crossings(whole, direction)) <= 1


def test_a_clip_that_is_cut_off_is_counted_as_far_as_it_goes(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(CLIP.read_bytes()[: CLIP.stat().st_size // 2])  # its index comes first
    said = counted(tmp_path, str(cut), WEST, "--class=person")
    assert said.returncode == 1
    assert "cut off" in said.stderr
    assert "counted up to" in said.stderr
    with (tmp_path / "counts.csv").open() as file:
        assert crossings(list(csv.DictReader(file)), "in") > 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([CLIP], "nothing to count"),
        ([CLIP, "--line=west"], "NAME=x,y,x,y"),
        ([CLIP, "--line=west=1,2,3"], "NAME=x,y,x,y"),
        ([CLIP, "--line=west=1,2,1,2"], "has no length"),
        ([CLIP, "--line=West=1,2,3,4"], "use a-z"),
        ([CLIP, "--zone=box=1,2,3,4"], "at least 3 corners"),
        ([CLIP, WEST, WEST], "two lines or zones are named 'west'"),
        ([CLIP, WEST, "--class=face"], "choose from person, bicycle"),
        ([CLIP, WEST, "--out=counts.xls"], "must end in .csv, .json, .parquet"),
        ([CLIP, WEST, "--start=yesterday"], "2026-05-04T07:00:00"),
        (["none.mp4", WEST], "none.mp4 does not exist"),
        ([__file__, WEST], "empty, cut off or no video"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_counted(
    given: list[str | Path], said: str
) -> None:
    refused = CliRunner().invoke(commands, ["count", *map(str, given)])
    assert isinstance(refused.exception, TownsquareError)
    assert said in str(refused.exception)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--line=far=1,2,3,4000", "the picture is 768 x 576 pixels"),
        ("--detector=faces", "no model 'faces' may be loaded"),
    ],
)
def test_what_the_process_that_counts_refuses_is_said(
    tmp_path: Path, given: str, said: str
) -> None:
    refused = counted(tmp_path, str(CLIP), WEST, given, "--out=-")
    assert refused.returncode == 1
    assert said in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
