"""Thresholds with duration and hysteresis, on tables that can be checked by hand.

The rule raises at 10 or more and clears at 6 or less. Rows are "second value"; "?" is unknown
and "." lets time pass to that second.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.rules import Watched, elapsed, observed, threshold
from townsquare.model.errors import Invalid
from townsquare.model.rule import Rule

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def rule(for_s: float) -> Rule:
    return Rule("full", "Full", "Flow", "n", above=10, clear_below=6, for_s=for_s)


def crossings(for_s: float, story: str) -> list[str]:
    watched, found = Watched(), []
    for row in story.split(", "):
        second, value = row.split()
        at = NOON + timedelta(seconds=float(second))
        if value == ".":
            watched, crossed = elapsed(rule(for_s), watched, at, UTC_ZONE)
        else:
            number = None if value == "?" else float(value)
            seen = threshold(rule(for_s), number)
            watched, crossed = observed(rule(for_s), watched, seen, at, UTC_ZONE)
        for crossing in crossed:
            after_s = (crossing.at - NOON).total_seconds()
            found.append(f"{crossing.event} {after_s:g} {crossing.value:g}")
    return found


@pytest.mark.parametrize(
    ("for_s", "story", "expected"),
    [
        # Without a duration.
        (0, "0 9, 1 10, 2 12", ["raise 1 10"]),
        (0, "0 12, 1 6", ["raise 0 12", "clear 1 6"]),
        # Between the thresholds nothing changes, whichever side it comes from.
        (0, "0 12, 1 7, 2 9, 3 12", ["raise 0 12"]),
        (0, "0 9, 1 7, 2 9", []),
        # With a duration: at 10 seconds by observation, or by time alone.
        (10, "0 12, 9 12", []),
        (10, "0 12, 10 13", ["raise 10 12"]),
        (10, "0 12, 9 .", []),
        (10, "0 12, 10 .", ["raise 10 12"]),
        (10, "0 12, 60 .", ["raise 10 12"]),
        # A value lasts until the next observation, even one that ends it.
        (10, "0 12, 11 5", ["raise 10 12"]),
        (10, "0 12, 11 5, 21 .", ["raise 10 12", "clear 21 5"]),
        # A break starts the duration again.
        (10, "0 12, 5 9, 6 12, 15 .", []),
        (10, "0 12, 5 9, 6 12, 16 .", ["raise 16 12"]),
        (10, "0 12, 10 ., 20 6, 25 7, 26 6, 35 .", ["raise 10 12"]),
        (10, "0 12, 10 ., 20 6, 25 7, 26 6, 36 .", ["raise 10 12", "clear 36 6"]),
        # Unknown is neither full nor empty.
        (0, "0 ?, 1 ?", []),
        (0, "0 12, 1 ?, 99 .", ["raise 0 12"]),
        (0, "0 12, 1 ?, 2 12", ["raise 0 12"]),
        (10, "0 12, 5 ?, 99 .", []),
        (10, "0 12, 5 ?, 8 12, 17 .", []),
        (10, "0 12, 5 ?, 8 12, 18 .", ["raise 18 12"]),
        # What comes late says nothing about now.
        (0, "5 9, 4 12", []),
        (10, "0 12, 8 12, 3 0, 10 .", ["raise 10 12"]),
    ],
)
def test_crossings(for_s: float, story: str, expected: list[str]) -> None:
    assert crossings(for_s, story) == expected


@given(
    st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(0, 15)), max_size=40),
    st.sampled_from([0, 3, 10]),
    st.data(),
)
def test_looking_at_the_clock_in_between_changes_nothing(
    steps: list[tuple[int, int | None]], for_s: float, looks: st.DataObject
) -> None:
    second, quiet, watchful = 0, [], []
    for wait, value in steps:
        look = second + looks.draw(st.integers(0, wait))
        second += wait
        row = f"{second} {'?' if value is None else value}"
        quiet.append(row)
        watchful += [f"{look} .", row]
    story, looked = ", ".join(quiet) or "0 .", ", ".join(watchful) or "0 ."
    found = crossings(for_s, story)
    assert crossings(for_s, looked) == found
    assert [f.split()[0] for f in found] == ["raise", "clear"] * (len(found) // 2) + ["raise"] * (
        len(found) % 2
    )


@pytest.mark.parametrize(
    ("name", "above", "clear_below", "for_s", "message"),
    [
        ("full", 10, 10, 0, "would chatter"),
        ("full", 10, 6, -1, "0 seconds or more"),
        ("full:west", 10, 6, 0, "letters, digits"),
        ("", 10, 6, 0, "letters, digits"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    name: str, above: float, clear_below: float, for_s: float, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        Rule(name, "Full", "Flow", "n", above, clear_below, for_s)
