"""The real program, started as a person starts it, and a real browser."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "demo" / "square.mp4"
START_S = 120.0  # on a busy machine


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@dataclass
class Town:
    """One running townsquare. `arguments` follow the command's name."""

    arguments: list[str]
    data: Path
    port: int = field(default_factory=free_port)
    program: str = "townsquare.cli"
    server: "subprocess.Popen[str] | None" = None
    _token: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    def start(self) -> None:
        with self.log.open("a") as log:
            self.server = subprocess.Popen(
                [
                    *(sys.executable, "-m", self.program, *self.arguments),
                    *("--port", str(self.port), "--data", str(self.data)),
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                text=True,
            )
        eventually(lambda: self.get("/healthz").status_code in (200, 503), START_S)

    def kill(self) -> None:
        """As a power cut would."""
        assert self.server
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(60)

    def stop(self) -> int:
        assert self.server
        if self.server.poll() is None:
            self.server.terminate()
        return self.server.wait(60)

    def token(self) -> str:
        """Of a machine with an operator's eyes; where there are accounts, made by the command."""
        file = self.data / "demo-token"
        if not self._token:
            self._token = file.read_text().strip() if file.is_file() else self.new_token()
        return self._token

    def new_token(self, role: str = "operator") -> str:
        done = run(
            *("token", "create", "tests", "--role", role, "--data", str(self.data)), timeout_s=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def get(self, path: str, *, token: bool = False, **parameters: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token()}"} if token else {}
        return httpx.get(self.url + path, params=parameters, headers=headers, timeout=60)

    def entities(self, type: str, *, token: bool = True, **more: Any) -> list[dict[str, Any]]:
        answer = self.get(
            "/ngsi-ld/v1/entities", token=token, type=type, options="keyValues", limit=500, **more
        )
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def entity(self, id: str) -> dict[str, Any]:
        """Empty while it is not there."""
        found = self.get(f"/ngsi-ld/v1/entities/{id}", token=True, options="keyValues")
        return found.json() if found.status_code == 200 else {}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "townsquare.cli", *arguments]


def run(
    *arguments: str, timeout_s: float = 60, typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def eventually(holds: Callable[[], Any], within_s: float = 60.0) -> Any:
    """What `holds` returns as soon as it is true. A server that is not up yet is not true."""
    end = time.monotonic() + within_s
    while True:
        try:
            if found := holds():
                return found
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"not within {within_s} s"
        time.sleep(0.1)


def settings(folder: Path, *cameras: tuple[str, str], rules: str = "") -> Path:
    """A townsquare.toml with these cameras (name, url), each with the demo's line and zone."""
    parts = ['[town]\nname = "Testtown"\ntimezone = "Europe/Berlin"\n']
    parts += [CAMERA.format(name=name, url=url) for name, url in cameras]
    file = folder / "townsquare.toml"
    file.write_text("\n".join([*parts, rules]))
    return file


CAMERA = """
[[camera]]
name = "{name}"
title = "Camera {name}"
url = "{url}"
position = {{ lon = 13.5, lat = 52.4 }}
purposes = ["crowd safety"]
legal_basis = "test"
owner = "test"
review = 2099-01-01
impact_assessment = {{ reference = "test", completed = 2024-01-01 }}

[[camera.lines]]
name = "west"
a = [300, 170]
b = [300, 345]

[[camera.zones]]
name = "plaza"
corners = [[0, 0], [768, 0], [768, 576], [0, 576]]
"""
CHROMIUM = os.environ.get("CHROMIUM", "")
