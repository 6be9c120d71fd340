"""Those who are called, for tests: a server for webhooks, ntfy and Matrix, and one for e-mail, both
real and on loopback; and a town that calls them.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.alerts.town import ANNA, WORK, Town
from townsquare.alerts.notify import push, run
from townsquare.alerts.notify.browsers import Browsers
from townsquare.alerts.notify.courier import Courier
from townsquare.alerts.notify.notification import Calling, read
from townsquare.alerts.notify.settings import Settings
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.notify.types import NOTIFICATION
from townsquare.context import outgoing
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity
from townsquare.model.settings import parse
from townsquare.web.languages import languages

HERE = "127.0.0.1"
SECRETS = {
    "secret:mail": "duty@town.example",
    "secret:mail-login": "town:word",
    "secret:token": "a-token",
    "secret:key": "whsec_c2lnbmVkLWJ5LXRoZS10b3du",
}
PUSH_KEY = push.fresh_key()
TIMEOUT_S = 120.0


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    json: Any


@dataclass
class Hook:
    """Answers as it is told to: the next of `answers`, then 200. None: it never answers."""

    port: int = 0
    answers: list[int | None] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}"

    async def asked(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(
            Request(
                request.method,
                request.raw_path,
                headers,
                await request.read(),
                await request.json() if request.content_type == "application/json" else None,
            )
        )
        answer = self.answers.pop(0) if self.answers else 200
        if answer is None:
            await self.over.wait()
        return web.Response(status=answer or 200)

    async def several(self, number: int) -> list[Request]:
        async def holds() -> bool:
            return len(self.got) >= number

        await eventually(holds)
        return self.got


@asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hook.asked)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, HERE, 0)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        hook.over.set()
        await runner.cleanup()


@dataclass
class Post:
    """A mail server; `answers` as of `Hook`, then it takes everything."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    got: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        raw = envelope.original_content or b""
        self.got.append(message_from_bytes(raw, policy=policy.default))
        self.to.append(list(envelope.rcpt_tos))
        return "250 taken"


def certificate(folder: Path) -> Path:
    """Of this machine, good for an hour, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HERE))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


def _let_in(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> Any:
    known = LoginPassword(b"town", b"word")
    return AuthResult(success=data == known, handled=False)


@asynccontextmanager
async def posted(file: Path, *, starttls: bool = False) -> AsyncIterator[Post]:
    post, tls = Post(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)

    def session() -> SMTP:
        # TLS from the first byte is nothing that this server knows of: it would refuse logins.
        return SMTP(
            post,
            hostname="mail.test",
            tls_context=tls if starttls else None,
            require_starttls=starttls,
            auth_required=not starttls,
            auth_require_tls=False,
            authenticator=_let_in,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, HERE, 0, ssl=None if starttls else tls)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


def allowing(hosts: Collection[str]) -> outgoing.Allowed:
    return outgoing.Allowed(lambda host: host in hosts, lambda address: address.is_loopback)


@dataclass(frozen=True)
class _File:
    notify: Settings = field(default_factory=Settings)


def staff_of(settings: str) -> Staff:
    notify = parse(settings, "townsquare.toml", _File).notify
    return Staff(notify, ZoneInfo("Europe/Berlin"), "Testtown", "http://town/control")


@asynccontextmanager
async def calling(
    town: Town,
    settings: str,
    waits_s: Sequence[float] = (0.01, 0.01),
    secrets: dict[str, str] | None = None,
    longest_s: float = TIMEOUT_S,
) -> AsyncIterator["asyncio.Task[None]"]:
    """The room runs, and is killed at the end."""
    staff, known = staff_of(settings), {**SECRETS, **(secrets or {})}
    async with outgoing.Client(allowing({HERE})) as client:
        courier = Courier(
            client,
            known.__getitem__,
            staff.settings.mail,
            Browsers(town.broker),
            PUSH_KEY,
            lambda contact: languages()[staff.language(contact)],
            longest_s,
        )
        running = asyncio.create_task(run.run(town.broker, staff, courier, waits_s))
        try:
            await asyncio.sleep(0)
            yield running
        finally:
            done = running.done()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert not done, "the room ended by itself"


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


async def until(town: Town, id: str, attribute: str, value: object) -> None:
    async def holds() -> bool:
        return bool((await town.broker.read(id, ANNA, WORK)).value(attribute) == value)

    await eventually(holds)


async def notifications(town: Town) -> list[Entity]:
    query = Query(types=(NOTIFICATION,), limit=MOST)
    return (await town.broker.find(query, ANNA, WORK)).entities


async def kept(town: Town, number: int, *states: str) -> list[Entity]:
    """All calls, as soon as there are so many, in these states."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            found = await notifications(town)
            if len([one for one in found if one.value("state") in states]) >= number:
                return found
            await asyncio.sleep(0.01)


def made(found: Sequence[Entity]) -> list[Calling]:
    return sorted(map(read, found), key=lambda one: (one.step, one.contact))
