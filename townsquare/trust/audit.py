"""What the log says of an accountable act, and the commitment that is proven of it.

Always holds: the tree is made of commitments, SHA-256 of a random salt and the record. A record
can be erased with its salt: its commitment stays, so every earlier proof still verifies, and
nobody can guess the record back.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import EntityType
from townsquare.store import LogEntry
from townsquare.store.logged import Kind

# The verbs of Directive (EU) 2016/680, article 25(1).
Verb = Literal["collection", "alteration", "consultation", "disclosure", "combination", "erasure"]

SALT_BYTES = 16
ENTRY = EntityType(
    "LogEntry",
    "log",
    frozenset({"data-protection"}),
    history=False,
    deletable=False,
    title="Who did and looked at what",
)
TYPES = (ENTRY,)


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
    justification: str = ""  # needed of consultation and disclosure, article 25(1)
    recipients: tuple[str, ...] = ()  # of a disclosure
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
    salt, body = secrets.token_bytes(SALT_BYTES), msgspec.json.encode(record)
    month = record.at.astimezone(UTC).isoformat()[:7]
    return LogEntry(salt, body, commitment(salt, body), Kind(month, record.purpose, record.verb))


def commitment(salt: bytes, record: bytes) -> bytes:
    return hashlib.sha256(salt + record).digest()


def leaf(commitment: bytes) -> bytes:
    """Hash of a leaf of the tree (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + commitment).digest()


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes (RFC 6962, 2.1); SHA-256 of nothing when empty."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_head(leaves[:split]) + tree_head(leaves[split:])).digest()
