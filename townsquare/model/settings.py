"""Turn the text of townsquare.toml into typed settings, or say which line is wrong and why.

Settings are frozen dataclasses inside frozen dataclasses: a section is a field, [[camera]] is a
field `camera: tuple[Camera, ...]`. What a dataclass does not name is refused. Range checks live
in `__post_init__`, which raises Invalid; file and line are added here. Reads no file, no clock.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from townsquare.model.errors import Invalid
from townsquare.model.toml import Path, lines

T = TypeVar("T")


def parse(text: str, name: str, into: type[T]) -> T:
    """`name` is what messages call the text, such as townsquare.toml. Raises Invalid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(_syntax(name, str(error), text)) from error
    return cast("T", _Source(name, lines(text)).build(table, into, ()))


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    lines: Mapping[Path, int]

    def wrong(self, path: Path, what: str) -> Invalid:
        """`what` with the line of `path`, or of the nearest thing around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        line = f" line {self.lines[path]}" if path else ""
        return Invalid(f"{self.name}{line}: {what}")

    def build(self, value: Any, into: Any, path: Path) -> Any:
        into = _without_none(into)
        if is_dataclass(into):
            return self._table(value, cast("type", into), path)
        if _is_row_of_tables(into):
            return self._row(value, get_args(into)[0], path)
        try:
            return msgspec.convert(value, into)
        except msgspec.ValidationError as error:
            raise self.wrong(*_misfit(value, into, path, str(error))) from error

    def _row(self, value: Any, into: Any, path: Path) -> tuple[Any, ...]:
        if not isinstance(value, list):
            where = section((*path, 0))
            raise self.wrong(path, f"write {where}: there can be more than one")
        return tuple(self.build(item, into, (*path, n)) for n, item in enumerate(value))

    def _table(self, value: Any, into: type, path: Path) -> Any:
        if not isinstance(value, dict):
            raise self.wrong(path, f"{_key(path)} must be {takes(into)}, not {_shown(value)}")
        known = {f.name: f for f in fields(into) if f.init}
        if strange := [key for key in value if key not in known]:
            key = strange[0]
            raise self.wrong((*path, key), _unknown(key, path, value[key], known))
        if absent := [name for name, f in known.items() if _needed(f) and name not in value]:
            raise self.wrong(path, _missing(absent, into, path))
        hints = get_type_hints(into)
        given = {k: self.build(v, hints[k], (*path, k)) for k, v in value.items()}
        try:
            return into(**given)
        except Invalid as error:
            raise self.wrong(path, str(error)) from error


def section(path: Path) -> str:
    """A table as people write its header: [web], [[camera]], [[camera.lines]]."""
    names = ".".join(part for part in path if isinstance(part, str))
    return f"[[{names}]]" if isinstance(path[-1], int) else f"[{names}]"


def takes(into: Any) -> str:
    """What a value of this type looks like in TOML, for people."""
    into = _without_none(into)
    if get_origin(into) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(into))
    if is_dataclass(into):
        return "a table with " + ", ".join(f.name for f in fields(into))
    if get_origin(into) is tuple:
        return _takes_row(get_args(into))
    words = {
        str: "text in quotes",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        date: "a date such as 2027-01-31",
        datetime: "a moment such as 2027-01-31T08:00:00+01:00",
    }
    return words.get(into, str(into))


def _takes_row(items: tuple[Any, ...]) -> str:
    if len(items) == 2 and items[1] is Ellipsis:
        return f"a list in brackets, each {takes(items[0])}"
    return f"{len(items)} values in brackets, each {takes(items[0])}"


def _without_none(into: Any) -> Any:
    if get_origin(into) not in {Union, UnionType}:
        return into
    kinds = [kind for kind in get_args(into) if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 else into


def _is_row_of_tables(into: Any) -> bool:
    items = get_args(into)
    return get_origin(into) is tuple and is_dataclass(items[0]) and items[1:] == (Ellipsis,)


def _needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _syntax(name: str, error: str, text: str) -> str:
    """The standard library's words with the line in our place for it."""
    what, _, where = error.partition(" (at ")
    found = re.match(r"line (\d+)", where)
    line = int(found.group(1)) if found else text.count("\n") + 1
    return f"{name} line {line}: this is not TOML: {what[:1].lower()}{what[1:]}"


def _unknown(key: str, path: Path, value: Any, known: Iterable[str]) -> str:
    thing = f"unknown key {_quoted(key)}"
    if path:
        thing += f" in {section(path)}"
    elif isinstance(value, dict | list):
        thing = f"unknown section {section((key,) if isinstance(value, dict) else (key, 0))}"
    return f"{thing}{_meant(key, known) or '.'} Allowed: {', '.join(known)}"


def _missing(absent: list[str], into: type, path: Path) -> str:
    hints = get_type_hints(into)
    wanted = " and ".join(f"{_quoted(name)} ({takes(hints[name])})" for name in absent)
    return f"{section(path) if path else 'the file'} lacks {wanted}"


def _misfit(value: Any, into: Any, path: Path, error: str) -> tuple[Path, str]:
    """Where msgspec saw the first misfit, and what to write there instead."""
    what = f"{_key(path)} must be {takes(into)}"
    at = [int(n) for n in re.findall(r"\[(\d+)\]", error.partition("`$")[2])]
    for n in at:
        value, path = value[n], (*path, n)
    item = f"; number {at[0] + 1} is {_shown(value)}" if at else f", not {_shown(value)}"
    choices = re.findall(r'"(\w+)"', takes(into))
    return path, what + item + _meant(str(value), choices)


def _key(path: Path) -> str:
    names = [n for n, part in enumerate(path) if isinstance(part, str)]
    table = path[: names[-1]]
    return f"{_quoted(path[names[-1]])} in {section(table)}" if table else _quoted(path[0])


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(value: object) -> str:
    return f'"{value}"'
