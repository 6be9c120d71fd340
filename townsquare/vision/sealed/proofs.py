"""What proves a segment: the list of its hour, and the entry of the log with the root of that list.

Always holds: what is handed out can be checked without the town; that entries were handed out is an
entry itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.ledger import Logged, LogSearch
from townsquare.model.actor import Why, room
from townsquare.model.entity import Json
from townsquare.trust import proven
from townsquare.trust.audit import Record
from townsquare.trust.log import Log
from townsquare.trust.seal import listing
from townsquare.trust.seal.listing import Line
from townsquare.vision.sealed.hours import footage_id
from townsquare.vision.sealed.types import OWNER

ROOM, WHY = room(OWNER), Why("operations")
ROOT = re.compile(r"(?:^|, )listRoot=([0-9a-f]{64})(?:, |$)")
COUNT = re.compile(r"(?:^|, )segmentCount=(\d+)(?:, |$)")
RECORD = msgspec.json.Decoder(Record)


@dataclass(frozen=True, slots=True)
class Proofs:
    """`opened` gives the log, which is opened after this is put together."""

    broker: Broker
    opened: Callable[[], Log]

    @property
    def log(self) -> Log:
        return self.opened()

    async def of_hour(
        self, camera: str, hour: str, lines: Sequence[Line], recipient: str
    ) -> dict[str, Json]:
        """The lines that the last signed entry is of, and that entry; without `entry` where none is
        signed yet.
        """
        found = await self._entries(footage_id(camera, hour), recipient)
        size = proven.top(self.log).size
        for one in sorted(found, key=lambda one: -one.index):
            record = RECORD.decode(one.entry.record)
            root, count = ROOT.search(record.detail), COUNT.search(record.detail)
            if not root or not count or one.index >= size:
                continue
            known = lines[: int(count[1])]
            if listing.root(known) == root[1]:
                return {"lines": [*map(_told, known)], "entry": proven.proven(self.log, one, size)}
        return {"lines": [*map(_told, lines)]}

    async def of(self, subject: str, recipient: str) -> list[Json]:
        """All signed entries about it, oldest first."""
        found, size = await self._entries(subject, recipient), proven.top(self.log).size
        there = sorted((one for one in found if one.index < size), key=lambda one: one.index)
        return [proven.proven(self.log, one, size) for one in there]

    async def _entries(self, subject: str, recipient: str) -> list[Logged]:
        search = LogSearch(subject=subject, verb="alteration")
        why = "what proves footage goes with it"
        return await self.broker.ledger.disclose(search, ROOM, WHY, why, [recipient])


def _told(line: Line) -> Json:
    return {
        "digest": line.digest,
        "since": line.since.isoformat(),
        "until": line.until.isoformat(),
        "file": line.file,
    }
