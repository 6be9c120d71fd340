"""A condition on the members of a registration (`csf`, clause 4.9). Pure.

The language is that of `q`; a registration is small and in memory, so it is asked in place.
"""

import operator
from collections.abc import Callable, Iterable, Mapping

import re2

from townsquare.context.query import QUIET, All, Any, Condition, Term
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.model.moment import Moment, comparable
from townsquare.store.conditions import Path, Range

_ORDER: Mapping[str, Callable[[Json, Json], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def holds(condition: Condition, members: Mapping[str, Json]) -> bool:
    """Raises Invalid for what cannot be asked of a registration."""
    if isinstance(condition, All):
        return all(holds(term, members) for term in condition.terms)
    if isinstance(condition, Any):
        return any(holds(term, members) for term in condition.terms)
    if not isinstance(condition, Term):
        raise Invalid("csf asks for members of a registration, not for linked entities")
    found = list(_values(members, condition.path))
    if condition.comparison is None:
        return bool(found)
    if condition.comparison in ("!=", "!~="):
        equal = "==" if condition.comparison == "!=" else "~="
        return bool(found) and not _any(found, equal, condition)
    return _any(found, condition.comparison, condition)


def _any(found: Iterable[Json], comparison: str, term: Term) -> bool:
    return any(_compares(value, comparison, o) for value in found for o in term.operands)


def _compares(value: Json, comparison: str, operand: Json) -> bool:
    if isinstance(operand, Range):
        return _compares(value, ">=", operand.low) and _compares(value, "<=", operand.high)
    if comparison == "~=":
        return isinstance(value, str) and bool(re2.search(str(operand), value, QUIET))
    if isinstance(operand, Moment):
        value = comparable(value, operand.kind) if isinstance(value, str) else None
        operand = operand.text
    numbers = isinstance(value, int | float) and isinstance(operand, int | float)
    if isinstance(value, bool) or isinstance(operand, bool):
        return comparison == "==" and value is operand
    if not numbers and type(value) is not type(operand):
        return False
    return bool(value == operand if comparison == "==" else _ORDER[comparison](value, operand))


def _values(members: Mapping[str, Json], path: Path) -> Iterable[Json]:
    """What is at the path; of a list each part."""
    found: list[Json] = [members]
    for name in (path.attribute, *path.sub, *path.inside):
        found = [part[name] for part in found if isinstance(part, dict) and name in part]
        found = [inner for part in found for inner in _opened(part)]
    return found


def _opened(value: Json) -> Iterable[Json]:
    if isinstance(value, dict) and "value" in value:
        value = value["value"]  # a Context Source Property in its normalized form
    return value if isinstance(value, list | tuple) else [value]
