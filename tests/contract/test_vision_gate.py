"""The gate, with real worker processes: what gets through, what ends them, what outlives them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import square
from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Line, Zone
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid, NotFound, Unavailable
from townsquare.model.town import Town
from townsquare.vision import observation, workers
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.observation import Crossings, Health, Observation, Occupancy
from townsquare.vision.run import TYPES, Cameras, run
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched, packet
from townsquare.vision.workers import Workers

ROOT = Path(__file__).parents[2]
WEST = Line("west", (300, 170), (300, 345))
PLAZA = Zone("plaza", ((215, 205), (600, 150), (767, 292), (767, 488), (330, 300)))
SQUARE = Watched("square", str(ROOT / "demo" / "square.mp4"), ("person",), (WEST,), (PLAZA,))
ABSENT = Watched("absent", "absent.mp4", ("person",), (), ())


@contextlib.asynccontextmanager
async def begun(group: Sequence[Watched]) -> AsyncIterator[tuple[Workers, list[Observation]]]:
    """Workers with a group, and what was observed so far."""
    seen: list[Observation] = []

    async def follow(house: Workers) -> None:
        async for one in house.observed(group):
            seen.append(one)  # noqa: PERF401 - a list that others look at meanwhile

    async with Workers(Settings()) as house:
        task = asyncio.create_task(follow(house))
        yield house, seen
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Unavailable):
            await task


async def until(happened: Callable[[], object], for_s: float = 20) -> None:
    async with asyncio.timeout(for_s):
        while not happened():  # noqa: ASYNC110 - another process makes it happen
            await asyncio.sleep(0.02)


async def heard(house: Workers, then: Callable[[], object]) -> None:
    async for _ in house.observed([SQUARE]):
        then()


def gone(pid: int) -> bool:
    """Ended; of a child that nobody has waited for, only the name is left."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


# --- what gets through


async def test_a_worker_tells_counts_and_health_and_nothing_else() -> None:
    async with begun([SQUARE, ABSENT]) as (_, seen):
        await until(lambda: {type(one) for one in seen} == {Crossings, Occupancy, Health})
        healths = {one.camera: one for one in seen if isinstance(one, Health)}
        assert healths["square"].trouble == ""
        assert healths["square"].size == (768, 576)
        assert healths["absent"].trouble == "missing"


async def test_previews_come_only_when_they_are_wanted() -> None:
    async with begun([SQUARE]) as (house, seen):
        await until(lambda: len(seen) > 3)
        assert house.previews == {}
        house.show("square", datetime.now(UTC) + timedelta(seconds=30))
        await until(lambda: house.previews)
        assert house.preview("square") is None  # the background takes a minute


OBSERVED = observation.write(Health("square", 1, 1, 0, "good", "none", 0, datetime.now(UTC)))
NOW = datetime.now(UTC)
AT = NOW.isoformat().replace("+00:00", "Z").encode()
COUNTED = observation.write(Crossings("square", "west", "person", "in", 1, NOW, NOW))
STAYED = observation.write(Occupancy("square", "plaza", "person", 1.0, 1, NOW, NOW))
ODD_TIMES = [
    b"2026-06-01T12:00:00",  # of no zone: it cannot be compared with the house's
    b"9999-12-31T23:59:59Z",
    b"0001-01-01T00:00:00+23:59",
    b"1999-12-31T23:59:59Z",
]
SMUGGLED = [
    b'{"observed":"boxes","camera":"square","boxes":[[1,2,3,4]]}\n',
    OBSERVED.replace(b'"dropped"', b'"plate":"B-XY 1","dropped"'),
    OBSERVED.replace(b'"square"', b'"another"'),
    OBSERVED.replace(b'"trouble":""', b'"trouble":"a woman in a red coat"'),
    OBSERVED.replace(b'"sandbox":"none"', b'"sandbox":"full"'),
    OBSERVED.replace(b'"background":0', b'"background":1.5'),
    OBSERVED.replace(b'"dropped":0', b'"dropped":-1'),
    *(COUNTED.replace(AT, at) for at in ODD_TIMES),
    *(COUNTED.replace(b'"n":1', b'"n":' + n) for n in (b"-1", b"99999", b"9" * 30)),
    STAYED.replace(b'"mean":1.0', b'"mean":-0.5'),
    STAYED.replace(b'"max":1', b'"max":-1'),
    b"\xff\xd8\xff\xe0" + b"live picture" * 99 + b"\n",
    b"x" * 100_000,
]
SHOWN = [
    packet("square", b"\x89PNG a live picture"),
    packet("another", b"\xff\xd8\xff\xe0"),
    b"\x00\x01\xff\xff\xff\xff",
]


def dishonest(folder: Path, says: bytes, shows: bytes) -> str:
    """A program in the place of the worker."""
    file = folder / "worker.py"
    file.write_text(
        "import os, sys, time\n"
        "sys.stdin.readline()\n"
        f"os.write(int(sys.argv[3]), {OBSERVED!r})\n"
        f"os.write(int(sys.argv[3]), {says!r})\n"
        f"os.write(int(sys.argv[4]), {shows!r})\n"
        "time.sleep(60)\n"
    )
    return str(file)


