"""The room "log": follows what is committed, signs checkpoints, has them witnessed, and erases
records that were kept for long enough.

Always holds: without a log that is whole and can be written, nobody is let in but rooms, and an
alarm says why. A disk that fills stops everything else first.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from townsquare.context.broker import Broker
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import Invalid, NotFound, Unavailable
from townsquare.model.rule import Rule
from townsquare.trust.log import Broken, Log
from townsquare.web import timekeeper
from townsquare.web.outdated import Outdated
from townsquare.web.timekeeper import Timekeeper
from townsquare.web.witnesses import Witnesses

ROOM, WHY = room("log"), Why("operations")
STATUS, ID = "LogStatus", "urn:ngsi-ld:LogStatus:log"
TYPES = (
    EntityType(
        STATUS,
        "log",
        frozenset({"operator", "data-protection", "security"}),
        history=False,
        title="Whether the log is sound",
    ),
)
RULES = (
    Rule(
        "log-broken",
        "The log cannot prove what is done",
        STATUS,
        "broken",
        above=1,
        clear_below=0,
        severity="critical",
        consequence="Nobody is let in; counting and alarms go on.",
        response="Read why at /healthz; run townsquare log verify; call data protection.",
    ),
    Rule(
        "log-space",
        "The disk is nearly full",
        STATUS,
        "short",
        above=1,
        clear_below=0,
        severity="high",
        consequence="Everything but the log, alarms and counting is refused.",
        response="Make room on the disk of the data folder.",
    ),
    Rule(
        "log-unwitnessed",
        "No witness has cosigned the log for a day",
        STATUS,
        "stale",
        above=1,
        clear_below=0,
        severity="medium",
        consequence="The town could show different logs to different people.",
        response="Look at /healthz for what the witnesses answer, and call them.",
    ),
    *timekeeper.rules(STATUS),
)
EVERY_S = 5.0
RETRY = timedelta(minutes=1)  # after a witness did not answer
RENEW = timedelta(hours=1)  # where there is nothing new, so that it shows that somebody looks
STALE = timedelta(hours=24)
LEAST_DAYS = 183  # Regulation (EU) 2024/1689, article 26(6): at least six months
MOST_DAYS = 3653

logger = logging.getLogger(__name__)
Spare = Callable[[], int]  # bytes of free disk over the floor; less than none is short


@dataclass(frozen=True, slots=True)
class Settings:
    """[log] in townsquare.toml."""

    floor_mb: int = 500  # of free disk; below it everything but the log, alarms and counts stops
    keep_days: int = 1100  # three yearly reports and their audit

    def __post_init__(self) -> None:
        if not LEAST_DAYS <= self.keep_days <= MOST_DAYS:
            raise Invalid(
                f"keep_days {self.keep_days} must be {LEAST_DAYS} to {MOST_DAYS}: the log keeps its"
                " records for six months at least and for ten years at most"
            )
        if self.floor_mb < 1:
            raise Invalid(f"floor_mb {self.floor_mb} must be 1 or more: the log needs room")


def free_at(folder: Path) -> int:
    """Bytes."""
    return space_at(folder)[0]


def space_at(folder: Path) -> tuple[int, int]:
    """Bytes that are free, and all there are. Raises OSError."""
    found = shutil.disk_usage(folder)
    return found.free, found.total


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the room does beside signing."""

    time: Timekeeper
    outdated: Outdated


class Notary:
    """`trouble` says why nobody is let in; `broken` is trouble that lasts until the next start."""

    def __init__(
        self, log: Log, witnesses: Witnesses, broker: Broker, spare: Spare, upkeep: Upkeep
    ) -> None:
        self.log = log
        self.time = upkeep.time
        self.witnesses = witnesses
        self.trouble = ""
        self.broken = False
        self._opened = False
        self.broker = broker
        self._spare = spare
        self._outdated = upkeep.outdated
        self._asked: datetime | None = None
        self._told: Mapping[str, float] = {}

    async def open(self) -> None:
        """Before anybody is let in."""
        await self._guarded(self._opened_once)

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        self.broker.admission.short = self._spare() < 0
        await self._guarded(self._advance)
        await self._tell()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Shuts the house where it fails: for good where the log is broken."""
        if self.broken:
            return
        try:
            await work()
            self._shut("")
        except Broken as broken:
            self.broken = True
            self._shut(str(broken))
        except (OSError, Unavailable) as error:
            self._shut(f"the log cannot be written: {error}")

    async def _opened_once(self) -> None:
        if not self._opened:
            await self.time.step(self.broker)
            await self.log.open()
            await self.log.name(witness.verifier for witness in self.witnesses.known)
            self._opened = True

    async def _advance(self) -> None:
        """Raises Broken, OSError or Unavailable."""
        await self._opened_once()
        seen = [at for at in self.witnesses.last().values() if at]
        await self.time.step(self.broker, max(seen, default=None))
        await self.log.follow()
        new = self.log.tiles.size > (self.log.signed.size if self.log.signed else 0)
        if new:
            await self.log.sign()
        if self.log.note and (new or self._due()):
            self._asked = self.broker.clock()
            await self.log.publish(await self.witnesses.cosign(self.log.note))
            self.time.compare(self.witnesses.answered)
        await self._outdated.erase()

    def _due(self) -> bool:
        every = RETRY if self.witnesses.trouble else RENEW
        return self._asked is None or self.broker.clock() - self._asked >= every

    @property
    def stale(self) -> bool:
        """Whether no witness of those there are has cosigned for a day."""
        last = [at for at in self.witnesses.last().values() if at]
        quiet = not last or self.broker.clock() - max(last) > STALE
        return bool(self.witnesses.known) and self.log.signed is not None and quiet

    def _shut(self, why: str) -> None:
        if why and why != self.trouble:
            logger.error("%s", why)
        self.trouble = why
        self.broker.shut("log", why)

    async def _was_told(self) -> bool:
        """Of trouble, maybe before a restart. A town without any has no such entity."""
        try:
            await self.broker.read(ID, ROOM, WHY)
        except NotFound:
            return False
        return True

    async def _tell(self) -> None:
        """What the rules look at, as often as it changes."""
        now = {
            "broken": float(bool(self.trouble)),
            "short": float(self.broker.admission.short),
            "stale": float(self.stale),
            "clockBehind": float(bool(self.time.trouble)),
            "clockAhead": float(bool(self.time.doubt)),
        }
        if now == self._told or (not any(now.values()) and not await self._was_told()):
            return
        at = self.broker.clock()
        attributes = {name: (Attribute(value, observed_at=at),) for name, value in now.items()}
        why = self.trouble or self.time.trouble or self.time.doubt
        attributes["why"] = (Attribute(why or "nothing is wrong"),)
        status = Entity(ID, (STATUS,), attributes, scope=(LIVE,))
        await self.broker.apply([Change("merge", status, upsert=True)], ROOM, WHY)
        self._told = now
