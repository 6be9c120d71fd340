"""Under which terms a town records: its custodians, how long, and why for longer. Pure.

Always holds: three custodians of three organisations, of which two open; nothing is kept beyond
30 days whatever anybody writes or agrees to; what lets anybody open more, or for longer, than
before needs approvers.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust.identity.organisation import folded
from townsquare.trust.seal.keys import CustodianKey, custodian_key
from townsquare.trust.seal.sharing import SHARES

USUAL_HOURS = 72  # EDPB Guidelines 3/2019, 121: beyond it, ever more argument is needed
CEILING_HOURS = 720
LONGEST_REASON = 1000  # characters


class Custodian(Struct, frozen=True):
    """`key` as the custodian's own client printed it."""

    organisation: str
    key: str

    @property
    def public(self) -> CustodianKey:
        """Raises Invalid."""
        return custodian_key(self.key)

    @property
    def name(self) -> str:
        return self.public.name


class Terms(Struct, frozen=True):
    """`until` is the last day on which `reason` holds that footage is kept longer than usual."""

    custodians: tuple[Custodian, ...]
    keep_hours: int = USUAL_HOURS
    reason: str = ""
    until: date | None = None

    @property
    def hash(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def kept(self, today: date) -> timedelta:
        """How long footage of this day is kept."""
        over = self.until is not None and today > self.until
        return timedelta(hours=min(self.keep_hours, USUAL_HOURS) if over else self.keep_hours)


def require(terms: Terms) -> None:
    """Raises Invalid, with all that is wrong."""
    if wrong := [*_custodians(terms), *_retention(terms)]:
        raise Invalid("[recording]: " + "; ".join(wrong))


def _custodians(terms: Terms) -> Iterator[str]:
    if len(terms.custodians) != SHARES:
        yield f"there must be {SHARES} custodians, not {len(terms.custodians)}"
    for what, told in (
        ("organisation", [folded(one.organisation) for one in terms.custodians]),
        ("name", [one.name for one in terms.custodians]),
        ("key", [one.public.thumbprint for one in terms.custodians]),
    ):
        if len(set(told)) != len(told) or "" in told:
            yield f"each custodian must have another {what}"


def _retention(terms: Terms) -> Iterator[str]:
    if not 1 <= terms.keep_hours <= CEILING_HOURS:
        yield f"keep_hours = {terms.keep_hours} must be from 1 to {CEILING_HOURS}, which is 30 days"
    longer = terms.keep_hours > USUAL_HOURS
    if longer and not (terms.reason.strip() and terms.until):
        yield f"keep_hours over {USUAL_HOURS} takes a reason and a last day, until = 2026-12-31"
    if len(terms.reason) > LONGEST_REASON:
        yield f"reason has over {LONGEST_REASON} characters"


def wider(old: Terms, new: Terms) -> list[str]:
    """What would let somebody open more than before, in plain words. Empty: nobody need agree."""
    return [*_longer(old, new), *_others(old, new)]


def _longer(old: Terms, new: Terms) -> Iterator[str]:
    if new.keep_hours > old.keep_hours:
        hours = f"{new.keep_hours} hours instead of {old.keep_hours}"
        yield f"footage is kept for {hours}: {new.reason}"
    elif new.keep_hours > USUAL_HOURS and old.until and (new.until or date.max) > old.until:
        yield f"footage is kept for {new.keep_hours} hours until {new.until}, not {old.until}"


def _others(old: Terms, new: Terms) -> Iterator[str]:
    before = {(folded(one.organisation), one.key.strip()) for one in old.custodians}
    for index, one in enumerate(new.custodians):
        if (folded(one.organisation), one.key.strip()) in before:
            continue
        key = one.public
        replaced = old.custodians[index].name if index < len(old.custodians) else "nobody"
        yield (
            f"{key.name} ({one.organisation}), key {key.thumbprint}, becomes custodian"
            f" instead of {replaced}"
        )
