"""Who has which alarm selected at this moment, in which browser.

Always holds: it is held in memory only, for as long as the live connection of that browser lasts
and the browser says it again and again. It is no entity, has no history and no log, and nothing
counts it; it is told to those only who have the same alarm selected in the control room themselves.
"""

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsquare.model.errors import InvalidRequest, NotFound

# A browser says it every 10 s: whose line was cut is gone after this.
SILENT = timedelta(seconds=30)
MOST_TABS = 20  # alarms that one browser has selected, one a tab


@dataclass(frozen=True, slots=True)
class Looker:
    """`actor` is the id of who looks."""

    actor: str
    since: datetime


@dataclass(eq=False, slots=True)
class Seat:
    """A browser with a live connection. `alarms` are those selected in it, each since when."""

    actor: str
    wake: Callable[[], None]
    name: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    alarms: dict[str, datetime] = field(default_factory=dict)
    heard_at: datetime | None = None
    told: Mapping[str, list[Looker]] = field(default_factory=dict)


class Lookers:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seats: dict[str, Seat] = {}

    @contextmanager
    def seat(self, actor: str, wake: Callable[[], None]) -> Iterator[Seat]:
        """For one live connection; `wake` is called when it has others to be told of."""
        seat = Seat(actor, wake)
        self._seats[seat.name] = seat
        try:
            yield seat
        finally:
            del self._seats[seat.name]
            self._tell(seat.alarms)

    def look(self, name: str, actor: str, alarms: Collection[str]) -> None:
        """What is selected in this browser now. Raises NotFound, InvalidRequest."""
        seat = self._seats.get(name)
        if seat is None or seat.actor != actor:
            raise NotFound("this live connection is not there any more; the page opens a new one")
        if len(alarms) > MOST_TABS:
            raise InvalidRequest(f"{len(alarms)} alarms are selected; one browser has {MOST_TABS}")
        now, before = self._clock(), seat.alarms
        seat.heard_at = now
        seat.alarms = {id: before.get(id, now) for id in alarms}
        if changed := before.keys() ^ seat.alarms.keys():
            self._tell(changed)
            seat.wake()

    def news(self, seat: Seat) -> Mapping[str, list[Looker]] | None:
        """Who else looks at each alarm of this seat; None where that was told before."""
        found = {id: others for id in seat.alarms if (others := self._others(seat, id))}
        if found == seat.told:
            return None
        seat.told = found
        return found

    def _others(self, seat: Seat, alarm: str) -> list[Looker]:
        """One person in two browsers is named once, with the time of the longer look."""
        since: dict[str, datetime] = {}
        for other in self._seats.values():
            if other is not seat and self._is_there(other) and (at := other.alarms.get(alarm)):
                since[other.actor] = min(at, since.get(other.actor, at))
        return [Looker(actor, at) for actor, at in sorted(since.items(), key=lambda one: one[1])]

    def _is_there(self, seat: Seat) -> bool:
        return seat.heard_at is not None and self._clock() - seat.heard_at <= SILENT

    def _tell(self, alarms: Collection[str]) -> None:
        for seat in self._seats.values():
            if not seat.alarms.keys().isdisjoint(alarms):
                seat.wake()
