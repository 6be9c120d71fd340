"""What a type of device gives, and whether it can be true. Pure.

Always holds: a number leaves here with its unit and inside the range that its kind declares; what
is not so is Unreadable, with why. A reading that the device itself marks as missing is left out.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

Value = float | bool | str
Decode = Callable[[bytes, int], Mapping[str, Value]]
Timed = Callable[[bytes], datetime | None]  # when the device says that it was
MOST_TEXT = 200  # characters of a text that a device says


class Unreadable(Exception):
    """What a device said is not what its kind says. The message is for an engineer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`unit` is a code of UN/CEFACT, such as CEL; empty for what has none. A `text` may be one of
    `words`; `least` and `most` bound a number, and where both are None it is true or false.
    """

    name: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kind:
    """`decode` takes the bytes and the port (0 where there is none). Raises Unreadable."""

    name: str
    title: str
    gives: tuple[Measured, ...]
    decode: Decode = field(repr=False)
    source: str = ""  # where its maker describes the bytes
    timed: Timed | None = field(default=None, repr=False)
    by_name: Mapping[str, Measured] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.gives})

    def read(self, payload: bytes, port: int = 0) -> dict[str, Value]:
        """What it gives, checked. Raises Unreadable."""
        try:
            found = self.decode(payload, port)
        except (IndexError, KeyError, ValueError, TypeError, OverflowError) as error:
            raise Unreadable(f"this is not how {self.title} speaks: {error}") from error
        known = self.by_name
        if strange := found.keys() - known.keys():
            raise Unreadable(f"{self.title} does not give {min(strange)}")
        return {name: checked(known[name], value) for name, value in found.items()}


def checked(measured: Measured, value: object) -> Value:
    """Raises Unreadable."""
    name = measured.name
    if measured.words:
        if value not in measured.words:
            known = ", ".join(sorted(measured.words))
            raise Unreadable(f"{name} is {str(value)[:MOST_TEXT]!r}; there are {known}")
        return str(value)
    if measured.least is None or measured.most is None:
        if not isinstance(value, bool):
            raise Unreadable(f"{name} is {str(value)[:MOST_TEXT]!r}, neither true nor false")
        return value
    if not _is_number(value):
        raise Unreadable(f"{name} is {str(value)[:MOST_TEXT]!r}, which is no number")
    value = cast("float", value)
    if not measured.least <= value <= measured.most:
        unit = f" {measured.unit}" if measured.unit else ""
        raise Unreadable(
            f"{name} is {float(value):g}{unit}; it can be {measured.least:g} to {measured.most:g}"
        )
    return value


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
