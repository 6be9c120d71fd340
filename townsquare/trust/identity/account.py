"""Accounts of people: what may become of one, and what is written of it. Pure.

Always holds: the entity `Person` has no name in it; names, passkeys and hashes of links lie in a
private row, and to erase a name is to drop that row. A passkey belongs to one account. Nobody
changes what they themselves may do, and the last administrator stays one.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, Json, iso
from townsquare.model.errors import Conflict, Denied, Invalid
from townsquare.trust.identity.once import Link, fresh_link
from townsquare.trust.identity.passkey import Passkey
from townsquare.trust.identity.provider import Claimed

Status = Literal["invited", "active", "disabled", "erased"]
PERSON = "Person"
ADMINISTRATOR = "administrator"
LONGEST_NAME = 120
MOST_PASSKEYS = 10  # of one person


class Kept(Struct, frozen=True, omit_defaults=True):
    """The private row. `subject` is the hash of who this is at the identity provider."""

    name: str = ""
    passkeys: tuple[Passkey, ...] = ()
    link: Link | None = None
    subject: bytes = b""


class Account(Struct, frozen=True):
    id: str
    status: Status
    organisation: str
    roles: frozenset[str]
    until: datetime | None = None
    kept: Kept = Kept()

    def actor(self, until: datetime | None) -> Actor:
        """`until` is when this person's task or that of their organisation ends."""
        return Actor(self.id, "person", self.organisation, self.roles, until=until)


def invited(
    name: str, organisation: str, roles: Collection[str], until: datetime | None, now: datetime
) -> tuple[Account, str]:
    """A new account, and the one-time link to show. Raises Invalid."""
    text, link = fresh_link(now)
    if not roles:
        raise Invalid("an account needs a role; choose at least one")
    id = f"urn:ngsi-ld:{PERSON}:{uuid4().hex}"
    kept = Kept(named(name) if name else "", link=link)
    return Account(id, "invited", worded(organisation), frozenset(roles), until, kept), text


def named(name: str) -> str:
    """Raises Invalid."""
    return worded(name, "a name")


def worded(text: str, what: str = "an organisation") -> str:
    """Raises Invalid."""
    found = " ".join(text.split())
    if not 0 < len(found) <= LONGEST_NAME or not found.isprintable():
        raise Invalid(f"{what} has 1 to {LONGEST_NAME} characters that can be read")
    return found


def relinked(account: Account, now: datetime) -> tuple[Account, str]:
    """With a new link for a lost passkey; every passkey and link of before is void."""
    if account.status not in ("invited", "active"):
        raise Conflict(f"this account is {account.status}; a link would lead nowhere")
    text, link = fresh_link(now)
    kept = structs.replace(account.kept, passkeys=(), link=link)
    return structs.replace(account, status="invited", kept=kept), text


def enrolled(account: Account, passkey: Passkey, name: str) -> Account:
    """By its link, which is used with that."""
    kept = structs.replace(account.kept, name=named(name), passkeys=(passkey,), link=None)
    return structs.replace(account, status="active", kept=kept)


def provided(before: Account | None, claimed: Claimed, organisation: str) -> Account:
    """Somebody whom the identity provider knows; what they may is what it says each time."""
    name = " ".join(claimed.name.split())[:LONGEST_NAME]
    kept = structs.replace(before.kept if before else Kept(), name=name, subject=claimed.subject)
    if before:
        return structs.replace(before, roles=claimed.roles, kept=kept)
    id = f"urn:ngsi-ld:{PERSON}:{uuid4().hex}"
    return Account(id, "active", organisation, claimed.roles, kept=kept)


def with_passkey(account: Account, passkey: Passkey) -> Account:
    """One more. Raises Conflict."""
    if len(account.kept.passkeys) >= MOST_PASSKEYS:
        raise Conflict(f"you have {MOST_PASSKEYS} passkeys; remove one first")
    return _with(account, (*account.kept.passkeys, passkey))


