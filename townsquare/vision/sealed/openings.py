"""Openings as they are asked for, agreed to, released by custodians and handed to who asked.

Always holds: a custodian's sealed share leaves the house for an opening that runs, for its camera
and its time, and for a custodian who may release it; the house holds no key of theirs and none of
who asked; each step is an entry of the log.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Json, iso
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.trust.approvals import Approval
from townsquare.trust.policy import require
from townsquare.trust.seal import release as releases
from townsquare.trust.seal.keys import CustodianKey
from townsquare.trust.seal.listing import Line, gaps
from townsquare.trust.seal.release import Release
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed import opening
from townsquare.vision.sealed.agreed import terms_of
from townsquare.vision.sealed.custody_types import OPENING
from townsquare.vision.sealed.handing_out import HandingOut
from townsquare.vision.sealed.opening import RUNS, Opening, Wish
from townsquare.vision.sealed.proofs import Proofs
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.types import OWNER, TERMS
from townsquare.vision.sealed.unwrapping import Unwrapping

ROOM, HOUSE = room(OWNER), Why("operations")
FOLDER = "openings"  # in the data folder
SWEEP_S = 60.0
AGREED = parse('status=="agreed"')
RUNNING = parse('status=="agreed"|status=="released"|status=="delivered"')
# Asks others to agree: act, subject, detail, who. The id of the request.
Ask = Callable[[str, str, Mapping[str, Json], Actor], Awaitable[str]]
Wrong = Callable[[str, str, Mapping[str, Json]], Awaitable[Sequence[str]]]


async def nothing() -> None:
    """Where nothing is recorded now."""


@dataclass(slots=True)
class Openings:
    """`folder` keeps what was asked until it is agreed to, and what custodians released."""

    broker: Broker
    shelf: Shelf
    unwrapping: Unwrapping
    proofs: Proofs
    folder: Path
    settle: Callable[[], Awaitable[None]] = (
        nothing  # writes what is recorded up to now into the log
    )
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    # --- asking

    async def ask(self, wish: Wish, by: Actor, ask: Ask) -> str:
        """The id of the request for approval. Raises Denied or Invalid."""
        why = Why(opening.PURPOSE, wish.case)
        require(self.broker.grant(by.through(OWNER), why, "write", OPENING))
        if wish.until > self.broker.clock():
            raise Invalid("an opening is of what is over; ask for it when the time has come")
        if not self.shelf.covering(wish.camera, wish.since, wish.until):
            raise Invalid(
                f"nothing is recorded of camera {wish.camera!r} from {iso(wish.since)} to"
                f" {iso(wish.until)}, or not any more"
            )
        id = await ask(wish.act, wish.subject, wish.detail, by)
        file = self._asked(id)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(file.write_bytes, msgspec.json.encode(wish))
        return id

    async def adopt(self, approval: Approval, wrong: Wrong) -> Opening:
        """With the last signature. Raises Denied with what is wrong, or NotFound."""
        wish = await self._wish(approval)
        if found := await wrong(wish.act, wish.subject, wish.detail):
            raise Denied(f"this opening is not approved: {'; '.join(found)}")
        names = opening.agreeing(approval, await self.in_force())
        await self.settle()
        count = len(self.shelf.covering(wish.camera, wish.since, wish.until))
        made = opening.opened(wish, approval, names, count, self.broker.clock())
        await self._write(Change("create", made), wish.case)
        self._asked(approval.id).unlink(missing_ok=True)
        return await self.of(made.id)

    async def refuse(self, approval: Approval) -> None:
        """So that it is counted."""
        wish = await self._wish(approval)
        made = opening.refused(wish, approval, self.broker.clock())
        await self._write(Change("create", made), wish.case)
        self._asked(approval.id).unlink(missing_ok=True)

    async def _wish(self, approval: Approval) -> Wish:
        """Raises NotFound, or Denied where it is not what was signed."""
        try:
            raw = await asyncio.to_thread(self._asked(approval.id).read_bytes)
        except FileNotFoundError as error:
            raise NotFound("what was asked for is not here any more; ask anew") from error
        wish = msgspec.json.decode(raw, type=Wish)
        request = approval.request
        asked = (wish.act, wish.subject, dict(wish.detail))
        if asked != (request.act, request.subject, dict(request.detail)):
            raise Denied("what is kept is not what was signed; ask anew")
        return wish

    def _asked(self, approval: str) -> Path:
        return self.folder / f"{_name(approval)}.json"

    # --- reading

    async def of(self, id: str) -> Opening:
        """Raises NotFound."""
        kept = await self.broker.read(id, ROOM, HOUSE)
        if OPENING not in kept.types or kept.value("status") == "refused":
            raise NotFound(f"{id} is no opening of footage")
        return opening.read(kept)

    async def waiting_for(self, custodian: str) -> list[Opening]:
        query = Query(types=(OPENING,), q=AGREED, limit=MOST)
        page = await self.broker.find(query, ROOM, HOUSE)
        found, now = map(opening.read, page.entities), self.broker.clock()
        return [one for one in found if one.waits_for(custodian, now)]

    async def terms(self) -> dict[str, Terms]:
        """All that ever were in force, by hash."""
        page = await self.broker.find(Query(types=(TERMS,), limit=MOST), ROOM, HOUSE)
        return {str(one.value("hash")): terms_of(one) for one in page.entities}

    async def in_force(self) -> Terms:
        """Raises NotFound."""
        query = Query(types=(TERMS,), q=parse('status=="in force"'), limit=1)
        page = await self.broker.find(query, ROOM, HOUSE)
        if not page.entities:
            raise NotFound("this town does not record, so there is nothing to open")
        return terms_of(page.entities[0])

    async def custodian(self, name: str) -> CustodianKey:
        """By the terms in force. Raises NotFound."""
        for one in (await self.in_force()).custodians:
            if one.name == name:
                return one.public
        raise NotFound(f"{name[:60]!r} is no custodian here")

    # --- what is handed out

    async def told(self, one: Opening, custodian: str = "") -> Json:
        """All that who holds it needs to check it: to a custodian with their sealed shares, to who
        asked with what was released. Raises Denied, NotFound or Unavailable.
        """
        one.require_runs(self.broker.clock())
        if custodian and not one.may_release(custodian):
            raise Denied(f"the custodian {custodian!r} is none of those who agreed to this")
        found, terms = self._covering(one), await self.terms()
        told = await self._handing_out.told(one.camera, found, terms, custodian)
        whom = custodian or one.organisation or one.key.split("+")[0]
        hours = {
            hour: await self.proofs.of_hour(
                one.camera, hour, self.shelf.lines(one.camera, hour), whom
            )
            for hour in dict.fromkeys(hour for hour, _ in found)
        }
        return {
            **summary(one),
            "checkpoint": self.proofs.log.published,
            "logKey": str(self.proofs.log.key),
            "entries": await self.proofs.of(one.id, whom),
            "terms": {hash: msgspec.to_builtins(each) for hash, each in terms.items()},
            "hours": hours,
            "gaps": [
                {"since": iso(gap.since), "until": iso(gap.until)}
                for gap in gaps(told.lines, one.since, one.until)
            ],
            "segments": told.whole,
            "damaged": told.damaged,
            "released": [releases.statement(r) for r in self._releases(one)],
            "releases": [] if custodian else [msgspec.to_builtins(r) for r in self._releases(one)],
        }

    def _covering(self, one: Opening) -> list[tuple[str, Line]]:
        """By their hours. What was still being recorded when it was agreed to is not among them, so
        that all custodians release the same.
        """
        found = self.shelf.covering(one.camera, one.since, one.until)
        return [(hour, line) for hour, line in found if line.until <= one.opened_at]

    def raw(self, one: Opening, hour: str, file: str) -> Path:
        """The file of a segment. Raises NotFound or Denied."""
        one.require_runs(self.broker.clock())
        found = self._covering(one)
        if (hour, file) not in {(hour, line.file) for hour, line in found}:
            raise NotFound("this segment is not part of what was agreed to")
        return self.shelf.file(one.camera, hour, file)

    @property
    def _handing_out(self) -> HandingOut:
        return HandingOut(self.shelf, self.unwrapping)

    # --- what custodians release

    async def release(self, one: Opening, told: Release, key: CustodianKey) -> Opening:
        """Raises Denied, Invalid or Conflict."""
        if told.opening != one.id:
            raise Invalid("this release is of another opening")
        releases.require(told, key, await asyncio.to_thread(self._wanted, one, told))
        async with self.writing:
            now = await self.of(one.id)
            change = Change("merge", opening.released(now, key.name, self.broker.clock()))
            file = self._released(one) / f"{key.name}.json"
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await asyncio.to_thread(file.write_bytes, msgspec.json.encode(told))
            await self._write(change, one.case)
        return await self.of(one.id)

    def _wanted(self, one: Opening, told: Release) -> list[str]:
        """All but what was damaged when it was released."""
        whole, found = self._handing_out.is_whole, self._covering(one)
        return [
            line.digest
            for hour, line in found
            if line.digest in told.shares or whole(one.camera, hour, line)
        ]

    async def deliver(self, one: Opening) -> None:
        """Once who asked has what two custodians released."""
        if one.status == "released":
            await self._write(Change("merge", opening.delivered(one)), one.case)

    def _releases(self, one: Opening) -> list[Release]:
        there = sorted(self._released(one).glob("*.json"))
        found = [msgspec.json.decode(file.read_bytes(), type=Release) for file in there]
        return [each for each in found if each.custodian in one.released_by]

    def _released(self, one: Opening) -> Path:
        return self.folder / _name(one.id)

    # --- the end

    async def run(self) -> None:
        """As a room; never returns."""
        while True:
            await self.end()
            await asyncio.sleep(SWEEP_S)

    async def end(self) -> None:
        """Those whose day is over; what was released for them goes, and what nobody agreed to."""
        page = await self.broker.find(Query(types=(OPENING,), q=RUNNING, limit=MOST), ROOM, HOUSE)
        now = self.broker.clock()
        for one in map(opening.read, page.entities):
            if one.valid_until <= now:
                await self._write(Change("merge", opening.ended(one, now)), one.case)
                await asyncio.to_thread(shutil.rmtree, self._released(one), ignore_errors=True)
        await asyncio.to_thread(self._forget_asked)

    def _forget_asked(self) -> None:
        before = time.time() - RUNS.total_seconds()  # by the clock of the files
        for file in self.folder.glob("*.json"):
            if file.stat().st_mtime < before:
                file.unlink(missing_ok=True)

    async def _write(self, change: Change, case: str) -> None:
        await self.broker.apply([change], ROOM, Why(opening.PURPOSE, case))


def summary(one: Opening) -> dict[str, Json]:
    return {
        "id": one.id,
        "camera": one.camera,
        "since": iso(one.since),
        "until": iso(one.until),
        "purpose": opening.PURPOSE,
        "case": one.case,
        "organisation": one.organisation,
        "key": one.key,
        "approvedBy": list(one.approved_by),
        "releasedBy": list(one.released_by),
        "emergency": one.emergency,
        "status": one.status,
        "openedAt": iso(one.opened_at),
        "validUntil": iso(one.valid_until),
    }


def _name(id: str) -> str:
    name = id.rsplit(":", 1)[-1]
    if not name.replace("-", "").isalnum():
        raise NotFound(f"{id[:80]!r} is no id of an opening")
    return name
