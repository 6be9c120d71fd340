"""The way to a PostgreSQL database: address, connections, and what their errors mean.

Always holds: no password stands in an address; a database on another machine is spoken to over
TLS that proves who answers, or not at all.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args
from urllib.parse import SplitResult, parse_qs, urlsplit

import asyncpg
from asyncpg import exceptions
from asyncpg.exceptions._base import DataError as ClientDataError
from asyncpg.pool import PoolConnectionProxy

from townsquare.model.errors import CannotStart, Invalid, TooComplex, TownsquareError, Unavailable

# In quotes: generic for the type checker only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Pooled: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

CONNECT_S = 10.0
# What an address may say; asyncpg would pass anything else to the server as a setting.
KNOWN = (
    *("host", "port", "target_session_attrs"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"),
)
Proof = Literal["verify-full", "verify-ca"]
PROVES: tuple[Proof, ...] = get_args(Proof)
HERE = ("localhost", "127.0.0.1", "::1")
SOCKET = "/var/run/postgresql"
# A line that was cut is noticed within half a minute; over a Unix socket these say nothing.
ALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}

LOST = (
    OSError,
    exceptions.InterfaceError,
    exceptions.InternalClientError,
    exceptions.PostgresConnectionError,
    exceptions.OperatorInterventionError,
    exceptions.InsufficientResourcesError,
    exceptions.InvalidAuthorizationSpecificationError,
    exceptions.InvalidCatalogNameError,
    exceptions.LockNotAvailableError,
    exceptions.ReadOnlySQLTransactionError,
)
TOO_MUCH = (exceptions.ProgramLimitExceededError, exceptions.InvalidRegularExpressionError)
UNFIT = (exceptions.DataError, ClientDataError)  # what the server, or asyncpg before it, refuses


@dataclass(frozen=True, slots=True)
class Address:
    """`shown` is what people may read of it."""

    url: str
    shown: str
    password: str | None = field(repr=False)
    ssl: Proof | None
    host: str | None

    async def reach(self) -> None:
        """Raises CannotStart."""
        try:
            await (await self.connect()).close()
        except (*LOST, exceptions.PostgresError) as error:
            raise CannotStart(f"the database {self.shown} cannot be reached: {error}") from error

    async def connect(self, **settings: str) -> Connection:
        """Raises what is in LOST."""
        return await asyncpg.connect(
            self.url,
            password=self.password,
            ssl=self.ssl,
            host=self.host,
            timeout=CONNECT_S,
            server_settings={"application_name": _process(), **ALIVE, **settings},
        )

    def pool(self, most: int, **settings: str) -> Pool:
        """Not connected yet. Its connections are given back as they are: none is changed."""
        return asyncpg.create_pool(
            self.url,
            password=self.password,
            ssl=self.ssl,
            host=self.host,
            timeout=CONNECT_S,
            min_size=0,
            max_size=most,
            reset=_unchanged,
            server_settings={"application_name": _process(), **ALIVE, **settings},
        )


async def _unchanged(_: Connection) -> None:
    """A reset would be one more journey to the server for every read."""


def address(url: str, password: str) -> Address:
    """Raises Invalid, saying what to write instead."""
    found = urlsplit(url)
    if found.password is not None or "password" in found.query:
        raise Invalid(
            "[store] url holds a password; take it out, put it in DATA/secrets/postgres"
            ' and write password = "secret:postgres"'
        )
    asked = parse_qs(found.query)
    if strange := [name for name in asked if name not in KNOWN]:
        raise Invalid(f"[store] url says {strange[0]!r}; it may say {', '.join(KNOWN)}")
    hosts = _hosts(found, asked)
    return Address(
        url=url,
        shown=f"{found.path.lstrip('/')} on {', '.join(hosts)}",
        password=password or None,
        ssl=_ssl(asked.get("sslmode", [""])[-1], hosts),
        host=None if found.netloc.rpartition("@")[2] or "host" in asked else SOCKET,
    )


def _hosts(found: SplitResult, asked: dict[str, list[str]]) -> list[str]:
    named = found.netloc.rpartition("@")[2] or asked.get("host", [SOCKET])[-1]
    return [_without_port(host) for host in named.split(",")]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.startswith("/") else host.partition(":")[0]


def _ssl(mode: str, hosts: list[str]) -> Proof | None:
    far = [host for host in hosts if host not in HERE and not host.startswith("/")]
    if not far:
        return None  # the address itself may ask for it
    proof = next((p for p in PROVES if p == mode), None)
    if mode and not proof:
        raise Invalid(
            f"[store] url says sslmode={mode}, but {far[0]} is another machine: anyone on the way"
            " could answer in its place; use sslmode=verify-full with sslrootcert=FILE"
        )
    return proof or PROVES[0]


def _process() -> str:
    return f"townsquare on {socket.gethostname()[:30]} (process {os.getpid()})"


@contextmanager
def reading(longest_s: float) -> Iterator[None]:
    """Errors of a read in the words of the house. What is left is a fault of ours."""
    try:
        yield
    except exceptions.QueryCanceledError as error:
        raise too_long(longest_s) from error
    except TOO_MUCH as error:
        raise TooComplex(f"the query is more than the database answers: {error}") from error
    except UNFIT as error:
        raise Invalid(f"the database cannot look for this: {error}") from error
    except LOST as error:
        raise unavailable("read", error) from error


def too_long(longest_s: float) -> TooComplex:
    return TooComplex(f"the query took over {longest_s:.0f} s; add a filter or ask for less")


def refused(error: BaseException) -> BaseException:
    """What the writer's client is told when its job, alone, could not be written."""
    if isinstance(error, (*UNFIT, exceptions.ProgramLimitExceededError)):
        return Invalid(f"the database cannot keep this: {error}")
    if isinstance(error, LOST):
        return unavailable("write", error)
    return error


def unavailable(what: str, error: BaseException) -> TownsquareError:
    return Unavailable(f"the database could not {what} ({error or type(error).__name__})")
