"""What the log says of an accountable act, and the commitment that is proven of it.

Always holds: the tree is made of commitments, SHA-256 of a random salt and the record. A record
can be erased with its salt: its commitment stays, so every earlier proof still verifies, and
nobody can guess the record back.
"""

import hashlib
import secrets
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
