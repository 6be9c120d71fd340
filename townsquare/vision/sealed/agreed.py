"""Under which terms the town records: those in the settings, once they are in force.

Always holds: what lets anybody open more than before is in force only once others agreed; until
then recording goes on under the old terms. Each change is an entry of the log.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, iso, urn
from townsquare.model.errors import Conflict, Denied, NotFound
from townsquare.trust.seal import terms
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed.types import OWNER, TERMS

ROOM, WHY = room(OWNER), Why("operations")
ACT = "recordingTerms"
# What is wrong with the approval of this subject and detail; nothing: it is approved.
Wrong = Callable[[str, Sequence[str]], Awaitable[Sequence[str]]]


class Agreed:
    """`set` are the terms of the settings; None where nothing is recorded. `now` are in force."""

    def __init__(self, broker: Broker, set: Terms | None) -> None:
        self.broker = broker
        self.set = set
        self.now: Terms | None = None
        self.proposed = ""  # id of those that wait

    async def open(self) -> None:
        """When the town starts."""
        kept = await self._in_force()
        self.now = terms_of(kept) if kept else None
        if self.set is None:
            return
        if kept is None or self.now is None or not (more := terms.wider(self.now, self.set)):
            await self._take(self.set, kept)
        elif self.set.hash != self.now.hash:
            said = {"proposedAt": iso(self.broker.clock()), "changes": more, "waiting": 1}
            await self._write(written(self.set, "proposed", **said))
            self.proposed = id_of(self.set)
        await self._forget()

    def require(self) -> Terms:
        """Those in force. Raises NotFound."""
        if self.now is None:
            raise NotFound("this town does not record, so it has no custodians")
        return self.now

    async def _forget(self) -> None:
        """What was proposed once, and stands in the settings no more."""
        left = [one.id for one in await self._of("proposed") if one.id != self.proposed]
        at = iso(self.broker.clock())
        if left:
            told = {"status": "replaced", "replacedAt": at, "waiting": 0}
            await self._write(*(_merged(id, **told) for id in left))

    async def changes(self) -> Sequence[str]:
        """Of the terms that wait for approval, in plain words. Raises Conflict where none do."""
        if not self.proposed:
            raise Conflict("the terms of recording in the settings are in force already")
        kept = await self.broker.read(self.proposed, ROOM, WHY)
        return [str(one) for one in kept.value("changes")]

    async def adopt(self, id: str, wrong: Wrong) -> None:
        """What was proposed and approved. Raises NotFound, or Denied with what is wrong."""
        if self.set is None or self.now is None or id != self.proposed:
            raise NotFound(f"{id} was not proposed")
        more = await self.changes()
        if not set(terms.wider(self.now, self.set)) <= set(more):
            raise Denied(f"what {id} is compared with has changed since; start the town again")
        if found := await wrong(id, more):
            raise Denied(f"{id} is not approved: {'; '.join(found)}")
        await self._take(self.set, await self._in_force())
        self.proposed = ""

    async def under(self, hash: str) -> Terms | None:
        """Those of this hash, whether they are in force or were."""
        try:
            return terms_of(await self.broker.read(urn(TERMS, hash), ROOM, WHY))
        except NotFound:
            return None

    async def _in_force(self) -> Entity | None:
        found = await self._of("in force")
        return max(found, key=lambda one: str(one.value("since")), default=None)

    async def _of(self, status: str) -> list[Entity]:
        asked = Query(types=(TERMS,), q=parse(f'status=="{status}"'), limit=MOST)
        return (await self.broker.find(asked, ROOM, WHY)).entities

    async def _take(self, new: Terms, kept: Entity | None) -> None:
        """The new ones, and the end of the old ones, in one transaction."""
        self.now = new
        if kept is not None and kept.id == id_of(new):
            return
        at = iso(self.broker.clock())
        old = [_merged(kept.id, status="replaced", replacedAt=at)] if kept else []
        await self._write(*old, written(new, "in force", since=at, waiting=0))

    async def _write(self, *changes: Change) -> None:
        await self.broker.apply(changes, ROOM, WHY)


def may_propose(broker: Broker, by: Actor, why: Why) -> bool:
    return broker.grant(by.through(OWNER), why, "write", TERMS).allowed


def id_of(told: Terms) -> str:
    return urn(TERMS, told.hash)


def written(told: Terms, status: str, **more: Json) -> Change:
    custodians = [
        {
            "name": one.name,
            "organisation": one.organisation,
            "thumbprint": one.public.thumbprint,
            "key": one.key,
        }
        for one in told.custodians
    ]
    return _merged(
        id_of(told),
        hash=told.hash,
        status=status,
        keepHours=told.keep_hours,
        reason=told.reason,
        **({"until": told.until.isoformat()} if told.until else {}),
        custodians=custodians,
        **more,
    )


def terms_of(kept: Entity) -> Terms:
    named = kept.value("custodians")
    return msgspec.convert(
        {
            "custodians": [{"organisation": c["organisation"], "key": c["key"]} for c in named],
            "keep_hours": kept.value("keepHours"),
            "reason": kept.value("reason") or "",
            "until": kept.value("until"),
        },
        Terms,
    )


def _merged(id: str, **values: Json) -> Change:
    told = {name: (Attribute(value),) for name, value in values.items()}
    return Change("merge", Entity(id, (TERMS,), told), upsert=True)
