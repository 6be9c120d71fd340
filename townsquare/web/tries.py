"""How often an address may fail to say who it is. Those who succeed are not held up for long.

Each address has some tries and gets one back every few seconds. Tries at one known passkey count
apart, so guessing holds up nobody else who shares the address. What is guessed at here has 256
random bits, or is a signature: this keeps guessing from costing us anything, and shows it.
"""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from starlette.types import Scope

from townsquare.model.errors import TooOften

What = Literal["passkey", "link", "token", "provider"]
Key = tuple[What, str, bytes]
TRIES = 10
BACK_S = 6.0  # after which a try comes back
MOST_KNOWN = 10_000
IPV6_NET = 64  # bits: one household or server has all addresses behind them


class Tries:
    def __init__(self, clock: Callable[[], datetime], *, proxied: bool = False) -> None:
        """`proxied`: a proxy of the town stands in front, and says who asks."""
        self._clock = clock
        self._proxied = proxied
        self._missed: OrderedDict[Key, tuple[float, datetime]] = OrderedDict()

    def require(self, what: What, scope: Scope, of: bytes = b"") -> None:
        """Raises TooOften where no try is left. Tries `of` one passkey count apart."""
        over = self._now(self._key(what, scope, of)) - (TRIES - 1)
        if over > 0:
            raise TooOften("too many attempts from your address", math.ceil(over * BACK_S))

    def miss(self, what: What, scope: Scope, of: bytes = b"") -> None:
        """Somebody failed. Raises TooOften where that was once too often."""
        self.require(what, scope, of)
        key = self._key(what, scope, of)
        self._missed[key] = (self._now(key) + 1, self._clock())
        self._missed.move_to_end(key)
        if len(self._missed) > MOST_KNOWN:
            self._missed.popitem(last=False)

    def _key(self, what: What, scope: Scope, of: bytes) -> Key:
        return what, address(scope, proxied=self._proxied), of

    def _now(self, key: Key) -> float:
        missed, at = self._missed.get(key, (0.0, self._clock()))
        return max(0.0, missed - (self._clock() - at).total_seconds() / BACK_S)


def address(scope: Scope, *, proxied: bool) -> str:
    """Who asks. Only the last address that was forwarded is our own proxy's word."""
    found = (scope.get("client") or ("",))[0]
    if proxied:
        forwarded = [v for n, v in scope["headers"] if n == b"x-forwarded-for"]
        if forwarded:
            found = forwarded[-1].decode("latin-1").rpartition(",")[2].strip()
    try:
        ip = ipaddress.ip_address(found)
    except ValueError:
        return found[:64]
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return str(ip.ipv4_mapped)  # not one network of all of them
    if ip.version == 6:
        return str(ipaddress.ip_network((ip, IPV6_NET), strict=False))
    return str(ip)
