"""Killed while days are sealed: what was recorded is in one place, the table or a file, once."""

import asyncio
import random
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_crash import ROUNDS, Open, Writer, load

duckdb = pytest.importorskip("duckdb", reason="days are sealed with the extra analysis")

AT_ONCE = 40  # instances in a request
LATE = 0.02  # share of what is recorded of a day that is sealed, or is being sealed
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass
class Recorder(Writer):
    """Records values of old days: each round its own day, so that those before are sealed."""

    round: int = 0

    def asked(self, step: int) -> tuple[str, str, Any]:
        late = self.round > 0 and random.random() < LATE
        day = random.randrange(self.round) if late else self.round
        start = NOW - timedelta(days=20 + day) + timedelta(milliseconds=step * AT_ONCE)
        levels = [
            {"type": "Property", "value": step, "observedAt": text(start + n * MILLISECOND)}
            for n in range(AT_ONCE)
        ]
        if step == 1:
            body = {"id": self.counter, "type": "Counter", "level": levels}
            return "POST", "/temporal/entities", body
        return "POST", f"/temporal/entities/{self.counter}/attrs", {"level": levels}

    def check(self) -> None:
        """Each step whole, also when its answer was lost."""
        found = self.told()
        assert found in (self.acknowledged * AT_ONCE, (self.acknowledged + 1) * AT_ONCE)

    def check_past(self) -> None:
        assert self.told("distinctCount") == self.acknowledged
        assert self.told("max") == self.acknowledged
        assert self.told() == self.acknowledged * AT_ONCE

    def told(self, method: str = "totalCount") -> int:
        asked: dict[str, Any] = {
            "options": "aggregatedValues",
            "aggrMethods": method,
            "timerel": "after",
            "timeAt": "2000-01-01T00:00:00Z",
        }
        answer = self.town.get(f"/ngsi-ld/v1/temporal/entities/{self.counter}", **asked)
        if answer.status_code == 404 and not self.acknowledged:
            return 0
        assert answer.status_code == 200, answer.text
        return int(answer.json()["level"][method][0][0])


MILLISECOND = timedelta(milliseconds=1)


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def crash(open_town: Open, rounds: int) -> None:
    town = open_town("run", "--open")
    recorders = [Recorder(str(number), town) for number in range(4)]
    for number in range(rounds):
        for recorder in recorders:
            recorder.round = number
        asyncio.run(load(recorders, town.kill))
        town.start()
        for recorder in recorders:
            recorder.check()
    asyncio.run(load(recorders, lambda: None))
    for recorder in recorders:
        recorder.check()
        recorder.check_past()
    town.stop()
    once(town.data, sum(recorder.acknowledged for recorder in recorders) * AT_ONCE)


def once(data: Path, instances: int) -> None:
    """Every row is in the table or in one of the files that are noted."""
    with sqlite3.connect(data / "townsquare.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        files = [str(data / "history" / f) for (f,) in db.execute("select file from sealed")]
        levels = "series in (select id from series where attribute like '%level')"
        keys = db.execute(f"select series, at, instance from history where {levels}").fetchall()
    db.close()
    assert files, "nothing was sealed"
    with duckdb.connect() as parquet:
        question = (
            "select series, \"at\", instance from read_parquet(?) where attribute like '%level'"
        )
        keys += parquet.execute(question, [files]).fetchall()
    assert len(set(keys)) == len(keys) == instances


def test_a_day_that_was_being_sealed_is_there_once(open_town: Open) -> None:
    crash(open_town, 3)


@pytest.mark.soak
def test_days_that_were_being_sealed_often_are_there_once(open_town: Open) -> None:
    crash(open_town, ROUNDS)
