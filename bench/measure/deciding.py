"""What deciding costs: a grant that is remembered, one that is not, and a policy that hides.

Questions come as they do over HTTP, but without a socket and a client, so what hiding costs stands
out. Both policies take turns, so that a busy machine is as busy for one as for the other.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter

from starlette.types import Message

from townsquare.app import TYPES
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.grants import Grants
from townsquare.context.http import ROOT
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.store import open_store
from townsquare.trust.policy import Act, decide, policy

Row = tuple[str, str, str, str]  # what, measured, goal, raw limit
ENGINEER = Actor("urn:ngsi-ld:Person:1", "person", "Town", frozenset({"engineer"}))
WHY = Why("operations")
NOW = datetime(2031, 5, 1, tzinfo=UTC)
ENTITIES, FOUND = 5000, 20
ROUNDS, EACH = 240, 50  # a machine with other work needs many
WARM = 200  # of these rounds are not counted: first answers make what later ones remember
HIT_TIMES = 100_000
HIDDEN = frozenset({"code"})


def rows() -> Iterator[Row]:
    yield from remembered()
    yield worked_out()
    yield from hiding()


def remembered() -> Iterator[Row]:
    grants = Grants(policy(TYPES), lambda: NOW)
    plain = {(ENGINEER, WHY): {("read", "Alert"): 1}}
    us = each_us(lambda: grants.of(ENGINEER, WHY).grant("read", "Alert"))
    raw = each_us(lambda: plain[ENGINEER, WHY]["read", "Alert"])
    yield "grant, remembered", f"{us:.1f} µs", "20 µs", f"{raw:.1f} µs, two lookups alone"


def each_us(work: Callable[[], object]) -> float:
    started = perf_counter()
    for _ in range(HIT_TIMES):
        work()
    return (perf_counter() - started) / HIT_TIMES * 1e6


def worked_out() -> Row:
    """Of every role, for each type and act."""
    rules = policy(TYPES)
    acts: tuple[Act, ...] = ("read", "watch", "write")
    asked = list(product(rules.roles, rules.types, acts))
    times = []
    for role, type, act in asked:
        who = Actor("somebody", "person", roles=frozenset({role}))
        started = perf_counter()
        decide(rules, who, WHY, act, type, NOW)
        times.append(perf_counter() - started)
    slow = sorted(times)[int(len(times) * 0.95)]
    statements = len(rules.rules.statements)
    found = f"{median(times) * 1e3:.2f} ms, 95%: {slow * 1e3:.2f} ms"
    return "grant, worked out", found, "2 ms", f"{statements} statements, {len(TYPES)} types"


def hiding() -> Iterator[Row]:
    for what, asked in ASKED.items():
        open_s, hidden_s = asyncio.run(turns(asked))
        goal, raw = "0.90", f"{open_s * 1e6:,.0f} µs where nothing is hidden"
        yield f"one attribute hidden: {what}", f"{open_s / hidden_s:.2f} of open", goal, raw


async def turns(asked: Callable[[int], str]) -> tuple[float, float]:
    """Seconds of one question, with nothing hidden and with one attribute."""
    taken: list[list[float]] = [[], []]
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        apis = [Api(await city(hidden), client) for hidden in (frozenset[str](), HIDDEN)]
        for n in range(ROUNDS * 2):
            api = apis[n % len(apis)]
            started = perf_counter()
            for number in range(EACH):
                await ask(api, asked(number + n * EACH))
            taken[n % len(apis)].append((perf_counter() - started) / EACH)
        for api in apis:
            await api.broker.store.close()
    return median(taken[0][WARM // 2 :]), median(taken[1][WARM // 2 :])


async def ask(api: Api, asked: str) -> None:
    """Raises RuntimeError where the answer is not what was to be measured."""
    path, _, query = asked.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{ROOT}/{path}",
        "raw_path": f"{ROOT}/{path}".encode(),
        "query_string": query.encode(),
        "headers": [],
        "state": {"actor": ENGINEER, "why": WHY},
    }
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    await api(scope, nothing, send)
    if told[0]["status"] != 200:
        raise RuntimeError(f"{asked}: {told}")


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def city(secret: frozenset[str]) -> Broker:
    kinds = [
        EntityType(f"Hall{n}", "city", frozenset({"engineer"}), secret=secret)
        for n in range(ENTITIES // FOUND)
    ]
    broker = Broker(open_store("memory:", Path()), open_bus("memory:"), policy(kinds))
    made = [Change("create", hall(n, kinds[n % len(kinds)].name)) for n in range(ENTITIES)]
    await broker.apply(made, room("city"), WHY)
    return broker


def hall(n: int, type: str) -> Entity:
    values = {"temperature": n % 40, "code": n, "name": f"Hall {n}", "seats": 100, "floor": n % 5}
    return Entity(f"urn:ngsi-ld:Hall:{n}", (type,), {k: (Attribute(v),) for k, v in values.items()})


def type_of(n: int) -> str:
    return f"Hall{n * 7 % (ENTITIES // FOUND)}"


ASKED: dict[str, Callable[[int], str]] = {
    "read by id": lambda n: f"entities/urn:ngsi-ld:Hall:{n * 7 % ENTITIES}",
    "20 by type": lambda n: f"entities?type={type_of(n)}",
    "20 by type with q": lambda n: f"entities?type={type_of(n)}&q=seats>{n % 90}",
}
