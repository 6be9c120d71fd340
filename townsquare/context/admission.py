"""Who may write now, whatever the policy says.

Always holds: what counts and raises alarms may, and the log; all others stop before the disk is so
full that these would have to.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from townsquare.model.actor import Actor
from townsquare.model.errors import Unavailable

LONGEST_LAG = timedelta(seconds=10)  # of a durable reader, before outside writes must wait
GO_ON = frozenset({"vision", "alerts", "log", "broker"})  # rooms, on a disk that is nearly full


class Admission:
    """`short` is whether the disk is nearly full; `unread_since` has the oldest change that each
    durable reader has not read.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.short = False
        self.unread_since: dict[str, datetime | None] = {}
        self._clock = clock

    def require(self, by: Actor) -> None:
        """Rooms and operators are always admitted, others wait while a reader lags.

        Raises Unavailable.
        """
        room = by.kind == "room"
        if self.short and not (room and by.room in GO_ON):
            raise Unavailable(
                "the disk of the town's server is nearly full: only counting, alarms and the log"
                " go on until there is room",
                retry_after_s=60,
            )
        if room or "operator" in by.roles:
            return
        oldest = min(filter(None, self.unread_since.values()), default=None)
        if oldest and self._clock() - oldest > LONGEST_LAG:
            raise Unavailable("the city is catching up with earlier changes; try again soon")

    def lags(self) -> dict[str, timedelta]:
        now = self._clock()
        return {name: now - (at or now) for name, at in self.unread_since.items()}
