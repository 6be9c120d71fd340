"""Everybody who has an account. Kept in the store, and in memory since each request asks.

Always holds: one change of an account is made after the other, and is in memory once it is durable;
whoever's rights change or end is signed out of every browser in the same moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.context.private import key
from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.trust.identity import (
    CounterWentBack,
    Passkey,
    account,
    organisation,
    recovery,
    verify,
)
from townsquare.trust.identity.account import ADMINISTRATOR, PERSON, Account
from townsquare.trust.identity.once import digest
from townsquare.trust.identity.provider import Claimed
from townsquare.trust.identity.types import OWNER
from townsquare.web.accounts import kept
from townsquare.web.accounts.kept import ROOM, WHY, acting
from townsquare.web.accounts.site import Site

MOST_PEOPLE = 10_000
FIRST_ROLES = (ADMINISTRATOR, "operator")
Left = Callable[[str], Awaitable[None]]
Decide = Callable[[Account], Account]


class People:
    def __init__(self, broker: Broker, site: Site, left: Left) -> None:
        """`left` is told the id of an actor who may not go on as they were."""
        self.broker = broker
        self.site = site
        self._left = left
        self._all: dict[str, Account] = {}
        self._ends: dict[str, datetime | None] = {}  # of organisations
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        rows = await kept.private_rows(self.broker)
        found = await kept.everything(self.broker, PERSON)
        self._all = {e.id: account.account(e, rows.get(e.id)) for e in found}
        for one in await kept.everything(self.broker, organisation.ORGANISATION):
            self._ends[str(one.value("name"))] = account.until_of(one)

    # --- reading

    def everyone(self) -> list[Account]:
        """In the order in which they came."""
        return list(self._all.values())

    def organisations(self) -> Mapping[str, datetime | None]:
        """All that people come from, with the end of their task."""
        return {**dict.fromkeys(sorted({a.organisation for a in self._all.values()})), **self._ends}

    def of(self, id: str) -> Account:
        """Raises NotFound."""
        if id not in self._all:
            raise NotFound(f"there is no account {id}")
        return self._all[id]

    @property
    def enrolled(self) -> bool:
        """Whether there is an administrator: the last one stays, once there was one."""
        return any(account.administers(one) for one in self._all.values())

    def passkeys(self) -> Iterable[Passkey]:
        return (passkey for a in self._all.values() for passkey in a.kept.passkeys)

    def linked(self, link: str) -> Account:
        """Whose one-time link this is. Raises Denied."""
        hashed, now = digest(link), self.broker.clock()
        for one in self._all.values():
            if one.kept.link and one.kept.link.digest == hashed and now < one.kept.link.until:
                return one
        raise Denied("this link was used, is older than a day, or is not whole; ask for another")

    def holding(self, passkey: bytes) -> tuple[Account, Passkey] | None:
        found = ((a, p) for a in self._all.values() for p in a.kept.passkeys if p.id == passkey)
        return next(found, None)

    def end_of(self, organisation: str) -> datetime | None:
        return self._ends.get(organisation)

    def until(self, one: Account) -> datetime | None:
        """When this person's task ends, or that of their organisation."""
        ends = [end for end in (one.until, self.end_of(one.organisation)) if end]
        return min(ends, default=None)

    def actor(self, id: str) -> Actor | None:
        """None for somebody who may not come in now."""
        one = self._all.get(id)
        if one is None or one.status != "active":
            return None
        until = self.until(one)
        return one.actor(until) if until is None or self.broker.clock() < until else None

    def stopped(self, by: Actor) -> str:
        """Why what a person left standing may not go on; empty where it may."""
        one = self._all.get(by.id)
        if one is None:
            return ""
        if one.status != "active":
            return f"the account of who made it is {one.status}"
        now = self.actor(by.id)
        if now is None:
            return "the task of who made it has ended"
        return "" if by.roles <= now.roles else "who made it has not the same roles any more"

    # --- changing

    async def add(self, one: Account, by: Actor) -> None:
        async with self._changing:
            self._require_room(None)
            await self._keep(one, by)

    def _require_room(self, known: Account | None) -> None:
        if known is None and len(self._all) >= MOST_PEOPLE:
            raise Conflict(f"there are {MOST_PEOPLE} accounts already")

    async def change(self, id: str, decide: Decide, by: Actor) -> Account:
        """Raises what `decide` raises."""
        async with self._changing:
            after = decide(self.of(id))
            await self._keep(after, by)
            return after

    async def govern(self, id: str, decide: Decide, by: Actor) -> Account:
        """What an administrator does to somebody else. Raises Denied, Conflict."""

        def decided(before: Account) -> Account:
            account.require_another(before, by)
            after = decide(before)
            if ADMINISTRATOR in before.roles and before.status == "active":
                others = (a for a in self._all.values() if a.id != id)
                account.require_administrator_left(after, others)
            return after

        return await self.change(id, decided, by)

    async def first_link(self) -> str:
        """For the first person to enrol; links of before are void. Raises Conflict."""
        async with self._changing:
            if self.enrolled:
                raise Conflict("somebody is enrolled already; an administrator invites the others")
            now, title = self.broker.clock(), self.site.title
            waiting = (a for a in self._all.values() if a.status == "invited" and not a.kept.name)
            known = next(waiting, None)
            one, text = (
                account.relinked(known, now)
                if known
                else account.invited("", title, FIRST_ROLES, None, now)
            )
            await self._keep(one, ROOM)
        return self.site.link(f"/enrol#{text}")

    async def recovery_link(self, id: str, by: Actor, reason: str) -> str:
        """For an administrator who lost their passkeys. Raises Conflict or Invalid."""
        if not reason.strip():
            raise Invalid("say with --reason whose passkey was lost, and how you know who asks")
        async with self._changing:
            now = self.broker.clock()
            one, text = recovery.relinked(recovery.whose(self._all.values(), id), now)
            said = Said("a one-time link into this account, made at the server", reason)
            await self.broker.ledger.note(one.id, "alteration", by, WHY, said)
            await self.broker.apply([recovery.opened(one, now)], ROOM, WHY)
            await self._keep(one, ROOM)
        return self.site.link(f"/enrol#{text}")

    async def enrol(self, link: str, name: str, passkey: Passkey) -> Account:
        """The person of this link with their passkey. Raises Denied."""
        one = self.linked(link)

        def decided(_: Account) -> Account:
            account.require_new(passkey, self.passkeys())
            return account.enrolled(self.linked(link), passkey, name)

        after = await self.change(one.id, decided, acting(one))
        if one.status == "active":  # recovered: whoever has the lost device is out
            await self._left(one.id)
        return after

    async def provided(self, claimed: Claimed, organisation: str) -> Actor:
        """Whom the identity provider let in, with the roles that it gives now. Raises Denied."""
        async with self._changing:
            known = (a for a in self._all.values() if a.kept.subject == claimed.subject)
            before = next(known, None)
            if before and not claimed.roles:
                await self._left(before.id)  # in whatever browser they still were
            if not claimed.roles:
                raise Denied("the identity provider gives you no role here; ask your administrator")
            self._require_room(before)
            after = account.provided(before, claimed, organisation or self.site.title)
            if after != before:
                await self._keep(after, acting(after))
        actor = self.actor(after.id)
        if actor is None:
            raise Denied("this account is closed here; ask your administrator")
        return actor

    async def add_passkey(self, id: str, passkey: Passkey) -> Account:
        def decided(before: Account) -> Account:
            account.require_new(passkey, self.passkeys())
            return account.with_passkey(before, passkey)

        return await self.change(id, decided, acting(self.of(id)))

    async def end_organisation(self, name: str, until: datetime | None, by: Actor) -> None:
        async with self._changing:
            await self.broker.apply([organisation.change(name, until)], by.through(OWNER), WHY)
            self._ends[name] = until
        for one in self._all.values():
            if one.organisation == name:
                await self._left(one.id)

    async def signed(self, passkey: bytes, assertion: Json, challenge: bytes) -> Account:
        """Whose passkey signed this challenge; its counter is kept. Raises Denied."""
        async with self._changing:
            found = self.holding(passkey)
            if found is None:
                raise Denied("this passkey is not known here")
            one, known = found
            try:
                counter = verify(known, assertion, challenge, self.site.origin, self.site.rp_id)
            except CounterWentBack:
                await self._doubted(one)
                raise
            if counter != known.counter:
                one = account.counted(one, passkey, counter)
                row = account.row(one)
                await self.broker.documents.note({key(kept.private_id(one.id)): row})
                self._all[one.id] = one
            return one

    async def _doubted(self, one: Account) -> None:
        """There may be a copy of a passkey: an entry in the log says so."""
        await self.broker.apply([account.doubted(one, self.broker.clock())], acting(one), WHY)

    async def _keep(self, after: Account, by: Actor) -> None:
        before = self._all.get(after.id)
        rows = {kept.private_id(after.id): account.row(after)}
        await self.broker.apply_beside([account.change(after)], rows, by.through(OWNER), WHY)
        self._all[after.id] = after
        if before and (before.status, before.roles) != (after.status, after.roles):
            await self._left(after.id)
