"""The table of an incident's states."""

from typing import get_args

import pytest

from townsquare.alerts.incidents.states import (
    CANNOT,
    ENDED,
    NEXT,
    STANDS,
    Event,
    State,
    after,
)
from townsquare.model.errors import Conflict

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_leads_on_or_is_refused_with_a_sentence(state: State, event: Event) -> None:
    if (state, event) in NEXT:
        assert after(state, event) in STATES
    else:
        with pytest.raises(Conflict) as refused:
            after(state, event)
        assert str(refused.value) == f"it {CANNOT[event]}: {STANDS[state]}"


def test_what_ended_only_goes_on_when_it_is_reopened() -> None:
    leads = {(state, event) for state, event in NEXT if state in ENDED}
    assert leads == {("CLOSED", "reopen"), ("FALSE_ALARM", "reopen")}


def test_every_state_but_the_first_is_reached() -> None:
    assert set(NEXT.values()) == set(STATES) - {"NEW"}
