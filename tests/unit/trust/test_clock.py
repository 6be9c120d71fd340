"""What time it is for certain, by a clock that is set, stands still, or is off for a while."""

from datetime import UTC, datetime, timedelta

import pytest

from townsquare.trust import clock as clocks
from townsquare.trust.clock import AHEAD, BEHIND, PROBATION, Clock, began, went, witnessed

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
RIGHT = Clock(NOON, NOON)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEARS = timedelta(days=3650)


def after(clock: Clock, *walls_and_passed: tuple[datetime, timedelta]) -> Clock:
    for wall, passed in walls_and_passed:
        clock = went(clock, wall, passed)
    return clock


def test_a_clock_that_goes_evenly_is_believed() -> None:
    later = went(RIGHT, NOON + DAY, DAY)
    assert later.sure == later.wall
    assert not later.ahead
    assert not later.behind


def test_a_jump_ahead_is_not_followed_and_is_told() -> None:
    jumped = went(RIGHT, NOON + YEARS, timedelta(seconds=5))
    assert jumped.ahead
    assert jumped.sure == NOON + timedelta(seconds=5)


def test_nor_is_one_that_comes_while_the_town_is_off() -> None:
    assert began(RIGHT, NOON + YEARS).ahead
    assert began(RIGHT, NOON + YEARS).sure == NOON


def test_steps_that_are_each_small_get_no_further_than_half_as_fast_again() -> None:
    clock = RIGHT
    for _ in range(100):
        clock = went(clock, clock.wall + HOUR, timedelta(minutes=1))
    assert clock.sure <= NOON + timedelta(minutes=150)
    assert clock.ahead


def test_days_off_are_caught_up_on_and_are_no_jump() -> None:
    clock = began(RIGHT, NOON + 2 * DAY)
    assert not clock.ahead
    clock = went(clock, NOON + 6 * DAY, 4 * DAY)
    assert clock.sure == clock.wall


def test_a_restart_for_each_day_does_not_move_it_along() -> None:
    clock = RIGHT
    for day in range(1, 400):
        clock = began(clock, NOON + day * DAY)
    assert clock.sure == NOON
    assert clock.ahead


def test_a_jump_is_believed_after_a_month_of_going_evenly_and_not_sooner() -> None:
    clock = went(RIGHT, NOON + YEARS, timedelta())
    days = int(PROBATION / DAY)
    for _ in range(days - 1):
        clock = went(clock, clock.wall + DAY, DAY)
    assert clock.ahead
    assert went(clock, clock.wall + DAY + HOUR, DAY).even == timedelta(), "it was set again"
    assert went(clock, clock.wall + DAY, DAY).sure == clock.wall + DAY


def test_a_jump_that_is_taken_back_is_forgotten() -> None:
    jumped = went(RIGHT, NOON + YEARS, HOUR)
    back = went(jumped, NOON + 2 * HOUR, HOUR)
    assert not back.ahead
    assert not back.behind


def test_a_clock_that_was_set_back_is_behind_until_it_is_set_right() -> None:
    set_back = went(RIGHT, NOON - HOUR, HOUR)
    assert set_back.behind
    assert set_back.sure == NOON + HOUR
    assert not went(set_back, NOON + 2 * HOUR, HOUR).behind
    assert began(RIGHT, NOON - HOUR).behind


def test_a_small_correction_back_is_no_trouble() -> None:
    corrected = went(RIGHT, NOON - BEHIND / 2, timedelta())
    assert not corrected.behind
    assert not went(corrected, corrected.wall + HOUR, HOUR).behind


@pytest.mark.parametrize(
    ("seen", "believed"),
    [(YEARS, True), (YEARS - HOUR, True), (YEARS - DAY, False), (YEARS + DAY, False)],
)
def test_what_a_witness_saw_just_now_is_believed(seen: timedelta, believed: bool) -> None:
    jumped = went(RIGHT, NOON + YEARS, timedelta())
    clock = witnessed(jumped, NOON + seen)
    assert clock.ahead is not believed


def test_a_witness_makes_nothing_earlier() -> None:
    clock = Clock(NOON, NOON + HOUR)
    assert witnessed(clock, NOON - HOUR / 2) == clock


def test_a_person_can_say_that_it_is_right() -> None:
    for clock in (Clock(NOON, NOON + YEARS), Clock(NOON, NOON - YEARS)):
        said = clocks.confirmed(clock)
        assert not said.ahead
        assert not said.behind
    assert AHEAD > BEHIND
