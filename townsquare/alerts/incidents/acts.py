"""What people do to an incident. Pure: the incident and who acts in, changed facts out.

Always holds: what is refused is refused with a sentence, and changes nothing.
"""

from msgspec import Struct

from townsquare.alerts.incidents import procedure
from townsquare.alerts.incidents.incident import (
    GONE,
    MOST_COMMENTS,
    MOST_LINKS,
    PERSON,
    SEVERITIES,
    STEP,
    Doing,
    Facts,
    Incident,
)
from townsquare.alerts.incidents.states import ENDED, Event, after
from townsquare.alerts.incidents.text import optional, required
from townsquare.model.errors import Conflict, Invalid
from townsquare.model.rule import Severity

NUISANCE = {"noActionNeeded": "Nothing needed to be done", "falseAlarm": "False alarm"}
CAUSES = {
    "equipment": "Equipment failed",
    "supply": "Power or a line failed",
    "traffic": "Accident or congestion",
    "crowd": "Crowd or event",
    "weather": "Weather",
    "works": "Works or maintenance",
    "damage": "Damage by somebody",
    "help": "Somebody needed help",
    "other": "Something else",
    **NUISANCE,
}


class Act(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one that was seen; where it is given, nobody may have been faster."""

    version: int | None = None

    def on(self, now: Incident, do: Doing) -> Facts:
        raise NotImplementedError


class Triage(Act, frozen=True, kw_only=True):
    severity: Severity

    def on(self, now: Incident, do: Doing) -> Facts:
        if now.state in ENDED:
            after(now.state, "triage")
        begun = _to(now, do, "triage") if now.state == "NEW" else {}
        return {**begun, "severity": do.fact(self.severity)}


class Take(Act, frozen=True):
    def on(self, now: Incident, do: Doing) -> Facts:
        if now.owner == do.by and now.state == "IN_PROGRESS":
            raise Conflict("you have it already")
        if now.owner not in ("", do.by) and now.state != "RESOLVED":
            after(now.state, "work")
            raise Conflict(f"{now.owner} has it already; assign it if it is to be another's")
        return working(now, do)


class Assign(Act, frozen=True, kw_only=True):
    to: str

    def on(self, now: Incident, do: Doing) -> Facts:
        require_person(self.to)
        if self.to == now.owner:
            raise Conflict(f"{self.to} has it already")
        return {**_to(now, do, "assign"), "owner": do.fact(self.to, kind="Relationship")}


class Comment(Act, frozen=True, kw_only=True):
    text: str

    def on(self, now: Incident, do: Doing) -> Facts:
        if now.comments >= MOST_COMMENTS:
            raise Conflict(f"an incident has at most {MOST_COMMENTS} comments; open another")
        said = do.fact(required(self.text, "the comment"))
        return {"comment": said, "comments": do.fact(now.comments + 1)}


class Answer(Act, frozen=True, kw_only=True):
    """Whoever takes a step has the incident from then on."""

    step: str
    answer: str
    note: str = ""

    def on(self, now: Incident, do: Doing) -> Facts:
        skipped = self.answer == procedure.SKIPPED
        read = required if skipped else optional
        note = read(self.note, "why the step is skipped" if skipped else "the note")
        begun = working(now, do)
        if self.step in now.answers:
            raise Conflict(
                f"step {self.step} was answered already by {now.answerers[self.step]}:"
                f" {now.answers[self.step]}"
            )
        step = procedure.answered(now.steps, now.answers, self.step, self.answer)
        return {**begun, "answer": do.fact(self.answer, note, dataset_id=STEP + step.id)}


class Hold(Act, frozen=True, kw_only=True):
    reason: str

    def on(self, now: Incident, do: Doing) -> Facts:
        return _to(now, do, "hold", required(self.reason, "what it waits for"))


class Resolve(Act, frozen=True, kw_only=True):
    outcome: str

    def on(self, now: Incident, do: Doing) -> Facts:
        facts = _to(now, do, "resolve", required(self.outcome, "what was done"))
        if step := procedure.missing(now.steps, now.answers):
            raise Conflict(
                f"it cannot be resolved: step {step.id} must be done or skipped with a reason"
                f" ({step.text})"
            )
        return facts


class Close(Act, frozen=True, kw_only=True):
    cause: str
    note: str = ""

    def on(self, now: Incident, do: Doing) -> Facts:
        if self.cause not in CAUSES:
            raise Invalid(f"cause {self.cause[:80]!r} is none of: {', '.join(CAUSES)}")
        read = required if self.cause == "other" else optional
        note = read(self.note, "what the cause was")
        event: Event = "dismiss" if self.cause in NUISANCE else "close"
        return {**_to(now, do, event), "cause": do.fact(self.cause, note)}


class Reopen(Act, frozen=True, kw_only=True):
    reason: str

    def on(self, now: Incident, do: Doing) -> Facts:
        facts = _to(now, do, "reopen", required(self.reason, "why it is reopened"))
        free = {"owner": (GONE,), "cause": (GONE,)}
        return {**facts, **free, "reopened": do.fact(now.reopened + 1)}


ACTS: dict[str, type[Act]] = {
    "triage": Triage,
    "take": Take,
    "assign": Assign,
    "comment": Comment,
    "answer": Answer,
    "hold": Hold,
    "resolve": Resolve,
    "close": Close,
    "reopen": Reopen,
}


def working(now: Incident, do: Doing) -> Facts:
    facts = dict(_to(now, do, "work"))
    if now.owner != do.by:
        facts["owner"] = do.fact(do.by, kind="Relationship")
    return facts


def given_up(now: Incident, do: Doing, into: str, reason: str) -> Facts:
    """It goes on in another one."""
    facts = _to(now, do, "merge", required(reason, "why they are one"))
    return {**facts, "mergedInto": do.fact(into, kind="Relationship")}


def taken_over(now: Incident, do: Doing, other: Incident) -> Facts:
    """Of the one that goes on, its story being that of both; as bad as the worse of the two."""
    if now.state in ENDED or now.state == "RESOLVED":
        raise Conflict(f"nothing can be merged into {now.title}: it is {now.state}; reopen it")
    all = [*dict.fromkeys((*now.merged, other.id, *other.merged))]
    if len(all) > MOST_LINKS:
        raise Conflict(f"{now.title} has {MOST_LINKS} others merged into it already; open another")
    facts = {"merged": do.fact(all, kind="ListRelationship")}
    worse = min(now.severity, other.severity, key=SEVERITIES.index)
    return facts if worse == now.severity else {**facts, "severity": do.fact(worse)}


def _to(now: Incident, do: Doing, event: Event, note: str = "") -> Facts:
    then = after(now.state, event)
    return {} if then == now.state else {"state": do.fact(then, note)}


def require_person(id: str) -> None:
    """Raises Invalid for what cannot be the id of anybody."""
    readable = len(id) <= 200 and id.isascii() and id.isprintable() and " " not in id
    if not id.startswith(PERSON) or not readable:
        raise Invalid(f"{id[:80]!r} is nobody's id; it begins with {PERSON}")
