"""Segments that were damaged after they were listed: a gap, and the rest stays readable."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.contract.sealed.opened import NINE, Town
from tests.contract.sealed.opened import town as town
from tests.contract.sealed.test_opening import verified
from townsquare.cli import custodian, unsealing
from townsquare.cli.custodian import Wrong
from townsquare.model.entity import iso
from townsquare.vision.sealed.hours import hour_of


def spoiled(file: Path, way: str) -> None:
    raw = file.read_bytes()
    if way == "gone":
        file.unlink()
    elif way == "truncated":
        file.write_bytes(raw[: len(raw) // 2])
    elif way == "empty":
        file.write_bytes(b"")
    else:
        at = {"header": 40, "envelope": 1500, "ciphertext": len(raw) // 2}[way]
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])


@pytest.mark.parametrize("way", ["gone", "truncated", "empty", "header", "envelope", "ciphertext"])
@pytest.mark.parametrize("when", ["before anybody", "between custodians", "before who asked"])
async def test_what_is_damaged_is_a_gap_and_the_rest_stays_readable(
    town: Town, tmp_path: Path, way: str, when: str
) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    second = town.kept.shelf.lines("square", hour_of(NINE))[1]
    file = town.kept.shelf.file("square", hour_of(NINE), second.file)
    for name, turn in (("police", "before anybody"), ("court", "between custodians")):
        if when == turn:
            spoiled(file, way)
        await town.release(name, opening)
    if when == "before who asked":
        spoiled(file, way)
    folder = tmp_path / "export"
    made = await asyncio.to_thread(unsealing.export, town.keys["asker"], opening, folder)
    assert made.segments == 2
    (why,) = made.lost
    assert why.startswith(f"{second.file}: ")
    told = json.loads((folder / "opening.json").read_bytes())
    assert told["notOpened"] == [why]
    assert told["gaps"][0] == {"since": iso(second.since), "until": iso(second.until)}
    assert len(list((folder / "pieces").iterdir())) == 2
    done = verified(folder, tmp_path / "alone", str(town.notary.log.key))
    assert (done.returncode, done.stderr) == (0, "")
    assert "not opened: 1" in done.stdout


async def test_where_all_is_damaged_nothing_is_handed_out(town: Town) -> None:
    await town.record(2)
    opening = await town.opening("police", "court")
    for file in town.kept.shelf.at("square", hour_of(NINE)).glob("*.seal"):
        spoiled(file, "ciphertext")
    with pytest.raises(Wrong, match="damaged"):
        await town.release("police", opening)


async def test_a_custodian_cannot_leave_out_what_is_whole(town: Town) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    key = town.keys["police"]
    told = await asyncio.to_thread(custodian.fetched, key, opening)
    fewer = {**told, "segments": told["segments"][1:]}
    with pytest.raises(Wrong, match="not of the segments"):
        await asyncio.to_thread(custodian.send, key, fewer)
