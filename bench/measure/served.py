"""What hiding costs over HTTP: two servers of the same city, one of which hides an attribute, in
processes of their own, asked in turns by a client in a third.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import uvicorn

from measure import client, deciding
from measure.process import running
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.http import ROOT

BENCH, SERVE = Path(__file__).parents[1] / "trust.py", "serve"  # with port and open or hidden
ROUNDS, WARM = 12, 2  # of each server; the first are not counted
SECONDS = 1.0
DRAWN = 1000  # questions that a round is drawn from


def rows() -> Iterator[deciding.Row]:
    ports = [free_port() for _ in range(2)]
    command = [sys.executable, str(BENCH), SERVE]
    url = f"http://127.0.0.1:{{}}{ROOT}/types"
    with (
        running([*command, str(ports[0]), "open"], url.format(ports[0])),
        running([*command, str(ports[1]), "hidden"], url.format(ports[1])),
        client.clients(None) as load,
    ):
        for what, asked in deciding.ASKED.items():
            rates = turns(ports, asked, lambda one: load.submit(client.run, one).result())
            goal, raw = "0.90", f"{rates[0]:,.0f}/s where nothing is hidden"
            yield f"over HTTP: {what}", f"{rates[1] / rates[0]:.2f} of open", goal, raw


def turns(
    ports: list[int],
    asked: Callable[[int], str],
    run: Callable[[client.Load], client.Measured],
) -> list[float]:
    """Answers a second of each, in turns, so that a busy machine is as busy for both."""
    questions = [client.request("GET", f"{ROOT}/{escaped(asked(n))}") for n in range(DRAWN)]
    found: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for rates, port in zip(found, ports, strict=True):
            measured = run(client.Load(port, questions, 200, SECONDS))
            if measured.wrong or measured.bytes_answered < len("[]") + 1:
                raise RuntimeError(f"{asked(0)}: {measured.wrong or 'nothing was answered'}")
            rates.append(measured.per_second)
    return [median(rates[WARM:]) for rates in found]


def escaped(asked: str) -> str:
    return asked.replace(">", "%3E")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def _serve(port: int, secret: frozenset[str]) -> None:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(await deciding.city(secret), to_others)

        async def app(scope: dict[str, object], receive: object, send: object) -> None:
            scope["state"] = {"actor": deciding.ENGINEER, "why": deciding.WHY}
            await api(scope, receive, send)  # type: ignore[arg-type]  # ASGI

        config = uvicorn.Config(
            app, port=port, log_level="warning", access_log=False, lifespan="off"
        )
        await uvicorn.Server(config).serve()


def serve(port: str, what: str) -> None:
    asyncio.run(_serve(int(port), deciding.HIDDEN if what == "hidden" else frozenset()))
