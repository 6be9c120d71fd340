"""In which row of the queue an alarm comes: what belongs together shares one, a flood opens ten at
most in ten minutes, and no alarm is without.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.flood.alarm import Alarm, By
from townsquare.alerts.flood.rows import (
    CRITICAL,
    NEAR_M,
    PLAIN,
    TEN_MINUTES,
    Rows,
    distance_m,
)
from townsquare.model.position import Position

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HERE = Position(13.5, 52.4)
NEXT_DOOR = Position(13.501, 52.4)  # 68 m away
FAR = Position(13.6, 52.4)


def named(cause: str, number: int, **known: Any) -> Alarm:
    source = f"urn:ngsi-ld:Lamp:{number}"
    id = f"urn:ngsi-ld:Alert:{cause}:{number}"
    return replace(Alarm(id, source, source, raised=NOON, queued=True, active=True), **known)


def come(rows: Rows, alarm: Alarm, at: datetime) -> Alarm:
    there = replace(alarm, place=rows.place(alarm, at), version=alarm.version + 1, queued=True)
    rows.see(there)
    return there


def row(alarm: Alarm) -> str:
    assert alarm.place
    return alarm.place.row


def by(alarm: Alarm) -> By:
    assert alarm.place
    return alarm.place.by


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("first", "second", "minutes", "why"),
    [
        ({}, {}, 0, "itself"),
        ({"group": "square"}, {"group": "square"}, 60, "group"),
        ({"asset": "urn:ngsi-ld:Camera:1"}, {"asset": "urn:ngsi-ld:Camera:1"}, 60, "asset"),
        ({"position": HERE}, {"position": NEXT_DOOR}, 2, "near"),
        ({"position": HERE}, {"position": NEXT_DOOR}, 2.1, "itself"),
        ({"position": HERE}, {"position": FAR}, 0, "itself"),
        ({"position": HERE}, {}, 0, "itself"),
        ({"group": "square"}, {"group": "square", "severity": "critical"}, 0, "itself"),
        (
            {"group": "square", "severity": "critical"},
            {"group": "square", "severity": "critical"},
            0,
            "group",
        ),
    ],
)
def test_what_belongs_together_shares_a_row(
    first: dict[str, object], second: dict[str, object], minutes: float, why: By
) -> None:
    rows = Rows()
    one = come(rows, named("dark", 1, **first), NOON)
    other = come(rows, named("wet", 2, **second), after(minutes))
    assert by(other) == why
    assert (row(other) == row(one)) == (why != "itself")


def test_an_alarm_that_comes_back_is_in_the_row_where_it_was() -> None:
    rows = Rows()
    one = come(rows, named("dark", 1), NOON)
    over = replace(one, queued=False, active=False, version=2)
    rows.see(over)
    assert rows.place(over, after(9.9)) == one.place, "so soon it is the same row"
    assert rows.place(over, after(10)) != one.place, "then it is a new one"


def test_a_row_stays_itself_as_long_as_something_in_it_is_open() -> None:
    rows = Rows()
    one = come(rows, named("dark", 1, group="street"), NOON)
    later = come(rows, named("dark", 2, group="street"), after(300))
    assert row(later) == row(one)


def test_what_a_flood_brought_together_parts_after_it() -> None:
    rows = Rows()
    flood = [come(rows, named(f"cause-{n}", n), NOON) for n in range(10)]
    assert by(flood[9]) == "rest"
    over = replace(flood[9], queued=False, active=False, version=2)
    rows.see(over)
    assert rows.place(over, after(5)) == flood[9].place
    assert rows.place(over, after(10)).by == "itself", "though others are still in that row"


def test_under_pressure_alarms_share_rows_by_cause_then_by_quarter() -> None:
    rows = Rows()
    quarter = replace(HERE, lon=HERE.lon + 0.006)  # 407 m away
    come(rows, named("wet", 0, position=HERE), NOON)
    assert by(come(rows, named("wet", 1), NOON)) == "itself"
    assert by(come(rows, named("wet", 2), NOON)) == "cause"
    assert by(come(rows, named("odd", 3), NOON)) == "itself"
    for number in range(4, 6):
        come(rows, named(f"cause-{number}", number), NOON)
    assert by(come(rows, named("strange", 6, position=quarter), NOON)) == "place"
    calm = after(10)
    assert by(come(rows, named("wet", 12), calm)) == "itself"


def test_what_fits_nowhere_goes_into_one_row_and_critical_alarms_stand_alone() -> None:
    rows = Rows()
    plain = [come(rows, named(f"cause-{n}", n), NOON) for n in range(30)]
    critical = [come(rows, named(f"gas-{n}", 50 + n, severity="critical"), NOON) for n in range(5)]
    assert [by(a) for a in plain] == ["itself"] * PLAIN + ["rest"] * 23
    alone = CRITICAL - PLAIN
    assert [by(a) for a in critical] == ["itself"] * alone + ["rest"] * 3
    assert len({row(a) for a in plain + critical}) == 10


def test_metres_between_places() -> None:
    assert distance_m(HERE, NEXT_DOOR) == pytest.approx(67.9, abs=0.5)
    assert distance_m(HERE, FAR) > NEAR_M


# --- whatever happens

LAMPS = st.builds(
    lambda cause, number, place, group, severity: named(
        cause,
        number,
        position=Position(13.5 + place / 1000, 52.4) if place else None,
        group=group,
        severity=severity,
    ),
    st.sampled_from([f"cause-{n}" for n in range(20)]),
    st.integers(0, 30),
    st.integers(0, 40),
    st.sampled_from(["", "", "", "square"]),
    st.sampled_from(["critical", "high", "low", "low"]),
)
# An alarm comes, or leaves the queue; so many seconds after the one before.
EVENTS = st.lists(st.tuples(LAMPS, st.booleans(), st.integers(0, 90)), max_size=120)


def happen(events: Sequence[tuple[Alarm, bool, int]]) -> tuple[Rows, dict[str, Alarm], datetime]:
    rows, there, now = Rows(), dict[str, Alarm](), NOON
    for alarm, leaves, wait_s in events:
        now += timedelta(seconds=wait_s)
        known = there.get(alarm.id)
        if known and known.queued and leaves:
            left = replace(known, queued=False, active=False, version=known.version + 1)
            there[alarm.id] = left
            rows.see(left)
        elif not (known and known.queued):
            kept = (known.place, known.version) if known else (None, 0)
            again = replace(alarm, raised=now, place=kept[0], version=kept[1])
            there[alarm.id] = come(rows, again, now)
    return rows, there, now


@given(EVENTS)
def test_never_more_than_ten_rows_are_opened_in_any_ten_minutes(
    events: list[tuple[Alarm, bool, int]],
) -> None:
    rows, now = Rows(), NOON
    opened: dict[str, datetime] = {}
    known: dict[str, Alarm] = {}
    for alarm, leaves, wait_s in events:
        now += timedelta(seconds=wait_s)
        before = known.get(alarm.id)
        if before and before.queued:
            if leaves:
                known[alarm.id] = replace(before, queued=False, version=before.version + 1)
                rows.see(known[alarm.id])
            continue
        again = replace(before or alarm, raised=now)
        known[alarm.id] = there = come(rows, again, now)
        assert there.place, "no alarm is in no row"
        opened.setdefault(there.place.row, there.place.since)
        lately = [at for at in opened.values() if at > now - TEN_MINUTES]
        assert len(lately) <= 10


@given(EVENTS, LAMPS)
def test_after_a_restart_the_rows_are_the_same(
    events: list[tuple[Alarm, bool, int]], newcomer: Alarm
) -> None:
    rows, there, now = happen(events)
    anew = Rows(there.values())
    assert {r.id for r in anew.standing(now)} == {r.id for r in rows.standing(now)}
    if newcomer.id not in there:
        assert anew.place(newcomer, now) == rows.place(newcomer, now)
