"""Listening: the port on this machine, and the control socket in the data folder."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from townsquare import __version__
from townsquare.model.errors import CannotStart
from townsquare.model.town import Town
from townsquare.web.auth import Mode

LOOPBACK = ("127.0.0.1", "::1")
log = logging.getLogger(__name__)
GOODBYE_S = 2  # for answers under way when the server ends


def listen(port: int) -> list[socket.socket]:
    """Sockets on both loopback addresses, as far as the machine has them. Raises CannotStart."""
    found = [s for host in LOOPBACK if (s := _bound(host, port))]
    if not found:
        raise CannotStart(f"this machine has no loopback address to serve port {port} on")
    return found


def _bound(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if "in use" in str(error):
            raise CannotStart(
                f"port {port} is in use by another program; choose another with --port"
            ) from error
        if family == socket.AF_INET6:
            return None  # IPv6 is switched off on this machine
        raise CannotStart(f"cannot serve on {host} port {port}: {error.strerror}") from error
    found.setblocking(False)
    return found


@contextlib.contextmanager
def control_socket(folder: Path) -> Iterator[socket.socket]:
    """DATA/control.sock, for the owner only. Left-overs of a killed server are removed."""
    path = folder / "control.sock"
    path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX)
    with contextlib.closing(found):
        found.bind(str(path))
        path.chmod(0o600)
        found.listen()
        yield found
        path.unlink(missing_ok=True)


def log_start(port: int, town: Town, first_link: str) -> None:
    """For a log that programs read: without the link, which lets in whoever reads it."""
    log.info("Townsquare %s serves %s on port %d", __version__, town.name, port)
    if first_link:
        log.info("nobody is enrolled; for a link: townsquare accounts enrol")


def announce(port: int, mode: Mode, town: Town, first_link: str) -> None:
    """`first_link` is empty where somebody is enrolled already."""
    start = f"http://localhost:{port}"
    sys.stdout.write(
        f"Townsquare {__version__} serves {town.name}; Ctrl-C ends it.\n"
        f"  control room  {start}/control\n  public page   {start}/\n"
    )
    if first_link:
        sys.stdout.write(
            f"  first account {first_link}\n"
            "    Nobody is enrolled. This link makes the first administrator: once, within a day.\n"
        )
    if mode == "open":
        sys.stdout.write("  --open: everyone on this machine may read and write without login.\n")
    sys.stdout.flush()


class Spelt(bytes):
    """The name of a header that keeps its capitals, where uvicorn lowers those of all."""

    def lower(self) -> bytes:
        return self


def is_no_goodbye(record: logging.LogRecord) -> bool:
    """An answer that was under way when the server ended is no fault; uvicorn writes its stack."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)


LOCATION = Spelt(b"Location")


def spelling(app: ASGIApp) -> ASGIApp:
    """Writes `Location` so. To HTTP case is nothing (RFC 9110, 5.1), but to some clients it is."""

    async def spelt(scope: Scope, receive: Receive, send: Send) -> None:
        # What is made has a place, and only POST makes something.
        if scope.get("method") != "POST":
            await app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = [(LOCATION if n == b"location" else n, v) for n, v in message["headers"]]
                message = {**message, "headers": named}
            await send(message)

        await app(scope, receive, told)

    return spelt


async def serve(public: ASGIApp, local: ASGIApp, sockets: Sequence[socket.socket]) -> None:
    """Until the process is asked to end. Visits through the control socket meet `local`."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn names a Unix socket by its path, without a port.
        inside = scope.get("server") and scope["server"][1] is None
        await (local if inside else public)(scope, receive, send)

    config = uvicorn.Config(
        spelling(chosen),
        log_level="warning",
        access_log=False,  # who visited is nobody's business
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=GOODBYE_S,
    )
    logging.getLogger("uvicorn.error").addFilter(is_no_goodbye)
    # uvicorn raises the signal that ended it once more; the rooms are still to be closed then.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    await uvicorn.Server(config).serve(sockets=list(sockets))
