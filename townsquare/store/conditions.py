"""Conditions on a row of table `entity` (e), as each store says them.

`context` puts these atoms together into the condition of a query; what an atom means is the same
in every store, and the contract tests run against all of them. Names are canonical.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from townsquare.model.collation import ROOT, Collation
from townsquare.model.geometry import Relation
from townsquare.model.moment import Moment

Comparison = Literal["==", "!=", ">=", "<=", ">", "<", "~=", "!~="]
Literal_ = str | float | bool | Moment
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
    """`temperature.accuracy[unit.name]`: attribute, sub-attributes, then inside the value.

    With `member` it is not the value that is meant but what an instance says beside it:
    `temperature.observedAt`. Without an attribute the member is one of the entity itself: its
    id, type, scope, createdAt, modifiedAt or expiresAt. EVERY_LANGUAGE inside is `[*]`.
    """

    attribute: str
    sub: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    member: str = ""


EVERY_LANGUAGE = ("*",)


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


@dataclass(frozen=True, slots=True)
class Order:
    """One term of `orderBy`: by the value at the path, in the order of clause 4.23.2.

    Of the default instance, else the first: numbers, text (by `collation`), objects, lists, truth
    values (false first), times, dates, moments, JSON null; last what is not there, whichever the
    direction. With `reference` (GeoJSON text) by the distance from there (great circle, metres):
    GeoProperties first, then all others by value.
    """

    path: Path
    descending: bool = False
    reference: str | None = None
    collation: Collation = ROOT


@dataclass(frozen=True, slots=True)
class Sorted:
    """A row where `shown` does not hold is sorted as if nothing were at the path."""

    order: Order
    shown: Sql | None = None


@dataclass(frozen=True, slots=True)
class Atom:
    """`holds` of one of the operands."""

    path: Path
    comparison: Comparison
    operands: tuple[Literal_ | Range, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a question asks of values: `certain` holds of all that is found, `paths` are all."""

    certain: tuple[Atom, ...] = ()
    paths: tuple[Path, ...] = ()


NOTHING_COMPARED = Compared()


class Conditions(Protocol):
    @property
    def edition(self) -> int:
        """Another one as soon as the same is said in other words."""
        ...

    def exists(self, path: Path) -> Sql:
        """Some instance of the attribute has this path; a JSON null is there, too."""
        ...

    def holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        """Some value at the path compares so; `!=` and `!~=` do not come here (clause 4.9).

        The values of a path are those of all instances of the attribute; of a LanguageProperty
        the texts of all languages, or of the one that `inside` names, each text of a list by
        itself. Values of different kinds are never equal, less or more.

        ==           a value is equal, or is a list (not within a list) that has an equal part
        < <= > >=    numbers as such, text by code point, no truth values. Never a Relationship
        ~=           text fulfils the regular expression (RE2) anywhere in it. Never a Relationship
        a Moment     compares in time with text that is a moment of the same kind, or with an
                     object whose "@value" is such a text
        a Range      both bounds belong to it; with == alone
        """
        ...

    def like(self, column: str, pattern: str) -> Sql:
        """A text column fulfils a regular expression (RE2) anywhere in it."""
        ...

    def near(self, near: Near) -> Sql:
        """Some instance that is a GeoProperty has a geometry in that relation.

        A store without geometry functions narrows by bounds here, and `find` and `count` check
        exactly what is left.
        """
        ...

    def linked(self, path: Path, tenant: str, condition: Sql) -> Sql:
        """Some object of the Relationship or ListRelationship at the path is the id of an entity
        of this tenant and of kind context that fulfils `condition`, which is one on e as well.
        """
        ...


class PastConditions(Conditions, Protocol):
    """The same of instances in time within a window: an atom holds where it holds of one.

    They are instances of the entity as one of the types that it has now.
    """

    def recorded(
        self,
        attributes: Collection[str] | None,
        hidden: Collection[str],
        datasets: Sequence[str | None],
    ) -> Sql:
        """There is an instance of one of these attributes (None: of any that is not hidden), in
        one of these datasets if any is named; None is the default one.
        """
        ...

    def says(self, test: Sql) -> Sql:
        """Of an instance of the scope: one of its scopes fulfils `test`, which is on s.scope."""
        ...

    def stayed(self, fits: Sql) -> Sql:
        """For a time in the window the entity had a scope whose instance fulfils `fits`."""
        ...
