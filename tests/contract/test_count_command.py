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

CLIP = Path(__file__).parents[2] / "demo" / "square.mp4"
WEST = "--line=west=300,170,300,345"


def command(folder: Path, *given: str) -> list[str]:
    return [sys.executable, "-m", "townsquare.cli", "count", *given]


def counted(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *given), cwd=folder, capture_output=True, text=True, timeout=300
    )


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
        command(tmp_path, *given),
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
    subprocess.run(
        [sys.executable, "-c", FRAGMENT.format(source=str(CLIP), target=str(cut))], check=True
    )
    said = counted(tmp_path, str(cut), str(tmp_path / "none.mp4"), WEST, "--out=-")
    assert said.returncode == 2
    assert "none.mp4 does not exist" in said.stderr


FRAGMENT = """
from pathlib import Path
Path({target!r}).write_bytes(Path({source!r}).read_bytes()[:200_000])
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([str(CLIP)], "nothing to count"),
        ([str(CLIP), "--line=west"], "NAME=x,y,x,y"),
        ([str(CLIP), "--line=west=1,2,3"], "NAME=x,y,x,y"),
        ([str(CLIP), "--line=west=1,2,1,2"], "has no length"),
        ([str(CLIP), "--zone=box=1,2,3,4"], "at least 3 corners"),
        ([str(CLIP), WEST, WEST], "two lines or zones are named 'west'"),
        ([str(CLIP), WEST, "--class=face"], "choose from person, bicycle"),
        ([str(CLIP), WEST, "--out=counts.xls"], "must end in .csv, .json, .parquet"),
        ([str(CLIP), WEST, "--start=yesterday"], "2026-05-04T07:00:00"),
        ([str(CLIP), "--line=far=1,2,3,4000", "--out=-"], "the picture is 768 x 576 pixels"),
        ([__file__, WEST], "empty, cut off or no video"),
        ([str(CLIP), WEST, "--detector=faces", "--out=-"], "no model 'faces' may be loaded"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, given: list[str], said: str) -> None:
    result = counted(tmp_path, *given)
    assert result.returncode in (1, 2)
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
