"""Queries and grants as SQL conditions: nothing is filtered in Python.

A query over several types may stand under several grants. Declared types with the same grant
form a group, all that nobody declared form another, and `q` is compiled for each group with
that grant's eyes, so what is hidden is absent there too. (The broker lets no entity mix a
declared type with others, so every row is in one group.)
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from townsquare.context.query import (
    All,
    Any,
    Condition,
    Near,
    Path,
    Query,
    Range,
    TemporalQuery,
    Term,
)
from townsquare.model.geometry import EARTH, geometry
from townsquare.store import Sql, micros
from townsquare.trust.policy import NOTHING, Grant

NEVER, ALWAYS = Sql("0"), Sql("1")
FAR_M = 5_000_000
SLACK = 1e-4  # degrees; more than the R*Tree's 32-bit floats lose


def both(*parts: Sql) -> Sql:
    parts = tuple(p for p in parts if p is not ALWAYS)
    if not parts:
        return ALWAYS
    text = " and ".join(f"({p.text})" for p in parts)
    return Sql(text, sum((p.parameters for p in parts), ()))


def either(parts: Iterable[Sql]) -> Sql:
    parts = list(parts)
    if not parts:
        return NEVER
    return Sql(" or ".join(f"({p.text})" for p in parts), sum((p.parameters for p in parts), ()))


def within(parts: Sequence[str]) -> str:
    return ", ".join("?" * len(parts))


def where(query: Query, tenant: str, grants: Mapping[str, Grant], others: Grant) -> Sql:
    """Condition on table `entity` (e). `grants` has every declared type, `others` is the rest's."""
    groups: defaultdict[Grant, list[str]] = defaultdict(list)
    for type in query.types or grants:
        groups[grants.get(type, NOTHING)].append(type)
    groups.pop(NOTHING, None)
    parts = [
        both(_has_type("exists", types), _group(query, grant))
        for grant, types in groups.items()
        if grant.allowed
    ]
    if others.allowed:
        parts.append(both(_has_type("not exists", list(grants)), _group(query, others)))
    return both(_selected(query, tenant), either(parts))


def _has_type(exists: str, types: Sequence[str]) -> Sql:
    text = f"select 1 from entity_type t where t.row = e.row and t.type in ({within(types)})"
    return Sql(f"{exists} ({text})", tuple(types))


def _group(query: Query, grant: Grant) -> Sql:
    parts = [_scopes(grant)]
    if query.q is not None:
        parts.append(condition(query.q, grant))
    if query.attributes:
        parts.append(either(_exists(Path(name), grant) for name in query.attributes))
    if query.near is not None:
        parts.append(_near(query.near, grant))
    return both(*parts)


def _scopes(grant: Grant) -> Sql:
    inside = ALWAYS if grant.scopes is None else _in_scope(grant.scopes)
    return both(inside, _not(_in_scope(grant.not_scopes)) if grant.not_scopes else ALWAYS)


def _in_scope(scopes: Collection[str]) -> Sql:
    names = sorted(scopes)
    text = f"select 1 from entity_scope s where s.row = e.row and s.scope in ({within(names)})"
    return Sql(f"exists ({text})", tuple(names))


def _not(condition: Sql) -> Sql:
    return Sql(f"not ({condition.text})", condition.parameters)


def _selected(query: Query, tenant: str) -> Sql:
    parts = []
    if query.types:
        text = f"select row from entity_type where tenant = ? and type in ({within(query.types)})"
        parts.append(Sql(f"e.row in ({text})", (tenant, *query.types)))
    if query.ids:
        parts.append(Sql(f"e.id in ({within(query.ids)})", query.ids))
    if query.pattern:
        parts.append(Sql("e.id regexp ?", (query.pattern,)))
    if query.scope:
        parts.append(_scope_q(query.scope, tenant))
    if query.not_scope:
        text = "select row from entity_scope where tenant = ? and (scope < ? or scope > ?)"
        parts.append(Sql(f"e.row in ({text})", (tenant, query.not_scope, query.not_scope)))
    return both(*parts)


def _scope_q(scope: str, tenant: str) -> Sql:
    """`/a/+` one level, `/a/#` the whole subtree (clause 4.19)."""
    among = "e.row in (select row from entity_scope where tenant = ? and scope {} ?)"
    if "+" not in scope and "#" not in scope:
        return Sql(among.format("="), (tenant, scope))
    pattern = re.escape(scope).replace(r"/\#", "(/.*)?").replace(r"\+", "[^/]+")
    return Sql(among.format("regexp"), (tenant, f"^{pattern}$"))


def condition(q: Condition, grant: Grant) -> Sql:
    if isinstance(q, All):
        return both(*(condition(term, grant) for term in q.terms))
    if isinstance(q, Any):
        return either(condition(term, grant) for term in q.terms)
    if q.comparison is None:
        return _exists(q.path, grant)
    return _compared(q, grant)


