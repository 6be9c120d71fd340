"""The tables of recordings: slots, zeros, and the layouts that others read."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest

from townsquare.model.errors import Invalid
from townsquare.vision.recordings import export
from townsquare.vision.recordings.parts import Part, Passed, Stayed, Turned
from townsquare.vision.recordings.sheet import Count, Results, Sheet, Slots

QUARTER = timedelta(minutes=15)
SEVEN = datetime(2026, 5, 4, 7, 10, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("start", "at_s", "expected"),
    [
        (None, 0, ("00:00:00", "00:15:00")),
        (None, 899, ("00:00:00", "00:15:00")),
        (None, 900, ("00:15:00", "00:30:00")),
        # It began at 7:10, in the slot from 7:00 on.
        (SEVEN, 0, ("2026-05-04T07:00:00+02:00", "2026-05-04T07:15:00+02:00")),
        (SEVEN, 301, ("2026-05-04T07:15:00+02:00", "2026-05-04T07:30:00+02:00")),
    ],
)
def test_slots_are_aligned_to_the_clock_where_it_is_known(
    start: datetime | None, at_s: float, expected: tuple[str, str]
) -> None:
    slots = Slots(QUARTER, start)
    assert slots.ends(slots.number(at_s)) == expected


def sheet(start: datetime | None = SEVEN) -> Sheet:
    found = Sheet("arm", Slots(QUARTER, start), ["north", "south"])
    first = Part(
        *(60.0, 1000.0, (640, 360)),
        passed=(Passed("north", "car", "in", 2),),
        turned=(Turned("north", "south", "car", 1),),
        stayed=(Stayed("box", "car", 30.0, 2, 60.0),),
    )
    found.add(first)
    found.add(Part(120.0, 1000.0, (640, 360), stayed=(Stayed("box", "car", 60.0, 1, 60.0),)))
    found.add(Part(400.0, 1000.0, (640, 360), passed=(Passed("south", "bus", "out", 1),)))
    return found


def test_a_watched_slot_has_zeros_and_another_has_no_row() -> None:
    counts = Results([sheet()]).counts
    assert len(counts) == 2 * 2 * 2 * 2  # slots, lines, classes, directions
    assert sum(row.n for row in counts) == 3
    assert {row.since for row in counts} == {
        "2026-05-04T07:00:00+02:00",
        "2026-05-04T07:15:00+02:00",
    }
    assert Count("arm", "north", "car", "in", counts[0].since, counts[0].until, 2) in counts


def test_only_the_classes_that_are_wanted_are_listed() -> None:
    results = Results([sheet()], ["bus"])
    assert {row.of for row in results.counts} == {"bus"}
    assert results.flows == []
    assert results.presences == []


def test_presence_is_the_mean_over_the_time_that_was_watched() -> None:
    (row,) = Results([sheet()]).presences
    assert (row.mean, row.most, row.watched_s) == (0.75, 2, 120.0)


def test_totals_are_over_all_the_time() -> None:
    totals = Results([sheet()]).totals()
    assert totals["arm", "north", "car"]["in"] == 2
    assert totals["arm", "south", "bus"]["out"] == 1


def test_a_turning_table_has_a_column_for_each_exit() -> None:
    rows = list(csv.reader(io.StringIO(export.as_turning_table(Results([sheet()])))))
    assert rows[0][-3:] == ["to north", "to south", "total"]
    assert rows[1][3:] == ["car", "north", "0", "1", "1"]


def test_the_layout_of_otanalytics_is_in_utc_and_in_its_words() -> None:
    rows = list(csv.DictReader(io.StringIO(export.as_otanalytics(Results([sheet()])))))
    assert tuple(rows[0]) == export.OTANALYTICS_HEADS
    turn = next(row for row in rows if "-->" in row["flow"])
    assert turn == {
        "start time": "2026-05-04 05:00:00",
        "start occurrence date": "2026-05-04",
        "start occurrence time": "05:00:00",
        "end time": "2026-05-04 05:15:00",
        "end occurrence date": "2026-05-04",
        "end occurrence time": "05:15:00",
        "classification": "car",
        "flow": "north --> south",
        "from section": "north",
        "to section": "south",
        "count": "1",
    }
    assert rows == sorted(rows, key=lambda row: row["start time"])


def test_that_layout_needs_the_time_of_the_recording() -> None:
    with pytest.raises(Invalid, match="--start"):
        export.as_otanalytics(Results([sheet(None)]))


def test_the_time_of_a_slot_is_that_of_the_town_and_not_of_this_machine() -> None:
    assert Slots(QUARTER, datetime(2026, 1, 1, 0, 1, tzinfo=UTC)).first_s == -60
