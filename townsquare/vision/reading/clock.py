"""When a picture was taken, and how much time lies between it and the one before. Pure.

A camera that sends reports (RTCP) says when it took each picture, by its own clock. That is
believed while it is near the time of arrival and goes forward; else the time of arrival counts,
which nobody can set. Always holds: time goes forward, whatever the stream says.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from townsquare.vision.observation import Clock

BEHIND_S = 60.0  # how long a picture may have been on its way
AHEAD_S = 2.0  # two good clocks may differ by so much; nothing comes from later than now
JUMP_S = 10.0  # ahead: the clock of the stream was set, time went on as before
LEAST_STEP_S = 0.001  # less is no rate of a camera: its time stamps say nothing
USUAL_STEP_S = 0.04


def sent_at(side: bytes) -> float:
    """Seconds since 1970, from FFmpeg's producer reference time: microseconds in its first part."""
    (microseconds,) = struct.unpack_from("<q", side)
    return float(microseconds / 1e6)


@dataclass(slots=True)
class Recorded:
    """The time in a file or in pieces of a stream, whose time stamps may be missing, stand still
    or jump.
    """

    usual_step_s: float = USUAL_STEP_S  # where they do not say
    at_s: float = 0.0  # of the picture before, from the first one on
    stamp_s: float | None = None  # its own
    began: bool = False

    def begin(self, stamp_s: float | None, at_s: float) -> float:
        """With the first picture."""
        self.began, self.stamp_s, self.at_s = True, stamp_s, max(0.0, at_s)
        return self.at_s

    def after(self, stamp_s: float | None) -> float:
        """Where the next picture stands."""
        step_s = -1.0
        if stamp_s is not None and self.stamp_s is not None:
            step_s = stamp_s - self.stamp_s
        self.at_s += step_s if LEAST_STEP_S <= step_s < JUMP_S else self.usual_step_s
        self.stamp_s = stamp_s
        return self.at_s


@dataclass(slots=True)
class Live:
    """The time of a stream that comes as it is taken, within one connection. `clock` is whose
    word counts now.
    """

    clock: Clock = "arrival"
    refused: bool = False  # its own clock, for good
    sent_s: float | None = None
    arrived_s: float | None = None  # by the steady clock
    at_s: float = 0.0
    last: datetime | None = None

    def after(self, sent_s: float | None, arrived: datetime, steady_s: float) -> float:
        """Where the next picture stands, in seconds from the first one on."""
        before, self.clock = self.clock, self._whose(sent_s, arrived)
        if self.arrived_s is not None:
            both = before == self.clock == "stream"
            self.at_s += self._step_s(sent_s if both else None, steady_s - self.arrived_s)
        self.sent_s, self.arrived_s = sent_s, steady_s
        at = arrived
        if self.clock == "stream" and sent_s is not None:
            at = datetime.fromtimestamp(sent_s, UTC)
        # Where the two take turns, nothing was taken before what came before it.
        self.last = max(at, self.last or at)
        return self.at_s

    def _whose(self, sent_s: float | None, arrived: datetime) -> Clock:
        if sent_s is None or self.refused:
            return "arrival"
        late_s = arrived.timestamp() - sent_s
        self.refused = not -AHEAD_S <= late_s <= BEHIND_S
        return "arrival" if self.refused else "stream"

    def _step_s(self, sent_s: float | None, arrived_s: float) -> float:
        """From the picture before, by the camera's clock where that told of both."""
        if sent_s is None or self.sent_s is None:
            return max(arrived_s, 0.0)
        step_s = sent_s - self.sent_s
        if not 0 < step_s < JUMP_S:
            self.refused, self.clock = True, "arrival"
            return max(arrived_s, 0.0)
        return step_s
