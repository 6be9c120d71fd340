"""Tells somebody on one way, once.

Always holds: who asks gets an `Outcome` and no exception, since what goes wrong is the other
side's; no reason says more of an address than its host, since the rest may be personal or secret.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import aiosmtplib
import httpx

from townsquare.alerts.notify import hooks, mail
from townsquare.alerts.notify.browsers import Browser, Browsers
from townsquare.alerts.notify.message import Message
from townsquare.alerts.notify.push import pushed
from townsquare.alerts.notify.ways import Channel, Mail, require_url
from townsquare.context import outgoing
from townsquare.model.errors import CannotStart, Denied, Invalid
from townsquare.model.texts import ENGLISH, Language, reading

MOST_BYTES = 65_536  # of an answer; of what it says only the status counts
GONE = frozenset({404, 410})  # a browser that left (RFC 8030, 7.3)
AGAIN_LATER = frozenset({408, 425, 429})
Reveal = Callable[[str], str]  # what a `secret:NAME` holds


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again`: whether it may help to try once more."""

    sent: bool
    answer: str
    again: bool = False
    status: int = 0  # over HTTP


@dataclass(frozen=True, slots=True)
class Courier:
    client: outgoing.Client
    reveal: Reveal
    mail: Mail | None
    browsers: Browsers
    push_key: str
    language: Callable[[str], Language] = lambda _: ENGLISH  # in which a contact reads
    longest_s: float = field(default=outgoing.LONGEST_S)

    async def tell(self, message: Message, contact: str, channel: Channel) -> Outcome:
        before = reading.set(self.language(contact))
        try:
            return await self._told(message, contact, channel)
        finally:
            reading.reset(before)

    async def _told(self, message: Message, contact: str, channel: Channel) -> Outcome:
        try:
            if channel.kind == "email":
                return await self._post(message, channel)
            if channel.kind == "browser":
                return await self._push(message, contact)
            return await self._call(self._order(message, channel))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, aiosmtplib.SMTPException) as error:
            return _failed(error)
        except (Denied, Invalid, CannotStart) as error:
            return Outcome(False, str(error))
        except UnicodeError:
            return Outcome(False, "its text cannot be written in this way")

    def _order(self, message: Message, channel: Channel) -> hooks.Order:
        """Raises Invalid or CannotStart."""
        address, key = self._revealed(channel.address), self._revealed(channel.key)
        require_url(address)
        if channel.kind == "webhook":
            return hooks.webhook(message, address, key, self.browsers.broker.clock())
        if channel.kind == "ntfy":
            return hooks.ntfy(message, address, key)
        return hooks.matrix(message, address, key)

    def _revealed(self, text: str) -> str:
        return self.reveal(text) if text.startswith("secret:") else text

    async def _call(self, order: hooks.Order) -> Outcome:
        request = self.client.build_request(
            order.method, order.url, headers=dict(order.headers), content=order.body
        )
        answer = await outgoing.ask(self.client, request, MOST_BYTES, self.longest_s)
        status = answer.status
        if 200 <= status < 300:
            return Outcome(True, f"status {status}", status=status)
        again = status >= 500 or status in AGAIN_LATER
        return Outcome(False, f"status {status}", again, status)

    async def _push(self, message: Message, contact: str) -> Outcome:
        """To each browser; one that gets it is enough, since the same person sits there."""
        known = await self.browsers.of(contact)
        # At once: a service that never answers shall not keep the other browsers waiting.
        outcomes = await asyncio.gather(*(self._push_to(one, message) for one in known))
        sent = [outcome for outcome in outcomes if outcome.sent]
        if sent:
            return Outcome(True, f"taken for {len(sent)} of {len(known)} browsers")
        if not outcomes:
            return Outcome(False, "no browser is registered for them")
        return next((one for one in outcomes if one.again), outcomes[0])

    async def _push_to(self, one: Browser, message: Message) -> Outcome:
        now = self.browsers.broker.clock()
        try:
            outcome = await self._call(pushed(message, one.subscription, self.push_key, now))
        except (httpx.HTTPError, OSError) as error:
            return _failed(error)
        except Denied as error:
            return Outcome(False, str(error))
        if outcome.status in GONE:
            await self.browsers.gone(one)
        return outcome

    async def _post(self, message: Message, channel: Channel) -> Outcome:
        if self.mail is None:
            raise Invalid("there is no [notify.mail] to send e-mail by")
        to = self._revealed(channel.address)
        if "@" not in to or any(c.isspace() or c in ",;<>" for c in to):
            raise Invalid(f"{channel.address} does not hold one address of e-mail")
        login = None
        if self.mail.login:
            name, _, password = self._revealed(self.mail.login).partition(":")
            login = mail.Login(name, password)
        written = mail.letter(message, self.mail.sender, to)
        await mail.post(self.mail, login, written, self.client.allowed)
        return Outcome(True, f"taken by {self.mail.host}")


def _failed(error: Exception) -> Outcome:
    if untrusted := _untrusted(error):
        return Outcome(False, f"its certificate is not good: {untrusted.verify_message}")
    if isinstance(error, aiosmtplib.SMTPException) and (code := _code(error)):
        # 5yz is for good, 4yz for now (RFC 5321, 4.2.1). The text may repeat an address.
        return Outcome(False, f"the mail server answered {code}", again=code < 500)
    if isinstance(error, TimeoutError | httpx.TimeoutException | aiosmtplib.SMTPTimeoutError):
        return Outcome(False, "no answer in time", again=True)
    lost = not isinstance(error, httpx.HTTPError) or isinstance(error, httpx.TransportError)
    return Outcome(False, f"no connection ({type(error).__name__})", again=lost)


def _code(error: aiosmtplib.SMTPException) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return min((one.code for one in error.recipients), default=0)
    return int(getattr(error, "code", 0))


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Whoever connects wraps it in an error of their own."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None
