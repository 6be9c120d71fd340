"""What the process that counts a recording is told, and what it can say.

Closed, frozen types, as at the gate of a live camera: seconds, lines, classes, directions and
numbers. No box, no track and no picture of a recording leaves the process that reads it either.
"""

import msgspec
from msgspec import Struct, structs

from townsquare.model.camera import Direction, Line, RoadUser, Zone
from townsquare.model.errors import Invalid

Size = tuple[int, int]


class Order(Struct, frozen=True):
    """Count `url` from `since_s` on, in slots of `slot_s` that begin at `first_s` (0 or before)."""

    url: str
    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    per_s: float
    detector: str
    models: str
    slot_s: float
    first_s: float = 0.0
    since_s: float = 0.0

    def of(self, url: str, first_s: float) -> "Order":
        return structs.replace(self, url=url, first_s=first_s)


class Passed(Struct, frozen=True, array_like=True):
    """So many crossed a line within one part."""

    line: str
    of: RoadUser
    direction: Direction
    n: int


class Turned(Struct, frozen=True, array_like=True):
    entry: str
    exit: str
    of: RoadUser
    n: int


class Stayed(Struct, frozen=True, array_like=True):
    """In a zone for `for_s`: number times seconds, and most at once."""

    zone: str
    of: RoadUser
    number_s: float
    most: int
    for_s: float


class Part(Struct, frozen=True, tag_field="said", tag="part", forbid_unknown_fields=True):
    """Of the time from the part before up to `upto_s`, all of which lies in one slot.

    `length_s` is that of the whole recording, 0 where it does not say.
    """

    upto_s: float
    length_s: float
    size: Size
    passed: tuple[Passed, ...] = ()
    turned: tuple[Turned, ...] = ()
    stayed: tuple[Stayed, ...] = ()


class Failed(Struct, frozen=True, tag_field="said", tag="failed", forbid_unknown_fields=True):
    """It cannot be read on; `why` names no place."""

    why: str


class Done(Struct, frozen=True, tag_field="said", tag="done", forbid_unknown_fields=True):
    """All of it was counted."""


Said = Part | Failed | Done
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


def line(message: Order | Said) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def order(text: bytes) -> Order:
    return msgspec.json.decode(text, type=Order)


def said(text: bytes) -> Said:
    """Raises Invalid."""
    try:
        return _said.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid("a process that counts a recording said something else") from error
