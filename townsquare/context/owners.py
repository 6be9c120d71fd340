"""Whose subscriptions, registrations and contexts are: who changes them, and until when they act.

Always holds: what somebody left standing goes on only while they may come in themselves; nobody but
its owner and who governs the town's accounts changes it or takes it away.
"""

from collections.abc import Callable
from datetime import datetime

from townsquare.model.actor import Actor, Why
from townsquare.model.errors import Denied
from townsquare.trust.policy import Policy

GOVERNS, OPEN = "administrator", "open"  # where nobody signs in, what has no owner is everybody's
ENDED = "the task of who made it has ended"


class Owners:
    """`ask` says why somebody known to the accounts may not go on; empty where they may."""

    def __init__(self, policy: Callable[[], Policy], clock: Callable[[], datetime]) -> None:
        self._policy = policy
        self._clock = clock
        self.ask: Callable[[Actor], str] = lambda _: ""

    def stopped(self, owner: Actor | None) -> str:
        """Why what this owner left standing does nothing; empty where it acts."""
        if owner is None:
            return ""  # of before there were owners: the town's
        if owner.until and owner.until <= self._clock():
            return ENDED
        return self.ask(owner)

    def governs(self, by: Actor, why: Why) -> bool:
        policy = self._policy()
        pursues = why.purpose in policy.pursued.get(GOVERNS, ())
        return GOVERNS in by.roles and pursues and not policy.closed

    def may(self, owner: Actor | None, by: Actor, why: Why) -> bool:
        """Whether `by` changes it; what has no owner is an administrator's."""
        own = owner.id == by.id if owner else OPEN in by.roles
        return own or by.kind == "room" or self.governs(by, why)

    def require(self, owner: Actor | None, by: Actor, why: Why, what: str) -> None:
        """Raises Denied for somebody else's."""
        if not self.may(owner, by, why):
            whose = f"of {owner.organisation or owner.id}" if owner else "the town's"
            raise Denied(f"{what} is {whose}: its owner or an administrator changes it")
