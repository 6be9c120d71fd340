"""[devices] in townsquare.toml: where devices come in, how simple ones are read, and how much one
may say. Pure.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from townsquare.devices.mapping import Mapped
from townsquare.devices.names import require_name
from townsquare.devices.uplink import RADIO, Form
from townsquare.devices.ways import Folder, Modbus
from townsquare.model.errors import Invalid
from townsquare.trust import secret

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Mqtt:
    """[[devices.mqtt]]: a broker that is listened to. `password` is a secret:NAME."""

    name: str
    url: str
    topics: tuple[str, ...]
    form: Form = "json"
    user: str = ""
    password: str = ""

    def __post_init__(self) -> None:
        require_name(self.name)
        parts = urlsplit(self.url)
        if parts.scheme not in PORTS or not parts.hostname or parts.username:
            raise Invalid('url must be like "mqtts://broker.example.org:8883", without a login')
        if not self.topics:
            raise Invalid('topics says what to listen to, such as ["sensors/#"]')
        if self.password and not secret.NAME.fullmatch(self.password):
            raise Invalid('password takes "secret:NAME"; the password itself is no setting')

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or PORTS[parts.scheme]

    @property
    def tls(self) -> bool:
        return urlsplit(self.url).scheme == "mqtts"


@dataclass(frozen=True, slots=True)
class Push:
    """[[devices.push]]: what is sent to /devices/push/NAME by who has a token with this purpose."""

    name: str
    form: Form = "json"

    def __post_init__(self) -> None:
        require_name(self.name)


@dataclass(frozen=True, slots=True)
class Settings:
    """[devices]. A device may say `a_minute` messages for long, and `burst` at once."""

    mqtt: tuple[Mqtt, ...] = ()
    push: tuple[Push, ...] = ()
    modbus: tuple[Modbus, ...] = ()
    folder: tuple[Folder, ...] = ()
    kind: tuple[Mapped, ...] = ()
    a_minute: float = 60
    burst: float = 120

    def __post_init__(self) -> None:
        names = self.names
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"two ways in have the name {min(twice)!r}")
        if not 0 < self.a_minute <= 60_000 or not 1 <= self.burst <= 60_000:
            raise Invalid("a_minute and burst take up to 60000 messages")

    @property
    def names(self) -> list[str]:
        """Of the ways in."""
        ways: tuple[Mqtt | Push | Modbus | Folder, ...]
        ways = (*self.mqtt, *self.push, *self.modbus, *self.folder)
        return [one.name for one in ways]

    def address(self, source: str, written: str) -> str:
        """Of a device, as its messages have it: an EUI stands in either case, a topic does not."""
        forms: dict[str, Form] = {one.name: one.form for one in self.mqtt}
        forms |= {one.name: one.form for one in self.push}
        return written.lower() if forms.get(source) in RADIO else written

    def undeclared(self, hosts: tuple[str, ...]) -> str:
        """A host that is listened to and not declared as outgoing; empty where there is none."""
        called = [*(one.host for one in self.mqtt), *(one.host for one in self.modbus)]
        return next((host for host in called if host not in hosts), "")
