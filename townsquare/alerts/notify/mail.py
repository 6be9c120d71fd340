"""Messages as e-mail, over SMTP with TLS.

Always holds: the connection goes to an address that the door for outgoing calls has checked, and
nothing is said before it is encrypted and the server's certificate was good for its name.
"""

import asyncio
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import format_datetime

import aiosmtplib

from townsquare.alerts.notify.message import Message
from townsquare.alerts.notify.ways import Mail
from townsquare.context import outgoing

LONGEST_S = 30.0  # for a whole delivery; greylisting servers answer slowly
HEADLINE = 200  # characters


@dataclass(frozen=True, slots=True)
class Login:
    name: str
    password: str


def letter(message: Message, sender: str, to: str) -> EmailMessage:
    made = EmailMessage(LINES)
    made["From"], made["To"] = sender, to
    made["Subject"] = " ".join(message.title.split())[:HEADLINE]
    made["Date"] = format_datetime(message.at)
    made["Message-ID"] = f"<{message.id.rpartition(':')[2]}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if message.severity in ("critical", "high") and message.alarms:
        made["X-Priority"] = "1"
    made.set_content(message.text)
    return made


async def post(
    mail: Mail, login: Login | None, written: EmailMessage, allowed: outgoing.Allowed
) -> None:
    """Raises Denied, OSError, TimeoutError, aiosmtplib.SMTPException and httpx.ConnectError."""
    async with asyncio.timeout(LONGEST_S):
        address = await outgoing.checked(allowed, mail.host, mail.port)
        client = aiosmtplib.SMTP(
            hostname=mail.host,
            sock=await _connected(str(address), mail.port),  # which the client closes
            use_tls=mail.tls == "implicit",
            start_tls=False,
            tls_context=ssl.create_default_context(),
            timeout=LONGEST_S,
        )
        try:
            await client.connect()
            if mail.tls == "starttls":
                await client.starttls()
            if login:
                await client.login(login.name, login.password)
            await client.send_message(written)
            with suppress(aiosmtplib.SMTPException):  # it has taken the letter
                await client.quit()
        finally:
            client.close()


async def _connected(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as closing:
        line = closing.enter_context(socket.socket(family, socket.SOCK_STREAM))
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, (address, port))
        closing.pop_all()  # it stays open
    return line
