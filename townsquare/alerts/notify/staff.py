"""Who is called, on which ways, at this moment: settings, rotas and the town's clock together.

Always holds: the rotas that people keep go before those of the settings with the same name, and
only such are taken as fit to contacts and chains: what does not fit calls nobody by surprise.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from townsquare.alerts.notify.settings import Settings, Turns
from townsquare.alerts.notify.ways import Channel, Contact
from townsquare.model.texts import ENGLISH


class OnCall(Struct, frozen=True):
    """`person` is a contact, "" where nobody is on call in this rota; `next` follows at `since`."""

    rota: str
    person: str
    next: str = ""
    since: datetime | None = None


def with_rotas(declared: Settings, kept: Iterable[Turns]) -> Settings:
    """Raises Invalid where a rota does not fit to contacts and chains."""
    rotas = {one.name: one for one in (*declared.rota, *kept)}
    return replace(declared, rota=tuple(rotas.values()))


class Staff:
    """`link` is the control room's address, for messages."""

    def __init__(self, settings: Settings, zone: ZoneInfo, town: str, link: str) -> None:
        self.declared = settings
        self.zone = zone
        self.town = town
        self.link = link
        self.hold(())

    def hold(self, kept: Iterable[Turns]) -> None:
        """From now on, with these rotas. Raises Invalid as `with_rotas`."""
        self.settings = with_rotas(self.declared, kept)
        self.escalation = self.settings.escalation(self.zone)
        self.rota = self.settings.turns(self.zone)

    def whom(self, post: str, at: datetime) -> Contact | None:
        """None where nobody is on call in the rota."""
        rotation, _, places = post.partition("+")
        name = self.rota.following(rotation, at, int(places or 0))
        return self.settings.reached(name) if name else None

    def called(self, at: datetime) -> list[OnCall]:
        """Who is on call then, in each rota."""
        return [self._called(rota.name, at) for rota in self.settings.rota]

    def _called(self, rota: str, at: datetime) -> OnCall:
        person, then = self.rota.on_call(rota, at) or "", self.rota.next(rota, at)
        return OnCall(rota, person, then.person, then.since) if then else OnCall(rota, person)

    def way(self, contact: str, kind: str) -> Channel | None:
        """None where it is in the settings no more."""
        reached = self.settings.reached(contact)
        ways = reached.channel if reached else ()
        return next((channel for channel in ways if channel.kind == kind), None)

    def language(self, contact: str) -> str:
        """The tag of the one in which they read; English where they are in the settings no more."""
        reached = self.settings.reached(contact)
        return reached.language if reached else ENGLISH.tag

    @property
    def ways(self) -> list[tuple[str, Channel]]:
        return [(c.name, channel) for c in self.settings.contact for channel in c.channel]
