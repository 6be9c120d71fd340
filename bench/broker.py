"""The broker's speed over HTTP, durable, beside raw limits and peers.

    make bench-broker                   prints the table that bench/README.md keeps
    make bench-broker STORE=postgresql  the same on PostgreSQL, which it starts
    make bench-broker LARGE=yes         10,000 entities and 1,000,000 beside each other, on SQLite;
                                        LARGE=100000 takes so many

`townsquare run --open` runs as it is delivered: SQLite with synchronous=FULL (or PostgreSQL with
synchronous_commit=on), history, alarm rules and subscriptions. The raw limits run in the same
minute: bare ASGI under the same server, and the database alone. Server and load client each have
a core of their own where there are two. Ratios are steadier than requests a second. `CPU` is what
the server process spent for each request (or entity of a batch), by /proc, without PostgreSQL's.
"""

import asyncio
import json
import random
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from measure import client, raw, screens
from measure.city import City, Size, load
from measure.client import Load, Measured, request
from measure.machine import CORES, machine
from measure.process import cpu_s, private_mb, running
from rich import box
from rich.console import Console
from rich.table import Table

from townsquare.model.entity import Attribute, Entity

ENTITIES = 5000
KINDS = 250  # so that a query by type finds 20
SECONDS = 4.0  # of each operation
SMALL, LARGE = 10_000, 1_000_000  # entities of the cities that are held beside each other
READINGS = 50  # of each of these entities in history
ALIKE = 20  # of them that a question finds
DRAWN = 2_000  # different entities
SCREENS = 200
CHANGES = 60  # told to that many screens, one after the other
ROOT = "/ngsi-ld/v1"
SERVER, CLIENT = (CORES[0], CORES[-1]) if len(CORES) > 1 else (None, None)
SETTINGS = """
[[rule]]
name = "hot"
title = "A hall is hot"
type = "Hall"
attribute = "temperature"
above = 80
clear_below = 20
scope = ""
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `raw` is what it is held against, `goal` what is promised."""

    name: str
    measured: Measured
    cpu_us: float
    each: int = 1  # entities in a request
    raw: float | None = None
    goal: str = ""
    peers: str = ""

    @property
    def per_second(self) -> float:
        return self.measured.per_second * self.each


def entity(i: int) -> dict[str, Any]:
    """Six attributes, as the one peer that was measured on such a machine was asked for."""
    draw = random.Random(i)  # noqa: S311 - the same city in every run
    place = [8 + draw.random(), 49 + draw.random()]
    return {
        "id": f"urn:ngsi-ld:Sensor:b{i}",
        "type": f"Sensor{i % KINDS}",
        "temperature": {
            "type": "Property",
            "value": round(draw.uniform(-10, 40), 2),
            "unitCode": "CEL",
            "observedAt": "2026-01-01T00:00:00Z",
        },
        "humidity": {"type": "Property", "value": round(draw.random(), 3)},
        "count": {"type": "Property", "value": i},
        "status": {"type": "Property", "value": draw.choice(["ok", "warning", "down"])},
        "refRoad": {"type": "Relationship", "object": f"urn:ngsi-ld:Road:{i % 50}"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}},
    }


def post(path: str, body: object) -> bytes:
    return request("POST", path, json.dumps(body).encode())


def patch(i: int) -> bytes:
    draw = random.Random(-i)  # noqa: S311 - as above
    body = json.dumps({"temperature": temperature(round(draw.uniform(-10, 40), 2))}).encode()
    return request("PATCH", f"{ROOT}/entities/urn:ngsi-ld:Sensor:b{i}/attrs", body)


def retrieval(i: int) -> bytes:
    return request("GET", f"{ROOT}/entities/urn:ngsi-ld:Sensor:b{i}")


def query(q: str = "") -> list[bytes]:
    more = f"&q={q}" if q else ""
    paths = [f"{ROOT}/entities?type=Sensor{i}&limit=20{more}" for i in range(KINDS)]
    return [request("GET", path) for path in paths]


