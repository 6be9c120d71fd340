"""What was recorded of one camera in one hour, segment by segment, and its root for the log. Pure.

Always holds: the root is that of a Merkle tree (RFC 6962) over the lines in their order, so a later
root of the same hour begins with an earlier one, and one segment is proven without the others.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache

import msgspec
from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust import tlog

SEAM = timedelta(seconds=2)  # between two segments that follow each other


class Line(Struct, frozen=True):
    """One segment. `file` is its name in the folder of the hour."""

    digest: str
    since: datetime
    until: datetime
    file: str

    @property
    def leaf(self) -> bytes:
        return tlog.leaf(
            f"{self.digest} {self.since.isoformat()} {self.until.isoformat()}".encode()
        )


class Gap(Struct, frozen=True):
    since: datetime
    until: datetime


def encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def decoded(raw: bytes) -> list[Line]:
    """The whole lines of a list; what a power cut left of the last one is not a line."""
    whole = raw[: raw.rfind(b"\n") + 1]
    try:
        return [msgspec.json.decode(one, type=Line) for one in whole.splitlines()]
    except msgspec.DecodeError as error:
        raise Invalid("the list of segments is damaged") from error


def root(lines: Sequence[Line]) -> str:
    return tlog.root(len(lines), _hashes(lines)).hex()


def proof(index: int, lines: Sequence[Line]) -> list[str]:
    """That line `index` is in the root of these."""
    return [one.hex() for one in tlog.inclusion(index, len(lines), _hashes(lines))]


def _hashes(lines: Sequence[Line]) -> tlog.Hashes:
    @cache
    def hash(height: int, index: int) -> bytes:
        if height == 0:
            return lines[index].leaf
        below = hash(height - 1, 2 * index), hash(height - 1, 2 * index + 1)
        return hashlib.sha256(b"\x01" + b"".join(below)).digest()

    return hash


def gaps(lines: Iterable[Line], since: datetime, until: datetime) -> list[Gap]:
    """Where nothing is of that time."""
    found, at = list[Gap](), since
    for line in sorted(lines, key=lambda one: one.since):
        if line.since - at > SEAM:
            found.append(Gap(at, min(line.since, until)))
        at = max(at, line.until)
    if until - at > SEAM:
        found.append(Gap(at, until))
    return [gap for gap in found if gap.since < gap.until]
