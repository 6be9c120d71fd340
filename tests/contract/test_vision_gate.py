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
        assert "absent.mp4 does not exist" in healths["absent"].trouble
        assert healths["square"].sandbox in {"partial", "none"}


async def test_previews_come_only_when_they_are_wanted() -> None:
    async with begun([SQUARE]) as (house, seen):
        await until(lambda: len(seen) > 3)
        assert house.previews == {}
        house.show("square", datetime.now(UTC) + timedelta(seconds=30))
        await until(lambda: house.previews)
        assert house.preview("square") is None  # the background takes a minute


OBSERVED = observation.write(Health("square", 1, 1, 0, "good", "none", 0, datetime.now(UTC)))
SMUGGLED = [
    b'{"observed":"boxes","camera":"square","boxes":[[1,2,3,4]]}\n',
    OBSERVED.replace(b'"dropped"', b'"plate":"B-XY 1","dropped"'),
    OBSERVED.replace(b'"square"', b'"another"'),
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


async def test_a_worker_ends_when_the_house_is_killed() -> None:
    command = [sys.executable, "-c", PARENT, SQUARE.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:  # noqa: ASYNC220 - ends at once
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not gone(pid)
        parent.kill()
    await until(lambda: gone(pid), for_s=5)


def test_a_confined_process_can_neither_write_nor_start_a_program(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from townsquare.vision.sandbox import confine\n"
        "print(confine(), flush=True)\n"
        "for deed in (lambda: open(sys.argv[1], 'w'), lambda: os.execv('/bin/true', ['true'])):\n"
        "    try:\n"
        "        deed()\n"
        "        print('done', flush=True)\n"
        "    except PermissionError:\n"
        "        print('refused', flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "written")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    if said.startswith("none"):
        pytest.skip("this kernel has no Landlock: the level is told as none")
    assert said.split() == ["partial", "refused", "refused"]
    assert not (tmp_path / "written").exists()


# --- the room


CAMERA = replace(square.SQUARE, lines=(WEST,), zones=(PLAZA,))
OPERATOR = Actor("urn:ngsi-ld:Person:eve", "person", roles=frozenset({"operator"}))
WHY = Why("crowd safety")


async def entity(broker: Broker, id: str) -> Entity:
    return await broker.read(f"urn:ngsi-ld:{id}", OPERATOR, WHY)


async def test_a_camera_that_does_not_exist_stands_beside_one_that_does(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    absent = replace(CAMERA, name="absent", url="absent.mp4")
    locked = replace(CAMERA, name="locked", url="rtsp://127.0.0.1/x", login="secret:nowhere")
    cameras = Cameras((CAMERA, absent, locked), ROOT / "demo", tmp_path)
    async with Workers(Settings()) as house:
        room = asyncio.create_task(run(cameras, house, broker, Town()))
        live = "CrowdFlowObserved:square-plaza-live"
        async with asyncio.timeout(20):
            while not await counted(broker, live):  # noqa: ASYNC110 - a process makes it so
                await asyncio.sleep(0.05)
        square = await entity(broker, "Camera:square")
        other = await entity(broker, "Camera:absent")
        assert (square.value("status"), square.value("trouble")) == ("working", None)
        assert other.value("status") == "failing"
        assert "absent.mp4 does not exist" in other.value("trouble")
        flow = await entity(broker, "CrowdFlowObserved:absent-west-live")
        assert flow.value("todayTowards") is None
        third = await entity(broker, "Camera:locked")
        assert "secret 'nowhere' is missing" in third.value("trouble")
        room.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await room


async def counted(broker: Broker, id: str) -> bool:
    try:
        return (await entity(broker, id)).value("peopleCount") is not None
    except NotFound:
        return False
