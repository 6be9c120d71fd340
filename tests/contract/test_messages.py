"""Messages on their way: through standard error, and to real syslog receivers by UDP and TLS."""

import json
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.contract.alerts.called import certificate
from townsquare import app
from townsquare.app.messages.form import Rfc5424, Text
from townsquare.app.messages.settings import Settings, Target
from townsquare.app.messages.syslog import MOST, Syslog
from townsquare.context import outgoing
from townsquare.model.errors import Invalid

HERE = "127.0.0.1"
PATIENCE_S = 120.0  # of a receiver, on a busy machine
PROGRAM = """
import logging, subprocess, sys
from townsquare.app.messages import outlet
from townsquare.app.messages.settings import Settings

with outlet.opened(Settings(form="json", syslog=sys.argv[1])):
    logging.getLogger("townsquare.test").warning("camera %s is away", "rtsp://u:pa55@h/1")
    child = "import sys; print('child of ada@example.org', file=sys.stderr)"
    subprocess.run([sys.executable, "-c", child], check=True)
    print("from a library", file=sys.stderr)
print("afterwards", file=sys.stderr)
"""


@pytest.fixture
def vouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receiver's certificate, whose authority the town knows."""
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("townsquare.test", logging.WARNING, "x.py", 1, text, (), None)


def form() -> Rfc5424:
    return Rfc5424(Text(), "town", 1)


@contextmanager
def udp() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind((HERE, 0))
        receiver.settimeout(PATIENCE_S)
        yield receiver


@contextmanager
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server((HERE, 0))) as server:
        server.settimeout(PATIENCE_S)
        yield server


def heard(server: socket.socket, file: Path) -> ssl.SSLSocket:
    """The next one who calls."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    line, _ = server.accept()
    line.settimeout(PATIENCE_S)
    return tls.wrap_socket(line, server_side=True)


def frame(line: ssl.SSLSocket) -> bytes:
    """One message, by its count (RFC 5425, 4.3)."""
    digits = b""
    while (byte := line.recv(1)) != b" ":
        digits += byte
    text = b""
    while len(text) < int(digits):
        text += line.recv(int(digits) - len(text))
    return text


def test_all_that_is_said_on_standard_error_is_a_scrubbed_line_of_json() -> None:
    with udp() as receiver:
        url = f"udp://{HERE}:{receiver.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, url],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        sent = [receiver.recv(4096) for _ in range(3)]
    *lines, last = done.stderr.splitlines()
    assert last == "afterwards"
    told = {json.loads(line)["message"] for line in lines}
    assert told == {"camera rtsp://…@h/1 is away", "child of …", "from a library"}
    assert {json.loads(one.partition(b"\xef\xbb\xbf")[2])["message"] for one in sent} == told


def test_by_tls_messages_come_with_their_length(vouched: Path) -> None:
    with listening() as server:
        target = Target("tls", HERE, server.getsockname()[1])
        with Syslog(target, form()) as sender:
            sender.emit(record("é first"))
            sender.emit(record("second"))
            with heard(server, vouched) as line:
                got = [frame(line), frame(line)]
    assert [one.decode().rpartition(": ")[2] for one in got] == ["é first", "second"]


def test_a_receiver_that_comes_back_hears_what_waited(vouched: Path) -> None:
    with listening() as server:
        port = server.getsockname()[1]
    with Syslog(Target("tls", HERE, port), form()) as sender:
        sender.emit(record("while it was away"))
        with closing(socket.create_server((HERE, port))) as back:
            back.settimeout(PATIENCE_S)
            with heard(back, vouched) as line:
                assert frame(line).endswith(b"while it was away")


def test_a_receiver_whom_nobody_vouches_for_hears_nothing(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    with listening() as server:
        target = Target("tls", HERE, server.getsockname()[1])
        with Syslog(target, form()) as sender:
            sender.emit(record("not for you"))
            with pytest.raises(OSError, match=r"(?i)unknown|eof|reset|closed"):
                heard(server, file).recv(1)


def test_nobody_waits_for_a_receiver_and_what_is_lost_is_counted(vouched: Path) -> None:
    with listening() as server:
        target = Target("tls", HERE, server.getsockname()[1])
        with Syslog(target, form()) as sender:
            for n in range(2 * MOST):
                sender.emit(record(f"message {n}"))
            with heard(server, vouched) as line:
                told = [frame(line) for _ in range(3)]
    assert any(b"messages were dropped" in one for one in told)


def test_a_syslog_host_is_declared_as_any_other() -> None:
    told = Settings(syslog="tls://logs.example")
    with pytest.raises(Invalid, match="not declared"):
        app.Settings(messages=told)
    app.Settings(messages=told, outgoing=outgoing.Settings(("logs.example",)))
