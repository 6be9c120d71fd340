"""Files of CSV that are put into a folder, and whatever else is put there."""

import asyncio
import contextlib
import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import OpenBroker
from tests.contract.alerts.called import eventually
from tests.contract.devices.conftest import Town
from townsquare import app
from townsquare.context.outgoing import LOOPBACK_ONLY
from townsquare.devices import folder
from townsquare.devices.folder import Watcher
from townsquare.devices.mapping import Mapped, Take
from townsquare.devices.run import listening
from townsquare.devices.settings import Settings
from townsquare.devices.ways import Folder
from townsquare.model.errors import Invalid, NotFound, Unavailable

METER = "urn:ngsi-ld:WaterMeter:{}"
KIND = Mapped("meter", (Take("volume", "m3", "MTQ", least=0, most=1e6),), time="at")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "meters").mkdir()
    return tmp_path / "meters"


@pytest.fixture
async def town(open_broker: OpenBroker, place: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr(folder, "LOOK_S", 0.05)
    monkeypatch.setattr(folder, "QUIET_S", 0.2)
    broker = open_broker(*app.TYPES)
    settings = Settings(folder=(Folder("city", str(place)),), kind=(KIND,))
    made = listening(broker, settings, LOOPBACK_ONLY, lambda name: name)
    await made.intake.open()
    made.ready.set()
    town = Town(broker, made)
    for n in (1, 2):
        await town.accept(f"m-{n}", METER.format(n), kind="meter")
    return town


@contextlib.asynccontextmanager
async def watched(town: Town) -> AsyncIterator[Watcher]:
    (way,) = town.listening.settings.folder
    watcher = Watcher(way, town.intake)
    running = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def row(town: Town, meter: str, volume: object, minutes_ago: int = 0) -> str:
    at = town.now - timedelta(minutes=minutes_ago)
    return f"{meter},{at.isoformat()},{volume}\n"


HEAD = "device,at,m3\n"


async def volume(town: Town, n: int) -> object:
    with contextlib.suppress(NotFound):
        return (await town.thing(METER.format(n))).value("volume")
    return None


async def gone(file: Path) -> None:
    async def holds() -> bool:
        return not await asyncio.to_thread(file.exists)

    await eventually(holds)


async def test_a_file_is_read_once_and_put_away(town: Town, place: Path) -> None:
    file = place / "monday.csv"
    rows = [row(town, "m-1", 10 + n, 300 - n) for n in range(300)]  # more than a device may say
    file.write_text(HEAD + "".join(rows) + row(town, "m-2", 7.5))
    async with watched(town):
        await gone(file)
    assert (await volume(town, 1), await volume(town, 2)) == (309, 7.5)
    assert [one.name for one in (place / "done").iterdir()] == ["monday.csv"]
    assert town.intake.tally.of("city", "m-1").refused == 0


async def test_a_file_that_is_being_written_is_left_alone(town: Town, place: Path) -> None:
    file = place / "slow.csv"
    async with watched(town):
        for n in range(8):
            with file.open("a") as text:
                text.write((HEAD if n == 0 else "") + row(town, "m-1", n, 8 - n))
            await asyncio.sleep(0.1)
            assert await volume(town, 1) is None
        await gone(file)
    assert await volume(town, 1) == 7


async def test_lines_that_cannot_be_read_are_named_and_the_others_count(
    town: Town, place: Path
) -> None:
    file = place / "mixed.csv"
    file.write_text(HEAD + ",,5\n" + "m-1,x,1,2,3\n" + row(town, "m-1", 42) + "../etc,x,1\n")
    async with watched(town):
        await gone(file)
    assert await volume(town, 1) == 42
    told = (place / "done" / "mixed.txt").read_text()
    assert [line[:7] for line in told.splitlines()[1:]] == ["line 2:", "line 3:", "line 5:"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"serial;value\n1;2\n",
        b"\xff\xfe\x00d\x00e",
        b'device,at,m3\n"m-1',
        b"device,at,m3\n\x00\x00\x00",
        b"device" * 100_000,
    ],
)
async def test_what_is_no_such_file_is_put_apart_with_why(
    town: Town, place: Path, content: bytes
) -> None:
    file, good = place / "a.csv", place / "b.csv"
    file.write_bytes(content)
    good.write_text(HEAD + row(town, "m-1", 42))
    async with watched(town):
        await gone(file)
        await gone(good)
    assert sorted(one.name for one in (place / "refused").iterdir()) == ["a.csv", "a.txt"]
    assert await volume(town, 1) == 42
    assert town.intake.tally.at("city").why.startswith("a.csv: ")


async def test_what_is_not_durable_is_read_again(
    town: Town, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, full = place / "late.csv", asyncio.Event()

    async def refused(_: object) -> object:
        full.set()
        raise Unavailable("the disk is full")

    file.write_text(HEAD + row(town, "m-1", 42))
    with monkeypatch.context() as failing:
        failing.setattr(type(town.intake), "take", lambda _, messages: refused(messages))
        async with watched(town):
            await asyncio.wait_for(full.wait(), 60)
    assert file.exists()
    async with watched(town):
        await gone(file)
    assert await volume(town, 1) == 42


async def test_a_folder_that_is_not_there_is_said(town: Town, place: Path) -> None:
    await asyncio.to_thread(place.rmdir)

    async def lost() -> bool:
        return town.intake.tally.connected.get("city") is False

    async with watched(town):
        await eventually(lost)
        await asyncio.to_thread(place.mkdir)

        async def back() -> bool:
            return town.intake.tally.connected.get("city") is True

        await eventually(back)


async def test_a_link_out_of_the_folder_is_not_followed(
    town: Town, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.csv").write_text(HEAD + row(town, "m-1", 42))
    (place / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    file = place / "real.csv"
    file.write_text(HEAD + row(town, "m-2", 1))
    async with watched(town):
        await gone(file)
    assert await volume(town, 1) is None


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_file_is_a_message_or_wrong(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file, wrong = tmp_path_factory.mktemp("any") / "x.csv", list[str]()
    file.write_bytes(HEAD.encode() + content)
    with contextlib.suppress(UnicodeDecodeError, ValueError, csv.Error):
        for one in folder._rows(file, Folder("city", "/srv"), wrong):
            assert one.topic


def test_a_folder_is_named_from_the_root() -> None:
    with pytest.raises(Invalid, match="begin at the root"):
        Folder("city", "meters")
