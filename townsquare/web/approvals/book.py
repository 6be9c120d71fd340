"""Requests for approval: asking, agreeing, refusing, and using what was agreed to.

Always holds: whoever agrees signs the digest of the request as it is kept, with a passkey of their
own account; every step is an entry of the log; of two who write at once one is refused.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from webauthn.helpers import bytes_to_base64url

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Order, Path, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Entity, Json, iso
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.trust import approval_entity, approvals
from townsquare.trust.approval_entity import APPROVAL, OWNER
from townsquare.trust.approvals import Approval, Approvers, Party, Signature
from townsquare.trust.identity import credential_id
from townsquare.trust.identity.organisation import folded
from townsquare.web.accounts.people import People

ROOM, WHY = room(OWNER), Why("operations")
LONGEST_KEPT_DAYS = 3653
MOST_SWEPT = 500  # at once
SWEEP_S = 3600.0
MOST_WAITING = 20  # requests of one person that have not ended
MOST_SHOWN = 100
MOST_REASON = 400  # characters
TIMEOUT_MS = 120_000
NEWEST = (Order(Path("requestedAt"), descending=True),)
WAITING = parse('status=="waiting"')
Roles = Callable[[str], frozenset[str]]  # that somebody has beside those of their account


def no_more(_: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """[approvals] in townsquare.toml."""

    keep_days: int = 30  # that a request stays in the inbox after its end

    def __post_init__(self) -> None:
        if not 1 <= self.keep_days <= LONGEST_KEPT_DAYS:
            raise Invalid(f"keep_days takes 1 to {LONGEST_KEPT_DAYS}; the log keeps requests too")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that takes approval. `approvers` are roles; `then` is done with the last one, and
    is asked for by the part of the house that does it; `refused` is done when somebody refuses.
    `colleagues`: one of the same organisation may agree.
    """

    name: str
    title: str
    approvers: frozenset[str]
    needed: int = 1
    then: Callable[[Approval], Awaitable[None]] | None = None
    colleagues: bool = False
    refused: Callable[[Approval], Awaitable[None]] | None = None


