"""Footage is opened by two custodians with their own clients, for one key and one case, and what is
handed out is verified without the town.

Long because it is one story from the request to the auditor, and each step of it can be cheated.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import c2pa
import pytest

from tests.contract.sealed.opened import CASE, CLIP, NINE, Town
from tests.contract.sealed.opened import town as town
from tests.footage import TEN
from townsquare import cli
from townsquare.cli import custodian, unsealing
from townsquare.cli.custodian import Key, Wrong
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.model.errors import Denied, Invalid
from townsquare.vision.sealed.challenge import Asked, Challenges
from townsquare.vision.sealed.custody_types import OPENING
from townsquare.vision.sealed.handing_out import HandingOut
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.openings import HOUSE, ROOM

PROGRAMS = Path(cli.__file__).parent


async def test_two_custodians_release_and_who_asked_opens(town: Town, tmp_path: Path) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    assert await town.release("police", opening) == "released; 1 of 2 custodians have"
    assert await town.release("court", opening) == "released; 2 of 2 custodians have"
    folder = tmp_path / "export"
    made = await asyncio.to_thread(unsealing.export, town.keys["asker"], opening, folder)
    assert (made.segments, made.lost) == (3, [])
    assert [one.read_bytes() for one in sorted((folder / "pieces").iterdir())] == [CLIP] * 3
    assert (folder / "footage.mp4").stat().st_size > 2 * len(CLIP)
    assert json.loads((folder / "opening.json").read_bytes())["gaps"]


def verified(folder: Path, alone: Path, log: str) -> "subprocess.CompletedProcess[str]":
    """As an auditor does it: in an empty folder, with two files and nothing else of ours."""
    alone.mkdir(exist_ok=True)
    for name in ("verifier.py", "footage_verifier.py"):
        shutil.copy(PROGRAMS / name, alone)
    return subprocess.run(
        [sys.executable, "footage_verifier.py", str(folder), log],
        cwd=alone,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def exported(town: Town, folder: Path) -> Path:
    await town.record()
    opening = await town.opening("police", "court")
    for name in ("police", "court"):
        await town.release(name, opening)
    await asyncio.to_thread(unsealing.export, town.keys["asker"], opening, folder)
    return folder


async def test_an_auditor_verifies_it_without_the_town(town: Town, tmp_path: Path) -> None:
    folder = await exported(town, tmp_path / "export")
    log = str(town.notary.log.key)
    found = await asyncio.to_thread(verified, folder, tmp_path / "alone", log)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("3 pieces of camera square are as they were sealed")
    assert "case 2030-17, agreed to by police, court" in found.stdout


@pytest.mark.parametrize(
    "change",
    [
        "pieces/*.mp4",
        "segments.jsonl",
        "opening.json",
        "proof/hours.json",
        "proof/entries.json",
        "proof/checkpoint",
    ],
)
async def test_what_was_changed_is_found(town: Town, tmp_path: Path, change: str) -> None:
    folder = await exported(town, tmp_path / "export")
    file = sorted(folder.glob(change))[0]
    raw = file.read_bytes()
    for at in (len(raw) // 5, len(raw) // 2, len(raw) - len(raw) // 7):
        other = b"7" if raw[at : at + 1] != b"7" else b"8"
        file.write_bytes(raw[:at] + other + raw[at + 1 :])
        if not harmless(file, raw):
            found = await asyncio.to_thread(
                verified, folder, tmp_path / "alone", str(town.notary.log.key)
            )
            assert found.returncode == 1
            assert found.stderr.startswith("wrong: ")


def harmless(file: Path, raw: bytes) -> bool:
    """Names of who agreed and when stand in the log's own words; here they are only told."""
    if file.name != "opening.json":
        return False
    proven = ("id", "camera", "since", "until", "case")
    before = json.loads(raw)
    try:
        after = json.loads(file.read_bytes())
    except ValueError:
        return False
    return all(before[name] == after.get(name) for name in proven)


async def test_a_piece_that_was_added_or_taken_away_is_found(town: Town, tmp_path: Path) -> None:
    folder = await exported(town, tmp_path / "export")
    log, alone = str(town.notary.log.key), tmp_path / "alone"
    (folder / "pieces" / "more.mp4").write_bytes(CLIP)
    assert "belongs to nothing" in (await asyncio.to_thread(verified, folder, alone, log)).stderr
    (folder / "pieces" / "more.mp4").unlink()
    next((folder / "pieces").iterdir()).unlink()
    assert (await asyncio.to_thread(verified, folder, alone, log)).returncode == 1


