"""Who is called, on which ways, at this moment: settings and the town's clock together. Pure."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from townsquare.alerts.notify.escalation import Escalation
from townsquare.alerts.notify.rota import Rota
from townsquare.alerts.notify.settings import Settings
from townsquare.alerts.notify.ways import Channel, Contact


@dataclass(frozen=True)
class Staff:
    """`link` is the control room's address, for messages."""

    settings: Settings
    zone: ZoneInfo
    town: str
    link: str

    @cached_property
    def escalation(self) -> Escalation:
        return self.settings.escalation(self.zone)

    @cached_property
    def rota(self) -> Rota:
        return self.settings.turns(self.zone)

    def whom(self, post: str, at: datetime) -> Contact | None:
        """None where the rota has not begun."""
        rotation, _, places = post.partition("+")
        name = self.rota.following(rotation, at, int(places or 0))
        return self.settings.reached(name) if name else None

    def way(self, contact: str, kind: str) -> Channel | None:
        """None where it is in the settings no more."""
        reached = self.settings.reached(contact)
        ways = reached.channel if reached else ()
        return next((channel for channel in ways if channel.kind == kind), None)

    @property
    def ways(self) -> list[tuple[str, Channel]]:
        return [(c.name, channel) for c in self.settings.contact for channel in c.channel]
