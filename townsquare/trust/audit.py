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
from townsquare.model.errors import Invalid
from townsquare.store import LogEntry
from townsquare.store.logged import Kind

# The verbs of Directive (EU) 2016/680, article 25(1).
Verb = Literal["collection", "alteration", "consultation", "disclosure", "combination", "erasure"]

SALT_BYTES = 16
LONGEST_CASE = 200  # characters, as of each recipient
LONGEST_REASON = 1000
MOST_RECIPIENTS = 20
LONGEST_DETAIL = 20_000  # a thousand ranges of entries that were erased
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
    """Raises Invalid for words that are too long to be kept for years, or that nobody can read."""
    _require_bounded(record)
    salt, body = secrets.token_bytes(SALT_BYTES), msgspec.json.encode(record)
    month = record.at.astimezone(UTC).isoformat()[:7]
    return LogEntry(salt, body, commitment(salt, body), Kind(month, record.purpose, record.verb))


def require_worded(what: str, text: str, longest: int) -> None:
    """Raises Invalid."""
    if len(text) > longest:
        raise Invalid(f"{what} has {len(text):,} characters; say it in {longest:,} at most")
    if not text.replace("\r\n", " ").replace("\n", " ").isprintable():
        raise Invalid(f"{what} has signs in it that cannot be read; the log keeps text only")


def _require_bounded(record: Record) -> None:
    require_worded("the case number", record.case, LONGEST_CASE)
    require_worded("the justification", record.justification, LONGEST_REASON)
    if len(record.recipients) > MOST_RECIPIENTS:
        raise Invalid(f"a disclosure has at most {MOST_RECIPIENTS} recipients; make several of it")
    for one in record.recipients:
        require_worded("the name of a recipient", one, LONGEST_CASE)
    if len(record.detail) > LONGEST_DETAIL:
        raise Invalid(f"an entry of the log says at most {LONGEST_DETAIL:,} characters; do less")


def commitment(salt: bytes, record: bytes) -> bytes:
    return hashlib.sha256(salt + record).digest()
