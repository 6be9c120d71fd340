"""What is kept of a subscription: itself, on whose behalf it looks, and how it has been told."""

from datetime import datetime
from typing import Literal

import msgspec

from townsquare.context.subscriptions.wire import Subscription
from townsquare.model.actor import Actor, Why
from townsquare.store import Key

Status = Literal["active", "paused", "expired"]


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """Names in the subscription are canonical; those in `q` are as given, and `names` tells them.

    `context` is the address of what notifications are written in; `via` are the brokers that it
    was passed on by.
    """

    subscription: Subscription
    names: dict[str, str]
    context: str
    by: Actor
    why: Why
    created_at: datetime
    modified_at: datetime
    tenant: str = ""
    via: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.subscription.id)

    @property
    def key(self) -> Key:
        return Key(self.tenant, "subscription", self.id)

    def status(self, now: datetime) -> Status:
        given = self.subscription
        if given.expires_at and given.expires_at <= now:
            return "expired"
        return "paused" if given.is_active is False else "active"


class Tally(msgspec.Struct, omit_defaults=True):
    """How often, when and up to which change its subscriber has been told."""

    times_sent: int = 0
    times_failed: int = 0
    last_notification: datetime | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None
    status: Literal["ok", "failed"] | None = None
    told: int = 0  # sequence number of the last change that it needs not be told of again

    def sent(self, at: datetime) -> None:
        self.times_sent += 1
        self.last_notification = at

    def succeeded(self, at: datetime) -> None:
        self.last_success = at
        self.status = "ok"

    def failed(self, at: datetime) -> None:
        self.times_failed += 1
        self.last_failure = at
        self.status = "failed"


def tally_key(subscription: Key) -> Key:
    return Key(subscription.tenant, "private", f"tally of {subscription.id}")
