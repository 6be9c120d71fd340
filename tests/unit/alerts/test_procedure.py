"""Which step of a procedure is next, and what is no procedure."""

import pytest

from townsquare.alerts.incidents.procedure import (
    Branch,
    Step,
    answered,
    checked,
    due,
    missing,
)
from townsquare.model.errors import Conflict, Invalid

LOOK = Step("look", "Is somebody hurt?", True, (Branch("yes"), Branch("no", "clear")))
CALL = Step("call", "Call the ambulance", mandatory=True)
WAIT = Step("wait", "Wait with them", then="end")
CLEAR = Step("clear", "Clear the road")
NOTE = Step("note", "Write it down", mandatory=True)
ROAD = checked((LOOK, CALL, WAIT, CLEAR, NOTE))


@pytest.mark.parametrize(
    ("answers", "next", "ahead"),
    [
        ({}, "look", "look"),
        ({"look": "yes"}, "call", "call"),
        ({"look": "yes", "call": "done"}, "wait", ""),
        ({"look": "yes", "call": "skipped", "wait": "done"}, "", ""),
        ({"look": "no"}, "clear", "note"),
        ({"look": "no", "clear": "skipped"}, "note", "note"),
        ({"look": "no", "clear": "done", "note": "done"}, "", ""),
        ({"look": "skipped"}, "call", "call"),
    ],
)
def test_what_was_answered_says_what_is_next(
    answers: dict[str, str], next: str, ahead: str
) -> None:
    step, mandatory = due(ROAD, answers), missing(ROAD, answers)
    assert (step.id if step else "") == next
    assert (mandatory.id if mandatory else "") == ahead


@pytest.mark.parametrize(
    ("answers", "step", "answer", "refused", "why"),
    [
        ({}, "call", "done", Conflict, "step look is next"),
        ({"look": "yes"}, "look", "no", Conflict, "answered already: yes"),
        ({}, "look", "done", Invalid, "one of: yes, no"),
        ({}, "sing", "done", Invalid, "no step 'sing'"),
        ({"look": "yes", "call": "done", "wait": "done"}, "note", "done", Conflict, "all steps"),
    ],
)
def test_a_step_is_answered_in_its_turn_and_once(
    answers: dict[str, str], step: str, answer: str, refused: type[Exception], why: str
) -> None:
    with pytest.raises(refused, match=why):
        answered(ROAD, answers, step, answer)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((), "1 to 50 steps, not 0"),
        ((CALL, CALL), "the same id"),
        ((CALL, Step("b", "Back", then="call")), "step b leads to 'call'"),
        ((Step("a", "Itself", then="a"),), "leads to 'a'"),
        ((Step("a", "Nowhere", branches=(Branch("x", "y"),)),), "leads to 'y'"),
        ((Step("a b", "Space"),), "step id 'a b'"),
        ((Step("end", "End"),), "step id 'end'"),
        ((Step("a", " "),), "text of step a is empty"),
        ((Step("a", "Twice", branches=(Branch("x"), Branch("x"))),), "different answers"),
        ((Step("a", "No", branches=(Branch("skipped"),)),), "'skipped' is none"),
        ((Step("a", "Null", branches=(Branch("urn:ngsi-ld:null"),)),), "cannot be read"),
    ],
)
def test_what_is_no_procedure_is_refused_with_the_place(steps: tuple[Step, ...], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        checked(steps)
