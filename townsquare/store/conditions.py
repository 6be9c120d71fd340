"""Conditions on a row of table `entity` (e), as each store says them.

`context` puts these atoms together into the condition of a query; what an atom means is the same
in every store, and the contract tests run against all of them. Names are canonical.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from townsquare.model.geometry import Relation

Comparison = Literal["==", "!=", ">=", "<=", ">", "<", "~=", "!~="]
Literal_ = str | float | bool
Value = str | int | float | bytes | None  # of a parameter


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on table `entity` (named e) or `history` (named h), with its parameters.

    Parameters stand as `?` in every store.
    """

    text: str
    parameters: tuple[Value, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Path:
    """`temperature.accuracy[unit.name]`: attribute, sub-attributes, then inside the value."""

    attribute: str
    sub: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    low: Literal_
    high: Literal_


@dataclass(frozen=True, slots=True)
class Near:
    """`georel`: relation of the property's geometry to `reference` (GeoJSON text), WGS 84."""

    relation: Relation
    reference: str
    distance_m: float = 0
    attribute: str = "location"


class Conditions(Protocol):
    def exists(self, path: Path) -> Sql:
        """Some instance of the attribute has this path."""
        ...

    def holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        """Some value at the path compares so; `!=` and `!~=` do not come here."""
        ...

    def like(self, column: str, pattern: str) -> Sql:
        """A text column fulfils a regular expression anywhere in it."""
        ...

    def near(self, near: Near) -> Sql:
        """Geometry. A store without geometry functions narrows by bounds here, and `find`
        checks exactly what is left.
        """
        ...
