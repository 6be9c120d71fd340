"""A query by POST (clauses 5.2.23, 5.2.33, 5.2.43 and 6.23): its body, told as parameters.

So both ways of asking are read by the same code, and mean the same.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import msgspec
from msgspec import structs

from townsquare.context.api.select import choices, selection, uris
from townsquare.context.http import MOST_LISTED, Request
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query, Selector, read_pattern
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

BY_POST = ("limit", "offset", "count", "options", "format", "local")
Reader = Callable[[str, Json], Mapping[str, str]]


def read_query(
    request: Request, body: Json, members: Mapping[str, Reader], terms: Terms
) -> tuple[Request, Query]:
    """The request as if its body were parameters, and what it selects. Raises Invalid."""
    told = as_parameters(request, body, members)
    query = selection(told, terms)
    if "entities" in body:
        query = of_selectors(query, read_selectors(body["entities"], terms))
    return told, query


def as_parameters(request: Request, body: Json, members: Mapping[str, Reader]) -> Request:
    """The request as if `members` of its body were parameters. Raises Invalid."""
    if not isinstance(body, dict) or body.get("type") != "Query":
        raise Invalid('the body must be an object with "type": "Query"')
    told = dict(request.parameters)
    for name, value in body.items():
        if name in ("type", "entities", "@context"):
            continue
        if name not in members:
            raise Invalid(f"{name[:80]!r} is no member of this query")
        if told.keys() & (said := members[name](name, value)).keys():
            raise Invalid(f"{name} is given in the body and as a parameter")
        told |= said
    return structs.replace(request, parameters=told)


def _text(name: str, value: Json) -> Mapping[str, str]:
    if not isinstance(value, str):
        raise Invalid(f"{name} must be text, is {str(value)[:80]!r}")
    return {name: value}


def _texts(name: str, value: Json) -> Mapping[str, str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise Invalid(f"{name} must be a list of texts, and not empty")
    return {name: ",".join(value)}


def _listed(name: str, value: Json) -> Mapping[str, str]:
    return _text(name, value) if isinstance(value, str) else _texts(name, value)


def _number(name: str, value: Json) -> Mapping[str, str]:
    if type(value) is not int:
        raise Invalid(f"{name} must be a whole number, is {str(value)[:80]!r}")
    return {name: str(value)}


def _flag(name: str, value: Json) -> Mapping[str, str]:
    if not isinstance(value, bool):
        raise Invalid(f"{name} must be true or false, is {str(value)[:80]!r}")
    return {name: str(value).lower()}


def _object(name: str, value: Json, members: Collection[str]) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object")
    if unknown := value.keys() - set(members) - {"type"}:
        raise Invalid(f"{name}: {min(unknown)[:80]!r} is not known")
    return value


def _coordinates(name: str, value: Json) -> str:
    if not isinstance(value, list):
        raise Invalid(f"{name}: coordinates must be a list")
    return msgspec.json.encode(value).decode()


GEO_QUERY = {name: name for name in ("georel", "geometry", "coordinates", "geoproperty")}
ORDERING = {
    "orderBy": "orderBy",
    "coordinates": "orderFrom",
    "geometry": "orderGeometry",
    "collation": "collation",
}


def _geo_q(name: str, value: Json) -> Mapping[str, str]:
    given = _object(name, value, GEO_QUERY)
    told = {}
    for member, part in given.items():
        if member == "coordinates" and not isinstance(part, str):
            told[member] = _coordinates(name, part)
        elif member in GEO_QUERY:
            told |= _text(member, part)
    return told


def _ordering(name: str, value: Json) -> Mapping[str, str]:
    told: dict[str, str] = {}
    for member, part in _object(name, value, ORDERING).items():
        if member == "orderBy":
            told |= _texts(member, part)
        elif member == "coordinates":
            told["orderFrom"] = _coordinates(name, part)
        elif member in ORDERING:
            told[ORDERING[member]] = _text(member, part)[member]
    return told


def _temporal_q(name: str, value: Json) -> Mapping[str, str]:
    """Clauses 5.2.21 and 5.2.44. Who names a method wants aggregated values."""
    told: dict[str, str] = {}
    for member, part in _object(name, value, TEMPORAL).items():
        if member != "type":
            told |= TEMPORAL[member](member, part)
    return told | ({"format": "aggregatedValues"} if "aggrMethods" in told else {})


TEMPORAL: Mapping[str, Reader] = {
    **dict.fromkeys(("timerel", "timeAt", "endTimeAt", "timeproperty"), _text),
    "lastN": _number,
    "aggrMethods": _listed,
    "aggrPeriodDuration": _text,
}
MEMBERS: Mapping[str, Reader] = {
    **dict.fromkeys(("q", "csf", "scopeQ", "lang", "join", "geometryProperty"), _text),
    "entityMapLifetime": _text,
    **dict.fromkeys(("attrs", "pick", "omit", "datasetId", "containedBy"), _texts),
    **dict.fromkeys(("expandValues", "jsonKeys"), _listed),
    **dict.fromkeys(("entityMap", "splitEntities"), _flag),
    "joinLevel": _number,
    "geoQ": _geo_q,
    "ordering": _ordering,
}
TEMPORAL_MEMBERS: Mapping[str, Reader] = {
    **MEMBERS,
    "temporalQ": _temporal_q,
    "aggrParams": _temporal_q,
}


# --- entities


def of_selectors(query: Query, selectors: Sequence[Selector]) -> Query:
    """Entities that one of the selectors chooses."""
    if len(selectors) == 1:
        one = selectors[0]
        return replace(query, types=one.types, ids=one.ids, pattern=one.pattern)
    every = any(not selector.types for selector in selectors)
    types = () if every else tuple(dict.fromkeys(t for s in selectors for t in s.types))
    return replace(query, types=types, selectors=tuple(selectors))


def read_selectors(given: Json, terms: Terms) -> tuple[Selector, ...]:
    """`entities` of a Query. Raises Invalid."""
    if not isinstance(given, list) or not given or len(given) > MOST_LISTED:
        raise Invalid(f"entities must be a list of 1 to {MOST_LISTED} selectors")
    return tuple(_selector(one, terms) for one in given)


def _selector(given: Json, terms: Terms) -> Selector:
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        raise Invalid("each of entities needs a type, and may have id and idPattern")
    if unknown := given.keys() - {"type", "id", "idPattern"}:
        raise Invalid(f"entities: {min(unknown)!r} is not known; there are type, id and idPattern")
    ids = given.get("id", [])
    ids = [ids] if isinstance(ids, str) else ids
    pattern = given.get("idPattern", "")
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise Invalid("entities: id must be a URI or a list of URIs")
    if not isinstance(pattern, str):
        raise Invalid("entities: idPattern must be text")
    found = choices(given["type"], terms) if given["type"] != "*" else ()
    # The id takes precedence over the pattern (clause 5.2.33).
    return Selector(found, uris(ids), "" if ids else read_pattern(pattern))
