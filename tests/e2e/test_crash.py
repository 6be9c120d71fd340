"""Killed at any moment: what was acknowledged is there, once, and what is repeated is done once."""

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.town import Town

Open = Callable[..., Town]
WRITERS = 8  # at once, so that commits are shared
LONGEST_S = 1.0  # of load before the kill
ROUNDS = int(os.environ.get("CRASHES", "100"))  # of the long test


@dataclass
class Writer:
    """Counts up one entity, every second time together with its twin, each step under a key.

    A step whose answer did not come is repeated with its key, as an edge box does.
    """

    name: str
    town: Town
    acknowledged: int = 0

    @property
    def counter(self) -> str:
        return f"urn:ngsi-ld:Counter:{self.name}"

    @property
    def twin(self) -> str:
        return f"urn:ngsi-ld:Twin:{self.name}"

    async def write(self, enough: asyncio.Event, answered: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=f"{self.town.url}/ngsi-ld/v1", timeout=20) as http:
            while not enough.is_set():
                step = self.acknowledged + 1
                method, path, body = self.asked(step)
                key = {"idempotency-key": f"{self.name} {step}"}
                answer = await http.request(method, path, json=body, headers=key)
                assert answer.status_code in (201, 204), (step, answer.status_code, answer.text)
                self.acknowledged = step
                answered.set()

    def asked(self, step: int) -> tuple[str, str, Any]:
        level = {"level": {"type": "Property", "value": step}}
        counter = {"id": self.counter, "type": "Counter", **level}
        if step == 1:
            return "POST", "/entities", counter
        if step % 2:
            return "PATCH", f"/entities/{self.counter}/attrs", level
        twins = [counter, {"id": self.twin, "type": "Twin", **level}]
        return "POST", "/entityOperations/upsert?options=update", twins

    def check(self) -> None:
        """What was answered is there, and at most the one step whose answer was lost."""
        level = self.level(self.counter)
        assert self.acknowledged <= level <= self.acknowledged + 1
        # Changes of one request are there together or not at all.
        assert self.level(self.twin) == level - level % 2

    def level(self, id: str) -> int:
        """0 while it is not there."""
        answer = self.town.get(f"/ngsi-ld/v1/entities/{id}", options="keyValues")
        assert answer.status_code in (200, 404), answer.text
        return int(answer.json()["level"]) if answer.status_code == 200 else 0

    def check_past(self) -> None:
        """Each step once."""
        asked: dict[str, Any] = {
            "options": "aggregatedValues",
            "aggrMethods": "totalCount,distinctCount,max",
        }
        asked |= {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z", "timeproperty": "createdAt"}
        path = f"/ngsi-ld/v1/temporal/entities/{self.counter}"
        level = self.town.get(path, **asked).json()["level"]
        found = [level[method][0][0] for method in ("totalCount", "distinctCount", "max")]
        assert found == [self.acknowledged] * 3, self.name


async def load(writers: Sequence[Writer], until: Callable[[], Any]) -> None:
    """Everybody writes, and `until` ends it some time after the first answer."""
    enough = asyncio.Event()
    answered = asyncio.Event()
    writing = [asyncio.create_task(writer.write(enough, answered)) for writer in writers]
    await asyncio.wait_for(answered.wait(), 20)
    await asyncio.sleep(random.uniform(0.05, LONGEST_S))
    until()
    enough.set()
    with suppress(httpx.TransportError):
        for task in writing:
            await task
    await asyncio.wait(writing)
    wrong = [e for task in writing if (e := task.exception())]
    assert all(isinstance(e, httpx.TransportError) for e in wrong), wrong


def crash(town: Town, rounds: int) -> None:
    writers = [Writer(str(number), town) for number in range(WRITERS)]
    for _ in range(rounds):
        asyncio.run(load(writers, town.kill))
        town.start()
        for writer in writers:
            writer.check()
    asyncio.run(load(writers, lambda: None))
    for writer in writers:
        writer.check()
        writer.check_past()
    town.stop()
    with sqlite3.connect(town.data / "townsquare.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_killed_broker_has_what_it_acknowledged_once(open_town: Open) -> None:
    crash(open_town("run", "--open"), 5)


@pytest.mark.soak
def test_a_broker_that_is_killed_often_has_what_it_acknowledged_once(open_town: Open) -> None:
    crash(open_town("run", "--open"), ROUNDS)