def _exists(path: Path, grant: Grant) -> Sql:
    if not grant.shows(path.attribute):
        return NEVER
    if not (path.sub or path.inside):
        return Sql("json_type(e.body, ?) is not null", (_place(path),))
    text = "exists (select 1 from json_each(e.body, ?) i where json_type(i.value, ?) is not null)"
    return Sql(text, (_place(path), _inner(path)))


def _compared(term: Term, grant: Grant) -> Sql:
    if not grant.shows(term.path.attribute):
        return NEVER
    if term.comparison in ("!=", "!~="):
        # Unequal means: the attribute is there, and no instance of it is equal.
        equal = Term(term.path, "==" if term.comparison == "!=" else "~=", term.operands)
        found = _compared(equal, grant)
        return both(_exists(term.path, grant), _not(found))
    test = either(_test(term.comparison or "==", operand) for operand in term.operands)
    # A list is equal to a value that it contains (clause 4.9); json_each steps into it.
    single = "('object')" if term.comparison == "==" else "('object', 'array')"
    text = (
        "exists (select 1 from json_each(e.body, ?) i, json_each(i.value, ?) v"
        f" where json_type(i.value, ?) not in {single} and ({test.text}))"
    )
    inner = _inner(term.path)
    return Sql(text, (_place(term.path), inner, inner, *test.parameters))


def _test(comparison: str, operand: str | float | bool | Range) -> Sql:
    """On v.value and v.type. Values of different kinds are never equal, less or more."""
    if isinstance(operand, Range):
        return both(_test(">=", operand.low), _test("<=", operand.high))
    if isinstance(operand, bool):
        truth = Sql("v.type = ?", ("true" if operand else "false",))
        return truth if comparison == "==" else NEVER
    if comparison == "~=":
        return Sql("v.type = 'text' and v.value regexp ?", (str(operand),))
    kinds = "('text')" if isinstance(operand, str) else "('integer', 'real')"
    operator = "=" if comparison == "==" else comparison
    return Sql(f"v.type in {kinds} and v.value {operator} ?", (operand,))


def _inner(path: Path) -> str:
    """From one instance of the attribute to the value that is meant."""
    sub = "".join(f".sub.{_quoted(name)}" for name in path.sub)
    return f"${sub}.value" + "".join(f".{_quoted(name)}" for name in path.inside)


def _place(path: Path) -> str:
    return f"$.attributes.{_quoted(path.attribute)}"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _near(near: Near, grant: Grant) -> Sql:
    if not grant.shows(near.attribute):
        return NEVER
    place = f"$.attributes.{_quoted(near.attribute)}[0].value"
    exact = Sql(
        "json_type(e.body, ?) = 'object' and geo_matches(json_extract(e.body, ?), ?, ?, ?)",
        (place, place, near.relation, near.reference, near.distance_m),
    )
    if near.attribute != "location" or near.relation in ("disjoint", "beyond"):
        return exact
    return both(Sql(_BOX, _box(near)), exact)


_BOX = (
    "e.row in (select row from place where west <= ? and east >= ? and south <= ? and north >= ?)"
)


def _box(near: Near) -> tuple[float, float, float, float]:
    """East, west, north, south of everything that can match; R*Tree keeps 32-bit floats."""
    west, south, east, north = geometry(json.loads(near.reference)).bounds
    if near.relation == "near":
        north = EARTH.fwd(0, north, 0, near.distance_m)[1]
        south = EARTH.fwd(0, south, 180, near.distance_m)[1]
        widest = max(abs(north), abs(south))
        # Around a pole, or over a quarter of the Earth, every longitude can be near.
        far = widest > 85 or near.distance_m > FAR_M
        spread = 360.0 if far else EARTH.fwd(0, widest, 90, near.distance_m)[0]
        west, east = west - spread, east + spread
        south, north = (-90.0, 90.0) if far else (south, north)
    return east + SLACK, west - SLACK, north + SLACK, south - SLACK


def history(query: TemporalQuery, id: str, types: Sequence[str], hidden: Grant) -> Sql:
    """Condition on table `history` (h) for an entity that was found visible, as these types."""
    parts = [Sql("h.entity = ?", (id,)), Sql(f"h.type in ({within(types)})", tuple(types))]
    if query.attributes:
        shown = [name for name in query.attributes if hidden.shows(name)]
        parts.append(Sql(f"h.attribute in ({within(shown)})", tuple(shown)))
    elif hidden.attributes is not None:
        names = sorted(hidden.attributes)
        parts.append(Sql(f"h.attribute in ({within(names)})", tuple(names)))
    if hidden.hidden:
        names = sorted(hidden.hidden)
        parts.append(Sql(f"h.attribute not in ({within(names)})", tuple(names)))
    if query.after:
        parts.append(Sql("coalesce(h.observed_at, h.modified_at) > ?", (micros(query.after),)))
    if query.before:
        parts.append(Sql("coalesce(h.observed_at, h.modified_at) < ?", (micros(query.before),)))
    return both(*parts)
