"""[messages] in townsquare.toml. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from townsquare.model.errors import Invalid

Form = Literal["text", "json"]
PORTS = {"udp": 514, "tls": 6514}  # RFC 5426, 3.3; RFC 5425, 4.1
RIGHT = 'such as "udp://127.0.0.1" or "tls://logs.town.example:6514"'


@dataclass(frozen=True, slots=True)
class Target:
    way: str  # udp or tls
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """[messages] in townsquare.toml."""

    form: Form = "text"
    syslog: str = ""

    def __post_init__(self) -> None:
        if self.syslog:
            self._read()

    @property
    def target(self) -> Target | None:
        return self._read() if self.syslog else None

    def _read(self) -> Target:
        url = urlsplit(self.syslog)
        try:
            port = url.port
        except ValueError as error:
            raise Invalid(f"syslog {self.syslog!r} has no port from 1 to 65535; {RIGHT}") from error
        if url.scheme not in PORTS or not url.hostname or "@" in url.netloc or url.path.strip("/"):
            raise Invalid(f"syslog {self.syslog!r} is no address of a syslog host; {RIGHT}")
        return Target(url.scheme, url.hostname, port or PORTS[url.scheme])

    def undeclared(self, hosts: Collection[str]) -> str:
        """The host that would be told and is not among these; "" where it is, or is this machine.
        Raises Invalid.
        """
        here = ("", "localhost", "127.0.0.1", "::1")
        host = self.target.host if self.target else ""
        return "" if host in here or host in hosts else host
