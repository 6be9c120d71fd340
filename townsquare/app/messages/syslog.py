"""Sends messages to a syslog host: RFC 5424 over UDP (RFC 5426) or TLS (RFC 5425).

Always holds: nobody waits for that host. What it does not take waits in memory, up to a thousand
messages; what is more is dropped, and how many that were is said once it takes messages again.
"""

import contextlib
import logging
import queue
import socket
import ssl
import threading
from types import TracebackType

from townsquare.app.messages.form import Rfc5424
from townsquare.app.messages.settings import Target

MOST = 1_000  # messages that wait
PATIENCE_S = 10.0  # with the host
LONGEST_WAIT_S = 60.0  # before it is tried again
LAST_S = 2.0  # to get rid of what waits, when the town ends


class Syslog(logging.Handler):
    def __init__(self, target: Target, form: Rfc5424) -> None:
        super().__init__()
        self._target, self._form = target, form
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST)
        self._dropped = 0
        self._ended = threading.Event()
        self._line: ssl.SSLSocket | None = None
        self._thread = threading.Thread(target=self._run, name="syslog", daemon=True)

    def __enter__(self) -> "Syslog":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(LAST_S)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.put_nowait(self._form.framed(record))
        except queue.Full:
            self._dropped += 1

    def _run(self) -> None:
        wait_s = 1.0
        while (line := self._waiting.get()) is not None:
            while not self._sent(line):
                if self._ended.wait(wait_s):
                    return
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            wait_s = 1.0
            self._tell_dropped()
        self._hang_up()

    def _tell_dropped(self) -> None:
        if dropped := self._dropped:
            self._dropped = 0
            told = logging.LogRecord(
                "townsquare.messages",
                logging.WARNING,
                *("", 0, "%d messages were dropped: the syslog host did not take them"),
                (dropped,),
                None,
            )
            self._sent(self._form.framed(told))

    def _sent(self, line: bytes) -> bool:
        try:
            self._send(line)
        except OSError:
            self._hang_up()
            return False
        return True

    def _send(self, line: bytes) -> None:
        """Raises OSError."""
        target = self._target
        if target.way == "udp":
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
            family, *_, address = found[0]
            with socket.socket(family, socket.SOCK_DGRAM) as out:
                out.sendto(line, address)
            return
        if self._line is None:
            self._line = self._called()
        self._line.sendall(b"%d %s" % (len(line), line))  # octet counting (RFC 5425, 4.3)

    def _called(self) -> ssl.SSLSocket:
        """Its certificate must be good for its name; SSL_CERT_FILE names an authority."""
        target = self._target
        plain = socket.create_connection((target.host, target.port), PATIENCE_S)
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        except OSError:
            plain.close()
            raise

    def _hang_up(self) -> None:
        if self._line:
            with contextlib.suppress(OSError):
                self._line.close()
            self._line = None