async def test_two_exports_differ_and_each_leads_to_its_entry(town: Town, tmp_path: Path) -> None:
    one = await exported(town, tmp_path / "one")
    opening = await town.opening("police", "data-protection")
    for name in ("police", "data-protection"):
        await town.release(name, opening)
    two = tmp_path / "two"
    await asyncio.to_thread(unsealing.export, town.keys["asker"], opening, two)
    ids = [json.loads((f / "opening.json").read_bytes())["id"] for f in (one, two)]
    assert ids[0] != ids[1]
    for folder, id in zip((one, two), ids, strict=True):
        entries = json.loads((folder / "proof" / "entries.json").read_bytes())
        assert {json.loads(entry["record"])["subject"] for entry in entries} == {id}
    swapped = two / "proof" / "entries.json"
    swapped.write_bytes((one / "proof" / "entries.json").read_bytes())
    log = str(town.notary.log.key)
    found = await asyncio.to_thread(verified, two, tmp_path / "alone", log)
    assert found.returncode == 1


async def test_the_joined_file_says_whose_opening_it_is(town: Town, tmp_path: Path) -> None:
    folder = await exported(town, tmp_path / "export")
    opening = json.loads((folder / "opening.json").read_bytes())
    with c2pa.Reader(str(folder / "footage.mp4")) as reader:
        told = json.loads(reader.json())
    (manifest,) = told["manifests"].values()
    (said,) = [a["data"] for a in manifest["assertions"] if a["label"] == "org.townsquare.opening"]
    assert (said["id"], said["case"], said["key"]) == (opening["id"], CASE, opening["key"])
    assert said["checkpoint"] == (folder / "proof" / "checkpoint").read_text()
    assert [one["code"] for one in told["validation_status"]] == ["signingCredential.untrusted"]
    assert manifest["signature_info"]["common_name"] == "Testtown footage"


async def test_a_joined_file_that_was_changed_does_not_verify(town: Town, tmp_path: Path) -> None:
    folder = await exported(town, tmp_path / "export")
    raw = bytearray((folder / "footage.mp4").read_bytes())
    at = raw.rindex(b"mdat") + 5000
    raw[at] ^= 1
    (folder / "footage.mp4").write_bytes(raw)
    with c2pa.Reader(str(folder / "footage.mp4")) as reader:
        found = [one["code"] for one in json.loads(reader.json())["validation_status"]]
    assert any(code.endswith("mismatch") for code in found)


async def test_five_manifests_of_an_opening_are_sealed_and_no_more(town: Town) -> None:
    await town.record(1)
    opening = await town.opening("police", "court")
    path = f"/custody/openings/{opening}/manifest"
    for _ in range(5):
        sealed = await asyncio.to_thread(custodian.ask_raw, town.keys["asker"], path, b"a claim")
        assert len(sealed) == 64
    with pytest.raises(Wrong, match="sealed already"):
        await asyncio.to_thread(custodian.ask_raw, town.keys["asker"], path, b"a claim")


# --- who gets nothing


async def test_one_release_opens_nothing(town: Town, tmp_path: Path) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    await town.release("police", opening)
    with pytest.raises(Denied, match="1 of 2 custodians"):
        await asyncio.to_thread(unsealing.export, town.keys["asker"], opening, tmp_path / "export")


async def test_a_custodian_who_did_not_agree_gets_no_share(town: Town) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    with pytest.raises(Wrong, match="none of those who agreed"):
        await asyncio.to_thread(custodian.fetched, town.keys["data-protection"], opening)
    assert await town.openings.waiting_for("data-protection") == []


async def test_without_an_agreement_there_is_nothing(town: Town) -> None:
    await town.record()
    id = await town.asked(town.wish())
    await town.agreed(id, "police")
    assert await town.openings.waiting_for("police") == []
    with pytest.raises(Wrong, match="the town says"):
        await asyncio.to_thread(custodian.fetched, town.keys["police"], id)


@pytest.mark.parametrize("role", ["operator", "administrator", "engineer", "security", "custodian"])
async def test_others_may_not_ask(town: Town, role: str) -> None:
    await town.record()
    other = await town.member("Otto", "Town hall", role)
    with pytest.raises(Denied):
        await town.asked(town.wish(), other)


async def test_what_was_never_recorded_cannot_be_asked_for(town: Town) -> None:
    with pytest.raises(Invalid, match="nothing is recorded"):
        await town.asked(town.wish())


