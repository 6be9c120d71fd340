"""Calls that leave the house: contexts, notifications. Nothing leaves that was not declared.

A host must be on the list. Its name is resolved once, every address is checked, and the
connection goes to a checked address, so a name that changes between look and call (DNS
rebinding) gains nothing. Redirects come back here and are checked again.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from townsquare.model.errors import Denied

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIMEOUT = httpx.Timeout(5.0)  # s, between two parts of an answer
LONGEST_S = 10.0  # for a whole one
# Those who call see to it that no host takes all connections.
LIMITS = httpx.Limits(max_connections=500, max_keepalive_connections=100)
NOT_PACKED = {"accept-encoding": "identity"}  # a small body cannot become a huge one


@dataclass(frozen=True, slots=True)
class Settings:
    """[outgoing] in townsquare.toml. Hosts that the broker may call, by name."""

    hosts: tuple[str, ...] = ()


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _unheard(_: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """`host` is asked before its name is resolved, so that no look-up leaves undeclared. `refused`
    is told the name of each that is not called for that.
    """

    host: Callable[[str], bool]
    address: Callable[[Address], bool]
    refused: Callable[[str], None] = _unheard


def declared(settings: Settings) -> Allowed:
    """Listed hosts, and never this machine or its link."""
    hosts = frozenset(settings.hosts)
    return Allowed(lambda host: host in hosts, lambda address: not _inside(_plain(address)))


def _inside(address: Address) -> bool:
    here = address.is_loopback or address.is_link_local or address.is_unspecified
    return here or address.is_multicast or address.is_reserved


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# For `townsquare run --open`.
LOOPBACK_ONLY = Allowed(
    lambda host: host == "localhost" or _is_literal(host),
    lambda address: _plain(address).is_loopback,
)


async def checked(allowed: Allowed, host: str, port: int) -> Address:
    """The address to connect to. Raises Denied for what is not declared, httpx.ConnectError."""
    undeclared = Denied(f"calls to {host} are not declared; list the host in [outgoing] hosts")
    if not allowed.host(host):
        allowed.refused(host)
        raise undeclared
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} has no address: {error}") from error
    addresses = [ipaddress.ip_address(str(f[4][0]).split("%")[0]) for f in found]
    if not addresses or not all(map(allowed.address, addresses)):
        allowed.refused(host)
        raise undeclared
    return addresses[0]


class CheckedTransport(httpx.AsyncBaseTransport):
    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed
        self.inner = httpx.AsyncHTTPTransport(retries=0, limits=LIMITS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = await checked(self.allowed, host, request.url.port or 443)
        # A copy: redirects are relative to the address that was asked for.
        to_address = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,  # `Host` among them names the host
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self.inner.handle_async_request(to_address)

    async def aclose(self) -> None:
        await self.inner.aclose()


class Client(httpx.AsyncClient):
    """Neither proxies nor credentials of the environment are used."""

    def __init__(self, allowed: Allowed, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.allowed = allowed  # for calls by other protocols
        super().__init__(
            transport=transport or CheckedTransport(allowed),
            timeout=TIMEOUT,
            follow_redirects=True,
            max_redirects=3,
            trust_env=False,
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    status: int
    headers: httpx.Headers
    body: bytes


class TooLong(httpx.ReadError):
    """The body has more bytes than anybody wants to read."""


async def fetch(client: httpx.AsyncClient, url: str, most_bytes: int, accept: str) -> Fetched:
    """What is behind `url`. Raises httpx.HTTPError, also for one that is too long or too slow."""
    headers = {"accept": accept, **NOT_PACKED}
    try:
        async with (
            asyncio.timeout(LONGEST_S),
            client.stream("GET", url, headers=headers) as answer,
        ):
            answer.raise_for_status()
            return await _read(answer, most_bytes)
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"not within {LONGEST_S:.0f} s") from error


async def ask(
    client: httpx.AsyncClient, request: httpx.Request, most_bytes: int, longest_s: float
) -> Fetched:
    """Whatever the other side answers; a redirect is an answer too. Raises httpx.HTTPError."""
    request.headers.update(NOT_PACKED)
    try:
        async with asyncio.timeout(longest_s):
            answer = await client.send(request, stream=True, follow_redirects=False)
            try:
                return await _read(answer, most_bytes)
            finally:
                await answer.aclose()
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"not within {longest_s:.1f} s") from error


async def _read(answer: httpx.Response, most_bytes: int) -> Fetched:
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            raise TooLong(f"over {most_bytes} bytes")
    return Fetched(answer.status_code, answer.headers, b"".join(parts))


async def post(
    client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], longest_s: float
) -> int:
    """The status of the answer; its body is not read. Raises httpx.HTTPError.

    A redirect is not followed, since most of them make a GET of a POST.
    """
    try:
        async with (
            asyncio.timeout(longest_s),
            client.stream(
                "POST", url, content=body, headers=headers, follow_redirects=False
            ) as answer,
        ):
            return answer.status_code
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"not within {longest_s:.0f} s") from error
