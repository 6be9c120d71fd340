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
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from tests import square
from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Intrusion, Line, Zone
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid, NotFound, Unavailable
from townsquare.model.town import Town
from townsquare.vision import child, observation, sandbox, workers
from townsquare.vision.aligned import window_of
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.observation import (
    Crossings,
    Event,
    Health,
    Observation,
    Occupancy,
    Queued,
    Speeds,
    Tried,
    Turns,
)
from townsquare.vision.run import Cameras, run
from townsquare.vision.settings import Settings
from townsquare.vision.types import TYPES
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
        async with contextlib.aclosing(house.observed(group)) as told:
            async for one in told:
                seen.append(one)  # noqa: PERF401 - a list that others look at meanwhile

    async with Workers(Settings()) as house:
        task = asyncio.create_task(follow(house))
        yield house, seen
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Unavailable):
            await task


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
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


async def test_a_worker_tells_an_event_at_the_hours_of_the_town() -> None:
    clock = [
        f"{datetime.now(ZoneInfo('Europe/Berlin')) + timedelta(hours=h):%H:%M}" for h in (-1, 1, 2)
    ]
    now = Intrusion(after_s=0, between=(clock[0], clock[1]))
    later = Intrusion(after_s=0, between=(clock[1], clock[2]))
    zones = tuple(replace(PLAZA, name=n, intrusion=i) for n, i in (("now", now), ("later", later)))
    watched = structs.replace(SQUARE, zones=zones, timezone="Europe/Berlin")
    async with begun([watched]) as (_, seen):
        await until(lambda: any(isinstance(one, Event) for one in seen))
        await until(lambda: sum(isinstance(one, Occupancy) for one in seen) > 6)
        told = {(one.zone, one.what) for one in seen if isinstance(one, Event)}
        assert told == {("now", "intrusion")}


DRAWN = ((300.0, 170.0), (300.0, 345.0))


async def test_lines_are_tried_only_while_a_preview_is_wanted_and_over_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "ANSWERS_S", 2)
    async with begun([SQUARE]) as (house, seen):
        await until(lambda: len(seen) > 3)
        with pytest.raises(Unavailable, match="did not answer"):
            await house.try_out("square", [DRAWN])
        house.show("square", datetime.now(UTC) + timedelta(seconds=30))
        answer = await house.try_out("square", [DRAWN])
        assert 0 < answer.over_s < 60
        assert answer.counts == ()
        assert {type(one) for one in seen} <= {Crossings, Occupancy, Health}
        with pytest.raises(Unavailable, match="nobody watches"):
            await house.try_out("absent", [DRAWN])


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


def stamp(at: datetime) -> bytes:
    return at.isoformat().replace("+00:00", "Z").encode()


LASTS = observation.write(Event("square", "plaza", "queue", NOW, None, 0.9))
WAITED = observation.write(Queued("square", "plaza", 3, 40, NOW, NOW))
WINDOW = window_of(NOW - timedelta(minutes=5))
ENDS = WINDOW + timedelta(minutes=5)
TURNED = observation.write(Turns("square", "west", "west", "car", 1, WINDOW, ENDS, 0.5))
BANDS = (0, 0, 1, 2, 2, 0, 0, 0)
SPED = observation.write(Speeds("square", "west", "car", "in", BANDS, WINDOW, ENDS, 0.5))
ODD_TIMES = [
    b"2026-06-01T12:00:00",  # of no zone: it cannot be compared with the house's
    b"9999-12-31T23:59:59Z",
    b"0001-01-01T00:00:00+23:59",
    b"1999-12-31T23:59:59Z",
]
HONEST = [OBSERVED, COUNTED, STAYED, LASTS, WAITED, TURNED, SPED]
TRIED = observation.write(Tried("square", 0, 60.0, ()))
SMUGGLED = [
    TRIED,  # nobody asked
    TRIED.replace(b'"counts":[]', b'"counts":[],"at":[[3.5,120,80]]'),
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
    *(LASTS.replace(AT, at) for at in ODD_TIMES),
    LASTS.replace(b'"queue"', b'"loitering"'),
    LASTS.replace(b"0.9", b"1.9"),
    LASTS.replace(b'"zone"', b'"track":7,"zone"'),
    LASTS.replace(b'"plaza"', b'["plaza","a red car"]'),
    LASTS.replace(b'"plaza"', b'"a red car"'),
    COUNTED.replace(b'"west"', b'"a red car"'),
    TURNED.replace(b'"exit":"west"', b'"exit":"B-XY 1"'),
    TURNED.replace(b'"n":1', b'"n":1,"numbers":[7]'),
    TURNED.replace(b":00Z", b":01Z"),  # when somebody turned
    SPED.replace(b":00Z", b":00.125Z"),
    SPED.replace(stamp(WINDOW), stamp(WINDOW + timedelta(minutes=1))),
    SPED.replace(stamp(ENDS), stamp(WINDOW)),
    SPED.replace(b"[0,0,1,2,2,0,0,0]", b"[0,0,1,1,2,0,0,0]"),  # of four, each could be known
    SPED.replace(b"[0,0,1,2,2,0,0,0]", b"[0,0,0,0,0,0,0]"),
    SPED.replace(b"[0,0,1,2,2,0,0,0]", b"[0,0,1,2,2,0,0,0,37]"),
    SPED.replace(b"[0,0,1,2,2,0,0,0]", b"[0,0,1.5,2,2,0,0,0]"),
    SPED.replace(b'"car"', b'"person"'),  # of whom there are other bands
    WAITED.replace(b'"length_m":40', b'"length_m":1e99'),
    WAITED.replace(b'"length_m":40', b'"length_m":[40,31,12]'),
    b"\xff\xd8\xff\xe0" + b"live picture" * 99 + b"\n",
    b"x" * 100_000,
]
SHOWN = [
    packet("square", b"\x89PNG a live picture"),
    packet("another", b"\xff\xd8\xff\xe0"),
    b"\x00\x01\xff\xff\xff\xff",
]


