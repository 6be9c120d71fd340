"""Which alarms are shelved, and until when. No I/O: news in, what is over out.

Always holds: an alarm is here exactly as long as the news say that it is shelved; who ends a
shelf looks at the alarm again, since an operator may have been faster.
"""

from collections.abc import Iterable
from datetime import datetime

from townsquare.alerts.alert import ALERT, facts
from townsquare.model.change import Changed
from townsquare.model.entity import Entity


class Shelves:
    def __init__(self, alerts: Iterable[Entity]) -> None:
        self._until: dict[str, datetime] = {}
        for alert in alerts:
            self.see(alert)

    def read(self, changed: Changed) -> None:
        if changed.after and not changed.tenant and ALERT in changed.after.types:
            self.see(changed.after)

    def see(self, alert: Entity) -> None:
        if until := shelved_until(alert):
            self._until[alert.id] = until
        else:
            self.forget(alert.id)

    def forget(self, id: str) -> None:
        self._until.pop(id, None)

    def due(self) -> datetime | None:
        return min(self._until.values(), default=None)

    def over(self, now: datetime) -> list[str]:
        return [id for id, until in self._until.items() if until <= now]


def shelved_until(alert: Entity) -> datetime | None:
    """None where it is not shelved."""
    until = alert.value("suppressedUntil")
    shelved = facts(alert).suppression == "shelved"
    return datetime.fromisoformat(str(until)) if shelved and until else None