def batch(first: int) -> bytes:
    return post(f"{ROOT}/entityOperations/upsert", [entity(first + i) for i in range(100)])


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, and the client that loads it."""

    pool: ProcessPoolExecutor
    port: int
    pid: int

    def line(self, name: str, requests: Sequence[bytes], expected: int, **more: Any) -> Line:
        """`seconds` None sends each request once; the other words are those of `Line`."""
        load = Load(self.port, requests, expected, more.pop("seconds", SECONDS))
        before = cpu_s(self.pid)
        measured = self.pool.submit(client.run, load).result()
        if measured.wrong:
            raise SystemExit(f"{name}: answers that are not {expected}: {measured.wrong}")
        cpu_us = (cpu_s(self.pid) - before) * 1e6 / (len(measured.times_ms) * more.get("each", 1))
        return Line(name, measured, cpu_us, **more)


@dataclass(frozen=True, slots=True)
class Database:
    """`alone` are the entities a second that it takes in commits of 100 by itself."""

    name: str
    url: str
    alone: Callable[[], float]


def main() -> None:
    if sys.argv[1:2] == ["--large"]:
        large(int(sys.argv[2]) if len(sys.argv) > 2 else LARGE)
        return
    with tempfile.TemporaryDirectory() as folder, client.clients(CLIENT) as pool:
        with database(Path(folder)) as store:
            limits = raw_limits(pool, Path(folder))
            with broker(pool, Path(folder) / "town", settings(Path(folder), store)) as bench:
                lines = list(operations(bench, *(limit.per_second for limit in limits[:2])))
                delays = pool.submit(screens.run, fan_out(bench)).result()
                memory = private_mb(bench.pid)
            batches = store.alone()
        show(store, [*limits, *lines], batches, delays, memory)


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    if sys.argv[1:] != ["postgresql"]:
        name = f"SQLite {sqlite3.sqlite_version} (synchronous=FULL)"
        alone = partial(raw.batches, folder, documents(), SECONDS)
        yield Database(name, "sqlite:townsquare.db", alone)
        return
    from tests.postgres import DURABLE, server

    with server(DURABLE) as started:
        yield Database(
            "PostgreSQL 17 (synchronous_commit=on)",
            started.url,
            lambda: asyncio.run(raw.postgres_batches(started.url, documents(), SECONDS)),
        )


def settings(folder: Path, store: Database) -> Path:
    file = folder / "townsquare.toml"
    file.write_text(f'{SETTINGS}\n[store]\nurl = "{store.url}"\n')
    return file


@contextmanager
def broker(pool: ProcessPoolExecutor, folder: Path, file: Path) -> Iterator[Bench]:
    port = free_port()
    command = [sys.executable, "-m", "townsquare.cli", "run", "--open", "--settings", str(file)]
    command += ["--port", str(port), "--data", str(folder)]
    with running(command, f"http://localhost:{port}/healthz", SERVER) as pid:
        yield Bench(pool, port, pid)


def raw_limits(pool: ProcessPoolExecutor, folder: Path) -> list[Line]:
    port = free_port()
    command = [sys.executable, raw.__file__, str(port)]
    with running(command, f"http://127.0.0.1:{port}/", SERVER) as pid:
        bench = Bench(pool, port, pid)
        posts = [post("/", entity(i)) for i in range(ENTITIES)]
        return [
            bench.line("raw: hello-world GET", [request("GET", "/")], 200),
            bench.line("raw: decode and validate POST", posts, 201),
        ]


def operations(bench: Bench, hello: float, decode: float) -> Iterator[Line]:
    everything = range(ENTITIES)
    made = [post(f"{ROOT}/entities", entity(i)) for i in everything]
    yield bench.line("create", made, 201, seconds=None, raw=decode, peers="308-359 C · 131-241 S")
    yield bench.line(
        "update one attribute", [patch(i) for i in everything], 204,
        raw=decode, goal="≥ 0.5, aim 3,000/s", peers="439 C · 120-417 S",
    )  # fmt: skip
    yield bench.line(
        "retrieve by id", [retrieval(i) for i in everything], 200,
        raw=hello, goal="≥ 0.4", peers="407-730 C",
    )  # fmt: skip
    yield bench.line("query type, 20 found", query(), 200, peers="91-118 C · 3,076 A")
    yield bench.line(
        "query type + q, 8 of 20 found", query("temperature%3E20"), 200,
        peers="201-220 C · 30-33 S",
    )  # fmt: skip
    yield bench.line(
        "query type + q, 20 found", query("temperature%3E-20"), 200,
        goal="≥ 1,500/s, aim 3,000/s", peers="3,076 A",
    )  # fmt: skip
    hundreds = [batch(first) for first in range(0, ENTITIES, 100)]
    yield bench.line("batch upsert of 100, entities", hundreds, 204, each=100, goal="≥ 6,000/s")


def large(entities: int) -> None:
    """The same questions in a small city and in a large one."""
    console = Console(width=150)
    table = Table(box=box.MARKDOWN)
    for column in ("operation", *(f"{n:,}: per s, p50 ms, CPU µs" for n in (SMALL, entities))):
        table.add_column(column)
    table.add_column("times as long")
    table.add_column("goal")
    with tempfile.TemporaryDirectory() as folder, client.clients(CLIENT) as pool:
        small, big = [in_city(pool, Path(folder), n, console) for n in (SMALL, entities)]
    for a, b in zip(small[0], big[0], strict=True):
        ratio = a.per_second / b.per_second
        table.add_row(a.name, *map(figures, (a, b)), f"{ratio:.2f}", "≤ 2")
    table.add_row("private memory, MB", f"{small[1]:.0f}", f"{big[1]:.0f}", "", "< 400")
    console.print(machine(f"SQLite {sqlite3.sqlite_version}"), soft_wrap=True)
    console.print(table)


def figures(line: Line) -> str:
    return f"{line.per_second:,.0f}, {quantiles(line.measured.times_ms)[0]}, {line.cpu_us:.0f}"


def in_city(
    pool: ProcessPoolExecutor, folder: Path, entities: int, console: Console
) -> tuple[list[Line], float]:
    """The lines of a city of so many entities, and what memory the server has then."""
    town = folder / f"town-{entities}"
    with console.status("") as status:
        load(
            town, Size(entities, entities * READINGS),
            City(resident, "temperature", ("temperature", "count")), status.update,
        )  # fmt: skip
    file = folder / "townsquare.toml"
    file.write_text("")
    with broker(pool, town, file) as bench:
        lines = list(asked(bench, entities))
        return lines, private_mb(bench.pid)


def resident(i: int) -> Entity:
    """One of a type of 20, and of one that all have; its `count` is that of twenty."""
    said = entity(i)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    attributes = {
        name: (Attribute(a.get("value", a.get("object")), kind=a["type"], created_at=at,
                         modified_at=at, unit_code=a.get("unitCode"),
                         observed_at=at if "observedAt" in a else None),)
        for name, a in said.items() if isinstance(a, dict)
    }  # fmt: skip
    attributes["count"] = (Attribute(i // ALIKE, created_at=at, modified_at=at),)
    types = (f"Sensor{i // ALIKE}", "Sensor")
    return Entity(said["id"], types, attributes, created_at=at, modified_at=at, version=1)


def asked(bench: Bench, entities: int) -> Iterator[Line]:
    draw = random.Random(entities)  # noqa: S311 - the same in every run
    # As many different ones in a small city as in a large: what is remembered weighs the same.
    some = draw.sample(range(entities), DRAWN)
    alike = draw.sample(range(entities // ALIKE), DRAWN // ALIKE)
    queries = {
        "query type of 20 + q, 20 found": "type=Sensor{}&q=temperature%3E-20",
        "query type of all + q, 20 found": "type=Sensor&q=count=={}",
        "query type of all + q, nearly all fit": "type=Sensor&q=temperature%3E-{}",
    }
    yield bench.line("retrieve by id", [retrieval(i) for i in some], 200)
    yield bench.line("update one attribute", [patch(i) for i in some], 204)
    for name, said in queries.items():
        paths = [f"{ROOT}/entities?limit=20&{said.format(i)}" for i in alike]
        yield bench.line(name, [request("GET", path) for path in paths], 200)


def fan_out(bench: Bench) -> screens.Screens:
    """An alarm on many screens: the hall gets hot and cools down again."""
    url = f"{ROOT}/entities"
    hall = {"id": "urn:ngsi-ld:Hall:1", "type": "Hall"}
    made = [post(url, {**hall, "temperature": temperature(50)})]
    bench.pool.submit(client.run, Load(bench.port, made, 201)).result()
    changes = [
        request("PATCH", f"{url}/{hall['id']}/attrs",
                json.dumps({"temperature": temperature(90 if i % 2 else 10)}).encode())
        for i in range(1, CHANGES + 1)
    ]  # fmt: skip
    events = request("GET", "/control/events")
    return screens.Screens(bench.port, SCREENS, events, changes, b"event: change")


def temperature(value: float) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def documents() -> list[tuple[str, str]]:
    return [(e["id"], json.dumps(e)) for e in map(entity, range(ENTITIES))]


def show(
    store: Database,
    lines: Sequence[Line],
    batches: float,
    delays: Sequence[float],
    memory: float,
) -> None:
    table = Table(box=box.MARKDOWN)
    table.add_column("operation")
    for column in ("per s", "p50 ms", "p95 ms", "p99 ms", "CPU µs", "of raw"):
        table.add_column(column, justify="right")
    table.add_column("goal")
    table.add_column("peers, per s")
    for line in lines:
        held = batches if line.each > 1 else line.raw
        ratio = f"{line.per_second / held:.2f}" if held else ""
        spread = quantiles(line.measured.times_ms)
        figures = (f"{line.per_second:,.0f}", *spread, f"{line.cpu_us:.0f}", ratio)
        table.add_row(line.name, *figures, line.goal, line.peers)
    name = store.name.split()[0]
    table.add_row(f"raw: {name}, commits of 100, entities", f"{batches:,.0f}")
    spread = quantiles(delays)
    table.add_row(f"update to alarm on {SCREENS} screens", "", *spread, "", "", "p99 < 60 ms")
    table.add_row("private memory afterwards, MB", f"{memory:,.0f}")
    console = Console(width=150)
    console.print(machine(store.name), soft_wrap=True)
    console.print(table)


def quantiles(times_ms: Sequence[float]) -> list[str]:
    ordered = sorted(times_ms)
    return [f"{ordered[int(share * (len(ordered) - 1))]:.1f}" for share in (0.5, 0.95, 0.99)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
