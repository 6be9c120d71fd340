"""Those who are called by a running town: a server that keeps what it was told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Phones:
    """A server that keeps what it was told, by who is called; one of them is broken."""

    told: list[tuple[str, Any]] = field(default_factory=list)

    def names(self) -> list[str]:
        return [name for name, body in self.told if body["type"] == "alarm"]

    def serving(self) -> ThreadingHTTPServer:
        told = self.told

        class Phone(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.append((self.path.removeprefix("/"), body))
                self.send_response(403 if self.path == "/broken" else 200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        return ThreadingHTTPServer(("127.0.0.1", 0), Phone)


@contextmanager
def ringing() -> Iterator[tuple[Phones, int]]:
    """With the port that they are at."""
    phones = Phones()
    with phones.serving() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield phones, server.server_port
        server.shutdown()
