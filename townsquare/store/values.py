"""Index rows: what is at a path of an entity, said so that a comparison needs no document.

Always holds: where something is at the path there is a row, and what the other rows do not say has
a row of kind MORE. So a condition on rows which asks the document where there is MORE answers as
the document alone would; `SqliteConditions.holds` says what that is.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

import msgspec

from townsquare.model.entity import Attribute, Instances, Json
from townsquare.model.moment import Moment, MomentKind, read_moment
from townsquare.store import EXACT
from townsquare.store.conditions import EVERY_LANGUAGE, Comparison, Literal_, Path, Range, Sql

LONGEST = 100  # characters of a text
MOST = 64  # rows of one entity and path
LINKS = ("Relationship", "ListRelationship")


class Kind(IntEnum):
    """Of a row. A number or truth value stands in `number`, anything else in `text`."""

    NUMBER = 0
    TEXT = 1
    SPOKEN = 2  # text in some language
    TRUTH = 3
    DATE = 4  # text that is a moment has a row more, in which it compares as in time
    TIME = 5
    DATE_TIME = 6
    VOCABULARY = 7  # an instance is a VocabProperty
    MORE = 8


MOMENTS: Mapping[MomentKind, Kind] = {
    "date": Kind.DATE,
    "time": Kind.TIME,
    "dateTime": Kind.DATE_TIME,
}


class Said(NamedTuple):
    kind: Kind
    number: float = 0.0
    text: str = ""


# A value, and whether it stands alone: parts of lists and targets of links are never less or more.
Rows = Mapping[Said, bool]
MORE = Said(Kind.MORE)


def indexable(path: Path) -> bool:
    return bool(path.attribute) and not path.member and path.inside != EVERY_LANGUAGE


def told(path: Path) -> str:
    """A path as a text."""
    return msgspec.json.encode((path.attribute, path.sub, path.inside)).decode()


def untold(text: str) -> Path:
    return Path(*msgspec.json.decode(text, type=tuple[str, tuple[str, ...], tuple[str, ...]]))


# --- what rows say


def said(instances: Instances, path: Path) -> Rows:
    """The rows of one entity. `path` is indexable, and `instances` are those of its attribute."""
    rows: dict[Said, bool] = {}
    for instance in instances:
        for row, alone in _of(instance, path):
            rows[row] = alone or rows.get(row, False)
    if len(rows) <= MOST:
        return rows
    return {MORE: False, **{row: False for row in rows if row.kind == Kind.VOCABULARY}}


class Attributes(msgspec.Struct):
    """Of an entity, all that is needed of its document."""

    attributes: dict[str, Instances] = {}


DECODER = msgspec.json.Decoder(Attributes)


def said_in(body: str | bytes, path: Path) -> Rows:
    """The rows of an entity by its JSON."""
    return said(DECODER.decode(body).attributes.get(path.attribute, ()), path)


def _of(instance: Attribute, path: Path) -> Iterator[tuple[Said, bool]]:
    at: Attribute | None = instance
    for name in path.sub:
        at = at.sub.get(name) if at else None
    if at is None:
        return
    if at.kind == "VocabProperty" and not path.inside:
        yield Said(Kind.VOCABULARY), False
    values = [at.value]
    for name in path.inside:
        values = [v[name] for v in values if isinstance(v, dict) and name in v]
    for value in values:
        rows = list(_value(value, at))
        yield from rows or [(MORE, False)]


def _value(value: Json, of: Attribute) -> Iterator[tuple[Said, bool]]:
    if of.kind == "LanguageProperty" and not isinstance(value, str):
        yield from ((_spoken(text), True) for text in _texts(value))
    if isinstance(value, list | tuple):
        for part in value:
            yield from ((row, False) for row in _plain(part))
    elif isinstance(value, dict):
        if of.kind != "LanguageProperty" or "@value" in value:
            yield MORE, False
    else:
        yield from ((row, of.kind not in LINKS) for row in _plain(value) or [MORE])


def _plain(value: Json) -> list[Said]:
    """None of what is no value by itself: within a list nothing is equal to it."""
    if isinstance(value, bool):
        return [Said(Kind.TRUTH, float(value))]
    if isinstance(value, int | float):
        exact = math.isfinite(value) and abs(value) < EXACT
        return [Said(Kind.NUMBER, float(value))] if exact else [MORE]
    if isinstance(value, str):
        return _text(value)
    return [] if value is None or isinstance(value, dict | list | tuple) else [MORE]


def _text(text: str) -> list[Said]:
    if _too_long(text):
        return [MORE]
    moment = read_moment(text)
    plain = Said(Kind.TEXT, text=text)
    return [plain, Said(MOMENTS[moment.kind], text=moment.text)] if moment else [plain]


def _spoken(text: str) -> Said:
    return MORE if _too_long(text) else Said(Kind.SPOKEN, text=text)


def _too_long(text: str) -> bool:
    return len(text) > LONGEST or "\0" in text  # at which SQLite's functions on JSON end a text


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


# --- what is asked of them


def fits(like: Sql) -> Sql:
    """Some text that rows say does: a condition on table attribute_value (x); `like` on x.text."""
    return Sql(f"x.kind in ({TEXTS}) and x.alone and {like.text}", like.parameters)


def compared(comparison: Comparison, operand: Literal_ | Range) -> Sql:
    """Some value that rows say does, by any comparison but with a pattern."""
    alone = "" if comparison == "==" else " and x.alone"
    if isinstance(operand, Range):
        low, high = _bound(">=", operand.low), _bound("<=", operand.high)
        if low is None or high is None or low[0] != high[0]:
            return Sql("false")
        return Sql(f"{low[0]} and {low[1]} and {high[1]}", (low[2], high[2]))
    bound = _bound("=" if comparison == "==" else comparison, operand)
    if bound is None or (isinstance(operand, bool) and comparison != "=="):
        return Sql("false")
    of_kind, test, value = bound
    return Sql(f"{of_kind} and {test}{alone}", (value,))


TEXTS = f"{Kind.TEXT:d}, {Kind.SPOKEN:d}"


def _bound(operator: str, operand: Literal_) -> tuple[str, str, float | str]:
    """Of what kind, the comparison, and its parameter: in the order of the index."""
    if isinstance(operand, Moment):
        kind = f"x.kind = {MOMENTS[operand.kind]:d} and x.number = 0"
        return kind, f"x.text {operator} ?", operand.text
    if isinstance(operand, str):
        return f"x.kind in ({TEXTS}) and x.number = 0", f"x.text {operator} ?", operand
    kind = f"x.kind = {Kind.TRUTH if isinstance(operand, bool) else Kind.NUMBER:d}"
    # Greater ones are MORE.
    return kind, f"x.number {operator} ?", float(max(-EXACT, min(EXACT, operand)))


def columns(rows: Iterable[tuple[Said, bool]]) -> list[tuple[int, float, str, bool]]:
    """kind, number, text, alone"""
    return [(int(row.kind), row.number, row.text, alone) for row, alone in rows]
