"""Whether each way to call people works, kept as entities that a rule looks at.

Always holds: a way that is in the settings no more is forgotten, so that its alarm returns; and of
its own failure nobody is told on a way that fails, so that no alarm feeds itself.
"""

from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.alerts.notify.courier import Outcome
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.notify.types import CHANNEL, FAILED_IN_A_ROW, FAILING
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, iso, urn

OWN_ALARMS = urn(ALERT, f"{FAILING.name}:")


def way_id(contact: str, kind: str) -> str:
    return urn(CHANNEL, f"{contact}-{kind}")


class Health:
    def __init__(self, broker: Broker, staff: Staff) -> None:
        self._broker = broker
        self._known = {way_id(contact, channel.kind) for contact, channel in staff.ways}
        self._failures: dict[str, int] = {}

    async def open(self) -> None:
        page = await self._broker.find(Query((CHANNEL,), limit=MOST), ROOM, WHY)
        self._failures = {one.id: int(one.value("failures") or 0) for one in page.entities}
        gone = [id for id in self._failures if id not in self._known]
        if gone:
            await self._broker.apply([Change("delete", Entity(id, ())) for id in gone], ROOM, WHY)

    def failing(self, contact: str, kind: str) -> bool:
        return self._failures.get(way_id(contact, kind), 0) >= FAILED_IN_A_ROW

    def feeds_itself(self, alert: str, contact: str, kind: str) -> bool:
        """Is it an alarm about a way that fails, to be told on one?"""
        return alert.startswith(OWN_ALARMS) and self.failing(contact, kind)

    def after(self, contact: str, kind: str, outcome: Outcome, at: datetime) -> Change:
        """Failures are counted one after another; the first success ends them."""
        id = way_id(contact, kind)
        failures = 0 if outcome.sent else self._failures.get(id, 0) + 1
        self._failures[id] = failures
        told = entity(
            id,
            CHANNEL,
            contact=Attribute(contact),
            channel=Attribute(kind),
            failures=Attribute(failures, observed_at=at),
            answer=Attribute(outcome.answer),
            sentAt=Attribute(iso(at)) if outcome.sent else None,
            failedAt=None if outcome.sent else Attribute(iso(at)),
        )
        return Change("merge", told, upsert=True)
