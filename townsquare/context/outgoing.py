"""Calls that leave the house: contexts, notifications. Nothing leaves that was not declared.

A host must be on the list. Its name is resolved once, every address is checked, and the
connection goes to a checked address, so a name that changes between look and call (DNS
rebinding) gains nothing. Redirects come back here and are checked again.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from townsquare.model.errors import Denied

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIMEOUT = httpx.Timeout(5.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """[outgoing] in townsquare.toml. Hosts that the broker may call, by name."""

    hosts: tuple[str, ...] = ()


Allows = Callable[[str, Address], bool]


def declared(settings: Settings) -> Allows:
    """Listed hosts, and never this machine or its link."""
    hosts = frozenset(settings.hosts)

    def allows(host: str, address: Address) -> bool:
        inside = address.is_loopback or address.is_link_local or address.is_multicast
        return host in hosts and not inside and not address.is_unspecified

    return allows


def loopback_only(host: str, address: Address) -> bool:
    """For `townsquare run --open`."""
    return address.is_loopback


class CheckedTransport(httpx.AsyncBaseTransport):
    def __init__(self, allows: Allows) -> None:
        self.allows = allows
        self.inner = httpx.AsyncHTTPTransport(retries=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = await self._checked(host, request.url.port or 443)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=str(address))
        return await self.inner.handle_async_request(request)

    async def _checked(self, host: str, port: int) -> Address:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"{host} has no address: {error}") from error
        addresses = [ipaddress.ip_address(str(f[4][0]).split("%")[0]) for f in found]
        refused = [a for a in addresses if not self.allows(host, a)]
        if refused or not addresses:
            raise Denied(
                f"calls to {host} ({', '.join(map(str, refused))}) are not declared;"
                " list the host in [outgoing] hosts if the town wants them"
            )
        return addresses[0]

    async def aclose(self) -> None:
        await self.inner.aclose()


def client(allows: Allows) -> httpx.AsyncClient:
    """Neither proxies nor credentials of the environment are used."""
    return httpx.AsyncClient(
        transport=CheckedTransport(allows),
        timeout=TIMEOUT,
        follow_redirects=True,
        max_redirects=3,
        trust_env=False,
    )