class Book:
    def __init__(
        self,
        broker: Broker,
        people: People,
        acts: Mapping[str, Act],
        more: Roles = no_more,
        settings: Settings = Settings(),
    ) -> None:
        """`more` are roles of who came in by emergency access."""
        self.broker = broker
        self.people = people
        self.acts = acts
        self.more = more
        self.settings = settings

    # --- asking

    async def wish(self, act: str, subject: str, detail: Mapping[str, Json], by: Actor) -> Approval:
        """What somebody asks for themselves. Raises Denied, Invalid or Conflict."""
        if self.act(act).then:
            # Else another one asks for what was proposed, and who proposed it approves it.
            raise Denied(f"{act!r} is asked for by proposing it")
        return await self.ask(act, subject, detail, by)

    async def ask(self, act: str, subject: str, detail: Mapping[str, Json], by: Actor) -> Approval:
        """Raises Denied, Invalid or Conflict."""
        kind = self.act(act)
        request = approvals.asked(act, subject, detail, by.id, self.broker.clock())
        made = Approval(approval_entity.fresh_id(), request, by.organisation, kind.needed)
        own = [one for one in await self.waiting() if one.request.requested_by == by.id]
        if len(own) >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} requests of yours are waiting; wait for an answer")
        await self._write(made, by)
        return await self.of(made.id)

    def act(self, name: str) -> Act:
        """Raises Invalid."""
        if name not in self.acts:
            known = ", ".join(self.acts)
            raise Invalid(f"{name[:60]!r} is nothing that takes approval; known: {known}")
        return self.acts[name]

    # --- reading

    async def of(self, id: str) -> Approval:
        """Raises NotFound."""
        found = await self.broker.read(id, ROOM, WHY)
        if APPROVAL not in found.types:
            raise NotFound(f"{id} is no request for approval")
        return approval_entity.approval(found)

    async def waiting(self) -> list[Approval]:
        """Newest first, without those that have ended."""
        found = await self._found(Query(types=(APPROVAL,), q=WAITING, order=NEWEST, limit=1000))
        now = self.broker.clock()
        return [one for one in found if now < one.request.expires_at]

    async def ended(self) -> list[Approval]:
        """Newest first: used, refused, or over; until they are swept."""
        q = parse(f'status!="waiting"|validUntil<={iso(self.broker.clock())}')
        return await self._found(Query(types=(APPROVAL,), q=q, order=NEWEST, limit=MOST_SHOWN))

    async def _found(self, query: Query) -> list[Approval]:
        page = await self.broker.find(query, ROOM, WHY)
        return [approval_entity.approval(entity) for entity in page.entities]

    def named(self, id: str) -> str:
        """The name of this account; empty where it has none."""
        found = [one for one in self.people.everyone() if one.id == id]
        return found[0].kept.name if found else ""

    # --- answering

    def options(self, one: Approval) -> Json:
        """For navigator.credentials.get(): the challenge is what is signed."""
        return {
            "challenge": bytes_to_base64url(approvals.digest(one.request)),
            "rpId": self.people.site.rp_id,
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        }

    async def approve(self, id: str, credential: Json, by: Actor) -> Approval:
        """By a passkey's signature. Raises Denied, NotFound or Conflict."""
        one = await self.of(id)
        self.require_approver(one, by)
        signature = await self._signature(one, credential, by)
        kind = self.act(one.request.act)
        requester = self._requester(one)
        after = approvals.signed(one, requester, signature, colleagues=kind.colleagues)
        await self._write(after, by)
        if kind.then and len(after.signatures) >= after.needed:
            await kind.then(await self.of(id))
        return after

    async def refuse(self, id: str, reason: str, by: Actor) -> Approval:
        """Raises Denied, Invalid, NotFound or Conflict."""
        one = await self.of(id)
        self.require_approver(one, by)
        if not 0 < len(reason.strip()) <= MOST_REASON:
            raise Invalid(f"say in 1 to {MOST_REASON} characters why you refuse")
        after = approvals.refused(one, reason.strip())
        await self._write(after, by)
        if told := self.act(one.request.act).refused:
            await told(after)
        return after

    def require_approver(self, one: Approval, by: Actor) -> None:
        """Raises Denied, also for every machine: somebody answers with their name."""
        if by.kind != "person":
            raise Denied("requests are answered by people; sign in with your account")
        roles = self.act(one.request.act).approvers
        if by.roles.isdisjoint(roles):
            raise Denied(f"this is approved by {', '.join(sorted(roles))}")

    async def _signature(self, one: Approval, credential: Json, by: Actor) -> Signature:
        told = approvals.digest(one.request)
        account = await self.people.signed(credential_id(credential), credential, told)
        if account.id != by.id:
            raise Denied("this passkey is of another account; use your own")
        key = next(p.key for p in account.kept.passkeys if p.id == credential_id(credential))
        return Signature(
            by.id,
            by.organisation,
            approvals.authenticator(key),
            self.broker.clock(),
            told.hex(),
            credential["response"],
        )

    def could_agree(self, act: str, by: Actor) -> frozenset[str]:
        """Organisations of people who could agree to this, if `by` asks for it."""
        there = filter(None, (self.people.actor(one.id) for one in self.people.everyone()))
        kind, own = self.act(act), folded(by.organisation)
        fit = (one for one in there if not kind.approvers.isdisjoint(one.roles))
        others = (one.organisation for one in fit if one.id != by.id)
        return frozenset(one for one in others if kind.colleagues or folded(one) != own)

    # --- using

    async def use(
        self, id: str, act: str, subject: str, detail: Mapping[str, Json], by: Actor
    ) -> frozenset[str]:
        """The organisations that agreed to exactly this, which `by` asked for and is about to do.
        It is used with that. Raises Denied, NotFound or Conflict.
        """
        one = await self.of(id)
        if one.request.requested_by != by.id:
            raise Denied("somebody else asked for this approval")
        approvals.require_same(one.request, act, subject, detail)
        who = self._requester(one), self._approvers(one)
        agreed = approvals.require(one, *who, self.broker.clock())
        await self._write(approvals.used(one), by)
        return agreed

    async def wrong(self, act: str, subject: str, detail: Mapping[str, Json]) -> list[str]:
        """What is wrong with the approvals of this, whoever asked; empty where it is approved, and
        then that is used.
        """
        objections = ["nobody has asked for its approval"]
        for one in await self.waiting():
            if not approvals.same(one.request, act, subject, detail):
                continue
            who = self._requester(one), self._approvers(one)
            objections = approvals.objections(one, *who, self.broker.clock())
            if not objections:
                await self._write(approvals.used(one), ROOM)
                return []
        return objections

    def _requester(self, one: Approval) -> Party:
        """As they are now: with the passkeys that they have since."""
        id = one.request.requested_by
        try:
            account = self.people.of(id)
        except NotFound:
            return Party(id, one.organisation)
        keys = frozenset(approvals.authenticator(p.key) for p in account.kept.passkeys)
        return Party(id, account.organisation, keys, self.people.actor(id) is not None)

    def _approvers(self, one: Approval) -> Approvers:
        """As they are now: a role may have been taken from one, and somebody have been disabled."""
        signed = {signature.by for signature in one.signatures}
        there = filter(None, map(self.people.actor, signed))
        present = {actor.id: actor.roles | self.more(actor.id) for actor in there}
        kind = self.act(one.request.act)
        return Approvers(kind.approvers, present, kind.colleagues)

    # --- sweeping

    async def sweep(self) -> int:
        """Takes out what ended long ago, and says how many that were. The log keeps each, whole."""
        before = iso(self.broker.sure() - timedelta(days=self.settings.keep_days))
        old = Query(types=(APPROVAL,), q=parse(f"validUntil<={before}"), limit=MOST_SWEPT)
        found = (await self.broker.find(old, ROOM, WHY)).entities
        await self.broker.apply([Change("delete", Entity(e.id, ())) for e in found], ROOM, WHY)
        return len(found)

    async def run(self) -> None:
        """Never returns."""
        while True:
            while await self.sweep() == MOST_SWEPT:
                pass
            await asyncio.sleep(SWEEP_S)

    async def _write(self, one: Approval, by: Actor) -> None:
        await self.broker.apply([approval_entity.change(one)], by.through(OWNER), WHY)
