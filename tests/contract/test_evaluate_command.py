"""`townsquare evaluate`: what it says of a camera, and what where there is none."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e.town import Town, run, settings
from townsquare.cli.evaluate import rows

RESULT = {
    "line": "west",
    "of": "person",
    "direction": "in",
    "hits": 90,
    "missed": 10,
    "false": 4,
    "interval": {"of": 100, "low": 98, "high": 115},
}
EVALUATION = {
    "dateEvaluated": "2030-06-01T12:00:00Z",
    "durationMinutes": 15.0,
    "light": "day",
    "results": [RESULT, RESULT | {"direction": "out", "interval": None}],
}


def test_it_shows_the_town_its_page_and_says_that_nothing_is_known_yet(
    open_town: Callable[..., Town], tmp_path: Path
) -> None:
    file = settings(tmp_path, ("square", "absent.mp4"))
    town = open_town("run", "--settings", str(file))
    done = run("evaluate", "square", "--data", str(town.data))
    assert done.returncode == 0, done.stderr
    assert "Camera square was never evaluated" in done.stdout
    assert f"{town.url}/control/cameras/square/evaluation" in done.stdout
    unknown = run("evaluate", "sqare", "--data", str(town.data))
    assert unknown.returncode == 2
    assert "there is no camera 'sqare'" in unknown.stderr


def test_without_a_town_it_says_so(tmp_path: Path) -> None:
    done = run("evaluate", "square", "--data", str(tmp_path))
    assert done.returncode == 2
    assert re.search("no town runs on .*; start townsquare run", done.stderr)


def test_each_way_is_a_row_and_what_is_unknown_is_called_so() -> None:
    when = "2030-06-01, 15 min"
    assert list(rows([EVALUATION])) == [
        (when, "day", "west", "person", "in", "100", "94", "10", "4", "98 to 115"),
        (when, "day", "west", "person", "out", "100", "94", "10", "4", "unknown"),
    ]
