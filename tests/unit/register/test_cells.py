"""Hours from windows, on tables that can be checked by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from townsquare.model.count_error import CountError, Interval
from townsquare.model.entity import Attribute, Entity
from townsquare.register.cells import (
    Cell,
    Kind,
    Spot,
    Window,
    cell,
    due,
    from_entity,
    hour_of,
    next_due,
    to_entity,
    windows,
)

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def window(
    minute: float,
    first: float | None,
    second: float | None,
    coverage: float = 1,
    *,
    sample: bool = False,
) -> Window:
    since = NOON + timedelta(minutes=minute)
    return Window(since, since + timedelta(minutes=5), (first, second), coverage, sample)


WHOLE = [window(5 * n, 2, 1) for n in range(12)]


@pytest.mark.parametrize(
    ("kind", "closed", "values", "coverage"),
    [
        # Lines are summed; coverage is the share of the hour that was watched.
        ("line", WHOLE, (24, 12), 1.0),
        ("line", WHOLE[:3], (6, 3), 0.25),
        ("line", [window(0, 2, 1, 0.5), window(5, 2, 1, 0.1)], (4, 2), 0.05),
        ("line", [window(0, 0, 0)], (0, 0), 0.083),
        # Zones: the mean of the time that was watched, the most of all.
        ("zone", [window(0, 4, 6), window(5, 8, 9)], (6.0, 9), 0.167),
        ("zone", [window(0, 4, 6), window(5, 10, 7, 0.5)], (6.0, 7), 0.125),
        # Nobody watched: no cell.
        ("line", [], None, 0),
        ("line", [window(0, 0, 0, coverage=0)], None, 0),
        ("zone", [window(0, None, None)], None, 0),
        # Other hours, and a window across the end of the hour.
        ("line", [window(-5, 7, 7), window(60, 7, 7), window(58, 7, 7)], None, 0),
        ("line", [window(-5, 7, 7), *WHOLE, window(60, 7, 7)], (24, 12), 1.0),
    ],
)
def test_the_cell_of_an_hour(
    kind: Kind, closed: list[Window], values: tuple[float, float] | None, coverage: float
) -> None:
    made = cell(kind, closed, NOON)
    if values is None:
        assert made is None
    else:
        assert made == Cell(NOON, NOON + HOUR, values, coverage)


def test_what_was_counted_is_not_mixed_with_samples() -> None:
    sample = [window(5 * n, 50, 50, sample=True) for n in range(12)]
    mixed = cell("line", [*sample, window(55, 2, 1)], NOON)
    assert mixed == Cell(NOON, NOON + HOUR, (2, 1), 0.083)
    only = cell("line", sample, NOON)
    assert only == Cell(NOON, NOON + HOUR, (600, 600), 1.0, sample=True)


def test_windows_are_read_from_history_by_their_end() -> None:
    def at(minute: int, value: object) -> Attribute:
        return Attribute(value, observed_at=NOON + timedelta(minutes=minute))

    past = Entity(
        "urn:ngsi-ld:CrowdFlowObserved:square-west",
        ("CrowdFlowObserved",),
        {
            "peopleCountTowards": (at(5, 2), at(10, 3), at(15, 4)),
            "peopleCountAway": (at(5, 1), at(10, 0), at(15, 9)),
            "dateObservedFrom": (at(5, "2030-06-01T12:00:00Z"), at(10, "2030-06-01T12:05:00Z")),
            "coverage": (at(5, 1.0), at(10, 0.5), at(15, 1.0)),
        },
    )
    # The third does not say since when: it cannot be used.
    assert windows("line", past) == [window(0, 2, 1), window(5, 3, 0, 0.5)]


@pytest.mark.parametrize(
    ("now", "newest", "following"),
    [
        ("12:00:00", 10, "12:01:30"),
        ("12:01:29", 10, "12:01:30"),
        ("12:01:30", 11, "13:01:30"),
        ("12:59:59", 11, "13:01:30"),
    ],
)
def test_when_an_hour_is_due(now: str, newest: int, following: str) -> None:
    at = datetime.fromisoformat(f"2030-06-01T{now}Z")
    hours = due(at, 3)
    assert [hour.hour for hour in hours] == [newest - 2, newest - 1, newest]
    assert next_due(at) == datetime.fromisoformat(f"2030-06-01T{following}Z")


def test_hours_are_those_of_utc() -> None:
    in_india = datetime.fromisoformat("2030-06-01T17:45:00+05:30")
    assert hour_of(in_india) == NOON


@pytest.mark.parametrize("sample", [True, False])
@pytest.mark.parametrize("kind", ["line", "zone"])
def test_a_cell_is_published_and_read_as_it_is(kind: Kind, sample: bool) -> None:
    spot = Spot("square", "west", kind, ("to the west", "to the east"))
    made = Cell(NOON, NOON + HOUR, (24, 12.5), 0.958, sample)
    published = to_entity(spot, made)
    assert published.id == "urn:ngsi-ld:CrowdFlowObserved:square-west:2030-06-01T12Z"
    assert published.scope == ("/published",)
    assert from_entity(spot, published) == made


def test_an_interval_of_an_hour_is_made_from_what_was_counted_with_the_same_error() -> None:
    by_day, by_night = CountError(1.0, 0.01, 0.1, 1), CountError(1.2, 0.02, 0.3, 4)
    known = replace(window(0, 20, 0), errors=(by_day, None), evaluated="2030-05-02")
    same = replace(known, since=known.until, until=known.until + (known.until - known.since))
    other = replace(window(30, 10, 0), errors=(by_night, None), evaluated="2030-04-01")
    alike, mixed = cell("line", [known, same], NOON), cell("line", [known, other], NOON)
    assert alike is not None
    assert mixed is not None
    assert (alike.bounds, alike.evaluated) == ((by_day.interval(40), None), "2030-05-02")
    assert mixed.bounds == (by_day.interval(20) + by_night.interval(10), None)
    assert mixed.evaluated == "2030-04-01"


def test_an_hour_of_which_a_part_is_unknown_has_no_interval() -> None:
    known = replace(window(0, 20, 0), errors=(CountError(1.0, 0.01, 0.1, 1), None), evaluated="x")
    made = cell("line", [known, window(5, 20, 0)], NOON)
    assert made is not None
    assert (made.bounds, made.evaluated) == ((None, None), "")


def test_a_published_interval_is_read_as_it_is() -> None:
    spot = Spot("square", "west", "line", ("to the west", "to the east"))
    bounds = (Interval(20, 30), None)
    made = Cell(NOON, NOON + HOUR, (24, 12), 1.0, bounds=bounds, evaluated="2030-05-02")
    published = to_entity(spot, made)
    assert published.value("peopleCountTowardsHigh") == 30
    assert from_entity(spot, published) == made
