"""A month computed by hand: `load_month.md` has the alarms, the computation and the results."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from townsquare.alerts.load.figures import Load, load
from townsquare.alerts.load.flood import Flood, Span
from townsquare.alerts.load.months import month
from townsquare.alerts.load.story import Transition
from townsquare.model.town import Town

PAGE = (Path(__file__).parent / "load_month.md").read_text()
BERLIN = Town("Testtown", "Europe/Berlin")
MONTH = month("2026-10", BERLIN)


def block(name: str) -> list[str]:
    found = re.search(rf"```{name}\n(.*?)\n```", PAGE, re.DOTALL)
    assert found
    return found[1].splitlines()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def transition(row: str) -> Transition:
    day, time, alarm, severity, state = row.split()
    return Transition(utc(f"{day} {time}"), alarm, state, severity)


TRANSITIONS = [transition(row) for row in block("transitions")]
WATCHED = [
    Span(MONTH.since, utc("2026-10-20 00:00")),
    Span(utc("2026-10-20 06:00"), MONTH.until),
]


@pytest.fixture(scope="module")
def found() -> Load:
    return load(MONTH, TRANSITIONS, WATCHED)


def test_the_month_is_the_towns(found: Load) -> None:
    assert (found.since, found.until) == (utc("2026-09-30 22:00"), utc("2026-10-31 23:00"))
    assert (found.watched_h, found.unknown_h, found.indicative) == (739, 6, False)
    assert len(found.numbers) == 745 * 6
    assert found.numbers.count(None) == 36


@pytest.mark.parametrize("row", block("figures"))
def test_each_figure(found: Load, row: str) -> None:
    name, value, judgement = row.split(maxsplit=2)
    figure = found.figure(name)
    assert figure.value == pytest.approx(float(value), rel=1e-3)
    assert (figure.judgement or "not judged") == judgement
    assert figure.source


@pytest.mark.parametrize(("place", "row"), list(enumerate(block("severities"))))
def test_each_severity(found: Load, place: int, row: str) -> None:
    rang, waited = row.split("|")
    severity, number = rang.split()
    of = found.priorities[place]
    assert (of.severity, of.number, of.judgement) == (severity, int(number), None)
    waits = found.acknowledged[place]
    n, p50, p95, waiting = waited.split()
    told = (waits.severity, waits.number, waits.p50_s, waits.p95_s, waits.waiting)
    assert told == (severity, int(n), seconds(p50), seconds(p95), int(waiting))


def seconds(text: str) -> float | None:
    return None if text == "unknown" else float(text)


def test_what_is_counted_beside(found: Load) -> None:
    assert (found.annunciations, found.returns, found.acknowledgements) == (21, 4, 18)
    (shelf,) = found.shelf
    assert (shelf.state, shelf.times, shelf.hours, shelf.now) == ("SHELVED", 1, 4, 0)


def test_its_flood(found: Load) -> None:
    since, until = utc("2026-10-05 10:05:00"), utc("2026-10-05 10:13:30")
    assert found.floods == (Flood(since, until, total=12, peak=12, at_first=12),)


def test_which_alarms(found: Load) -> None:
    often = [(one.alarm, one.number) for one in found.frequent]
    assert often[:4] == [("pump", 3), ("gate", 2), ("bin", 1), ("bridge", 1)]
    assert len(often) == 10
    assert [(one.alarm, one.times, one.most) for one in found.chattering] == [("pump", 1, 3)]
    assert [(one.alarm, one.times) for one in found.fleeting] == [("door", 1)]
    assert [one.alarm for one in found.stale] == ["bin"]
