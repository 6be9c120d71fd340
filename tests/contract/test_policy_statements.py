"""Each part of each statement of the policy counts: the table of decisions, which can be read by
hand, fails when a statement, a condition, a word of a list or one side of an "and" is taken out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import cedarpy

from tests.unit.trust.test_decisions import ROWS, TYPES, granted, words
from townsquare.model.errors import Invalid
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin

Json = Any
LIKELY = list(ROWS)  # the row that told the last mutant from the policy often tells the next


def statements() -> Mapping[str, Json]:
    """By name, as Cedar's JSON."""
    text = "\n".join(text for file, text in builtin().items() if file.endswith(".cedar"))
    told = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    return {statement["annotations"]["id"]: statement for statement in told.values()}


def smaller(told: Json) -> Iterator[Json]:
    """The same with one word of a list, one side of an "and" or an "or", or one condition less."""
    for key, value in told.items() if isinstance(told, dict) else ():
        if key in ("&&", "||"):
            yield from (value["left"], value["right"])
        if key in ("Set", "conditions"):
            yield from ({**told, key: value[:n] + value[n + 1 :]} for n in range(len(value)))
        yield from ({**told, key: less} for less in smaller(value))
    for n, value in enumerate(told if isinstance(told, list) else ()):
        yield from ([*told[:n], less, *told[n + 1 :]] for less in smaller(value))


def mutants() -> Iterator[tuple[str, str]]:
    """What was made smaller, and the policy then."""
    known = statements()
    for name, statement in known.items():
        others = [one for other, one in known.items() if other != name]
        for number, less in enumerate([None, *smaller(statement)]):
            left = others if less is None else [*others, less]
            told = {"templates": {}, "templateLinks": [], "staticPolicies": dict(numbered(left))}
            yield f"{name} {number}", cedarpy.policies_from_json_str(json.dumps(told))


def numbered(told: list[Json]) -> Iterator[tuple[str, Json]]:
    return ((f"policy{n}", one) for n, one in enumerate(told))


def differs(text: str) -> bool:
    lists = {file: text for file, text in builtin().items() if file.endswith(".toml")}
    try:
        rules = policy(TYPES, {**lists, "all.cedar": text})
    except Invalid:
        return True  # what is left is no policy
    found = next((row for row in LIKELY if words(granted(rules, row)) != row[-1]), None)
    if found:
        LIKELY.remove(found)
        LIKELY.insert(0, found)
    return found is not None


def test_without_any_part_of_a_statement_the_table_is_another() -> None:
    known = statements()
    told = {"templates": {}, "templateLinks": [], "staticPolicies": known}
    assert not differs(cedarpy.policies_from_json_str(json.dumps(told)))
    found = dict(mutants())
    assert len(found) > 3 * len(known)
    assert [name for name, text in found.items() if not differs(text)] == []
