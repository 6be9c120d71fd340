"""A procedure: ordered steps that branch on answers. Pure.

Always holds: a branch leads forward, so every way through ends; which step is next depends on what
was answered alone, and a step is answered once.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from townsquare.alerts.incidents.text import required
from townsquare.model.errors import Conflict, Invalid

MOST_STEPS, MOST_BRANCHES = 50, 10
DONE, SKIPPED, END = "done", "skipped", "end"
Answers = Mapping[str, str]  # step -> what was answered


class Branch(Struct, frozen=True, forbid_unknown_fields=True):
    """`then` is a step, `end`, or "" for the one that follows."""

    answer: str
    then: str = ""


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """Without branches it is done or skipped; with them one of their answers is given."""

    id: str
    text: str
    mandatory: bool = False
    branches: tuple[Branch, ...] = ()
    then: str = ""

    @property
    def answers(self) -> tuple[str, ...]:
        return tuple(branch.answer for branch in self.branches) or (DONE,)


Steps = Sequence[Step]


def checked(steps: Steps) -> tuple[Step, ...]:
    """Raises Invalid with the place."""
    if not 1 <= len(steps) <= MOST_STEPS:
        raise Invalid(f"a procedure has 1 to {MOST_STEPS} steps, not {len(steps)}")
    places = {step.id: place for place, step in enumerate(steps)}
    if len(places) < len(steps):
        raise Invalid("two steps of the procedure have the same id; give each its own")
    for place, step in enumerate(steps):
        _check_step(step)
        for then in (step.then, *(branch.then for branch in step.branches)):
            if then and then != END and places.get(then, -1) <= place:
                raise Invalid(f"step {step.id} leads to {then!r}, which is no later step nor 'end'")
    return tuple(steps)


def _check_step(step: Step) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", step.id) or step.id == END:
        raise Invalid(f"step id {step.id!r}: use up to 40 letters, digits and -, and not 'end'")
    required(step.text, f"text of step {step.id}", 1000)
    answers = [required(branch.answer, f"answer of step {step.id}", 80) for branch in step.branches]
    if len(answers) > MOST_BRANCHES or len(set(answers)) < len(answers) or SKIPPED in answers:
        raise Invalid(
            f"step {step.id} has up to {MOST_BRANCHES} different answers; '{SKIPPED}' is none"
        )


def due(steps: Steps, answers: Answers) -> Step | None:
    """The step that is next; None when the way has ended."""
    step = steps[0] if steps else None
    while step and step.id in answers:
        step = _following(steps, step, answers[step.id])
    return step


def missing(steps: Steps, answers: Answers) -> Step | None:
    """The first mandatory step that is still ahead, if what is left were gone through in order."""
    step = due(steps, answers)
    while step and (not step.mandatory or step.id in answers):
        step = _following(steps, step, answers.get(step.id, SKIPPED))
    return step


def answered(steps: Steps, answers: Answers, id: str, answer: str) -> Step:
    """The step that takes this answer. Raises Conflict or Invalid."""
    step = next((step for step in steps if step.id == id), None)
    if step is None:
        raise Invalid(f"the procedure has no step {id!r}")
    if id in answers:
        raise Conflict(f"step {id} was answered already: {answers[id]}")
    if (ahead := due(steps, answers)) is not step:
        now = f"step {ahead.id} is next" if ahead else "all steps are answered"
        raise Conflict(f"it is not the turn of step {id}: {now}")
    if answer not in (*step.answers, SKIPPED):
        raise Invalid(f"step {id} is answered by one of: {', '.join(step.answers)}")
    return step


def _following(steps: Steps, step: Step, answer: str) -> Step | None:
    branch = next((branch for branch in step.branches if branch.answer == answer), None)
    then = (branch.then if branch else "") or step.then
    if then == END:
        return None
    if then:
        return next(other for other in steps if other.id == then)
    place = steps.index(step) + 1
    return steps[place] if place < len(steps) else None
