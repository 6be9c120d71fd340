"""Where messages go while the town runs: all that this process and its children say on standard
error passes here first.

Always holds: nothing reaches the terminal, the journal or a syslog host that was not scrubbed.
"""

import contextlib
import faulthandler
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from townsquare.app.messages.form import CHILD, OURS, Json, Rfc5424, Text
from townsquare.app.messages.settings import Settings
from townsquare.app.messages.syslog import Syslog

STDERR = 2
LONGEST_LINE = 10_000  # characters of what a child says
LAST_S = 1.0  # for what children say when they end


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[None]:
    """Messages go to standard error, and to the syslog host where there is one."""
    form = Json() if settings.form == "json" else Text()
    with contextlib.ExitStack() as ending:
        real = ending.enter_context(_standard_error())
        ending.enter_context(_handled(logging.StreamHandler(real), form))
        if target := settings.target:
            line = Rfc5424(form, socket.gethostname(), os.getpid())
            ending.enter_context(_handled(ending.enter_context(Syslog(target, line)), form))
        for name, level in (("", logging.WARNING), (OURS, logging.INFO)):
            ending.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
            logging.getLogger(name).setLevel(level)
        ending.enter_context(_caught(real))
        yield


@contextlib.contextmanager
def _standard_error() -> Iterator[TextIO]:
    """As it is now; faults of the interpreter are told there, since nobody else could."""
    sys.stderr.flush()
    with os.fdopen(os.dup(STDERR), "w", buffering=1, errors="replace") as real:
        faulthandler.enable(real)
        try:
            yield real
        finally:
            faulthandler.disable()


@contextlib.contextmanager
def _handled(handler: logging.Handler, form: logging.Formatter) -> Iterator[None]:
    handler.setFormatter(form)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@contextlib.contextmanager
def _caught(real: TextIO) -> Iterator[None]:
    """What this process and its children write on standard error is a message meanwhile."""
    heard, said = os.pipe()
    os.dup2(said, STDERR)
    os.close(said)
    over = threading.Event()
    listening = threading.Thread(target=_listen, args=(heard, over), name="messages", daemon=True)
    listening.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(real.fileno(), STDERR)
        listening.join(LAST_S)  # a child that has not ended may still hold its end
        over.set()


def _listen(heard: int, over: threading.Event) -> None:
    log = logging.getLogger(CHILD)
    with os.fdopen(heard, errors="replace") as lines:
        while (line := lines.readline(LONGEST_LINE)) and not over.is_set():
            if line.strip():
                log.warning("%s", line.rstrip())
