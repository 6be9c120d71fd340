"""Pieces of a PostgreSQL statement, and how they become one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

TYPES = {bool: "bool", int: "int8", float: "float8", str: "text", bytes: "bytea"}
NO_NUL = "\ufffd"  # PostgreSQL has no NUL in texts; documents hold this in its place too
UNTYPED = re.compile(r"\?(::)?")


@dataclass(frozen=True, slots=True)
class Part:
    """Of a statement, with its parameters, which stand as `?`."""

    text: str
    parameters: tuple[Any, ...] = ()


def every(parts: Iterable[Part]) -> Part:
    return _joined(" and ", list(parts))


def some(parts: Iterable[Part]) -> Part:
    return _joined(" or ", list(parts))


def _joined(word: str, parts: Sequence[Part]) -> Part:
    """Nothing holds of no parts."""
    text = word.join(f"({part.text})" for part in parts)
    return Part(text or "false", tuple(value for part in parts for value in part.parameters))


def across(rows: Iterable[Sequence[Any]], width: int) -> tuple[Any, ...]:
    """Rows as one array for each column."""
    return tuple(map(list, zip(*rows, strict=True))) or ([],) * width


def numbered(text: str, parameters: Sequence[Any]) -> Iterator[Any]:
    """The statement and its parameters, as asyncpg takes them.

    `?` becomes `$n` with the type of its parameter, where the text says none itself.
    """
    yield _numbered(text, tuple(map(type, parameters)))
    yield from map(_kept, parameters)


@lru_cache(maxsize=1024)
def _numbered(text: str, types: tuple[type, ...]) -> str:
    numbers, kinds = count(1), iter(types)

    def one(found: "re.Match[str]") -> str:
        kind = next(kinds)
        return f"${next(numbers)}::{'' if found[1] else TYPES[kind]}"

    return UNTYPED.sub(one, text)


def _kept(parameter: Any) -> Any:
    return parameter.replace("\0", NO_NUL) if isinstance(parameter, str) else parameter