def dishonest(folder: Path, says: bytes, shows: bytes, first: bytes = OBSERVED) -> str:
    """A program in the place of the worker."""
    file = folder / "worker.py"
    file.write_text(
        "import os, sys, time\n"
        "sys.stdin.readline()\n"
        f"os.write(int(sys.argv[-2]), {first!r})\n"
        f"os.write(int(sys.argv[-2]), {says!r})\n"
        f"os.write(int(sys.argv[-1]), {shows!r})\n"
        "time.sleep(60)\n"
    )
    return str(file)


def in_place_of_python(folder: Path, program: str) -> str:
    """What `sys.executable -B -m townsquare.vision.worker 5 7` runs then."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_each_of_these_differs_from_what_is_let_through() -> None:
    for honest in HONEST:
        said = observation.read(honest)
        assert not isinstance(said, Tried)
        assert observation.of_its_time(said, NOW)
        assert honest not in SMUGGLED


@pytest.mark.parametrize(
    ("says", "shows"), [*((s, b"") for s in SMUGGLED), *((b"", s) for s in SHOWN)]
)
async def test_a_worker_that_says_anything_else_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes, shows: bytes
) -> None:
    program = in_place_of_python(tmp_path, dishonest(tmp_path, says, shows))
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(child, "LEAVES_S", 0.2)
    pids: set[int] = set()
    async with asyncio.timeout(60), Workers(Settings()) as house:
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


async def test_who_cannot_wait_for_a_worker_to_leave_kills_it() -> None:
    stays = "import sys, time; sys.stdin.read(); time.sleep(600)"
    staying = await child.spawned([sys.executable, "-c", stays])
    ending = asyncio.create_task(child.left(staying))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert gone(staying.pid)


async def test_a_house_that_is_told_to_end_ends_also_while_a_worker_is_ending() -> None:
    """Who waits for a task to be over is cancelled in that moment, and must not go on."""
    let_go, ended = asyncio.Event(), False

    async def slow() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await let_go.wait()

    async def watching() -> None:
        nonlocal ended
        showing = asyncio.create_task(slow())
        await asyncio.sleep(0)
        showing.cancel()
        await child.over(showing)
        ended = True

    task = asyncio.create_task(watching())
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ended


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
    assert names <= {*sandbox.NEEDED, "MALLOC_ARENA_MAX"}
    assert "PATH" in names


async def test_a_worker_ends_when_the_house_is_killed() -> None:
    command = [sys.executable, "-c", PARENT, SQUARE.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:  # noqa: ASYNC220 - ends at once
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not gone(pid)
        parent.kill()
    await until(lambda: gone(pid))


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
        async with asyncio.timeout(60):
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
        assert square.value("dependsOn") == (await entity(broker, "VisionWorker:1")).id
        for dead, pids in ((1, house.pids()), (0, set[int]())):  # and it is started again
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                while (await told_dead(broker)) != dead:  # noqa: ASYNC110 - a process makes it so
                    await asyncio.sleep(0.02)
        room.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await room


async def told_dead(broker: Broker) -> object:
    return (await entity(broker, "VisionWorker:1")).value("dead")


async def counted(broker: Broker, id: str) -> bool:
    try:
        return (await entity(broker, id)).value("peopleCount") is not None
    except NotFound:
        return False
