"""What time it is for certain: the machine's clock is believed as far as time has passed. Pure.

Always holds: the certain time goes on evenly. It follows a clock that is a little ahead at no more
than half as fast again, and one that jumped not at all: until somebody outside saw that time too,
a person says so, or the clock went on evenly for a month. So nothing is erased early for a clock
that was set; and a clock that is behind what was is known to be wrong.
"""

from datetime import datetime, timedelta

from msgspec import Struct, structs

BEHIND = timedelta(minutes=5)  # of the certain time: more than clocks are corrected by
AHEAD = timedelta(days=3)  # a server may be off for that long and nobody has to say so
PROBATION = timedelta(days=30)
SEEN = timedelta(hours=2)  # how late what a witness saw may be told: it is asked every hour


class Clock(Struct, frozen=True):
    """`wall` is what the machine said last, `sure` the time that had come for certain, `even` how
    long the clock went on evenly since it is ahead.
    """

    sure: datetime
    wall: datetime
    even: timedelta = timedelta()

    @property
    def ahead(self) -> bool:
        return self.wall - self.sure > AHEAD

    @property
    def behind(self) -> bool:
        return self.sure - self.wall > BEHIND


def began(kept: Clock, wall: datetime) -> Clock:
    """When the town starts: how long it was off only this clock says."""
    off = wall - kept.wall
    return Clock(kept.sure, wall, kept.even if timedelta() <= off <= AHEAD else timedelta())


def went(clock: Clock, wall: datetime, passed: timedelta) -> Clock:
    """`passed` is measured by what nobody sets."""
    evenly = abs(wall - clock.wall - passed) <= BEHIND
    even = clock.even + passed if evenly and clock.ahead else timedelta()
    if even >= PROBATION:
        return Clock(wall, wall)
    return Clock(_followed(clock.sure + passed, wall, passed / 2), wall, even)


def _followed(due: datetime, wall: datetime, slew: timedelta) -> datetime:
    if timedelta() <= wall - due <= AHEAD:
        return min(wall, due + slew)
    if timedelta() < due - wall <= BEHIND:
        return max(wall, due - slew)
    return due


def witnessed(clock: Clock, seen: datetime) -> Clock:
    """A witness cosigned at this time, by a clock that is not ours."""
    if timedelta() <= clock.wall - seen <= SEEN and seen > clock.sure:
        return structs.replace(clock, sure=seen, even=timedelta())
    return clock


def confirmed(clock: Clock) -> Clock:
    """A person looked at it and says that it is right."""
    return Clock(clock.wall, clock.wall)
