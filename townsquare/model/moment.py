"""Times as text (ETSI GS CIM 009, clause 4.6.3): how a value that is one is told and compared."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Literal

MomentKind = Literal["dateTime", "date", "time"]
LONGEST = len("2026-01-31T12:00:00.123456Z")  # others are not even remembered
_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?"
_KINDS: tuple[tuple[MomentKind, re.Pattern[str]], ...] = (
    ("dateTime", re.compile(f"{_DATE}T{_TIME}Z")),
    ("date", re.compile(_DATE)),
    ("time", re.compile(f"{_TIME}Z?")),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """`text` of two moments of one kind compares as they do in time."""

    kind: MomentKind
    text: str


def read_moment(text: str) -> Moment | None:
    """None for what is not a DateTime in UTC, a Date or a Time."""
    return _read(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Moment | None:
    kind = next((kind for kind, form in _KINDS if form.fullmatch(text)), None)
    if kind is None:
        return None
    plain = text.replace(",", ".").removesuffix("Z")
    try:
        if kind == "date":
            return Moment(kind, date.fromisoformat(plain).isoformat())
        if kind == "time":
            return Moment(kind, time.fromisoformat(plain).isoformat("microseconds"))
        return Moment(kind, datetime.fromisoformat(plain).isoformat(timespec="microseconds"))
    except ValueError:
        return None


def comparable(text: str, kind: MomentKind) -> str | None:
    """The text of a moment of this kind; None for any other text."""
    found = read_moment(text)
    return found.text if found and found.kind == kind else None
