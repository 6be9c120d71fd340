"""Sealed recording, as far as it can be checked by hand: hours, sizes, gaps, and what is said."""

from datetime import UTC, datetime, timedelta

import pytest

from townsquare.model.errors import Invalid
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.segment import LEAST_CLASS
from townsquare.vision.sealed import recorded
from townsquare.vision.sealed.cutting import jumped
from townsquare.vision.sealed.footage import Gap, Span, gaps
from townsquare.vision.sealed.hours import began, camera_and_hour, ended, footage_id, hour_of, hours
from townsquare.vision.sealed.recorded import Kept, Lost, State
from townsquare.vision.sealed.sizes import Sizes, class_of

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def line(since: float, until: float) -> Line:
    return Line("00", at(since), at(until), "1-000000.seal")


def test_an_hour_is_that_of_utc() -> None:
    berlin = datetime.fromisoformat("2026-11-23T10:30:00+01:00")
    assert hour_of(berlin) == "2026-11-23T09"
    assert (began("2026-11-23T09"), ended("2026-11-23T09")) == (NINE, at(3600))
    assert hours(at(-1), at(1)) == ["2026-11-23T08", "2026-11-23T09"]
    assert hours(at(0), at(3600)) == ["2026-11-23T09"]
    assert camera_and_hour(footage_id("a.b", "2026-11-23T09")) == ("a.b", "2026-11-23T09")


@pytest.mark.parametrize(
    ("lines", "heard", "expected"),
    [
        ([line(0, 10), line(11, 20)], [], []),
        ([line(0, 10)], [], [(10, 20, "off")]),
        ([line(5, 20)], [(0, 5, "camera")], [(0, 5, "camera")]),
        ([], [(0, 5, "camera"), (5, 20, "disk full")], [(0, 20, "disk full")]),
        ([line(-5, 10), line(15, 20)], [(30, 40, "camera")], [(10, 15, "off")]),
    ],
)
def test_a_gap_has_the_reason_that_fits_most_of_it(
    lines: list[Line],
    heard: list[tuple[float, float, recorded.Lack]],
    expected: list[tuple[float, float, recorded.Lack]],
) -> None:
    span = Span("market", "2026-11-23T09", at(0), at(20))
    lost = [Lost("market", at(a), at(b), why) for a, b, why in heard]
    assert gaps(lines, span, lost) == [Gap(at(a), at(b), why) for a, b, why in expected]


def test_a_size_is_never_smaller_than_the_largest_of_the_last_day() -> None:
    now = [0.0]
    sizes = Sizes(clock=lambda: now[0])
    assert sizes.least() == 0
    sizes.used(4 * LEAST_CLASS)
    now[0] = 3600.0
    sizes.used(LEAST_CLASS)
    assert sizes.least() == 4 * LEAST_CLASS
    now[0] = 24 * 3600.0 + 1
    assert sizes.least() == LEAST_CLASS
    now[0] = 0.0
    assert Sizes(2 * LEAST_CLASS, lambda: now[0]).least() == 2 * LEAST_CLASS


def test_a_file_belongs_to_the_class_of_its_content() -> None:
    assert class_of(LEAST_CLASS + 9000) == LEAST_CLASS
    assert class_of(2 * LEAST_CLASS + 9000) == 2 * LEAST_CLASS
    assert class_of(100) == 0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(1.0, 1.04, False), (1.0, 0.5, False), (1.0, -0.5, True), (1.0, 12.0, True), (None, 5, False)],
)
def test_the_time_of_a_stream_jumps(before: float | None, after: float, expected: bool) -> None:
    assert jumped(before, after) is expected


def test_what_a_recorder_says_is_of_a_closed_type() -> None:
    kept = Kept("market", "2026-11-23T09", "1-000000.seal", "0" * 64, at(0), at(10), 300_000)
    for said in (kept, Lost("market", at(0), at(1), "key"), State("market", True, "partial")):
        assert recorded.heard(recorded.line(said)) == said


@pytest.mark.parametrize(
    "said",
    [
        b'{"recorded":"frame","camera":"market","jpeg":"..."}',
        b'{"recorded":"state","camera":"market","recording":true,"sandbox":"partial","note":"x"}',
        b'{"recorded":"state","camera":"market","recording":true,"sandbox":"full"}',
        b'{"recorded":"gap","camera":"market","since":"2026-11-23T09:00:00Z",'
        b'"until":"2026-11-23T09:00:01Z","why":"somebody walked by"}',
        b'{"recorded":"segment","camera":"market","hour":"2026-11-23T09","file":"../key",'
        b'"digest":"' + b"0" * 64 + b'","since":"2026-11-23T09:00:00Z",'
        b'"until":"2026-11-23T09:00:01Z","size":1}',
        b"nonsense",
    ],
)
def test_anything_else_is_refused(said: bytes) -> None:
    with pytest.raises(Invalid, match="cannot say"):
        recorded.heard(said)


def test_it_speaks_of_no_time_that_has_not_come_or_ends_before_it_begins() -> None:
    recorded.require_of_now(Lost("market", at(0), at(1), "off"), at(1))
    for since, until in ((5, 1), (0, 4000)):
        with pytest.raises(Invalid, match="spoke of a time"):
            recorded.require_of_now(Lost("market", at(since), at(until), "off"), at(1))
