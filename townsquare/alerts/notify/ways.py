"""The ways on which people are called, as the settings have them. Pure.

Always holds: what is personal or lets somebody in is a `secret:NAME`, and stands in no file that is
shown; alarms leave this machine encrypted.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from townsquare.model.errors import Invalid
from townsquare.model.texts import CATEGORIES, ENGLISH
from townsquare.trust import secret

Kind = Literal["email", "webhook", "ntfy", "matrix", "browser"]
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
# What knows the address may write there: of these it is never part of the settings.
SUCH: Mapping[Kind, str] = {
    "email": '"secret:duty-mail"',
    "webhook": '"https://hooks.town.example/alarms"',
    "ntfy": '"secret:duty-ntfy"',
    "matrix": '"https://matrix.town.example/!ROOM:town.example"',
}
HIDDEN: dict[str, str] = {
    "email": '"secret:duty-mail", a secret that holds duty@town.example',
    "ntfy": '"secret:duty-ntfy", a secret that holds https://ntfy.example.org/TOPIC',
}


@dataclass(frozen=True, slots=True)
class Mail:
    """[notify.mail]: the server that takes our e-mail. It is reached by TLS only."""

    host: str
    sender: str  # an address of the town's own, such as townsquare@town.example
    port: int = 465
    tls: Literal["implicit", "starttls"] = "implicit"
    login: str = ""  # a secret that holds name:password

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise Invalid(f"port {self.port} is not between 1 and 65535; TLS is usually at 465")
        if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", self.sender):
            raise Invalid(f"sender {self.sender!r} must be like townsquare@town.example")
        if not self.host or "/" in self.host or ":" in self.host:
            raise Invalid(f"host {self.host!r} must be a name such as mail.town.example")
        _require_secret("login", self.login)


@dataclass(frozen=True, slots=True)
class Channel:
    """[[notify.contact.channel]]: one way to reach somebody. `key` signs or lets in."""

    kind: Kind
    address: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        _require_secret("key", self.key)
        if self.kind == "browser":
            if self.address or self.key:
                raise Invalid("a browser has no address here: it is registered at /control/notify")
            return
        if not self.address:
            raise Invalid(f"{self.kind} needs an address, such as {SUCH[self.kind]}")
        if secret.NAME.fullmatch(self.address):
            return
        if self.kind in HIDDEN:
            raise Invalid(f"address of {self.kind} is not written here; give {HIDDEN[self.kind]}")
        if self.address.startswith("secret:"):
            _require_secret("address", self.address)
        require_url(self.address)

    @property
    def host(self) -> str:
        """Empty where it is in a secret."""
        return "" if secret.NAME.fullmatch(self.address) else urlsplit(self.address).hostname or ""


@dataclass(frozen=True, slots=True)
class Contact:
    """[[notify.contact]]: somebody who can be called, by a name that is best one of a function."""

    name: str
    channel: tuple[Channel, ...] = ()
    language: str = ENGLISH.tag  # of the words around what rules say

    def __post_init__(self) -> None:
        require_name("contact", self.name)
        if self.language not in CATEGORIES:
            raise Invalid(f"language {self.language!r} is none of {', '.join(CATEGORIES)}")
        if not self.channel:
            raise Invalid(f"contact {self.name!r} has no [[notify.contact.channel]]; give one")
        if kind := twice(channel.kind for channel in self.channel):
            raise Invalid(
                f"contact {self.name!r} has {kind} twice; make another contact of the second"
            )


def require_url(address: str) -> None:
    """Raises Invalid, without what may be secret in it. This machine is called without TLS too."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid("an address of [[notify.contact.channel]] is none") from error
    here = host == "localhost" or is_literal(host)
    if not host or "@" in parts.netloc or re.search(r"[\s\x00-\x1f\x7f]", address):
        raise Invalid("address must be like https://hooks.town.example/alarms, without a login")
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise Invalid(f"address at {host} must begin with https://; alarms are not sent in clear")


def require_name(what: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise Invalid(f"{what} {name!r}: its name becomes part of ids; use a-z, 0-9 and -")


def _require_secret(field: str, text: str) -> None:
    if text and not secret.NAME.fullmatch(text):
        raise Invalid(f'{field} takes "secret:NAME"; what it holds is no setting')


def twice(names: Iterable[str]) -> str:
    return next((name for name, n in Counter(names).items() if n > 1), "")


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
