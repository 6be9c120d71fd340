"""Drills of custodians: begun by somebody of the town, answered by their clients, and recorded.

Always holds: a drill has nothing of footage; its record says what was seen, also when that was
nothing; one that nobody ends is ended when its time is over.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
from msgspec import Struct

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, iso, urn
from townsquare.model.errors import Conflict, Invalid, NotFound, TownsquareError
from townsquare.trust.policy import require
from townsquare.trust.seal import drill, handing, rehearsal
from townsquare.trust.seal.drill import Answer, Test
from townsquare.trust.seal.keys import CustodianKey, OpeningKey
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed import drill_record as record
from townsquare.vision.sealed.drill_record import Step
from townsquare.vision.sealed.drill_types import DRILL
from townsquare.vision.sealed.types import OWNER, STATE
from townsquare.vision.sealed.unwrapping import Unwrapping

ROOM, WHY = room(OWNER), Why("operations")
FOLDER = "drills"  # in the data folder
RECOVERY = "recovery"
RUNS = timedelta(days=14)  # custodians are not at their keys every day
YEAR = timedelta(days=395)  # a month's grace
EVERY_S = 600.0
STATE_ID = urn(STATE, "Drills")  # no camera has a capital in its name
UNSIGNED = bytes(32)  # a drill opens, and signs nothing
MOST_STEPS = 30


class Kept(Struct, frozen=True):
    """Of a drill that runs, in a file of its own."""

    test: Test
    seed: bytes
    answers: tuple[Answer, ...] = ()


@dataclass(slots=True)
class Drills:
    """`in_force` gives the terms; Raises NotFound where nothing is recorded."""

    broker: Broker
    in_force: Callable[[], Awaitable[Terms]]
    unwrapping: Unwrapping
    folder: Path
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    # --- by the town

    async def start(self, by: Actor) -> Entity:
        """A recovery drill. Raises Denied, Conflict or NotFound."""
        self._require(by)
        terms, now = await self.in_force(), self.broker.clock()
        async with self.writing:
            if await self._running():
                raise Conflict(
                    "a drill runs already; end it, or wait until its custodians answered"
                )
            own, name = drill.fresh(), uuid4().hex
            test = drill.made(name, terms, CustodianKey("drill", own.public, UNSIGNED))
            await asyncio.to_thread(self._write, Kept(test, own.seed))
            told = {
                "kind": RECOVERY,
                "status": "running",
                "startedAt": iso(now),
                "startedBy": by.id,
                "validUntil": iso(now + RUNS),
                "termsHash": terms.hash,
                "custodians": record.custodians(terms, {}),
                "shelf": await asyncio.to_thread(self._shelf),
            }
            await self._apply(Change("create", record.written(name, told)))
        return await self.of(name)

    async def rehearsed(self, kind: str, steps: Sequence[Step], by: Actor) -> Entity:
        """The record of a drill that people walked through. Raises Denied or Invalid."""
        self._require(by)
        if kind not in rehearsal.REHEARSALS:
            raise Invalid(f"a drill is of change, lost or stolen, not {kind[:20]!r}")
        if not 0 < len(steps) <= MOST_STEPS:
            raise Invalid(f"the record of a drill has 1 to {MOST_STEPS} steps")
        tried = await asyncio.to_thread(rehearsal.REHEARSALS[kind])
        name, now = uuid4().hex, iso(self.broker.clock())
        told = {
            "kind": kind,
            "status": "ended",
            "result": record.result([one.held for one in tried], [one.done for one in steps]),
            "startedAt": now,
            "startedBy": by.id,
            "endedAt": now,
            "steps": [
                *({"text": one.text, "done": "yes" if one.held else "no"} for one in tried),
                *(msgspec.to_builtins(one) for one in steps),
            ],
        }
        await self._apply(Change("create", record.written(name, told)))
        return await self.of(name)

    async def end(self, name: str, by: Actor) -> Entity:
        """Before all have answered. Raises Denied, Conflict or NotFound."""
        self._require(by)
        kept = await self.of(name)
        if kept.value("status") != "running":
            raise Conflict("this drill has ended")
        async with self.writing:
            await self._end(record.safe(name))
        return await self.of(name)

    async def of(self, name: str) -> Entity:
        """Raises NotFound."""
        found = await self.broker.read(urn(DRILL, record.safe(name)), ROOM, WHY)
        if DRILL not in found.types:
            raise NotFound(f"{name} is no drill")
        return found

    async def all(self, by: Actor) -> list[Entity]:
        """Newest first. Raises Denied."""
        require(self.broker.grant(by.through(OWNER), WHY, "read", DRILL))
        found = [*await self._found('status=="running"'), *await self._found('status=="ended"')]
        return sorted(found, key=lambda one: str(one.value("startedAt")), reverse=True)

    def _require(self, by: Actor) -> None:
        require(self.broker.grant(by.through(OWNER), WHY, "write", DRILL))

    # --- by custodians' clients

    async def told(self, custodian: str) -> Json:
        """What this one's client has to open; None where no drill waits for it."""
        for name in await self._running():
            kept = await asyncio.to_thread(self._read, name)
            answered = {one.custodian for one in kept.answers}
            if custodian in kept.test.custodians and custodian not in answered:
                index = kept.test.custodians.index(custodian)
                return {
                    "drill": name,
                    "share": kept.test.shares[index],
                    "commitment": kept.test.commitments[index],
                    "index": index + 1,
                    "key": kept.test.key,
                }
        return None

    async def answer(self, answer: Answer, key: CustodianKey) -> Entity:
        """Raises Invalid, Conflict or NotFound."""
        async with self.writing:
            if answer.drill not in await self._running():
                raise NotFound("this drill has ended, or never was")
            kept = await asyncio.to_thread(self._read, answer.drill)
            drill.require(answer, kept.test, key)
            if key.name in {one.custodian for one in kept.answers}:
                raise Conflict(f"the custodian {key.name!r} has answered already")
            kept = msgspec.structs.replace(kept, answers=(*kept.answers, answer))
            await asyncio.to_thread(self._write, kept)
            await self._tell(kept)
            if len(kept.answers) == len(kept.test.custodians):
                await self._end(answer.drill)
        return await self.of(answer.drill)

    # --- how it stands

    async def run(self) -> None:
        """As a room; never returns."""
        while True:
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        """Ends what is over, and says whether the next one is overdue."""
        now = self.broker.clock()
        for name in await self._running():
            if datetime.fromisoformat((await self.of(name)).value("validUntil")) <= now:
                async with self.writing:
                    await self._end(name)
        try:
            since = await self._last() or await self._begun()
        except NotFound:
            return  # nothing is recorded
        overdue = now - since > YEAR
        told = {"drillOverdue": (Attribute(int(overdue), observed_at=now),)}
        state = Entity(STATE_ID, (STATE,), told)
        await self._apply(Change("merge", state, upsert=True))

    async def _last(self) -> datetime | None:
        """When a recovery drill last opened something."""
        found = await self._found(f'kind=="{RECOVERY}";status=="ended"')
        good = [one for one in found if one.value("result") in ("passed", "partly")]
        ends = [datetime.fromisoformat(one.value("endedAt")) for one in good]
        return max(ends, default=None)

    async def _begun(self) -> datetime:
        """Since when these terms are in force. Raises NotFound."""
        kept = await self.broker.read(
            urn("RecordingTerms", (await self.in_force()).hash), ROOM, WHY
        )
        return datetime.fromisoformat(kept.value("since"))

    async def _running(self) -> list[str]:
        found = await self._found('status=="running"')
        return [one.id.rpartition(":")[2] for one in found]

    async def _found(self, asked: str) -> list[Entity]:
        query = Query(types=(DRILL,), q=parse(asked), limit=MOST)
        return (await self.broker.find(query, ROOM, WHY)).entities

    # --- what is written

    async def _tell(self, kept: Kept) -> None:
        found = drill.outcome(kept.test, kept.answers, OpeningKey(kept.seed))
        before = (await self.of(kept.test.id)).value("custodians")
        told = [one | {"answer": found.found[one["name"]]} for one in before]
        await self._merge(kept.test.id, custodians=told, pairs=[[*pair] for pair in found.pairs])

    async def _end(self, name: str) -> None:
        """The key goes with it."""
        kept = await asyncio.to_thread(self._read, name)
        found = drill.outcome(kept.test, kept.answers, OpeningKey(kept.seed))
        now = iso(self.broker.clock())
        await self._merge(name, status="ended", result=found.result, endedAt=now)
        await asyncio.to_thread(self._file(name).unlink, missing_ok=True)

    async def _merge(self, name: str, **told: Json) -> None:
        await self._apply(Change("merge", record.written(name, told)))

    async def _apply(self, change: Change) -> None:
        await self.broker.apply([change], ROOM, WHY)

    def _shelf(self) -> Json:
        """Of the newest segment of each camera: that it is whole, that the key of its hour opens
        its envelope, and that the sealed shares in it are those that were recorded.
        """
        found: list[Json] = []
        for camera in self.unwrapping.shelf.cameras():
            try:
                found.append({"camera": camera, "state": self._newest(camera)})
            except (TownsquareError, OSError) as error:
                found.append(
                    {"camera": camera, "state": f"damaged: {error}"[: record.LONGEST_STEP]}
                )
        return found

    def _newest(self, camera: str) -> str:
        shelf = self.unwrapping.shelf
        for hour in reversed(shelf.hours(camera)):
            if lines := shelf.lines(camera, hour):
                shares = self.unwrapping.sealed_shares(camera, hour, lines[-1])
                segment = shelf.segment(camera, hour, lines[-1].file)
                sums = zip(shares, segment.header.shares, strict=True)
                whole = all(handing.told(one)[0] or _sum(one) == sum for one, sum in sums)
                if segment.digest != lines[-1].digest or not whole:
                    raise Invalid("it is not what was listed")
                return "whole"
        return "nothing is kept of it"

    def _file(self, name: str) -> Path:
        return self.folder / f"{record.safe(name)}.json"

    def _read(self, name: str) -> Kept:
        try:
            return msgspec.json.decode(self._file(name).read_bytes(), type=Kept)
        except FileNotFoundError as error:
            raise NotFound("what this drill is about is not here any more; end it") from error

    def _write(self, kept: Kept) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.folder / f".{kept.test.id}"
        unfinished.write_bytes(msgspec.json.encode(kept))
        unfinished.replace(self._file(kept.test.id))


def _sum(share: bytes) -> str:
    return hashlib.sha256(share).hexdigest()
