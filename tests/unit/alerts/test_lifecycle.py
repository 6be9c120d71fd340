"""Every alarm that is active is shown until somebody acknowledged it and its cause is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.lifecycle import IMPOSSIBLE, NEXT, Event, State, active, after
from townsquare.model.errors import Conflict

EVENTS: tuple[Event, ...] = ("raise", "clear", "acknowledge")
STATES: tuple[State, ...] = ("NORMAL", "UNACK", "ACKED", "RTN_UNACK")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["raise"], "UNACK"),
        (["raise", "acknowledge"], "ACKED"),
        (["raise", "clear"], "RTN_UNACK"),
        (["raise", "acknowledge", "clear"], "NORMAL"),
        (["raise", "clear", "acknowledge"], "NORMAL"),
        (["raise", "clear", "raise"], "UNACK"),
        (["raise", "acknowledge", "clear", "raise"], "UNACK"),
    ],
)
def test_the_way_of_an_alarm(events: list[Event], expected: State) -> None:
    state: State = "NORMAL"
    for event in events:
        state = after(state, event)
    assert state == expected


def test_every_combination_is_decided() -> None:
    combinations = {(state, event) for state in STATES for event in EVENTS}
    assert NEXT.keys() | IMPOSSIBLE.keys() == combinations
    assert not NEXT.keys() & IMPOSSIBLE.keys()


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE)
def test_what_is_impossible_is_said_to_the_operator(state: State, event: Event) -> None:
    with pytest.raises(Conflict, match=r"^it |^its |^there "):
        after(state, event)


@given(st.lists(st.sampled_from(EVENTS)))
def test_no_sequence_of_events_loses_an_alarm(events: list[Event]) -> None:
    state: State = "NORMAL"
    lasts, unseen = False, False
    for event in events:
        try:
            state = after(state, event)
        except Conflict:
            continue
        lasts = event == "raise" or (lasts and event != "clear")
        unseen = event == "raise" or (unseen and event != "acknowledge")
        assert state in STATES
        assert active(state) == lasts
        assert (state in ("UNACK", "RTN_UNACK")) == unseen
