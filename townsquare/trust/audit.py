"""The log of accountable acts, append-only (RFC 6962, section 2.1).

A leaf commits to a random salt and the record. A record can be erased later; its leaf stays,
so every earlier proof still verifies, and nobody can guess the record back from the leaf.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from townsquare.model.actor import Actor, Why
from townsquare.store import LogEntry

# The verbs of Directive (EU) 2016/680, article 25(1).
Verb = Literal["collection", "alteration", "consultation", "disclosure", "combination", "erasure"]


class Record(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    at: datetime
    verb: Verb
    subject: str
    by: str
    organisation: str
    purpose: str
    case: str = ""
    room: str = ""
    detail: str = ""
    policy: str = ""  # hash of the policy that allowed it


def record(by: Actor, why: Why, at: datetime, subject: str, verb: Verb, detail: str) -> Record:
    return Record(
        at=at,
        verb=verb,
        subject=subject,
        by=by.id,
        organisation=by.organisation,
        purpose=why.purpose,
        case=why.case,
        room=by.room,
        detail=detail,
    )


def entry(record: Record) -> LogEntry:
    salt, body = secrets.token_bytes(16), msgspec.json.encode(record)
    return LogEntry(salt, body, leaf(salt, body))


def leaf(salt: bytes, record: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + hashlib.sha256(salt + record).digest()).digest()


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes (RFC 6962, 2.1); SHA-256 of nothing when empty."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_head(leaves[:split]) + tree_head(leaves[split:])).digest()
