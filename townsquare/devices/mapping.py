"""Simple devices without code: what to take from their JSON, written in townsquare.toml. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from townsquare.devices.kind import Kind, Measured, Unreadable, Value
from townsquare.devices.uplink import time_of
from townsquare.model.errors import Invalid

MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Take:
    """[[devices.kind.take]]: what stands at `of`, such as data.temp or readings.0.value, becomes
    `attribute`: times `scale`, plus `offset`, in `unit`. Without `least` and `most` it is true or
    false, or one of `words`.
    """

    attribute: str
    of: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    least: float | None = None
    most: float | None = None
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.attribute.isidentifier():
            raise Invalid(f"attribute {self.attribute!r} must be a name such as fillingLevel")
        if not self.of or len(self.of.split(".")) > MOST_STEPS:
            raise Invalid('of says where the value stands, such as "data.temp"')
        if (self.least is None) != (self.most is None):
            raise Invalid("least and most belong together; write both, or neither")
        if self.least is not None and self.most is not None and self.least >= self.most:
            raise Invalid("least must be below most")

    @property
    def measured(self) -> Measured:
        return Measured(self.attribute, self.unit, self.least, self.most, frozenset(self.words))


@dataclass(frozen=True, slots=True)
class Mapped:
    """[[devices.kind]]. A value that is absent is left out; one that cannot be true is refused.
    `time` says where the device's own time stands: ISO 8601, or seconds since 1970.
    """

    name: str
    take: tuple[Take, ...]
    title: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        if not self.take:
            raise Invalid(f"kind {self.name!r} takes nothing; write [[devices.kind.take]]")
        names = [take.attribute for take in self.take]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"kind {self.name!r} takes {min(twice)!r} twice")

    @property
    def kind(self) -> Kind:
        gives = tuple(take.measured for take in self.take)
        timed = partial(_when, self.time) if self.time else None
        title = self.title or self.name
        return Kind(self.name, title, gives, partial(_taken, self.take), timed=timed)


def _read(payload: bytes) -> Any:
    """Raises Unreadable."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"this is no JSON: {error}") from error


def _when(path: str, payload: bytes) -> datetime | None:
    """Raises Unreadable."""
    value = _at(_read(payload), path)
    return None if value is None else time_of(value)


def _taken(takes: tuple[Take, ...], payload: bytes, port: int) -> dict[str, Value]:
    told = _read(payload)
    found = {take.attribute: (take, _at(told, take.of)) for take in takes}
    given = {name: _value(*one) for name, one in found.items() if one[1] is not None}
    if not given:
        raise Unreadable("nothing of what is taken stands in it")
    return given


def _at(told: Any, path: str) -> Any:
    """None where nothing is."""
    for step in path.split("."):
        if isinstance(told, Mapping):
            told = told.get(step)
        elif isinstance(told, list) and step.isdecimal() and int(step) < len(told):
            told = told[int(step)]
        else:
            return None
    return told


def _value(take: Take, value: Any) -> Value:
    """Raises Unreadable."""
    if take.least is None:
        if isinstance(value, bool | str):
            return value
        raise Unreadable(f"{take.of} is {str(value)[:60]!r}, neither true nor false nor a word")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{take.of} is {str(value)[:60]!r}, which is no number")
    if take.scale == 1 and take.offset == 0:
        return value
    return round(value * take.scale + take.offset, 6)
