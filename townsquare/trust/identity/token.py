"""Access tokens of machines: what may become of one, and what is written of it. Pure.

Always holds: a token ends within a year, is shown once and is kept as a hash; a machine is never
an administrator.
"""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, iso
from townsquare.model.errors import Conflict, Invalid
from townsquare.trust.identity.account import ADMINISTRATOR, until_of, worded
from townsquare.trust.identity.once import fresh

ACCESS_TOKEN = "AccessToken"  # noqa: S105 - the name of a type
PREFIX = "ts_"  # so that one is recognised where it should not be
AREA = re.compile(r"(/[A-Za-z0-9_-]{1,60}){1,8}")
LONGEST = timedelta(days=366)
TokenStatus = Literal["active", "revoked"]


class Token(Struct, frozen=True):
    id: str
    status: TokenStatus
    label: str
    organisation: str
    roles: frozenset[str]
    until: datetime
    areas: frozenset[str] = frozenset()
    digest: bytes = b""

    def actor(self) -> Actor:
        return Actor(
            self.id, "machine", self.organisation, self.roles, areas=self.areas, until=self.until
        )


class Wanted(Struct, frozen=True):
    """What somebody asks for. `areas` are scopes such as /north; none: all of the town."""

    label: str
    organisation: str
    roles: frozenset[str]
    until: datetime
    areas: frozenset[str] = frozenset()


def made(wanted: Wanted, now: datetime) -> tuple[Token, str]:
    """The token, and its text to show once. Raises Invalid."""
    if not wanted.roles or ADMINISTRATOR in wanted.roles:
        raise Invalid("a token needs a role, and no machine is an administrator")
    if not now < wanted.until <= now + LONGEST:
        raise Invalid(f"a token ends between now and {LONGEST.days} days from now")
    if not all(AREA.fullmatch(area) for area in wanted.areas):
        raise Invalid("an area is a scope such as /north or /north/harbour")
    text, digest = fresh(PREFIX)
    id = f"urn:ngsi-ld:{ACCESS_TOKEN}:{uuid4().hex}"
    label, organisation = worded(wanted.label, "a label"), worded(wanted.organisation)
    token = Token(
        id, "active", label, organisation, wanted.roles, wanted.until, wanted.areas, digest
    )
    return token, text


def revoked(token: Token) -> Token:
    if token.status == "revoked":
        raise Conflict("this token is revoked already")
    return structs.replace(token, status="revoked", digest=b"")


def change(token: Token) -> Change:
    attributes = {
        "status": Attribute(token.status),
        "label": Attribute(token.label),
        "organisation": Attribute(token.organisation),
        "roles": Attribute(sorted(token.roles)),
        "areas": Attribute(sorted(token.areas) or NULL),
        "validUntil": Attribute(iso(token.until)),
    }
    given = {name: (attribute,) for name, attribute in attributes.items()}
    return Change("merge", Entity(token.id, (ACCESS_TOKEN,), given), upsert=True)


def row(token: Token) -> bytes | None:
    return msgspec.json.encode(token.digest) if token.digest else None


def token(found: Entity, row: bytes | None) -> Token:
    """As it was written."""
    until = until_of(found)
    assert until is not None  # noqa: S101 - `change` writes it always
    return Token(
        found.id,
        found.value("status"),
        found.value("label"),
        found.value("organisation"),
        _set(found, "roles"),
        until,
        _set(found, "areas"),
        msgspec.json.decode(row, type=bytes) if row else b"",
    )


def _set(found: Entity, name: str) -> frozenset[str]:
    value: Collection[str] = found.value(name) or ()
    return frozenset(value)
