"""What always holds of the alarm load, whatever happened; and the edges of its definitions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.load.figures import Load, load
from townsquare.alerts.load.flood import Span, buckets, floods, most_within, without
from townsquare.alerts.load.limits import judged_share
from townsquare.alerts.load.months import last, month, names, until
from townsquare.alerts.load.published import published
from townsquare.alerts.load.story import ACTIVE, HIDDEN, Transition, story
from townsquare.alerts.load.tally import Entered, Tally
from townsquare.model.errors import Invalid
from townsquare.model.town import Town

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
TOWN = Town("Testtown", "Europe/Berlin")
DAY = last(timedelta(days=1), NOON, TOWN)
STATES = ("NORMAL", "UNACK", "ACKED", "RTN_UNACK", "LATCHED_RTN", *sorted(HIDDEN))

seconds = st.integers(-4000, 86_399)  # of an hour before the day as well
moments = st.lists(seconds.map(lambda s: DAY.since + timedelta(seconds=s)), max_size=120).map(
    sorted
)
happened = st.lists(
    st.builds(
        Transition,
        seconds.map(lambda s: DAY.since + timedelta(seconds=s)),
        st.sampled_from("abcde"),
        st.sampled_from(STATES),
        st.sampled_from(("critical", "high", "medium", "low", "")),
    ),
    max_size=150,
    unique_by=lambda one: (one.at, one.alarm),
)


def after(s: float) -> datetime:
    return NOON + timedelta(seconds=s)


@given(happened)
def test_the_parts_add_up(transitions: list[Transition]) -> None:
    found = load(DAY, transitions, [Span(DAY.since, DAY.until)])
    assert sum(n or 0 for n in found.numbers) == found.annunciations
    assert sum(one.number for one in found.priorities) == found.annunciations
    waits = sum(one.number + one.waiting for one in found.acknowledged)
    assert waits <= found.annunciations
    assert found.watched_h + found.unknown_h == pytest.approx(24)
    assert sum(one.total for one in found.floods) <= len(story(transitions).annunciations)
    share = found.figure("timeInFlood").value
    assert share is not None
    assert 0 <= share <= 1


@given(happened, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(
    transitions: list[Transition], chance: Random
) -> None:
    shuffled = list(transitions)
    chance.shuffle(shuffled)
    watched = [Span(DAY.since, DAY.until)]
    assert load(DAY, shuffled, watched) == load(DAY, transitions, watched)


@given(moments)
def test_floods_are_apart_and_begin_above_ten(times: list[datetime]) -> None:
    found = floods(times, DAY.until)
    assert sum(one.total for one in found) <= len(times)
    for one in found:
        within = [at for at in times if one.since - timedelta(minutes=10) < at <= one.since]
        assert len(within) > 10
        assert one.total > 0
        assert one.peak > 10
        if one.until:
            left = [at for at in times if one.until - timedelta(minutes=10) < at <= one.until]
            assert len(left) < 5
    ends = [end for one in found for end in (one.since, one.until or DAY.until)]
    assert ends == sorted(ends)


@given(moments, st.integers(1, 3600))
def test_the_most_within_is_what_counting_gives(times: list[datetime], span_s: int) -> None:
    span = timedelta(seconds=span_s)
    counted = (sum(end - span < at <= end for at in times) for end in times)
    assert most_within(times, span) == max(counted, default=0)


@given(happened)
def test_nobody_is_active_twice_at_once(transitions: list[Transition]) -> None:
    told = story(transitions)
    for alarm in "abcde":
        of = sorted((s.since, s.until or DAY.until) for s in told.stretches if s.alarm == alarm)
        assert all(first[1] <= then[0] for first, then in pairwise(of))
    assert all(one.state in HIDDEN for one in told.stays)
    assert ACTIVE.isdisjoint(HIDDEN)


def test_what_nobody_watched_is_unknown_and_not_judged() -> None:
    found = load(DAY, [], [])
    assert found.watched_h == 0
    assert set(found.numbers) == {None}
    assert {(one.value, one.judgement) for one in found.figures} == {(None, None)}


def test_a_watched_day_without_alarms_is_calm_and_not_unknown() -> None:
    found = load(DAY, [], [Span(DAY.since, DAY.until)])
    assert found.indicative
    unknown = [one.name for one in found.figures if one.value is None]
    assert unknown == ["shareOfTen"]  # of nothing there is no share
    assert found.figure("perHour").value == 0


def test_no_rate_is_made_up_for_a_longer_time_than_was_watched() -> None:
    hour = last(timedelta(hours=1), NOON, TOWN)
    found = load(
        hour, [Transition(after(-60), "a", "UNACK", "low")], [Span(hour.since, hour.until)]
    )
    assert found.figure("perHour").value == 1
    assert found.figure("perDay").value is None


@pytest.mark.parametrize(("number", "flooded"), [(10, 0), (11, 1)])
def test_a_flood_begins_with_the_eleventh(number: int, flooded: int) -> None:
    times = [after(s) for s in range(number)]
    assert len(floods(times, after(5000))) == flooded


def test_ten_minutes_do_not_have_their_own_beginning_in_them() -> None:
    times = [after(0), *(after(600) for _ in range(10))]
    assert floods(times, after(601)) == []
    assert most_within(times, timedelta(minutes=10)) == 10


def test_a_flood_that_began_before_the_time_is_in_it() -> None:
    early = DAY.since - timedelta(minutes=1)
    rang = [Transition(early, f"a{n}", "UNACK", "low") for n in range(20)]
    found = load(DAY, rang, [Span(DAY.since, DAY.until)])
    assert found.annunciations == 0
    assert [one.since for one in found.floods] == [early]
    assert found.figure("timeInFlood").value == pytest.approx(540 / 86_400)


def test_one_bucket_for_each_ten_minutes_also_where_the_last_is_shorter() -> None:
    parts = buckets([after(0), after(601)], after(0), after(900), [Span(after(0), after(700))])
    assert [(one.number, one.whole) for one in parts] == [(1, True), (1, False)]
    assert buckets([], after(0), after(900), [Span(after(0), after(700))])[1].number is None


@pytest.mark.parametrize(
    ("severity", "share", "judgement"),
    [
        ("critical", 0.01, "very likely acceptable"),
        ("critical", 0.02, "manageable"),
        ("critical", 0.021, "too much"),
        ("high", 0, "very likely acceptable"),
        ("low", 1, "very likely acceptable"),
        ("low", 0.4, "manageable"),
        ("low", 0.39, "too much"),
        ("low", 0, "too much"),
    ],
)
def test_shares_of_severities(severity: str, share: float, judgement: str) -> None:
    assert judged_share(severity, share) == judgement


# --- months


@pytest.mark.parametrize(
    ("name", "hours", "days"), [("2026-03", 743, 31), ("2026-10", 745, 31), ("2024-02", 696, 29)]
)
def test_a_month_has_the_hours_of_the_towns_clock(name: str, hours: int, days: int) -> None:
    found = month(name, TOWN)
    assert (found.until - found.since) / timedelta(hours=1) == hours
    assert len(found.days) == days + 1


@pytest.mark.parametrize("name", ["", "2026", "2026-13", "2026-1", "2026-00", "0000-01", "x" * 99])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="2026-10"):
        month(name, TOWN)


def test_a_month_that_runs_ends_now_and_one_to_come_has_no_figures() -> None:
    assert until(month("2030-06", TOWN), NOON).until == NOON
    with pytest.raises(Invalid, match="no figures yet"):
        until(month("2030-07", TOWN), NOON)


def test_months_that_are_over_newest_first() -> None:
    assert names(NOON - timedelta(days=70), NOON, TOWN) == ["2030-05", "2030-04", "2030-03"]
    assert names(NOON, NOON, TOWN) == []


@pytest.mark.parametrize(
    ("states", "annunciations", "acknowledgements", "waits"),
    [
        ("UNACK ACKED NORMAL", 1, 1, [60]),
        ("UNACK RTN_UNACK NORMAL", 1, 1, [120]),
        ("UNACK RTN_UNACK LATCHED_RTN NORMAL", 1, 1, [120]),  # a reset is no acknowledgement
        ("UNACK RTN_UNACK UNACK ACKED", 2, 1, [180]),  # waits from the first
        ("UNACK ACKED LATCHED_RTN ACKED NORMAL", 1, 1, [60]),  # the same occurrence
        ("UNACK SHELVED UNACK ACKED", 2, 1, [60]),  # it was dealt with, and rang anew
        ("UNACK SHELVED NORMAL", 1, 0, []),
        ("SUPPRESSED NORMAL", 0, 0, []),
        ("UNACK UNACK OUT_OF_SERVICE", 1, 0, []),
        ("UNACK", 1, 0, [None]),
    ],
)
def test_ways_through_the_states(
    states: str, annunciations: int, acknowledgements: int, waits: list[int | None]
) -> None:
    told = story(
        Transition(after(60 * n), "a", state, "low") for n, state in enumerate(states.split())
    )
    assert len(told.annunciations) == annunciations
    assert len(told.acknowledgements) == acknowledgements
    assert [one.took and one.took.total_seconds() for one in told.waits] == waits


# --- for everyone


def a_load(*numbers: int) -> Load:
    """Of so many alarms of each severity, one a minute, none of them acknowledged."""
    severities = ("critical", "high", "medium", "low")
    each = [s for s, n in zip(severities, numbers, strict=True) for _ in range(n)]
    rang = [
        Transition(DAY.since + timedelta(minutes=m), f"secret-{m}", "UNACK", severity)
        for m, severity in enumerate(each)
    ]
    return load(DAY, rang, [Span(DAY.since, DAY.until)])


def test_everyone_reads_no_name_and_no_small_number() -> None:
    told = published("2030-06", a_load(1, 0, 20, 30))
    assert "secret" not in str(told)
    assert [(one.of, one.number) for one in told.severities] == [
        ("critical", None),
        ("high", 0),
        ("medium", None),  # or the one above could be had from the sum
        ("low", 30),
    ]
    assert told.annunciations == 51
    assert not {1, 2, 3} & set(told.numbers)


def test_of_few_alarms_nothing_is_told_but_how_they_are_judged() -> None:
    told = published("2030-06", a_load(0, 0, 1, 2))
    assert told.annunciations is None
    assert {one.value for one in told.figures if one.few} == {None}
    rates = [one for one in told.figures if one.name.startswith("per")]
    assert {(one.value, one.judgement) for one in rates} == {(None, "very likely acceptable")}
    assert not told.acknowledged


@given(st.tuples(*[st.integers(0, 12)] * 4))
def test_what_is_left_out_cannot_be_computed(numbers: tuple[int, int, int, int]) -> None:
    told = published("2030-06", a_load(*numbers))
    hidden = [n for n, one in zip(numbers, told.severities, strict=False) if one.number is None]
    assert told.annunciations is None or not hidden or sum(hidden) >= 5
    assert not any(0 < (one.number or 0) < 5 for one in told.severities)


# --- of this moment


@given(happened, st.lists(st.integers(1, 40), max_size=10))
def test_the_tally_of_portions_is_that_of_the_whole(
    transitions: list[Transition], portions: list[int]
) -> None:
    """Read in portions that overlap, as it counts live, it is what the report counts."""
    recorded = sorted(transitions, key=lambda one: one.at)
    read = [Entered(t.at, f"{n:06}", t.alarm, t.state, t.at) for n, t in enumerate(recorded)]
    tally, place = Tally(), 0
    for portion in (*portions, len(read)):
        tally.read(read[max(0, place - 5) : place + portion])
        place += portion
        if read:
            tally.settle(read[min(max(0, place - 5), len(read) - 1)].recorded)
    now = tally.now(DAY.until)
    rang = [one.at for one in story(recorded).annunciations]
    ten, hour = timedelta(minutes=10), timedelta(hours=1)
    assert now.hour == sum(at > DAY.until - hour for at in rang)
    assert now.ten_minutes == sum(at > DAY.until - ten for at in rang)


def test_the_tally_waits_for_the_next_to_grow_old() -> None:
    tally = Tally()
    assert tally.left(NOON) is None
    tally.read([Entered(NOON, "1", "a", "UNACK", NOON)])
    assert tally.left(after(1)) == timedelta(seconds=599)
    assert tally.now(after(600)) == (0, 1, False)
    assert tally.left(after(600)) == timedelta(minutes=50)


def test_holes_are_taken_out_of_what_was_watched() -> None:
    whole = Span(after(0), after(600))
    holes = [
        Span(after(-60), after(60)),
        Span(after(100), after(200)),
        Span(after(150), after(250)),
    ]
    left = [Span(after(60), after(100)), Span(after(250), after(600))]
    assert without(whole, holes) == left
    assert without(whole, []) == [whole]
    assert without(whole, [Span(after(-1), after(601))]) == []


def test_a_flood_says_how_many_rows_it_was() -> None:
    rang = [
        Transition(after(n - 7200), f"a{n}", "UNACK", "low", row="one" if n % 3 else f"r{n % 2}")
        for n in range(12)
    ]
    (flood,) = load(DAY, rang, [Span(DAY.since, DAY.until)]).floods
    assert (flood.total, flood.rows) == (12, 3)
    (shown,) = published("2030-05", load(DAY, rang, [Span(DAY.since, DAY.until)])).floods
    assert shown.rows is None


def test_reasons_that_hid_the_most_come_first_and_the_rest_as_one() -> None:
    def hidden(n: int, at_s: float, for_s: float, why: str) -> list[Transition]:
        since, until = after(at_s), after(at_s + for_s)
        put = Transition(since, f"a{n}", "SHELVED", "low", why=why)
        return [put, Transition(until, f"a{n}", "UNACK", "low")]

    told = [one for n in range(50) for one in hidden(n, -9000, 60, f"why {n // 2}")]
    told += hidden(50, -9000, 600, " being  replaced")
    found = load(DAY, told, [Span(DAY.since, DAY.until)]).reasons
    assert (found[0].why, found[0].times, found[0].alarms) == ("being replaced", 1, 1)
    assert found[0].hours == pytest.approx(1 / 6)
    assert len(found) == 21
    assert (found[-1].state, found[-1].times) == ("", 12)
    assert sum(one.times for one in found) == 51
