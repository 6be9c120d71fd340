"""Secrets that are handed out: links that are used once, tokens of machines. Kept as hashes only.

They are random and long, so a plain hash cannot be turned back, and looking one up by its hash
tells nothing by the time it takes.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

LINK_RUNS = timedelta(hours=24)
BYTES = 32  # random; as text they are 43 characters


class Link(Struct, frozen=True):
    """For one use until then."""

    digest: bytes
    until: datetime


def fresh(prefix: str = "") -> tuple[str, bytes]:
    """A secret to show once, and the hash to keep."""
    text = prefix + secrets.token_urlsafe(BYTES)
    return text, digest(text)


def fresh_link(now: datetime) -> tuple[str, Link]:
    text, kept = fresh()
    return text, Link(kept, now + LINK_RUNS)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