async def test_only_the_keys_that_belong_to_it_are_answered(town: Town, tmp_path: Path) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    stranger = custodian.keygen("police", tmp_path / "stranger.key")._replace(
        town=town.url, log=town.keys["police"].log
    )
    for path in ("shares", "footage", ""):
        with pytest.raises(Wrong, match="not of this key"):
            await asyncio.to_thread(
                custodian.ask, stranger, f"/custody/openings/{opening}/{path}".rstrip("/")
            )
    with pytest.raises(Wrong, match="not of this key"):
        await asyncio.to_thread(
            custodian.ask, town.keys["police"], f"/custody/openings/{opening}/footage"
        )


async def test_a_challenge_is_used_once(town: Town) -> None:
    now = [NINE]
    challenges = Challenges(lambda: now[0])
    key, signing = town.kept.of[0].key, town.kept.of[0].signing
    asked = Asked(challenges.fresh(), "GET", "/custody/openings", b"")
    challenges.require(key, asked, signing.sign(asked.said))
    with pytest.raises(Denied, match="was used"):
        challenges.require(key, asked, signing.sign(asked.said))
    late = Asked(challenges.fresh(), "GET", "/custody/openings", b"")
    now[0] += timedelta(minutes=3)
    with pytest.raises(Denied, match="was used or has ended"):
        challenges.require(key, late, signing.sign(late.said))
    other = Asked(challenges.fresh(), "POST", "/custody/openings", b"")
    with pytest.raises(Denied, match="another request"):
        challenges.require(key, other, signing.sign(late.said))
    made_up = Asked(f"{NINE.timestamp() + 3600:.0f}.{'0' * 32}.{'0' * 64}", "GET", "/", b"")
    for name in (made_up.challenge, "", ".", "\u00e9.1", f"9{other.challenge}"):
        forged = Asked(name, "GET", "/custody/openings", b"")
        with pytest.raises(Denied, match="was used or has ended"):
            challenges.require(key, forged, signing.sign(forged.said))
    for _ in range(2000):
        challenges.fresh()
    challenges.require(key, other, signing.sign(other.said))


async def test_what_was_asked_for_and_nobody_answered_is_forgotten(town: Town) -> None:
    await town.record()
    await town.asked(town.wish())
    folder = town.folder / "data" / "openings"
    await town.openings.end()
    (asked,) = folder.iterdir()
    long_ago = asked.stat().st_mtime - 90_000
    os.utime(asked, (long_ago, long_ago))
    await town.openings.end()
    assert not any(folder.iterdir())


async def test_after_a_day_nothing_is_released_any_more(town: Town) -> None:
    await town.record()
    opening = await town.opening("police", "court")
    await town.release("police", opening)
    town.now += timedelta(hours=25)
    await town.openings.end()
    with pytest.raises(Wrong, match="ended at"):
        await town.release("court", opening)
    assert not any((town.folder / "data" / "openings").iterdir())


async def test_a_refusal_is_kept_to_be_counted(town: Town) -> None:
    await town.record()
    id = await town.asked(town.wish())
    await town.book.refuse(id, "not needed", town.own["court"].actor)
    query = Query(types=(OPENING,), q=parse('status=="refused"'))
    (kept,) = (await town.broker.find(query, ROOM, HOUSE)).entities
    assert kept.value("reason") == "not needed"


# --- a town that lies to a custodian


async def lied(town: Town, **more: object) -> tuple[custodian.Key, dict[str, Any]]:
    await town.record()
    opening = await town.opening("police", "court")
    key = town.keys["police"]
    told = await asyncio.to_thread(custodian.fetched, key, opening)
    custodian.release(key, told)  # as it is, it is released
    return key, {**told, **more}


async def test_a_custodian_releases_nothing_to_another_key_than_the_log_has(town: Town) -> None:
    other = custodian.keygen("other", town.folder / "other.key")
    key, told = await lied(town, key=other.line)
    with pytest.raises(Wrong, match="not in the signed log"):
        custodian.release(key, told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("camera", "gate"),
        ("until", "2030-06-01T10:00:00Z"),
        ("emergency", True),
        ("case", "2030-18"),
        ("purpose", "operations"),
    ],
)
async def test_nor_for_another_camera_time_or_reason(town: Town, name: str, value: object) -> None:
    key, told = await lied(town, **{name: value})
    with pytest.raises(Wrong):
        custodian.release(key, told)


async def test_nor_a_segment_that_the_log_does_not_have(town: Town) -> None:
    key, told = await lied(town)
    town.kept.record("square", NINE + 5 * TEN, CLIP)
    hour = hour_of(NINE)
    found = [(hour, town.kept.shelf.lines("square", hour)[-1])]
    out = HandingOut(town.openings.shelf, town.openings.unwrapping)
    (more,) = (await out.told("square", found, await town.openings.terms(), "police")).whole
    with pytest.raises(Wrong, match="not in the list that the log has"):
        custodian.release(key, {**told, "segments": [*told["segments"], more]})


