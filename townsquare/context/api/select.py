"""What a request selects: its parameters as a query (clauses 4.9, 4.10, 4.23 and 5.7.2.4)."""

from collections.abc import Collection, Sequence

from townsquare.context.form.read import read_name, read_types
from townsquare.context.geoquery import Geo, read_near
from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.ordering import MEMBERS, Ordering
from townsquare.context.query import LIMIT, Condition, Query, leaves, read_pattern
from townsquare.context.values import is_uri
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Near

SELECTORS = (
    "type",
    "id",
    "idPattern",
    "q",
    "expandValues",
    "jsonKeys",
    "attrs",
    "scopeQ",
    "csf",
    "georel",
    "geometry",
    "coordinates",
    "geoproperty",
    "limit",
    "offset",
    "count",
    "options",
    "format",
    "local",
)
SYSTEM = frozenset({"createdAt", "modifiedAt", "deletedAt", "expiresAt", "observedAt"})


def names(request: Request, terms: Terms) -> tuple[str, ...]:
    """Of `attrs`: attributes only, no members of the entity."""
    return attribute_names("attrs", request.listed("attrs"), terms)


def attribute_names(what: str, given: Sequence[str], terms: Terms) -> tuple[str, ...]:
    for name in given:
        if name in MEMBERS:
            raise Invalid(f"{what}: {name!r} is no attribute but a member of the entity; use pick")
    return tuple(terms.expand(read_name(name)) for name in given)


def selector(request: Request, terms: Terms) -> Query:
    """Raises Invalid where nothing narrows the query (clause 5.7.2.4)."""
    return narrowed(request, selection(request, terms))


def selection(request: Request, terms: Terms) -> Query:
    said = request.parameters
    condition(said.get("csf", ""), terms)  # there is no other source to choose among
    return Query(
        types=types(request, terms),
        ids=uris(request.listed("id")),
        pattern=read_pattern(said.get("idPattern", "")),
        attributes=names(request, terms),
        q=condition(said.get("q", ""), terms, request.listed("expandValues")),
        scope=said.get("scopeQ", ""),
        near=near(request, terms),
        limit=request.number("limit", LIMIT),
        offset=request.number("offset", 0),
        count=request.flag("count"),
    )


def types(request: Request, terms: Terms) -> tuple[str | frozenset[str], ...]:
    """`*` is every type, and local at that (table 6.4.3.2-1)."""
    text = request.parameters.get("type", "")
    if text == "*" and request.parameters.get("local", "true").lower() == "false":
        raise Invalid("type=* is local; it cannot stand beside local=false")
    return choices(text, terms) if text and text != "*" else ()


def choices(text: str, terms: Terms) -> tuple[str | frozenset[str], ...]:
    found = read_types(text, terms)
    return tuple(next(iter(choice)) if len(choice) == 1 else choice for choice in found)


def uris(given: Sequence[str]) -> tuple[str, ...]:
    for id in given:
        if not is_uri(id):
            raise Invalid(f"id {id[:200]!r} is no URI")
    return tuple(given)


def condition(q: str, terms: Terms, expand_values: Collection[str] = ()) -> Condition | None:
    if not q:
        return None
    return parse(q, terms.expand, [terms.expand(name) for name in expand_values])


def narrowed(request: Request, query: Query) -> Query:
    """Raises Invalid for what would ask for everything everywhere (clause 5.7.2.4)."""
    local = bool(request.snapshot) or request.flag("local") or request.parameters.get("type") == "*"
    attributes = [name for name in query.attributes if name not in SYSTEM]
    of_q = [leaf for leaf in leaves(query.q) if leaf.path.attribute] if query.q else []
    if not (query.types or attributes or of_q or query.near or local):
        raise Invalid("the query is too wide; give type, attrs, q or georel, or local=true")
    return query


def near(request: Request, terms: Terms) -> Near | None:
    said = request.parameters
    given = [name for name in ("georel", "geometry", "coordinates") if name in said]
    if not given:
        return None
    if len(given) < 3:
        raise Invalid("a geoquery needs georel, geometry and coordinates, all three")
    place = said.get("geoproperty", "location")
    return read_near(Geo(said["georel"], said["geometry"], said["coordinates"], place), terms)


def ordering(request: Request) -> Ordering:
    said = request.parameters
    return Ordering(
        request.listed("orderBy"),
        said.get("orderFrom"),
        said.get("orderGeometry", "Point"),
        said.get("collation", ""),
    )
