"""A month of alarms of which there were many: how long its report takes, and how long it keeps
everybody else waiting. Beside it, the same loop with nothing to do.

    python bench/alarm_load.py [transitions]
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from townsquare.alerts import run
from townsquare.alerts.load.reports import Reports
from townsquare.alerts.who import ROOM, WHY
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, urn
from townsquare.model.town import Town
from townsquare.store import open_store
from townsquare.trust.policy import policy

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
ALARMS, BATCH = 500, 500
STEP_S = 0.005
STATES = ("UNACK", "ACKED", "NORMAL")


async def fill(broker: Broker, number: int) -> None:
    step = timedelta(days=30) / number
    changes: list[Change] = []
    for n in range(number):
        at = SINCE + n * step
        state = Attribute(STATES[n // ALARMS % 3], observed_at=at)
        severity = Attribute("low") if state.value == "UNACK" else None
        alarm = entity(urn("Alert", f"a{n % ALARMS}"), "Alert", state=state, severity=severity)
        changes.append(Change("merge", alarm, upsert=True))
        if len(changes) == BATCH or n == number - 1:
            await broker.apply(changes, ROOM, WHY)
            changes = []


async def late(waits: list[float]) -> None:
    """Every few milliseconds: how much later than asked for."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(STEP_S)
        waits.append(time.perf_counter() - asked - STEP_S)


async def measured(name: str, report: Reports | None) -> None:
    waits: list[float] = []
    watching = asyncio.create_task(late(waits))
    await asyncio.sleep(0.1)
    began = time.perf_counter()
    if report is None:
        await asyncio.sleep(2)
    else:
        found = await report.month("2026-10")
        name += f", {found.annunciations} alarms"
    took = time.perf_counter() - began
    watching.cancel()
    waits.sort()
    p99 = waits[int(0.99 * len(waits))]
    print(f"{name:32} {took:8.2f} s   p99 {1e3 * p99:6.1f} ms   most {1e3 * waits[-1]:6.1f} ms")


async def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        queried = frozenset(name for type in run.TYPES for name in type.queried)
        store = open_store("sqlite:town.db", Path(folder), "", queried)
        broker = Broker(store, open_bus("memory:"), policy(run.TYPES))
        await store.ready()
        await fill(broker, number)
        print(f"{number} transitions of {ALARMS} alarms; the loop waits longer than asked for by")
        await measured("nothing to do", None)
        await measured("the report", Reports(broker, Town("Town", "Europe/Berlin")))
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
