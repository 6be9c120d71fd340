"""Schedules, dead times, silences and separate durations, on tables that can be checked by hand.

Rows are "second value" as in test_rules; the rule raises at 10 or more and clears at 6 or less.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from townsquare.alerts.rules import Seen, Watched, elapsed, observed, threshold, within
from townsquare.model.errors import Invalid
from townsquare.model.rule import BrokenRule, Rule
from townsquare.model.schedule import read_schedule, windows

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)  # a Saturday
BERLIN, ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def level(**more: Any) -> Rule:
    return Rule("full", "Full", "Bin", "n", above=10, clear_below=6, **more)


def silent(**more: Any) -> Rule:
    return Rule("mute", "Mute", "Bin", "n", **more)


def crossings(rule: Rule, story: str) -> list[str]:
    watched, found = Watched(), []
    for row in story.split(", "):
        second, value = row.split()
        at = NOON + timedelta(seconds=float(second))
        if value == ".":
            watched, crossed = elapsed(rule, watched, at, ZONE)
        else:
            seen = threshold(rule, None if value == "?" else float(value))
            watched, crossed = observed(rule, watched, seen, at, ZONE)
        found += [f"{c.event} {(c.at - NOON).total_seconds():g}" for c in crossed]
    return found


@pytest.mark.parametrize(
    ("rule", "story", "expected"),
    [
        # Its own duration for the return; both may have passed between two observations.
        (level(clear_for_s=5), "0 12, 1 3, 5 .", ["raise 0"]),
        (level(clear_for_s=5), "0 12, 1 3, 9 12", ["raise 0", "clear 6", "raise 9"]),
        (level(for_s=10, clear_for_s=0), "0 12, 12 3", ["raise 10", "clear 12"]),
        # A dead time postpones, and counts what did not last until its end.
        (level(dead_time_s=60), "0 12, 10 3, 20 12, 69 .", ["raise 0", "clear 10"]),
        (level(dead_time_s=60), "0 12, 10 3, 20 12, 70 .", ["raise 0", "clear 10", "raise 70"]),
        (level(dead_time_s=60), "0 12, 10 3, 20 12, 30 3", ["raise 0", "clear 10", "dead 30"]),
        (
            level(dead_time_s=60, for_s=15),
            "0 12, 20 3, 40 12, 50 3, 90 .",
            ["raise 15", "clear 35"],
        ),
        # A silence begins with each observation and ends with the next; unknown is data too late.
        (silent(no_data_for_s=60), "0 1, 59 1, 118 .", []),
        (silent(no_data_for_s=60), "0 1, 60 .", ["raise 60"]),
        (
            silent(no_data_for_s=60),
            "0 1, 100 1, 159 ., 160 .",
            ["raise 60", "clear 100", "raise 160"],
        ),
        # Hours: it waits for them, ends with them, and comes back with the next.
        (level(schedule="Sat 12:01-12:02"), "0 12, 59 .", []),
        (level(schedule="Sat 12:01-12:02"), "0 12, 60 .", ["raise 60"]),
        (level(schedule="Sat 12:01-12:02"), "0 12, 119 ., 3000 .", ["raise 60", "clear 120"]),
        (
            level(schedule="Sat 12:01-12:02, Sat 12:03-12:04"),
            "0 12, 170 3, 3000 .",
            ["raise 60", "clear 120"],
        ),
        (
            level(schedule="Sat 12:01-12:02, Sat 12:03-12:04"),
            "0 12, 3000 .",
            ["raise 60", "clear 120", "raise 180", "clear 240"],
        ),
        (level(schedule="Sun 00:00-24:00"), "0 12, 100 3, 90000 .", []),
    ],
)
def test_crossings(rule: Rule, story: str, expected: list[str]) -> None:
    assert crossings(rule, story) == expected


@pytest.mark.parametrize(
    ("there", "seen", "expected"),
    [
        (True, Seen(True, False), Seen(True, False)),
        (False, Seen(True, False), Seen(False, True)),
        (None, Seen(True, False), Seen(None, False)),
        (None, Seen(False, True), Seen(False, True)),
        (True, Seen(None, None), Seen(None, None)),
        (False, Seen(None, None), Seen(False, True)),
    ],
)
def test_an_area_narrows_what_is_seen(there: bool | None, seen: Seen, expected: Seen) -> None:
    assert within(there, seen) == expected


# --- schedules


@pytest.mark.parametrize(
    ("text", "zone", "at", "since", "until"),
    [
        ("Mon-Fri 08:00-18:00", ZONE, "2030-06-01T12:00", "2030-06-03T08:00", "2030-06-03T18:00"),
        ("Sat 08:00-18:00", ZONE, "2030-06-01T12:00", "2030-06-01T08:00", "2030-06-01T18:00"),
        ("Sat 08:00-18:00", BERLIN, "2030-06-01T12:00", "2030-06-01T06:00", "2030-06-01T16:00"),
        ("Fri 22:00-02:00", ZONE, "2030-06-01T01:00", "2030-05-31T22:00", "2030-06-01T02:00"),
        # Two that touch are one; a week turns over.
        ("Sat-Sun 20:00-04:00, Sun 04:00-06:00", ZONE, "2030-06-01T23:00", "2030-06-01T20:00",
         "2030-06-02T06:00"),
        ("Sun-Mon 00:00-24:00", ZONE, "2030-06-01T12:00", "2030-06-02T00:00", "2030-06-04T00:00"),
        # The night in which the clocks go forward is an hour shorter.
        ("Sat 22:00-06:00", BERLIN, "2030-03-31T00:00", "2030-03-30T21:00", "2030-03-31T04:00"),
    ],
)  # fmt: skip
def test_windows(text: str, zone: ZoneInfo, at: str, since: str, until: str) -> None:
    window = next(windows(text, zone, datetime.fromisoformat(f"{at}+00:00")))
    assert [t.isoformat()[:16] for t in window] == [since, until]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Mon-Fri 8-18", "character 1: 'Mon-Fri 8-18'"),
        ("Mon 08:00-18:00, Xyz 08:00-09:00", "character 17: 'Xyz'"),
        ("Mon 08:60-18:00", "08:60"),
        ("Mon 08:00-24:01", "24:01"),
        ("Mon-Sun 00:00-24:00", "leave the schedule empty"),
        ("", "character 1"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_schedule(text)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"attribute": "n", "above": 10}, "clear_below"),
        ({"attribute": "n", "clear_below": 10}, "above"),
        ({"attribute": "n", "above": float("nan"), "clear_below": 1}, "above"),
        ({"above": 10, "clear_below": 6}, "attribute"),
        ({}, "q"),
        ({"q": "n>1", "attribute": "n", "above": 10, "clear_below": 6}, "above"),
        ({"q": "n>1", "attribute": "n"}, "attribute"),
        ({"ends_q": "n<1"}, "q"),
        ({"q": "n>1", "for_s": -1}, "for_s"),
        ({"q": "n>1", "dead_time_s": 1e9}, "dead_time_s"),
        ({"q": "n>1", "clear_for_s": -1}, "clear_for_s"),
        ({"no_data_for_s": 60}, "attribute"),
        ({"no_data_for_s": 0, "attribute": "n"}, "no_data_for_s"),
        ({"no_data_for_s": 60, "attribute": "n", "for_s": 5}, "for_s"),
        ({"area": "{"}, "area"),
        ({"area": '{"type": "Point", "coordinates": [999, 0]}'}, "area"),
        ({"q": "n>1", "schedule": "always"}, "schedule"),
        ({"q": "n>1", "severity": "awful"}, "severity"),
    ],
)
def test_a_broken_rule_names_the_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BrokenRule) as broken:
        Rule("full", "Full", "Bin", **given)
    assert broken.value.field == field
    assert str(broken.value).startswith(f"rule 'full': {field}: ")