def without_passkey(account: Account, id: bytes) -> Account:
    """Raises Conflict for the last one."""
    left = tuple(p for p in account.kept.passkeys if p.id != id)
    if not left:
        raise Conflict("this is your only passkey; add another one first")
    return _with(account, left)


def counted(account: Account, id: bytes, counter: int) -> Account:
    """After a signature with this passkey."""
    keys = account.kept.passkeys
    return _with(
        account, tuple(structs.replace(p, counter=counter) if p.id == id else p for p in keys)
    )


def _with(account: Account, passkeys: tuple[Passkey, ...]) -> Account:
    return structs.replace(account, kept=structs.replace(account.kept, passkeys=passkeys))


def require_new(passkey: Passkey, known: Iterable[Passkey]) -> None:
    """Raises Denied: one authenticator is not two people."""
    if any(passkey.id == other.id or passkey.key == other.key for other in known):
        raise Denied("this passkey is enrolled already; use another authenticator")


def disabled(account: Account) -> Account:
    if account.status == "erased":
        raise Conflict("this account is erased already")
    kept = structs.replace(account.kept, link=None)
    return structs.replace(account, status="disabled", kept=kept)


def enabled(account: Account) -> Account:
    if account.status != "disabled":
        raise Conflict(f"this account is {account.status}, not disabled")
    status: Status = "active" if account.kept.passkeys or account.kept.subject else "invited"
    return structs.replace(account, status=status)


def reroled(account: Account, roles: Collection[str]) -> Account:
    if not roles:
        raise Invalid("an account needs a role; to take all away, disable it")
    return structs.replace(account, roles=frozenset(roles))


def erased(account: Account) -> Account:
    """Who this was is forgotten; what they did stays, by an id that leads nowhere."""
    return structs.replace(account, status="erased", kept=Kept())


def require_another(account: Account, by: Actor) -> None:
    """Raises Denied."""
    if account.id == by.id:
        raise Denied("nobody changes their own account here; ask another administrator")


def require_administrator_left(after: Account, others: Iterable[Account]) -> None:
    """Raises Conflict where nobody could sign in to give rights any more."""
    if not any(administers(account) for account in (after, *others)):
        raise Conflict("this is the last administrator; make somebody else one first")


def administers(account: Account) -> bool:
    return account.status == "active" and ADMINISTRATOR in account.roles


def change(account: Account) -> Change:
    """What is written of it."""
    until = Attribute(iso(account.until) if account.until else NULL)
    attributes = {
        "status": Attribute(account.status),
        "organisation": Attribute(account.organisation),
        "roles": Attribute(sorted(account.roles)),
        "passkeyCount": Attribute(len(account.kept.passkeys)),
        "validUntil": until,
    }
    given = {name: (attribute,) for name, attribute in attributes.items()}
    return Change("merge", Entity(account.id, (PERSON,), given), upsert=True)


def doubted(account: Account, at: datetime) -> Change:
    """A passkey's counter went back: there may be a copy of it."""
    given = {"passkeyDoubtedAt": (Attribute(iso(at)),)}
    return Change("merge", Entity(account.id, (PERSON,), given))


def row(account: Account) -> bytes | None:
    """The private row; None where there is nothing to keep."""
    return None if account.kept == Kept() else msgspec.json.encode(account.kept)


def account(found: Entity, row: bytes | None) -> Account:
    """As it was written."""
    kept = msgspec.json.decode(row, type=Kept) if row else Kept()
    return Account(
        found.id,
        found.value("status"),
        found.value("organisation"),
        frozenset(_list(found.value("roles"))),
        until_of(found),
        kept,
    )


def until_of(found: Entity) -> datetime | None:
    text = found.value("validUntil")
    return datetime.fromisoformat(text) if text else None


def _list(value: Json) -> list[str]:
    return value if isinstance(value, list) else [value]
