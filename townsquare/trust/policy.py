"""Decide, from data alone, what an actor may do. No I/O, default deny.

Policies are statements in Cedar (`policies/*.cedar`) over actors, purposes and what rooms declare
of their types. The answer is a `Grant`, given once per (actor, purpose, operation, type, policy
hash) and then compiled into queries: nothing is decided per entity. What a grant hides is absent:
it cannot be read, filtered by, counted or subscribed to.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from townsquare.model.actor import Actor, Why
from townsquare.trust import purposes
from townsquare.trust.cedar import Answer, Statement, named, reference
from townsquare.trust.grant import Act as Act
from townsquare.trust.grant import Grant as Grant
from townsquare.trust.grant import require as require
from townsquare.trust.grant import visible as visible
from townsquare.trust.parts import Part
from townsquare.trust.rules import Policy as Policy
from townsquare.trust.rules import policy as policy

BREAK_GLASS = "break-glass"
NO_CLOCK = "the policy asks what time it is, which is not known here"
# What the past may be told in, where single instances are not for everybody.
COARSER = tuple(timedelta(minutes=n) for n in (5, 15, 60, 1440))
MINUTE = timedelta(minutes=1)
EPOCH = datetime.fromtimestamp(0, UTC)
ME = named("Actor", "me")


@dataclass(frozen=True, slots=True)
class Question:
    """`roles` are those that the actor may play for the purpose; `step` is of the past."""

    policy: Policy
    actor: Actor
    roles: frozenset[str]
    why: Why
    act: Act
    type: str
    at: datetime | None
    step: timedelta = timedelta()


def decide(
    policy: Policy, actor: Actor, why: Why, act: Act, type: str, at: datetime | None = None
) -> Grant:
    """What `actor` may do with entities of `type` for this purpose; `at` is now."""
    roles = frozenset(r for r in actor.roles if why.purpose in policy.pursued.get(r, ()))
    question = Question(policy, actor, roles, why, act, type, at)
    found = _decided(question)
    if found.allowed or act != "temporal" or "step" not in policy.rules.facts:
        return found
    coarser = ((step, _decided(replace(question, step=step))) for step in COARSER)
    return next((replace(g, finest=step) for step, g in coarser if g.allowed), found)


def _decided(question: Question) -> Grant:
    policy, actor, act = question.policy, question.actor, question.act
    if refused := _refused(question):
        return Grant(False, refused)
    asked = policy.asked.get(question.type) or policy.asked[""]
    bounded = bool(actor.areas)
    parts = (asked.layout.written if act == "write" else asked.layout.seen)(bounded=bounded)
    known = asked.known.with_added_json_str(json.dumps([_who(question)]))
    answers = policy.rules.answers(_requests(question, parts), known)
    allowed = {part: answer.allowed for part, answer in zip(parts, answers, strict=True)}
    found = asked.layout.grant(allowed, actor.areas)
    return found or Grant(False, _why_not(question, answers))


def shut_out(policy: Policy, actor: Actor, why: Why) -> str:
    """Why the town is closed to this actor, whatever they ask for; empty where it is not."""
    if not policy.closed or actor.kind == "room":
        return ""
    let_in = BREAK_GLASS in actor.roles and why.purpose in policy.pursued.get(BREAK_GLASS, ())
    return "" if let_in else policy.closed


def _refused(question: Question) -> str:
    """Before any statement is asked."""
    policy, actor, why = question.policy, question.actor, question.why
    if refused := purposes.refused(policy.purposes, why.purpose):
        return refused
    if not question.roles:
        return f"{actor.id} has no role for the purpose {why.purpose!r}"
    if actor.kind == "room":
        return ""
    if shut := shut_out(policy, actor, why):
        return shut
    return NO_CLOCK if question.at is None and (policy.timed or actor.until) else ""


def _who(question: Question) -> Mapping[str, Any]:
    actor, at = question.actor, question.at
    attributes = {
        "kind": actor.kind,
        "room": actor.room,
        "organisation": actor.organisation,
        "bounded": bool(actor.areas),
        "ended": bool(actor.until and (at is None or actor.until <= at)),
    }
    parents = [named("Role", role) for role in sorted(question.roles)]
    return {"uid": ME, "attrs": attributes, "parents": parents}


def _requests(question: Question, parts: Iterable[Part]) -> list[Mapping[str, Any]]:
    through = question.act == "write" and question.actor.room and question.actor.kind != "room"
    action = named("Action", "command" if through else question.act)
    context = json.dumps(_context(question))
    return [
        {"principal": ME, "action": action, "resource": named("Part", p.id), "context": context}
        for p in parts
    ]


def _context(question: Question) -> Mapping[str, Any]:
    """Only what a statement looks at: the rest takes time and says nothing."""
    why, at = question.why, (question.at or EPOCH).astimezone(UTC)
    here = at.astimezone(question.policy.zone or UTC)
    facts = {
        "case": why.case,
        "approvedBy": sorted(why.approved_by),
        "now": {"__extn": {"fn": "datetime", "arg": f"{at:%Y-%m-%dT%H:%M:%SZ}"}},
        "minute": here.hour * 60 + here.minute,
        "weekday": here.isoweekday(),
        "step": question.step // MINUTE,
    }
    told = {name: fact for name, fact in facts.items() if name in question.policy.rules.facts}
    return {"purpose": reference("Purpose", why.purpose), **told}


# --- saying why not


def _why_not(question: Question, answers: Sequence[Answer]) -> str:
    """The statements that forbid all of it; without one, what nothing permits."""
    everywhere = reduce(frozenset.__and__, (answer.forbidden for answer in answers))
    if everywhere:
        return "; ".join(_said(one) for one in sorted(everywhere, key=lambda one: one.id))
    declared = question.policy.types.get(question.type)
    if question.act == "write":
        return _not_written(question)
    names = ", ".join(sorted(question.roles))
    return f"{declared.name if declared else question.type[:100] or 'this'} is not open to {names}"


def _said(statement: Statement) -> str:
    return statement.reason or f"the policy forbids it: {statement.id}"


def _not_written(question: Question) -> str:
    type, actor = question.policy.types.get(question.type), question.actor
    name = question.type[:100] or "entities"
    if type is None or (actor.room and actor.room != type.owner):
        who = f"the room {actor.room}" if actor.room else actor.id
        return f"{who} may not write {name}"
    if not actor.room:
        return f"{name} belongs to the room {type.owner}: its commands alone change it"
    known = question.policy.roles
    may = ", ".join(known[r].title for r in sorted(type.commanders) if r in known)
    return f"this is for the role {may or 'of nobody'}; you are here in another one"
