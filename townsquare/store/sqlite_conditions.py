"""Conditions as SQLite says them: JSON functions on the body, R*Tree and shapely for geometry."""

import json

from townsquare.model.geometry import EARTH, geometry
from townsquare.store.conditions import Comparison, Literal_, Near, Path, Range, Sql

FAR_M = 5_000_000
SLACK = 1e-4  # degrees; more than the R*Tree's 32-bit floats lose
NEVER = Sql("0")


class SqliteConditions:
    def exists(self, path: Path) -> Sql:
        if not (path.sub or path.inside):
            return Sql("json_type(e.body, ?) is not null", (_place(path),))
        text = (
            "exists (select 1 from json_each(e.body, ?) i where json_type(i.value, ?) is not null)"
        )
        return Sql(text, (_place(path), _inner(path)))

    def holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        test = _test(comparison, operand)
        # A list is equal to a value that it contains (clause 4.9); json_each steps into it.
        single = "('object')" if comparison == "==" else "('object', 'array')"
        text = (
            "exists (select 1 from json_each(e.body, ?) i, json_each(i.value, ?) v"
            f" where json_type(i.value, ?) not in {single} and ({test.text}))"
        )
        inner = _inner(path)
        return Sql(text, (_place(path), inner, inner, *test.parameters))

    def like(self, column: str, pattern: str) -> Sql:
        return Sql(f"{column} regexp ?", (pattern,))

    def near(self, near: Near) -> Sql:
        place = f"$.attributes.{_quoted(near.attribute)}[0].value"
        exact = Sql(
            "json_type(e.body, ?) = 'object' and geo_matches(json_extract(e.body, ?), ?, ?, ?)",
            (place, place, near.relation, near.reference, near.distance_m),
        )
        if near.attribute != "location" or near.relation in ("disjoint", "beyond"):
            return exact
        return Sql(f"({_BOX}) and ({exact.text})", (*box(near), *exact.parameters))


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
