"""Cedar: the texts of a policy, parsed once, and questions to them. Pure.

Always holds: a statement that has a slip of the pen is not taken; where Cedar meets an error in one
while it answers, the answer is no, since a statement that cannot be followed may be the one that
forbids.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import cedarpy

from townsquare.model.errors import Invalid


def named(kind: str, id: str) -> dict[str, str]:
    """An entity of Cedar's, in its JSON."""
    return {"type": kind, "id": id}


def reference(kind: str, id: str) -> dict[str, Any]:
    """One as the value of an attribute."""
    return {"__entity": named(kind, id)}


@dataclass(frozen=True, slots=True)
class Statement:
    """`body` is all of it but its name, so that two are equal when they say the same."""

    id: str
    effect: Literal["permit", "forbid"]
    reason: str
    body: str  # JSON

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """`forbidden` are the statements that forbid it."""

    allowed: bool
    forbidden: frozenset[Statement] = frozenset()


class Rules:
    """`words` are the texts' own: the roles and purposes that they can name.

    Raises Invalid, naming the statement.
    """

    def __init__(self, texts: Iterable[str], words: Mapping[str, Iterable[str]]) -> None:
        text = "\n".join(texts)
        self.statements = statements(text)
        self._schema = schema(words)
        _validate(text, self._schema, self.statements)
        self._policies = cedarpy.PolicySet.from_str(text)
        told = [statement.json for statement in self.statements.values()]
        self.facts = frozenset(name for one in told for name in members(one, "context"))
        self.attributes = frozenset(id for one in told for id in referred(one, "Attribute") if id)
        self.types = frozenset(id for one in told for id in referred(one, "Type") if id)

    def known(self, entities: Sequence[Mapping[str, Any]]) -> cedarpy.Entities:
        """What questions are about. Raises Invalid where the schema has no such thing."""
        try:
            return cedarpy.Entities.from_json_str(json.dumps(entities), self._schema)
        except ValueError as error:
            raise Invalid(f"the policy has no words for this: {error}") from error

    def answers(
        self, requests: Sequence[Mapping[str, Any]], known: cedarpy.Entities
    ) -> list[Answer]:
        found = cedarpy.is_authorized_batch([*map(dict, requests)], self._policies, known)
        return [self._answer(one) for one in found]

    def _answer(self, found: cedarpy.AuthzResult) -> Answer:
        told = found.diagnostics
        if found.allowed and not told.errors:
            return Answer(True)
        # Of what is denied, Cedar's reasons are the statements that forbid it.
        reasons = () if found.allowed else told.reasons
        return Answer(False, frozenset(self.statements[name] for name in reasons))


def statements(text: str) -> Mapping[str, Statement]:
    """By Cedar's own numbers. Raises Invalid."""
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise Invalid(f"the policy cannot be read: {error}") from error
    if parsed["templates"]:
        raise Invalid("the policy has a template (?principal or ?resource), which nothing fills in")
    found = {number: _statement(one) for number, one in parsed["staticPolicies"].items()}
    names = [statement.id for statement in found.values()]
    if not all(names):
        raise Invalid('a statement of the policy has no name; write @id("what-it-says") before it')
    if twice := {name for name in names if names.count(name) > 1}:
        raise Invalid(f"two statements of the policy have the name {min(twice)!r}")
    return found


def _statement(told: dict[str, Any]) -> Statement:
    notes = told.pop("annotations", {})
    return Statement(
        notes.get("id") or "",
        told["effect"],
        notes.get("reason") or "",
        json.dumps(told, sort_keys=True),
    )


@cache
def _words() -> str:
    file = resources.files("townsquare.trust") / "policies" / "townsquare.cedarschema"
    return file.read_text(encoding="utf-8")


def schema(words: Mapping[str, Iterable[str]]) -> cedarpy.Schema:
    lists = (f"entity {kind} enum {json.dumps([*names])};" for kind, names in words.items())
    return cedarpy.Schema.from_str("\n".join([_words(), *lists]))


def _validate(text: str, schema: cedarpy.Schema, known: Mapping[str, Statement]) -> None:
    found = cedarpy.validate_policies(text, schema)
    if found.validation_passed:
        return
    first = found.errors[0]
    name = known[first.policy_id].id if first.policy_id in known else "?"
    raise Invalid(f"the statement {name!r} of the policy is wrong: {first.error}")


def nodes(told: Any) -> Iterator[dict[str, Any]]:
    """All objects inside, in Cedar's JSON."""
    if isinstance(told, dict):
        yield told
    inside = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    for one in inside:
        yield from nodes(one)


def members(told: Any, variable: str) -> Iterator[str]:
    """Of a variable, those that a statement looks at."""
    for node in nodes(told):
        for access in (node.get("."), node.get("has")):
            if access and access["left"] == {"Var": variable}:
                yield access["attr"]


def referred(told: Any, kind: str) -> Iterator[str]:
    return (node["id"] for node in nodes(told) if node.get("type") == kind and "id" in node)
