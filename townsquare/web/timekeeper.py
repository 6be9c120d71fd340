"""The town's clock: what time it is, and whether the machine may be believed about that.

Always holds: time does not go back while the town runs, so entries of the log stay in the order of
their times. A machine whose clock is behind what the town knows lets nobody in but rooms; one whose
clock jumped ahead erases nothing; an alarm says why.
"""

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.context.private import key
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import iso
from townsquare.model.errors import Invalid, NotFound
from townsquare.model.rule import Rule
from townsquare.trust import clock as clocks
from townsquare.trust.clock import BEHIND, Clock

NOTED = key("log:clock")
SUBJECT, WHY = "urn:ngsi-ld:Clock", Why("operations")
UNKNOWN = datetime.fromtimestamp(0, UTC)
EVERY = timedelta(minutes=10)  # that it is noted, so that a restart begins where this ended
KEPT = msgspec.json.Decoder(Clock)
CONFIRM = "set it right, or say that it is: townsquare clock confirm --reason WHY"


def rules(type: str) -> tuple[Rule, ...]:
    """About the entity of this type that tells of the clock."""
    return (
        Rule(
            "clock-behind",
            "The server's clock is behind",
            type,
            "clockBehind",
            above=1,
            clear_below=0,
            severity="critical",
            consequence="Nobody is let in; counting and alarms go on.",
            response="Set the server's clock right; see /healthz and townsquare clock show.",
        ),
        Rule(
            "clock-ahead",
            "The server's clock jumped ahead",
            type,
            "clockAhead",
            above=1,
            clear_below=0,
            severity="medium",
            consequence="Nothing that is kept for a time is erased, so that nothing is too early.",
            response="Set it right, or confirm it: townsquare clock confirm",
        ),
    )


def _ticks() -> float:
    """Seconds that nobody sets. Those of a machine that sleeps count where it tells them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Timekeeper:
    """`wall` is the machine's clock, `ticks` counts seconds."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = _ticks,
    ) -> None:
        self._wall, self._ticks = wall, ticks
        self._last, self._tick = wall(), ticks()
        self._seen = self._tick
        self._noted: datetime | None = None
        self._agreed: tuple[datetime, float, timedelta] = (self._last, self._tick, timedelta())
        self.clock: Clock | None = None

    def now(self) -> datetime:
        """Not before what was told last: behind a clock that was set back time goes on."""
        wall, tick = self._wall(), self._ticks()
        if wall < self._last:
            passed = timedelta(seconds=max(0.0, tick - self._tick))
            slower = self._last - wall <= BEHIND  # until the clock has come up
            wall = self._last + (passed / 2 if slower else passed)
        self._last, self._tick = wall, tick
        return wall

    def sure(self) -> datetime:
        """What was kept for a time is erased by this."""
        return min(self._wall(), self.clock.sure) if self.clock else UNKNOWN

    def passed(self) -> datetime:
        """What is to end in time ends by this: a clock that was set back does not hold it up, and
        one that jumped ahead does not hasten it.
        """
        if self.clock is None:
            return UNKNOWN
        return self.clock.sure if self.doubt else max(self.now(), self.clock.sure)

    def compare(self, outside: Collection[datetime]) -> None:
        """With the times that witnesses told just now: where they differ, the one nearest to ours
        is believed, since one of them may be wrong itself.
        """
        wall = self._wall()
        if off := [wall - at for at in outside]:
            self._agreed = (wall, self._ticks(), min(off, key=abs))

    @property
    def off(self) -> timedelta:
        """By how much the machine's clock is ahead of a witness's, as far as one told its time;
        else by how much it was set since the start, or since it was confirmed.
        """
        wall, tick, off = self._agreed
        return off + (self._wall() - wall) - timedelta(seconds=self._ticks() - tick)

    @property
    def trouble(self) -> str:
        """Why nobody is let in."""
        if self.clock is None or not self.clock.behind:
            return ""
        wall, sure = iso(self.clock.wall), iso(self.clock.sure)
        return f"the server's clock says {wall}, and it was {sure} already: {CONFIRM}"

    @property
    def doubt(self) -> str:
        """Why nothing is erased."""
        if self.clock is None or not self.clock.ahead:
            return ""
        wall, sure = iso(self.clock.wall), iso(self.clock.sure)
        return f"the server's clock says {wall}; for certain it is {sure} at least: {CONFIRM}"

    async def step(self, broker: Broker, seen: datetime | None = None) -> None:
        """`seen` is when a witness cosigned last. Raises Unavailable."""
        wall, tick = self._wall(), self._ticks()
        before = self.clock
        if before is None:
            after = clocks.began(await self._kept(broker, wall), wall)
        else:
            after = clocks.went(before, wall, timedelta(seconds=tick - self._seen))
        after = clocks.witnessed(after, seen) if seen else after
        await self._take(broker, after, tick)

    async def confirm(self, broker: Broker, by: Actor, reason: str) -> None:
        """Raises Invalid without a reason."""
        if not reason.strip():
            raise Invalid("say with --reason how you know that the clock is right")
        await self.step(broker)
        if self.clock:
            told = f"{self.trouble or self.doubt or 'nothing was wrong with it'}"
            said = Said(f"the clock was confirmed at {iso(self._wall())}; {told}", reason)
            await broker.ledger.note(SUBJECT, "alteration", by, WHY, said)
            self._last = self._wall()
            self._agreed = (self._last, self._ticks(), timedelta())
            await self._take(broker, clocks.confirmed(self.clock), self._ticks())

    async def _take(self, broker: Broker, after: Clock, tick: float) -> None:
        before = self.clock
        turned = before is None or (before.ahead, before.behind) != (after.ahead, after.behind)
        if before and before.ahead and not after.ahead:
            self._last = after.wall  # it was set right
        elif before is None and not after.ahead:
            self._last, self._tick = max(after.wall, after.sure), tick
        self.clock, self._seen = after, tick
        broker.shut("clock", self.trouble)
        if turned or self._noted is None or abs(after.wall - self._noted) >= EVERY:
            await broker.documents.note({NOTED: msgspec.json.encode(after)})
            self._noted = after.wall

    async def _kept(self, broker: Broker, wall: datetime) -> Clock:
        """As it was noted; else by the log's newest entry. A town that begins has nothing else."""
        try:
            return KEPT.decode(await broker.documents.read(NOTED))
        except NotFound:
            newest = await broker.ledger.newest() or wall
            return Clock(newest, newest)
