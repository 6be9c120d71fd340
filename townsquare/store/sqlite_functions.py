"""What SQLite has no function for, in Python: patterns, geometry, times and the order of text.

SQLite may call them for values of any kind, whatever else a condition says: none of them raises.
"""

import sqlite3
from datetime import timedelta
from functools import lru_cache

import msgspec
import re2

from townsquare.model import geometry
from townsquare.model.collation import Collation, sort_key
from townsquare.model.moment import MomentKind, comparable, read_moment
from townsquare.store import EPOCH

PATTERN = re2.Options()
PATTERN.log_errors = False
RANKS: dict[MomentKind, int] = {"time": 5, "date": 6, "dateTime": 7}
STRING_RANK = 1


def register(db: sqlite3.Connection) -> None:
    functions = (geo_matches, geo_distance, regexp, moment, text_rank, text_key, iso)
    for function in functions:
        count = function.__code__.co_argcount
        db.create_function(function.__name__, count, function, deterministic=True)


def geo_matches(
    stored: object, relation: geometry.Relation, reference: str, distance: float
) -> bool:
    return isinstance(stored, str) and geometry.matches(stored, relation, reference, distance)


def geo_distance(stored: object, reference: str) -> float | None:
    return geometry.apart_m(stored, reference) if isinstance(stored, str) else None


def regexp(pattern: str, text: object) -> bool:
    # RE2, since a client's pattern must not be able to keep the server busy.
    return isinstance(text, str) and bool(re2.search(pattern, text, PATTERN))


def moment(value: object, kind: MomentKind) -> str | None:
    return comparable(value, kind) if isinstance(value, str) else None


def text_rank(value: object) -> int | None:
    """Of text among the values of clause 4.23.2."""
    if not isinstance(value, str):
        return None
    found = read_moment(value)
    return RANKS[found.kind] if found else STRING_RANK


def text_key(value: object, collation: str) -> str | None:
    if not isinstance(value, str):
        return None
    found = read_moment(value)
    return found.text if found else sort_key(value, told(collation))


def tell(collation: Collation) -> str:
    """A collation as a parameter."""
    return msgspec.json.encode(collation).decode()


@lru_cache(maxsize=256)
def told(text: str) -> Collation:
    return msgspec.json.decode(text, type=Collation)


def iso(micros: int | None) -> str | None:
    """A time as it is said in JSON."""
    if micros is None:
        return None
    return (EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")
