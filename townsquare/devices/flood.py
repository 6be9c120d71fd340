"""How much a device may say before nobody listens for a while. Pure.

Always holds: one that floods costs the others nothing but the time to see that it does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

QUARANTINE = timedelta(minutes=10)  # after the last message that was too many
MOST_KNOWN = 100_000  # devices of which something is remembered


@dataclass(slots=True)
class Bucket:
    """`left` messages may come at once; `quiet_until` while it is in quarantine."""

    left: float
    at: datetime
    quiet_until: datetime | None = None


@dataclass(slots=True)
class Floods:
    """`a_minute` messages of one device are heard, and `burst` at once."""

    a_minute: float = 60
    burst: float = 120
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def heard(self, device: str, now: datetime) -> bool:
        """Whether this message is listened to."""
        bucket = self._buckets.get(device)
        if bucket is None:
            if len(self._buckets) >= MOST_KNOWN:
                self._buckets.clear()
            bucket = self._buckets[device] = Bucket(self.burst, now)
        if bucket.quiet_until and now < bucket.quiet_until:
            bucket.quiet_until = now + QUARANTINE
            return False
        bucket.quiet_until = None
        since_s = max((now - bucket.at).total_seconds(), 0)
        bucket.left, bucket.at = min(self.burst, bucket.left + since_s * self.a_minute / 60), now
        if bucket.left < 1:
            bucket.quiet_until = now + QUARANTINE
            return False
        bucket.left -= 1
        return True

    def quiet_until(self, device: str) -> datetime | None:
        bucket = self._buckets.get(device)
        return bucket.quiet_until if bucket else None
