"""The body of a request in the words of another context (clause 4.3.6.6). Pure.

Only names are changed: of types, attributes and sub-attributes. Values stay as they are, except
those that are names themselves.
"""

import re
from collections.abc import Callable, Mapping

from townsquare.context.core import CORE_IRIS
from townsquare.context.form.read import ENTITY_MEMBERS
from townsquare.context.jsonld import Terms
from townsquare.model.entity import NULL, Json

DEEPEST = 20  # sub-attributes of sub-attributes; what nests deeper stays as it is
VALUES = frozenset({"vocab", "objectType", "valueType"})  # of an attribute, that are names
_NAME = re.compile(r"[^\s;,|()*]+")
# Of a q: what is quoted, a comparison with what is unquoted behind it, an IRI, or a name.
_PART_OF_Q = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?:==|!=|>=|<=|!~=|~=|>|<)[^;|)"]*'
    r'|[A-Za-z][A-Za-z0-9+-]*:[^\s;|()"=<>!~,\[\]{}]+|[^\s;|()"=<>!~,\[\]{}.]+'
)
LISTS = frozenset({"type", "attrs", "keep", "drop", "expandValues", "jsonKeys", "geoproperty"})

Rename = Callable[[str], str]


def reworded(body: Json, before: Terms, after: Terms) -> Json:
    """Of an entity, a fragment of one, or a list of entities."""

    def rename(name: str) -> str:
        return after.compact(before.expand(name))

    parts = body if isinstance(body, list) else [body]
    found = [_entity(part, rename) if isinstance(part, dict) else part for part in parts]
    return found if isinstance(body, list) else found[0]


def reworded_types(text: str, before: Terms, after: Terms) -> str:
    """A selection of types, or a list of names, in other words."""
    if before is after:
        return text
    return _NAME.sub(lambda found: after.compact(before.expand(found[0])), text)


def reworded_filters(
    parameters: Mapping[str, str], before: Terms, after: Terms
) -> Mapping[str, str]:
    """Of a query: those that name types and attributes."""
    if before is after:
        return parameters
    found = dict(parameters)
    for name, text in parameters.items():
        if name in LISTS:
            found[name] = reworded_types(text, before, after)
        elif name == "q":
            found[name] = reworded_q(text, lambda part: after.compact(before.expand(part)))
    return found


def reworded_q(text: str, rename: Rename) -> str:
    """With each name of an attribute in other words."""
    return _PART_OF_Q.sub(lambda part: part[0] if part[0][0] in '"=!<>~' else rename(part[0]), text)


def _entity(json: dict[str, Json], rename: Rename) -> Json:
    found = {}
    for name, value in json.items():
        if name in ("type", "@type"):
            found[name] = _named(value, rename)
        elif name in ENTITY_MEMBERS:
            found[name] = value
        else:
            found[rename(name)] = _attribute(value, rename, DEEPEST)
    return found


def _attribute(json: Json, rename: Rename, depth: int) -> Json:
    if isinstance(json, list):
        return [_attribute(part, rename, depth) for part in json]
    if not isinstance(json, dict) or not depth:
        return json
    found = {}
    for name, value in json.items():
        if name in VALUES:
            found[name] = _named(value, rename)
        elif name in CORE_IRIS:
            found[name] = value
        else:
            found[rename(name)] = _attribute(value, rename, depth - 1)
    return found


def _named(value: Json, rename: Rename) -> Json:
    if isinstance(value, list):
        return [_named(part, rename) for part in value]
    return rename(value) if isinstance(value, str) and value != NULL else value
