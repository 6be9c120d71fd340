"""Every alarm that is active is shown until somebody acknowledged it and its cause is over, or
put it aside; and the tables say so for every event in every state.
"""

from itertools import product
from typing import get_args

import pytest

from townsquare.alerts.lifecycle import (
    ALREADY,
    ASIDE,
    COURSE,
    IMPOSSIBLE,
    NORMAL,
    NOT_SO,
    SOURCE,
    UNCHANGED,
    Course,
    Event,
    Facts,
    PuttingAside,
    Quality,
    Sourcing,
    Standing,
    State,
    Suppression,
    after,
    of,
    standing,
    state,
)
from townsquare.model.errors import Conflict

STANDINGS: dict[Standing, Facts] = {
    "NORMAL": Facts(),
    "UNACK": Facts(active=True, acked=False),
    "ACKED": Facts(active=True),
    "RTN_UNACK": Facts(acked=False),
    "LATCHED_RTN": Facts(latched=True),
}
ALL = [
    Facts(active, acked, latched, suppression, quality)
    for active, acked, latched, suppression, quality in product(
        (False, True), (False, True), (False, True), get_args(Suppression), get_args(Quality)
    )
]
EVENTS: list[Event] = [*get_args(Course), *get_args(PuttingAside), *get_args(Sourcing)]


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
        (["raise", "shelve"], "SHELVED"),
        (["raise", "acknowledge", "shelve", "unshelve"], "UNACK"),
        (["raise", "shelve", "clear", "expire"], "NORMAL"),
        (["shelve", "raise", "clear", "raise", "expire"], "UNACK"),
        (["raise", "suppress"], "SUPPRESSED"),
        (["raise", "suppress", "unsuppress"], "UNACK"),
        (["raise", "shelve", "suppress", "unsuppress"], "UNACK"),
        (["raise", "shelve", "take out of service"], "OUT_OF_SERVICE"),
        (["take out of service", "raise", "return"], "UNACK"),
        (["raise", "lose"], "UNACK"),
    ],
)
def test_the_way_of_an_alarm(events: list[Event], expected: State) -> None:
    facts = NORMAL
    for event in events:
        facts = after(facts, event)
    assert state(facts) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["raise"], "UNACK"),
        (["raise", "clear"], "RTN_UNACK"),
        (["raise", "clear", "acknowledge"], "LATCHED_RTN"),
        (["raise", "acknowledge", "clear"], "LATCHED_RTN"),
        (["raise", "acknowledge", "clear", "reset"], "NORMAL"),
        (["raise", "acknowledge", "clear", "raise"], "ACKED"),
        (["raise", "acknowledge", "clear", "raise", "clear"], "LATCHED_RTN"),
        (["raise", "acknowledge", "clear", "reset", "raise"], "UNACK"),
        (["raise", "shelve", "clear", "unshelve"], "LATCHED_RTN"),
    ],
)
def test_the_way_of_an_alarm_that_latches(events: list[Event], expected: State) -> None:
    facts = NORMAL
    for event in events:
        facts = after(facts, event, latching=True)
    assert state(facts) == expected


def test_every_combination_is_decided_once() -> None:
    assert COURSE.keys() | IMPOSSIBLE.keys() == set(product(STANDINGS, get_args(Course)))
    assert not COURSE.keys() & IMPOSSIBLE.keys()
    refused = set(product(get_args(Suppression), get_args(PuttingAside))) - ASIDE.keys()
    assert all(event in NOT_SO or at in ALREADY for at, event in refused)
    assert set(product(get_args(Quality), get_args(Sourcing))) - SOURCE.keys() == {
        ("good", "regain"),
        ("bad", "lose"),
    }
    assert UNCHANGED.keys() == set(get_args(Sourcing))


def test_the_table_is_what_happens_to_the_facts() -> None:
    for (at, event), to in COURSE.items():
        assert standing(after(STANDINGS[at], event)) == to


@pytest.mark.parametrize(("at", "event"), IMPOSSIBLE)
def test_what_is_impossible_is_said_to_the_operator(at: Standing, event: Event) -> None:
    with pytest.raises(Conflict, match=r"^it |^its |^there "):
        after(STANDINGS[at], event)


def test_every_event_on_every_combination_of_facts_is_done_or_refused() -> None:
    for facts, event in product(ALL, EVENTS):
        try:
            then = after(facts, event)
        except Conflict:
            continue
        assert then != facts
        shown = state(then)
        if then.active and then.suppression == "none":
            assert shown in ("UNACK", "ACKED")
        if facts.suppression != "none" and then.suppression == "none":
            assert shown == ("UNACK" if then.active else standing(then))
            assert shown != "RTN_UNACK", "what came and went meanwhile asks for nobody"
        if event not in ("raise", "clear"):
            assert then.active == facts.active, "only its cause makes it active or ends it"


@pytest.mark.parametrize("kept", ["NORMAL", "UNACK", "ACKED", "RTN_UNACK"])
def test_an_alarm_that_was_kept_as_a_state_alone_is_read(kept: State) -> None:
    assert state(of(kept)) == kept
