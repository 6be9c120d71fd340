"""Whom an unanswered alarm calls and when, on tables that can be checked by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from math import nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.notify.escalation import (
    NOTHING,
    Call,
    Chain,
    Due,
    Escalation,
    Step,
    call,
    grouped,
)
from townsquare.alerts.notify.hours import Quiet
from townsquare.model.entity import Attribute, entity
from townsquare.model.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ALARM = "urn:ngsi-ld:Alert:crowd:square"
CHAIN = Chain(
    (
        Step(0, ("desk",)),
        Step(60, ("desk", "room")),
        Step(120, ("lead",)),
        Step(300, ("officer",)),
        Step(600, ("crisis",)),
    )
)
NIGHT = Quiet(frozenset({"low", "medium"}), time(22), time(6))


def town(*quiet: Quiet) -> Escalation:
    return Escalation(dict.fromkeys(("critical", "low"), CHAIN), BERLIN, quiet)


def told(until_s: int, every_s: int, stopped: range = range(0)) -> list[str]:
    """Looks now and then, but not while the house is stopped; keeps what it has told."""
    made: set[str] = set()
    story = []
    for second in range(0, until_s + 1, every_s):
        if second in stopped:
            continue
        now = NOON + timedelta(seconds=second)
        plan = town().plan(Call(ALARM, "critical", NOON), made, now)
        for due in plan.due:
            made.add(due.key)
            story.append(f"{second} {due.rotation}")
        if plan.unanswered and "unanswered" not in story[-1]:
            story.append(f"{second} unanswered")
    return story


ROUND = ["0 desk", "60 desk", "60 room", "120 lead", "300 officer", "600 crisis"]


def test_a_chain_runs_twice_and_then_nobody_has_answered() -> None:
    again = ["900 desk", "960 desk", "960 room", "1020 lead", "1200 officer", "1500 crisis"]
    assert told(3600, 60) == [*ROUND, *again, "1800 unanswered"]


def test_it_is_told_at_the_latest_step_only_after_the_house_had_stopped() -> None:
    late = ["660 desk", "660 room", "660 lead", "660 officer", "660 crisis"]
    assert told(840, 60, stopped=range(660)) == late  # the desk once, though it missed two
    assert told(840, 60, stopped=range(1, 660)) == ["0 desk", *late]
    assert town().plan(Call(ALARM, "critical", NOON), (), NOON).next == NOON + timedelta(minutes=1)


def test_the_end_is_looked_for_too_and_then_nothing() -> None:
    wanted = Call(ALARM, "critical", NOON)
    end = NOON + timedelta(seconds=1800)
    assert town().plan(wanted, (), end - timedelta(seconds=1)).next == end
    assert town().plan(wanted, (), end).next is None


@given(
    looks=st.lists(st.integers(0, 4000), max_size=30),
    killed=st.sets(st.integers(0, 29)),
)
def test_whenever_it_looks_and_is_killed_no_rotation_is_forgotten(
    looks: list[int], killed: set[int]
) -> None:
    """`killed`: told, but not kept. Then the same key comes again, so that it can be dropped."""
    made: set[str] = set()
    received: set[str] = set()
    wanted = Call(ALARM, "critical", NOON)
    for n, second in enumerate(sorted(looks)):
        plan = town().plan(wanted, made, NOON + timedelta(seconds=second))
        keys = {due.key for due in plan.due}
        assert not keys & made
        received |= keys
        made |= set() if n in killed else keys
    last = town().plan(wanted, made, NOON + timedelta(seconds=4000))
    received |= {due.key for due in last.due}
    rotations = {key.rpartition("|")[2] for key in received}
    assert rotations == {"desk", "room", "lead", "officer", "crisis"}


@pytest.mark.parametrize(
    ("severity", "since", "step", "at"),
    [
        # In daylight, all by the clock. Berlin is two hours ahead in June.
        ("low", "2030-06-01T12:00Z", 0, "2030-06-01T12:00Z"),
        ("low", "2030-06-01T12:00Z", 4, "2030-06-01T12:10Z"),
        # At night the first step waits until six in the morning, and the rest follows it.
        ("low", "2030-06-01T23:00Z", 0, "2030-06-02T04:00Z"),
        ("low", "2030-06-01T23:00Z", 4, "2030-06-02T04:10Z"),
        # The night comes in the middle: 22:00 is 20:00Z, four minutes after the call.
        ("low", "2030-06-01T19:56Z", 2, "2030-06-01T19:58Z"),
        ("low", "2030-06-01T19:56Z", 3, "2030-06-02T04:01Z"),
        # At the very moment it begins it is quiet, at the very moment it ends it is not.
        ("low", "2030-06-01T20:00Z", 0, "2030-06-02T04:00Z"),
        ("low", "2030-06-02T04:00Z", 0, "2030-06-02T04:00Z"),
        # What is critical does not wait unless somebody said so.
        ("critical", "2030-06-01T23:00Z", 0, "2030-06-01T23:00Z"),
        # The night of 31 March 2030 is an hour shorter: six is 04:00Z and no more 05:00Z.
        ("low", "2030-03-30T22:00Z", 0, "2030-03-31T04:00Z"),
        ("low", "2030-03-29T22:00Z", 0, "2030-03-30T05:00Z"),
    ],
)
def test_quiet_hours_stop_a_chain(severity: str, since: str, step: int, at: str) -> None:
    wanted = Call(ALARM, severity, datetime.fromisoformat(since))
    expected = datetime.fromisoformat(at)
    before = town(NIGHT).plan(wanted, (), expected - timedelta(seconds=1))
    after = town(NIGHT).plan(wanted, (), expected)
    assert step not in {due.step for due in before.due}
    assert (step, expected) in {(due.step, due.at) for due in after.due}


def test_critical_waits_where_that_is_declared() -> None:
    quiet = Quiet(frozenset({"critical"}), time(22), time(6))
    night = datetime(2030, 6, 1, 23, tzinfo=UTC)
    assert town(quiet).plan(Call(ALARM, "critical", night), (), night).due == ()


def test_what_waited_for_the_same_morning_is_one_message() -> None:
    night = datetime(2030, 6, 1, 23, tzinfo=UTC)
    morning = datetime(2030, 6, 2, 4, tzinfo=UTC)
    found: list[Due] = []
    for n in range(3):
        wanted = Call(f"{ALARM}{n}", "low", night + timedelta(minutes=17 * n))
        found += town(NIGHT).plan(wanted, (), morning).due
    assert {to: len(dues) for to, dues in grouped(found).items()} == {("desk", morning): 3}


def test_quiet_hours_that_overlap_end_with_the_last() -> None:
    late = Quiet(frozenset({"low"}), time(5), time(9))
    night = datetime(2030, 6, 1, 23, tzinfo=UTC)
    plan = town(NIGHT, late).plan(Call(ALARM, "low", night), (), night)
    assert plan.next == datetime(2030, 6, 2, 7, tzinfo=UTC)


def test_quiet_hours_that_never_end_are_refused() -> None:
    day = Quiet(frozenset({"low"}), time(6), time(22))
    with pytest.raises(Invalid, match="low alarms leave no time"):
        town(NIGHT, day)
    town(NIGHT, Quiet(frozenset({"critical"}), time(6), time(22)))


@pytest.mark.parametrize(
    "state", ["NORMAL", "ACKED", "RTN_UNACK", "LATCHED_RTN", "SHELVED", "SUPPRESSED"]
)
def test_an_alarm_that_wants_no_answer_calls_nobody(state: str) -> None:
    alarm = entity(ALARM, "Alert", state=Attribute(state, modified_at=NOON))
    assert call(alarm) is None
    assert town().plan(call(alarm), (), NOON) == NOTHING


def test_an_alarm_calls_from_when_the_house_knew() -> None:
    hours_ago = NOON - timedelta(hours=3)
    state = Attribute("UNACK", observed_at=hours_ago, modified_at=NOON)
    alarm = entity(ALARM, "Alert", state=state, severity=Attribute("critical"))
    assert call(alarm) == Call(ALARM, "critical", NOON)


def test_a_severity_without_a_chain_calls_nobody() -> None:
    assert town().plan(Call(ALARM, "medium", NOON), (), NOON) == NOTHING


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Chain(()), "one step at least"),
        (lambda: Chain((Step(60, ("a",)), Step(60, ("b",)))), "must rise"),
        (lambda: Chain((Step(-1, ("a",)),)), "must rise"),
        (lambda: Chain((Step(nan, ("a",)), Step(60, ("b",)))), "must rise"),
        (lambda: Chain((Step(0, ("a",)),), last_s=nan), "up to a day"),
        (lambda: Chain((Step(0, ("a",)),), loops=0), "give 1 to 10"),
        (lambda: Chain((Step(0, ("a",)),), last_s=0), "up to a day"),
        (lambda: Quiet(frozenset({"low"}), time(6), time(6)), "two different times"),
    ],
)
def test_a_chain_that_cannot_be_is_refused(made: Callable[[], object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        made()