async def test_nor_under_the_log_of_another_town(town: Town, tmp_path: Path) -> None:
    key, told = await lied(town)
    name, id, public = key.log.split("+", 2)
    other = key._replace(log=f"{name}+{id}+{public[:-6]}AAAAA=")
    with pytest.raises((Wrong, ValueError)):
        custodian.release(other, told)


async def test_a_false_share_names_the_custodian(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives out something else than the share that was recorded is named, and nothing opens."""
    await town.record()
    opening = await town.opening("police", "court")
    await town.release("police", opening)
    real = custodian.SUITE

    class Cheating:
        def decrypt(self, *given: Any) -> bytes:
            return real.decrypt(*given)

        def encrypt(self, _: bytes, *given: Any) -> bytes:
            return real.encrypt(bytes(32), *given)

    monkeypatch.setattr(custodian, "SUITE", Cheating())
    await town.release("court", opening)
    made = await asyncio.to_thread(
        unsealing.export, town.keys["asker"], opening, tmp_path / "export"
    )
    assert made.segments == 0
    assert "the custodian 'court' released a false share" in made.lost[0]


# --- an emergency


def standing_by(town: Town, name: str, opening: str) -> Awaitable[str]:
    return asyncio.to_thread(custodian.stand_by, town.keys[name], opening)


async def test_in_an_emergency_one_releases_by_hand_and_anothers_client_stands_by(
    town: Town, tmp_path: Path
) -> None:
    await town.record()
    opening = await town.opening("police", emergency=True)
    assert [one.id for one in await town.openings.waiting_for("court")] == [opening]
    await town.release("police", opening)
    assert "EMERGENCY" in await standing_by(town, "court", opening)
    made = await asyncio.to_thread(
        unsealing.export, town.keys["asker"], opening, tmp_path / "export"
    )
    assert made.segments == 3


async def test_clients_that_stand_by_open_nothing_among_themselves(town: Town) -> None:
    """Whatever the town says of who agreed."""
    await town.record()
    opening = await town.opening("police", emergency=True)
    for name in ("court", "data-protection"):
        with pytest.raises(Wrong, match="by hand"):
            await standing_by(town, name, opening)
    assert (await town.openings.of(opening)).released_by == ()


async def test_nor_do_they_take_a_release_of_something_else_or_of_somebody_else_for_one(
    town: Town,
) -> None:
    await town.record()
    opening = await town.opening("police", emergency=True)
    await town.release("police", opening)
    key = town.keys["court"]
    told = await asyncio.to_thread(custodian.fetched, key, opening)
    (by_hand,) = told["released"]
    custodian.require_by_hand(key, told)
    digest = next(iter(by_hand["sums"]))
    forged = Key("police", os.urandom(96), os.urandom(32))
    said = custodian.release_said(opening, by_hand)
    terms = {
        hash: {**each, "custodians": [{"organisation": "Police", "key": forged.line}]}
        for hash, each in told["terms"].items()
    }
    lie = {**by_hand, "signature": b64encode(forged.signer.sign(said)).decode()}
    own = {**by_hand, "custodian": "court"}
    own["signature"] = b64encode(key.signer.sign(custodian.release_said(opening, own))).decode()
    fewer = {**by_hand, "sums": {digest: by_hand["sums"][digest]}}
    one_only = custodian.release_said(opening, fewer)
    fewer["signature"] = b64encode(town.keys["police"].signer.sign(one_only)).decode()
    for lied in (
        {**told, "id": f"{opening}0"},
        {**told, "released": [{**by_hand, "custodian": "data-protection"}]},
        {**told, "released": [{**by_hand, "sums": {**by_hand["sums"], digest: "0" * 64}}]},
        {**told, "released": [fewer]},
        {**told, "segments": []},
        {**told, "released": [own]},
        {**told, "released": [lie]},
        {**told, "released": [lie], "terms": terms},
    ):
        with pytest.raises(Wrong, match="by hand"):
            custodian.require_by_hand(key, lied)


async def test_what_the_town_says_moves_no_cursor(town: Town) -> None:
    _, told = await lied(town)
    told["organisation"] = "Police\x1b[3A\x1b[2K\u202e\ncamera    another"
    rows = custodian.shown(told).splitlines()
    assert len(rows) == 8
    assert all(row.isprintable() for row in rows)


async def test_nobody_makes_an_emergency_of_what_was_agreed_to_without_one(town: Town) -> None:
    """The log says which it is, before anybody's client releases."""
    key, told = await lied(town)
    with pytest.raises(Wrong, match="not in the signed log"):
        custodian.release(key, {**told, "emergency": True})
