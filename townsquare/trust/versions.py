"""Policies as entities: which one is in force, since when, and by whose leave. Pure.

Always holds: a policy decides when its hash is in the log. One that nobody has agreed to and that
could give more than the one in force decides nothing: the town is closed until somebody does.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from townsquare import __version__
from townsquare.model.change import Change as Written
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import Attribute, Entity, Json, iso, urn
from townsquare.trust.access import Access, access, decoded, encoded
from townsquare.trust.change import Change, change
from townsquare.trust.rules import Policy
from townsquare.trust.texts import Texts

POLICY, OWNER = "PolicyVersion", "policy"
# Who may propose; deciding takes approvers. In an emergency there may be nobody else.
ASK = frozenset({"administrator", "engineer", "break-glass"})
PUBLIC = frozenset(
    {
        *("hash", "status", "since", "proposedAt", "replacedAt", "leave", "changes", "texts"),
        *("access", "basis", "shut", "signature", "approvedBy"),
    }
)
TYPES = (
    EntityType(
        POLICY,
        OWNER,
        readers=frozenset({"operator", "engineer", "data-protection", "security", "administrator"}),
        commanders=ASK,
        accountable=True,
        history=False,
        deletable=False,
        published=PUBLIC,
        published_everywhere=True,
        queried=frozenset({"status"}),
        title="Rules of who may see what",
        words=Words(
            "the rules of who may see what",
            "hash",
            attributes={
                "hash": "the sum of their texts",
                "texts": "their texts",
                "access": "the access that they give",
                "basis": "what that access follows from",
                "changes": "what they would change",
                "status": "whether they are in force",
                "since": "since when they are in force",
                "leave": "by whose leave they are in force",
                "proposedAt": "when they were proposed",
                "replacedAt": "when others took their place",
                "shut": "whether the town is closed because of them",
                "signature": "the signature under them",
            },
        ),
    ),
)
Status = Literal["proposed", "in force", "replaced", "unknown"]
# By whose leave a policy is in force: it was the first, it took access away only, approvers agreed,
# or the demo or `--open` took it without asking.
Leave = Literal["first", "narrower", "approved", "own"]


class Version(Struct, frozen=True):
    """As it is in force, or would be."""

    id: str
    hash: str
    texts: Texts
    access: Access
    basis: str
    since: datetime | None = None


class Verdict(Struct, frozen=True):
    """`leave` is None where the policy stays what it is, or is `closed` for this reason."""

    leave: Leave | None = None
    closed: str = ""
    change: Change = Change()


def id_of(rules: Policy) -> str:
    """By its texts and all else that access follows from: the same texts over types that code
    opened are another version, which must not take the place of the one that was agreed to.
    """
    return urn(POLICY, f"{rules.hash}-{basis(rules)[:16]}")


def basis(rules: Policy) -> str:
    """Of everything that access follows from. While it stays, nothing needs to be compared."""
    told = [__version__, rules.hash, *sorted(map(repr, map(_sorted, rules.types.values())))]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _sorted(type: EntityType) -> Mapping[str, Json]:
    told: dict[str, Json] = msgspec.to_builtins(type, order="sorted")
    for words in ("title", "words"):  # a better one must not close a town
        told.pop(words)
    return told


def judged(known: Version | None, rules: Policy, now: datetime, *, own: bool) -> Verdict:
    """What becomes of the policy that the town is started with. `own`: its visitors are its own."""
    if known is None:
        return Verdict("own" if own else "first")
    if known.since and known.since > now and not own:
        return Verdict(closed=f"the clock says {iso(now)}, before the policy of {iso(known.since)}")
    if known.basis == basis(rules):
        return Verdict()
    found = change(known.texts, known.access, rules)
    if own:
        return Verdict("own", change=found)
    if not found.needs_approvers:
        return Verdict("narrower", change=found)
    told = "; ".join(map(str, found.gains[:3])) + ("; …" if found.gains[3:] else "")
    return Verdict(None, f"nobody has agreed to the policy {rules.hash[:12]}: {told}", found)


# --- as entities


def in_force(rules: Policy, leave: Leave, now: datetime, **more: Json) -> Written:
    """`more` are attributes that say who agreed."""
    # What is taken without asking is compared with nothing, and writing access out takes a second.
    rows = {} if leave == "own" else access(rules)
    told = {
        **_told(rules, rows),
        "status": Attribute("in force"),
        "since": Attribute(iso(now)),
        "leave": Attribute(leave),
        "shut": Attribute(0),
        **{name: Attribute(value) for name, value in more.items()},
    }
    return _merged(id_of(rules), told)


def proposed(rules: Policy, found: Change, now: datetime) -> Written:
    told = {
        **_told(rules, {}),
        "status": Attribute("proposed"),
        "proposedAt": Attribute(iso(now)),
        "changes": Attribute(msgspec.to_builtins(found)),
    }
    return _merged(id_of(rules), told)


def unknown(rules: Policy, found: Change, now: datetime) -> Written:
    """`shut` is what the alarm looks at."""
    changes = Attribute(msgspec.to_builtins(found))
    told = {"status": Attribute("unknown"), "shut": Attribute(1, observed_at=now)}
    return _merged(id_of(rules), {**_told(rules, {}), **told, "changes": changes})


def replaced(id: str, now: datetime) -> Written:
    told = {"status": Attribute("replaced"), "replacedAt": Attribute(iso(now))}
    return _merged(id, {**told, "shut": Attribute(0, observed_at=now)})


def signed(id: str, signature: Json) -> Written:
    """By whom the first policy was taken over: an assertion of a passkey."""
    return _merged(id, {"signature": Attribute(signature)})


def _told(rules: Policy, rows: Access) -> dict[str, Attribute]:
    return {
        "hash": Attribute(rules.hash),
        "texts": Attribute(dict(rules.texts)),
        # As text: an object would be merged with the one before.
        "access": Attribute(msgspec.json.encode(encoded(rows)).decode()),
        "basis": Attribute(basis(rules)),
    }


def _merged(id: str, told: Mapping[str, Attribute]) -> Written:
    attributes = {name: (attribute,) for name, attribute in told.items()}
    return Written("merge", Entity(id, (POLICY,), attributes), upsert=True)


def read(kept: Entity) -> Version:
    since = kept.value("since")
    told = msgspec.json.decode(kept.value("access"), type=dict[str, dict[str, Json]])
    return Version(
        kept.id,
        kept.value("hash"),
        kept.value("texts"),
        decoded(told),
        kept.value("basis"),
        datetime.fromisoformat(since) if since else None,
    )
