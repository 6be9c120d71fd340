"""Conditions as SQLite says them: JSON functions, R*Tree and shapely for geometry.

`i` is an instance of the attribute, `v` a value at the path. The same words serve what is and
what was: instances come from the body of the entity or from history.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from townsquare.model.geometry import EARTH, geometry
from townsquare.model.moment import Moment
from townsquare.store import sqlite_history, sqlite_sealed, stays
from townsquare.store.conditions import (
    EVERY_LANGUAGE,
    Comparison,
    Literal_,
    Near,
    Order,
    Path,
    Range,
    Sorted,
    Sql,
    Value,
)
from townsquare.store.past import Window
from townsquare.store.queried import Queried
from townsquare.store.sqlite_functions import tell

FAR_M = 5_000_000
# A series (s), as one of the types that the entity has.
OF_ENTITY = (
    "s.tenant = e.tenant and s.entity = e.id"
    " and exists (select 1 from entity_type t where t.row = e.row and t.type = s.type)"
)
SLACK = 1e-4  # degrees; more than the R*Tree's 32-bit floats lose
NEVER = Sql("false")
RELATIONSHIPS = "('Relationship', 'ListRelationship')"
LANGUAGE = "'LanguageProperty'"


class SqliteConditions:
    def __init__(self, queried: Queried | None = None) -> None:
        self._queried = queried or Queried()

    @property
    def edition(self) -> int:
        return self._queried.edition

    def exists(self, path: Path) -> Sql:
        if by_rows := self._queried.there(path):
            return by_rows
        if not path.attribute:
            return Sql("json_type(e.body, ?) is not null", (f"$.{path.member}",))
        if path.inside == EVERY_LANGUAGE:
            return self._some(path, "i", f"json_extract(i.value, ?) = {LANGUAGE}", (_kind(path),))
        if path.sub or path.inside or path.member:
            return self._some(path, "i", "json_type(i.value, ?) is not null", (_inner(path),))
        return self._there(path.attribute)

    def holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        plain = self._holds(path, comparison, operand)
        return self._queried.holds(path, comparison, operand, plain, self.like)

    def _holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        test = _test(comparison, operand)
        if not path.attribute:
            text = f"exists (select 1 from json_each(e.body, ?) v where {test.text})"
            return Sql(text, (f"$.{path.member}", *test.parameters))
        if _is_a(Moment, operand):
            typed = replace(path, inside=(*path.inside, "@value"))
            return _or(self._plain(path, comparison, test), self._plain(typed, comparison, test))
        if not _is_a(str, operand):
            return self._plain(path, comparison, test)
        spoken = self._spoken(path, test)
        if path.inside == EVERY_LANGUAGE:
            return spoken
        plain = self._plain(path, comparison, test)
        return plain if path.member else _or(plain, spoken)

    def like(self, column: str, pattern: str) -> Sql:
        return Sql(f"{column} regexp ?", (pattern,))

    def near(self, near: Near) -> Sql:
        exact = self._some(
            Path(near.attribute),
            "i",
            "json_extract(i.value, '$.type') = 'GeoProperty'"
            " and geo_matches(json_extract(i.value, '$.value'), ?, ?, ?)",
            (near.relation, near.reference, near.distance_m),
        )
        return self._placed(near, exact)

    def linked(self, path: Path, tenant: str, condition: Sql) -> Sql:
        test = (
            f"json_extract(i.value, ?) in {RELATIONSHIPS} and v.type = 'text'"
            " and exists (select 1 from entity e where e.kind = 'context' and e.tenant = ?"
            f" and e.id = v.value and ({condition.text}))"
        )
        parameters = (_inner(path), _kind(path), tenant, *condition.parameters)
        return self._some(path, "i, json_each(i.value, ?) v", test, parameters)

    def _some(self, path: Path, rows: str, test: str, parameters: tuple[Value, ...]) -> Sql:
        """Some instance of the attribute fulfils `test`."""
        instances = self._instances(path)
        text = f"exists (select 1 from {instances.text} {rows} where {test})"
        return Sql(text, (*instances.parameters, *parameters))

    def _plain(self, path: Path, comparison: Comparison, test: Sql) -> Sql:
        inner = _inner(path)
        if comparison == "==":
            # A list is equal to a value that it contains (clause 4.9); json_each steps into it.
            single: tuple[str, tuple[Value, ...]] = ("json_type(i.value, ?) <> 'object'", (inner,))
        else:
            single = (
                "json_type(i.value, ?) not in ('object', 'array')"
                f" and coalesce(json_extract(i.value, ?), '') not in {RELATIONSHIPS}",
                (inner, _kind(path)),
            )
        return self._some(
            path,
            "i, json_each(i.value, ?) v",
            f"{single[0]} and ({test.text})",
            (inner, *single[1], *test.parameters),
        )

    def _spoken(self, path: Path, test: Sql) -> Sql:
        return self._some(
            path,
            "i, json_tree(i.value, ?) v",
            f"json_extract(i.value, ?) = {LANGUAGE} and ({test.text})",
            (_inner(path), _kind(path), *test.parameters),
        )

    def _placed(self, near: Near, exact: Sql) -> Sql:
        """With the index of what is now before it, where that helps."""
        if near.attribute != "location" or near.relation in ("disjoint", "beyond"):
            return exact
        return Sql(f"({_BOX}) and ({exact.text})", (*box(near), *exact.parameters))

    def _there(self, attribute: str) -> Sql:
        return Sql("json_type(e.body, ?) is not null", (_place(attribute),))

    def _instances(self, path: Path) -> Sql:
        """As a table of which `value` is the JSON of one instance."""
        return Sql("json_each(e.body, ?)", (_place(path.attribute),))


class SqlitePastConditions(SqliteConditions):
    """On instances within a window. `sealed`: also on those in files, with the functions that
    `sqlite_sealed.Then` gives.
    """

    def __init__(self, window: Window | None, *, sealed: bool) -> None:
        super().__init__()
        self.window = window
        self.sealed = sealed
        self._within = sqlite_sealed.within(window)

    def recorded(
        self,
        attributes: Collection[str] | None,
        hidden: Collection[str],
        datasets: Sequence[str | None],
    ) -> Sql:
        parts = [sqlite_history.attributes(attributes, hidden)]
        if datasets:
            parts.append(sqlite_history.of_datasets(datasets))
        of = sqlite_history.every(parts)
        found = self._kept("1", of)
        if not self.sealed:
            return Sql(f"exists ({found.text})", found.parameters)
        files = _series("1", "", of, "sealed_some(s.id)")
        text = f"(exists ({found.text}) or exists ({files.text}))"
        return Sql(text, (*found.parameters, *files.parameters))

    def says(self, test: Sql) -> Sql:
        scopes = "select value as scope from json_each(h.json, '$.value')"
        return Sql(f"exists (select 1 from ({scopes}) s where {test.text})", test.parameters)

    def stayed(self, fits: Sql) -> Sql:
        found = stays.ever(OF_ENTITY, self.window, fits)
        return Sql(f"exists ({found.text})", found.parameters)

    def _kept(self, columns: str, of: Sql) -> Sql:
        found = _series(columns, " join history h on h.series = s.id", of, self._within.text)
        return Sql(found.text, (*found.parameters, *self._within.parameters))

    def _there(self, attribute: str) -> Sql:
        return self.recorded({attribute}, (), ())

    def _instances(self, path: Path) -> Sql:
        value = "case when h.number is null then h.json"
        value += " else json_set(coalesce(h.json, '{}'), '$.value', h.number) end"
        timed = path.member if path.member in sqlite_sealed.TIMES and not path.sub else ""
        if path.member in sqlite_sealed.TIMES and not path.sub:
            time = sqlite_sealed.TIMES[path.member]
            value = f"json_object('{path.member}', iso({time}))"
        of = Sql("s.attribute = ?", (path.attribute,))
        found = self._kept(f"{value} as value", of)
        if not self.sealed:
            return Sql(f"({found.text})", found.parameters)
        each = f", json_each(sealed_values(s.id, s.attribute, '{timed}')) r"
        files = _series("r.value", each, of, "1")
        text = f"({found.text} union all {files.text})"
        return Sql(text, (*found.parameters, *files.parameters))

    def _placed(self, near: Near, exact: Sql) -> Sql:
        return exact


def ordering(terms: Sequence[Sorted]) -> Sql:
    """Terms of an `order by`."""
    parts = [_directed(key, term) for term in terms for key in _keys(term.order)]
    return Sql(", ".join(p.text for p in parts), sum((p.parameters for p in parts), ()))


def _directed(key: Sql, term: Sorted) -> Sql:
    direction = f"{'desc' if term.order.descending else 'asc'} nulls last"
    if term.shown is None:
        return Sql(f"{key.text} {direction}", key.parameters)
    text = f"case when {term.shown.text} then {key.text} end {direction}"
    return Sql(text, term.shown.parameters + key.parameters)


def _keys(order: Order) -> Sequence[Sql]:
    """Expressions whose order, one after the other, is the one that is asked for."""
    value = _default(order.path)
    keys = _value_keys(value, order)
    if order.reference is None:
        return keys
    kind = f"{_place(order.path.attribute)}[0].type"
    distance = (
        "case when json_extract(e.body, ?) = 'GeoProperty'"
        " then geo_distance(json_extract(e.body, ?), ?) end"
    )
    return (Sql(distance, (kind, value, order.reference)), *keys)


def _series(columns: str, source: str, of: Sql, where: str) -> Sql:
    """From series of the entity, as one of the types that it has."""
    text = f"select {columns} from series s{source} where {OF_ENTITY} and {of.text} and {where}"
    return Sql(text, of.parameters)


def _is_a(kind: type, operand: Literal_ | Range) -> bool:
    return isinstance(operand.low if isinstance(operand, Range) else operand, kind)


def _or(*parts: Sql) -> Sql:
    text = " or ".join(part.text for part in parts)
    return Sql(f"({text})", sum((part.parameters for part in parts), ()))


def _test(comparison: str, operand: Literal_ | Range) -> Sql:
    """On v.value and v.type. Values of different kinds are never equal, less or more."""
    if isinstance(operand, Range):
        low, high = _test(">=", operand.low), _test("<=", operand.high)
        return Sql(f"({low.text}) and ({high.text})", low.parameters + high.parameters)
    if isinstance(operand, bool):
        truth = Sql("v.type = ?", ("true" if operand else "false",))
        return truth if comparison == "==" else NEVER
    if comparison == "~=":
        return Sql("v.type = 'text' and v.value regexp ?", (str(operand),))
    operator = "=" if comparison == "==" else comparison
    if isinstance(operand, Moment):
        text = f"v.type = 'text' and moment(v.value, ?) {operator} ?"
        return Sql(text, (operand.kind, operand.text))
    kinds = "('text')" if isinstance(operand, str) else "('integer', 'real')"
    return Sql(f"v.type in {kinds} and v.value {operator} ?", (operand,))


def _value_keys(place: str, order: Order) -> tuple[Sql, ...]:
    """What kind of value it is, then its number, then its text."""
    return (
        Sql(
            "case json_type(e.body, ?) when 'integer' then 0 when 'real' then 0"
            " when 'text' then text_rank(json_extract(e.body, ?)) when 'object' then 2"
            " when 'array' then 3 when 'true' then 4 when 'false' then 4 when 'null' then 8 end",
            (place, place),
        ),
        Sql(
            "case when json_type(e.body, ?) in ('integer', 'real', 'true', 'false')"
            " then json_extract(e.body, ?) end",
            (place, place),
        ),
        Sql(
            "case json_type(e.body, ?) when 'text' then text_key(json_extract(e.body, ?), ?)"
            " when 'object' then json_extract(e.body, ?) when 'array' then json_extract(e.body, ?)"
            " end",
            (place, place, tell(order.collation), place, place),
        ),
    )


def _default(path: Path) -> str:
    """Where the value of the default instance is: it comes first."""
    if path.attribute:
        return f"{_place(path.attribute)}[0]{_inner(path)[1:]}"
    return {"type": "$.types[0]", "scope": "$.scope[0]"}.get(path.member, f"$.{path.member}")


def _inner(path: Path) -> str:
    """From one instance of the attribute to the value that is meant."""
    inside = () if path.inside == EVERY_LANGUAGE else path.inside
    told = f".{_quoted(path.member)}" if path.member else ".value"
    return f"${_sub(path)}{told}" + "".join(f".{_quoted(name)}" for name in inside)


def _kind(path: Path) -> str:
    return f"${_sub(path)}.type"


def _sub(path: Path) -> str:
    return "".join(f".sub.{_quoted(name)}" for name in path.sub)


def _place(attribute: str) -> str:
    return f"$.attributes.{_quoted(attribute)}"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


_BOX = (
    "e.row in (select row from place where west <= ? and east >= ? and south <= ? and north >= ?)"
)


def box(near: Near) -> tuple[float, float, float, float]:
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
