"""How a source has behaved since the server started (table 5.2.9-2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.context.sources.registration import Registration
from townsquare.model.entity import Json


@dataclass(slots=True)
class Tally:
    sent: int = 0
    failed: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    well: bool = True

    def count(self, now: datetime, *, good: bool) -> None:
        self.sent += 1
        self.well = good
        if good:
            self.last_success = now
        else:
            self.failed += 1
            self.last_failure = now

    def resting(self, one: Registration, now: datetime) -> bool:
        """Whether the source failed so lately that its registration wants it left alone."""
        cooldown = one.management.cooldown if one.management else None
        if self.well or not cooldown or not self.last_failure:
            return False
        return now - self.last_failure < timedelta(milliseconds=cooldown)

    def told(self) -> dict[str, Json]:
        if not self.sent:
            return {}
        told = {
            "status": "ok" if self.well else "failed",
            "timesSent": self.sent,
            "timesFailed": self.failed,
            "lastSuccess": self.last_success,
            "lastFailure": self.last_failure,
        }
        return {name: value for name, value in told.items() if value is not None}