def in_place_of_python(folder: Path, program: str) -> str:
    """What `sys.executable -m townsquare.vision.worker 5 7` runs then."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_each_of_these_differs_from_what_is_let_through() -> None:
    for honest in (OBSERVED, COUNTED, STAYED):
        assert observation.of_its_time(observation.read(honest), NOW)
        assert honest not in SMUGGLED


@pytest.mark.parametrize(
    ("says", "shows"), [*((s, b"") for s in SMUGGLED), *((b"", s) for s in SHOWN)]
)
async def test_a_worker_that_says_anything_else_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes, shows: bytes
) -> None:
    program = in_place_of_python(tmp_path, dishonest(tmp_path, says, shows))
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(workers, "LEAVES_S", 0.2)
    pids: set[int] = set()
    async with asyncio.timeout(20), Workers(Settings()) as house:
        house.show("square", datetime.now(UTC) + timedelta(seconds=30))
        with pytest.raises(Invalid, match="vision worker"):
            await heard(house, lambda: pids.update(house.pids()))
        assert pids
        assert all(gone(pid) for pid in pids)
        assert house.previews == {}


# --- what ends a worker


async def test_closing_the_house_ends_its_workers() -> None:
    async with begun([SQUARE]) as (house, seen):
        await until(lambda: seen)
        (pid,) = house.pids()
    assert gone(pid)


def killed(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def test_a_worker_that_is_killed_is_unavailable() -> None:
    async with Workers(Settings()) as house:
        with pytest.raises(Unavailable, match="the process that watches square ended"):
            await heard(house, lambda: killed(house.pids()))


PARENT = """
import asyncio, sys
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers
async def main():
    async with Workers(Settings()) as house:
        async for _ in house.observed([Watched("square", sys.argv[1], ("person",), (), ())]):
            print(*house.pids(), flush=True)
asyncio.run(main())
"""


def environment_of(pid: int) -> set[str]:
    given = (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
    return {line.partition(b"=")[0].decode() for line in given if line}


async def test_nothing_but_what_python_needs_is_in_the_environment_of_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("TOWNSQUARE_SECRET_SQUARE", "hunter2")
    async with begun([SQUARE]) as (house, seen):
        await until(lambda: seen)
        (pid,) = house.pids()
        names = environment_of(pid)
    assert names <= {*workers.NEEDED, "MALLOC_ARENA_MAX"}
    assert "PATH" in names


async def test_a_worker_ends_when_the_house_is_killed() -> None:
    command = [sys.executable, "-c", PARENT, SQUARE.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:  # noqa: ASYNC220 - ends at once
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not gone(pid)
        parent.kill()
    await until(lambda: gone(pid), for_s=5)


# --- the room


CAMERA = replace(square.SQUARE, lines=(WEST,), zones=(PLAZA,))
OPERATOR = Actor("urn:ngsi-ld:Person:eve", "person", roles=frozenset({"operator"}))
WHY = Why("crowd safety")


async def entity(broker: Broker, id: str) -> Entity:
    return await broker.read(f"urn:ngsi-ld:{id}", OPERATOR, WHY)


async def test_a_camera_that_does_not_exist_stands_beside_one_that_does(
    open_broker: OpenBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = open_broker(*TYPES)
    absent = replace(CAMERA, name="absent", url="absent.mp4")
    locked = replace(CAMERA, name="locked", url="rtsp://127.0.0.1/x", login="secret:nowhere")
    vague = replace(CAMERA, name="vague", purposes=("safety",), impact_assessment=None)
    cameras = Cameras((CAMERA, absent, locked, vague), ROOT / "demo", tmp_path)
    async with Workers(Settings()) as house:
        room = asyncio.create_task(run(cameras, house, broker, Town(), Evaluations(broker, {})))
        live = "CrowdFlowObserved:square-plaza-live"
        async with asyncio.timeout(20):
            while not await counted(broker, live):  # noqa: ASYNC110 - a process makes it so
                await asyncio.sleep(0.05)
        square = await entity(broker, "Camera:square")
        other = await entity(broker, "Camera:absent")
        assert (square.value("status"), square.value("trouble")) == ("working", None)
        assert other.value("status") == "failing"
        assert other.value("trouble") == "absent.mp4 does not exist; check the camera's url"
        flow = await entity(broker, "CrowdFlowObserved:absent-west-live")
        assert flow.value("todayTowards") is None
        third = await entity(broker, "Camera:locked")
        assert third.value("trouble") == "its login is missing"
        assert "secret 'nowhere' is missing: put it in" in caplog.text
        fourth = await entity(broker, "Camera:vague")
        assert fourth.value("status") == "failing"
        assert fourth.value("trouble").startswith("it is not live: purposes: 'safety' is no pur")
        assert "camera vague: it is not live" in caplog.text
        assert "impact_assessment is missing" in caplog.text
        assert set(house.alive) == {"square", "absent"}
        room.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await room


async def counted(broker: Broker, id: str) -> bool:
    try:
        return (await entity(broker, id)).value("peopleCount") is not None
    except NotFound:
        return False
