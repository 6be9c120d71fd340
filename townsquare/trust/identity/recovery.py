"""The way back for an administrator who lost the only passkey, made by the town itself. Pure.

Somebody who can open the control socket of the server makes a one-time link. Always holds: it is
for an account that there is, gives it nothing more than it had, and is loud: a critical alarm for
as long as the link is good, an entry of the log, and a line on the public page of figures. The
passkeys of before open the account until the link is used, so nobody is locked out by it.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from msgspec import structs

from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso, urn
from townsquare.model.errors import Conflict, Invalid
from townsquare.model.rule import Rule
from townsquare.trust.identity.account import Account, administers
from townsquare.trust.identity.once import LINK_RUNS, fresh_link

RECOVERY = "AccountRecovery"
ALARM = Rule(
    name="account-recovery",
    title="Somebody at the server made a link into an administrator's account",
    type=RECOVERY,
    attribute="active",
    above=1,
    clear_below=0,
    severity="critical",
    consequence="Whoever has the link becomes this administrator.",
    response="Ask the administrator. If they know nothing of it, disable the account at once.",
    scope="",
)


def whose(people: Iterable[Account], id: str) -> Account:
    """The account that is to be recovered; `id` may be empty where only one can be meant.

    Raises Conflict or Invalid.
    """
    found = [one for one in people if administers(one) and not one.kept.subject]
    if not found:
        raise Conflict(
            "there is no administrator with passkeys here: townsquare accounts enrol makes the"
            " first, and whom the identity provider knows signs in there"
        )
    if len(found) == 1 and id in ("", found[0].id):
        return found[0]
    for one in found:
        if one.id == id:
            return one
    names = ", ".join(one.id for one in found)
    raise Invalid(f"name with --id whose passkey is lost, if no other can make a link: {names}")


def relinked(account: Account, now: datetime) -> tuple[Account, str]:
    """With a link beside its passkeys, which end when it is used."""
    text, link = fresh_link(now)
    return structs.replace(account, kept=structs.replace(account.kept, link=link)), text


def opened(account: Account, now: datetime) -> Change:
    attributes = {
        "active": (Attribute(1, observed_at=now),),
        "refPerson": (Attribute(account.id, kind="Relationship"),),
        "openedAt": (Attribute(iso(now)),),
        "validUntil": (Attribute(iso(now + LINK_RUNS)),),
    }
    return Change("create", Entity(urn(RECOVERY, uuid4().hex), (RECOVERY,), attributes))


def closed(id: str, now: datetime) -> Change:
    attributes = {
        "active": (Attribute(0, observed_at=now),),
        "closedAt": (Attribute(iso(now)),),
    }
    return Change("merge", Entity(id, (RECOVERY,), attributes))
