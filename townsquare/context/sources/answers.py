"""What became of the parts of a shared operation (clauses 5.2.16 to 5.2.19 and 6.3.17). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from townsquare.context.http import ERRORS, Answer
from townsquare.context.jsonld import iri
from townsquare.context.sources.calling import Reply
from townsquare.context.sources.registration import Registration
from townsquare.model.entity import Json

MOST_TOLD = 1000  # of the errors that one source tells
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Part:
    """Without a `problem` it was done; `source` is the registration, '' for this broker."""

    attributes: frozenset[str] = frozenset()
    problem: Json = None
    source: str = ""


def part(one: Registration, attributes: frozenset[str], reply: Reply) -> Part:
    found = problem(one, reply)
    return Part(attributes, found, one.id)


def problem(one: Registration, reply: Reply) -> Json:
    """RFC 7807; None where the source did all that it was asked."""
    if reply.trouble == "":
        if reply.status != 207:
            return None
        return _details(207, "InternalError", one, "it did a part of it only", reply)
    status = {"loop": 508, "silent": 504}.get(reply.trouble, reply.status)
    name = {404: "ResourceNotFound", 409: "AlreadyExists"}.get(status, "InternalError")
    known = status if status in TITLES else 502
    return _details(known, name, one, reply.reason, reply)


TITLES = {
    207: "A context source did a part of it only",
    404: "A context source does not have it",
    409: "A context source is in conflict with it",
    502: "A context source refused",
    504: "A context source did not answer",
    508: "The request came back to where it was before",
}


def _details(status: int, name: str, one: Registration, reason: str, reply: Reply) -> Json:
    told = reply.json.get("detail") if isinstance(reply.json, dict) else None
    detail = f"{one.id}: {reason}"
    if isinstance(told, str):
        detail += f" ({told[:LONGEST_DETAIL]})"
    return {"type": ERRORS + name, "title": TITLES[status], "detail": detail, "status": status}


def conflict(one: Registration, operation: str) -> Json:
    """What a proxied source has and will not do nobody else may do."""
    detail = f"{one.id} has this alone and does not offer {operation}"
    title = "A context source has it and does not do that"
    return {"type": ERRORS + "Conflict", "title": title, "detail": detail, "status": 409}


def together(id: str, parts: Sequence[Part], done: Answer, *, by_attribute: bool) -> Answer:
    """`done` where all went well; a single part's own problem; else 207 with each."""
    failed = [one for one in parts if one.problem]
    if not failed:
        return done
    if len(parts) == 1:
        return alone(failed[0])
    if by_attribute:
        return Answer(207, _update(parts, failed, done))
    success = [id] if len(failed) < len(parts) else []
    return Answer(207, {"success": success, "errors": [error(id, one) for one in failed]})


def alone(failed: Part) -> Answer:
    return Answer(failed.problem["status"], failed.problem)


def error(id: str, failed: Part) -> Json:
    json = {"entityId": id, "error": failed.problem}
    return {**json, "registrationId": failed.source} if failed.source else json


def _update(parts: Iterable[Part], failed: Iterable[Part], done: Answer) -> Json:
    """`done` may itself say what was left here."""
    before = done.json["notUpdated"] if done.status == 207 else []
    kept = {left["attributeName"] for left in before}
    named = {iri(name) for one in parts if not one.problem for name in one.attributes}
    left = [_not_updated(name, one) for one in failed for name in sorted(one.attributes)]
    return {"updated": sorted(named - kept), "notUpdated": [*before, *left]}


def _not_updated(name: str, failed: Part) -> Json:
    json = {"attributeName": iri(name), "reason": failed.problem["detail"]}
    return {**json, "registrationId": failed.source} if failed.source else json
