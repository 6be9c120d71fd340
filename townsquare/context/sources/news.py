"""What a subscriber to registrations has not been told yet (clause 5.3.3). Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from townsquare.context.sources.registration import Registration

Reason = Literal["newlyMatching", "updated", "noLongerMatching"]
REASONS: Sequence[Reason] = ("newlyMatching", "updated", "noLongerMatching")
MOST = 2000  # registrations that wait for one subscriber; the oldest gives way


class News:
    """Of each registration the newest; one that came and went meanwhile is no news."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Reason, Registration]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, before: Registration | None, after: Registration | None) -> None:
        """How what concerns the subscriber of a registration was, and how it is now."""
        if after:
            self._put("updated" if before else "newlyMatching", after)
        elif before:
            self._put("noLongerMatching", before)

    def _put(self, reason: Reason, one: Registration) -> None:
        waited, _ = self._waiting.pop(one.id, (None, one))
        if waited == "newlyMatching":
            if reason == "noLongerMatching":
                return
            reason = "newlyMatching"
        elif waited == "noLongerMatching":
            reason = "updated"
        self._waiting[one.id] = reason, one
        if len(self._waiting) > MOST:
            del self._waiting[next(iter(self._waiting))]

    def take(self) -> Mapping[Reason, list[Registration]]:
        found = {r: [one for why, one in self._waiting.values() if why == r] for r in REASONS}
        self._waiting = {}
        return {reason: ones for reason, ones in found.items() if ones}
