"""Brokers of MQTT for tests, real ones: one of PyPI, which speaks 3.1.1, and mosquitto."""

import asyncio
import logging
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import amqtt.broker
import pytest

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
FREE = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def amqtt_broker(**listener: Any) -> AsyncIterator[int]:
    """Speaks 3.1.1. Yields its port."""
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    port = free_port()
    where = {"type": "tcp", "bind": f"127.0.0.1:{port}", **listener}
    broker = amqtt.broker.Broker({"listeners": {"default": where}, "plugins": FREE})
    await broker.start()
    try:
        yield port
    finally:
        await broker.shutdown()


@asynccontextmanager
async def mosquitto(folder: Path, *, login: str = "", port: int = 0) -> AsyncIterator[int]:
    """Speaks both. With `login` (user:password) it lets nobody else in."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = port or free_port()
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {'false' if login else 'true'}"]
    lines.append("user root")  # that it can read the folder of the test
    lines.append("max_queued_messages 0")  # it drops none, however slow who listens is
    if login:
        user, _, password = login.partition(":")
        file = folder / "passwords"
        made = [MOSQUITTO.replace("sbin", "bin") + "_passwd", "-b", "-c", str(file), user, password]
        await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
        lines.append(f"password_file {file}")
    (folder / "mosquitto.conf").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO,
        "-c",
        str(folder / "mosquitto.conf"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await listening(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError(f"nothing listens on {port}")
