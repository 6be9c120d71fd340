"""The policy of the town: taking it into force, proposing another one, and what everyone may read
of it.

Always holds: while a policy that nobody has agreed to is what the town was started with, nobody but
rooms and emergency access gets in, an alarm says why, and rooms go on counting and raising alarms.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.ledger import Said
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change as Written
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.model.rule import Rule
from townsquare.trust import versions
from townsquare.trust.change import Change, change
from townsquare.trust.policy import Policy, policy, require
from townsquare.trust.texts import Texts
from townsquare.trust.versions import Verdict, Version

ROOM, WHY = room(versions.OWNER), Why("operations")
UNREAD = "the policy has not been looked at yet"
PROVEN = 'status=="in force"|leave=="first"'
MOST = 100  # versions that have one status at a time
UNKNOWN = Rule(
    name="policy-unknown",
    title="The policy is not the one that was agreed to: only emergency access is let in",
    type=versions.POLICY,
    attribute="shut",
    above=1,
    clear_below=0.5,
    severity="critical",
    consequence="Counting and alarms go on. Nobody can sign in, acknowledge or read.",
    response="Put the policy that is in force back, or sign in by emergency access and have the new"
    " one approved: townsquare policy status",
    scope="",
)
# What is wrong with the approvals of a proposal, of this id and change; nothing: it is approved.
Wrong = Callable[[str, Change], Awaitable[Sequence[str]]]


class Ruling:
    """`texts` are read when they are asked for: those of the package and the town's own."""

    def __init__(self, broker: Broker, texts: Callable[[], Texts], *, own: bool) -> None:
        self.broker = broker
        self.texts = texts
        self.own = own

    async def open(self) -> Verdict:
        """When the town starts. The broker's policy may be any that is shut."""
        kept = await self._in_force()
        known = versions.read(kept) if kept else None
        try:
            rules = self.read(self.texts())
        except Invalid as error:
            return self._shut(known, Verdict(closed=f"the policy is wrong: {error}"))
        verdict = versions.judged(known, rules, self.broker.clock(), own=self.own)
        if verdict.leave == "first" and await self._were_any():
            verdict = Verdict(closed="no policy is in force, though there was one")
        if verdict.closed:
            await self._write(versions.unknown(rules, verdict.change, self.broker.clock()))
            return self._shut(known, verdict)
        if verdict.leave:
            await self._take(rules, known, versions.in_force(rules, verdict.leave, self._now()))
        await self._settle(rules)
        self.broker.adopt(rules)
        return verdict

    async def take(self) -> None:
        """For `--open`, where everyone may do everything: any policy is taken, which the log says.
        It is no entity, so that there is nothing but what visitors bring. Raises Invalid.
        """
        rules = self.read(self.texts())
        said = Said(f"taken by --open, without asking anybody: {rules.hash}")
        await self.broker.ledger.note(versions.id_of(rules), "alteration", ROOM, WHY, said)
        self.broker.adopt(rules)

    def read(self, texts: Texts) -> Policy:
        """Raises Invalid."""
        now = self.broker.policy
        return policy([*now.types.values()], texts, now.zone)

    async def propose(self, by: Actor, why: Why) -> tuple[str, Change]:
        """The texts as they are now, for approval; what needs none is in force at once. Their id.

        Raises Denied, Invalid, or Conflict where it is in force already.
        """
        require(self.broker.grant(by.through(versions.OWNER), why, "write", versions.POLICY))
        rules = self.read(self.texts())
        known, found = await self._compared(rules)
        if known and not found.needs_approvers and versions.basis(rules) == known.basis:
            raise Conflict(f"the policy {rules.hash[:12]} is in force already")
        new = versions.proposed(rules, found, self._now())
        await self.broker.apply([new], by.through(versions.OWNER), why)
        if not found.needs_approvers:
            await self._take(rules, known, versions.in_force(rules, "narrower", self._now()))
            self.broker.adopt(rules)
        return new.entity.id, found

    async def adopt(self, id: str, wrong: Wrong) -> None:
        """A proposal that was approved. Raises NotFound, or Denied with what is wrong."""
        one = next((v for v in await self._of("proposed") if v.id == id), None)
        if one is None:
            raise NotFound(f"{id} was not proposed")
        rules = self.read(one.value("texts"))
        known, now = await self._compared(rules)
        if versions.id_of(rules) != id or not set(now.wider) <= set(_change(one).wider):
            # Nobody has signed what it would give by now.
            raise Denied(f"what {id} is compared with has changed since; propose it again")
        if found := await wrong(id, _change(one)):
            raise Denied(f"{id} is not approved: {'; '.join(found)}")
        await self._take(rules, known, versions.in_force(rules, "approved", self._now()))
        await self._settle(rules)
        self.broker.adopt(rules)

    async def sign(self, signature: Json, by: Actor, why: Why) -> str:
        """Who takes the town over signs the policy that it has: the hash is answered.

        Only the first policy is signed so, and once. Raises Conflict or NotFound.
        """
        kept = await self._in_force()
        if kept is None:
            raise NotFound("no policy is in force that could be signed")
        if kept.value("signature"):
            raise Conflict("the policy is signed already; another one takes approvers")
        told = versions.signed(kept.id, {"by": by.id, "proof": signature})
        await self.broker.apply([told], ROOM, why)
        return str(kept.value("hash"))

    async def unsigned(self) -> str:
        """The hash of the policy that the town began with, while nobody has signed it; or ""."""
        kept = await self._in_force()
        first = kept is not None and kept.value("leave") == "first" and not kept.value("signature")
        return str(kept.value("hash")) if kept and first else ""

    async def told(self) -> dict[str, Json]:
        """What everyone may know."""
        kept = await self._in_force()
        waiting = [*await self._of("proposed"), *await self._of("unknown")]
        return {
            "closed": self.broker.policy.closed,
            "inForce": _shown(kept) if kept else None,
            "waiting": [_shown(one) for one in waiting],
        }

    async def proven(self) -> frozenset[str]:
        """The versions whose entries in the log say that the town's policy was agreed to: the one
        in force, and the one that it began with.
        """
        query = Query(types=(versions.POLICY,), q=parse(PROVEN), limit=MOST)
        found = await self.broker.find(query, ROOM, WHY)
        return frozenset(one.id for one in found.entities)

    # --- what is kept

    async def _in_force(self) -> Entity | None:
        found = await self._of("in force")
        return max(found, key=lambda one: str(one.value("since")), default=None)

    async def _were_any(self) -> bool:
        query = Query(types=(versions.POLICY,), limit=1)
        return bool((await self.broker.find(query, ROOM, WHY)).entities)

    async def _of(self, status: Literal["proposed", "in force", "unknown"]) -> list[Entity]:
        asked = parse(f'status=="{status}"')
        query = Query(types=(versions.POLICY,), q=asked, limit=MOST)
        return (await self.broker.find(query, ROOM, WHY)).entities

    async def _compared(self, rules: Policy) -> tuple[Version | None, Change]:
        kept = await self._in_force()
        if kept is None:
            return None, Change()
        known = versions.read(kept)
        return known, change(known.texts, known.access, rules)

    async def _take(self, rules: Policy, known: Version | None, new: Written) -> None:
        """The new one and the end of the old one in one transaction."""
        ended = known and known.id != versions.id_of(rules)
        old = [versions.replaced(known.id, self._now())] if known and ended else []
        await self.broker.apply([*old, new], ROOM, WHY)

    async def _settle(self, rules: Policy) -> None:
        """What was unknown is gone or agreed to: its alarm can end."""
        left = [one.id for one in await self._of("unknown") if one.id != versions.id_of(rules)]
        await self._write(*(versions.replaced(id, self._now()) for id in left))

    async def _write(self, *changes: Written) -> None:
        if changes:
            await self.broker.apply(changes, ROOM, WHY)

    def _shut(self, known: Version | None, verdict: Verdict) -> Verdict:
        """Rooms and emergency access go by what was agreed to, as far as it can be read."""
        try:
            last = self.read(known.texts) if known else self.broker.policy
        except Invalid:
            last = self.broker.policy
        self.broker.adopt(last.shut(verdict.closed))
        return verdict

    def _now(self) -> datetime:
        return self.broker.clock()


def _change(kept: Entity) -> Change:
    return msgspec.convert(kept.value("changes"), Change)


def _shown(kept: Entity) -> dict[str, Json]:
    names = ("hash", "status", "since", "proposedAt", "leave", "changes", "texts", "signature")
    told = {name: kept.value(name) for name in names if kept.value(name) is not None}
    if "changes" in told:
        told["changes"] = msgspec.to_builtins(_change(kept))  # also where it was kept with less
    return told
