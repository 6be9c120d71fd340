"""A custodian who leaves hands on their shares, and two still open footage of before."""

import asyncio
from base64 import b64decode, b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from tests import footage
from tests.contract.sealed.opened import NINE, Town
from tests.contract.sealed.opened import town as town
from tests.footage import TEN
from townsquare.cli import custodian, unsealing
from townsquare.cli.custodian import Wrong
from townsquare.model.actor import Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, urn
from townsquare.trust.seal import handing, segment
from townsquare.trust.seal.terms import Custodian, Terms
from townsquare.vision.sealed.agreed import ROOM
from townsquare.vision.sealed.handing_on import AT_ONCE, HandingOn
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.types import TERMS

HOUR = hour_of(NINE)


async def replaced(town: Town, organisation: str = "Ombudsman", *, first: bool = False) -> None:
    """The court leaves; `ombud` follows, by terms that are in force, as the first or the last."""
    old = footage.terms(town.kept.of)
    key = custodian.keygen("ombud", town.folder / f"{organisation}.key")
    town.keys["ombud"] = key._replace(town=town.url, log=str(town.notary.log.key))
    follows = Custodian(organisation, key.line)
    named = (follows, *old.custodians[:2]) if first else (*old.custodians[:2], follows)
    new = Terms(named, old.keep_hours)
    over = entity(urn(TERMS, old.hash), TERMS, status=Attribute("replaced"))
    told = entity(
        urn(TERMS, new.hash),
        TERMS,
        hash=Attribute(new.hash),
        status=Attribute("in force"),
        since=Attribute(NINE.isoformat()),
        keepHours=Attribute(new.keep_hours),
        custodians=Attribute([structs.asdict(one) for one in new.custodians]),
    )
    await town.broker.apply(
        [Change("merge", over), Change("create", told)], ROOM, Why("operations")
    )
    town.own["ombud"] = await town.member("Ombud", organisation, "custodian")


async def hand_on(town: Town) -> str:
    return await asyncio.to_thread(custodian.hand_on, town.keys["court"], True)


@pytest.mark.parametrize("first", [False, True])
async def test_what_was_sealed_before_opens_with_who_follows(
    town: Town, tmp_path: Path, first: bool
) -> None:
    await town.record()
    await replaced(town, first=first)
    assert "handed on 3 shares" in await hand_on(town)
    opening = await town.opening("police", "ombud")
    await town.release("police", opening)
    await town.release("ombud", opening)
    made = await asyncio.to_thread(
        unsealing.export, town.keys["asker"], opening, tmp_path / "export"
    )
    assert (made.segments, made.lost) == (3, [])
    assert "handed on 0 shares" in await hand_on(town)


async def test_before_that_who_follows_has_no_share_and_who_left_may_release_none(
    town: Town,
) -> None:
    await town.record()
    await replaced(town)
    opening = await town.opening("police", "ombud")
    with pytest.raises(Wrong, match="no custodian when this was recorded"):
        await town.release("ombud", opening)
    with pytest.raises(Wrong, match="no custodian here"):
        await town.release("court", opening)
    await hand_on(town)
    with pytest.raises(Wrong, match="no custodian here"):
        await town.release("court", opening)


async def test_what_was_interrupted_goes_on(town: Town) -> None:
    await town.record(segments=5)
    await replaced(town)
    key = town.keys["court"]
    told = await asyncio.to_thread(custodian.ask, key, "/custody/hand-on/start")
    assert len(told["segments"]) == 5 <= AT_ONCE
    part = told["segments"][:2]
    taken = await asyncio.to_thread(custodian.handed, key, told["successor"], part)
    assert taken == 2
    assert "handed on 3 shares" in await hand_on(town)


async def test_a_portion_begins_behind_the_last_one(town: Town) -> None:
    """Also where names of cameras begin alike."""
    for camera in ("gate", "gate-2"):
        for n in range(2):
            town.kept.record(camera, NINE + n * TEN)
    await replaced(town)
    key, after, names = town.keys["court"], "start", list[str]()
    while True:
        told = await asyncio.to_thread(custodian.ask, key, f"/custody/hand-on/{after}")
        if not told["segments"]:
            break
        after = told["segments"][0]["name"]
        names.append(after)
    assert [name.split(":")[0] for name in names] == ["gate", "gate", "gate-2", "gate-2"]


async def test_held_footage_is_handed_on_under_its_hold(town: Town) -> None:
    await town.record(segments=1)
    keys, shelf = town.kept.keys, town.kept.shelf
    (line,) = shelf.lines("square", HOUR)
    found = shelf.segment("square", HOUR, line.file)
    shares = town.kept.unwrapping.sealed_shares("square", HOUR, line)
    hold = "hold-" + "a" * 16
    held = segment.enveloped(found, shares, keys.public(hold)).envelope
    shelf.hold("square", HOUR, line.file, hold, held)
    await replaced(town)
    await hand_on(town)
    keys.destroy(HOUR)  # its time is over, and the hold is left
    left = town.kept.unwrapping.sealed_shares("square", HOUR, line)
    assert [handing.told(one)[0] for one in left] == ["", "", "ombud"]
    keys.destroy(hold)
    with pytest.raises(Exception, match="was destroyed"):
        town.kept.unwrapping.sealed_shares("square", HOUR, line)


async def test_nobody_follows_whom_the_terms_do_not_name(town: Town) -> None:
    await town.record()
    with pytest.raises(Wrong, match="no custodian who left"):
        await hand_on(town)
    await replaced(town)
    stranger = custodian.keygen("ombud", town.folder / "stranger.key").line
    key = town.keys["court"]
    told = await asyncio.to_thread(custodian.ask, key, "/custody/hand-on/start")
    with pytest.raises(Wrong, match="does not follow by the terms"):
        await asyncio.to_thread(custodian.handed, key, stranger, told["segments"])
    with pytest.raises(Wrong, match="no custodian who left"):
        await asyncio.to_thread(custodian.hand_on, town.keys["police"], True)


async def test_nobody_follows_whose_organisation_holds_another_share(town: Town) -> None:
    await town.record()
    await replaced(town, organisation="Police")
    with pytest.raises(Wrong, match="holds another share"):
        await hand_on(town)


async def test_a_false_share_that_was_handed_on_is_found(town: Town) -> None:
    await town.record(segments=1)
    await replaced(town)
    key = town.keys["court"]
    told = await asyncio.to_thread(custodian.ask, key, "/custody/hand-on/start")
    (each,) = told["segments"]
    to = custodian.sealing_key(told["successor"])
    info = custodian.handed_info(b64decode(each["header"]), "ombud")
    false = b64encode(custodian.SUITE.encrypt(bytes(32), to, info)).decode()
    unsigned = handing.Handed("court", told["successor"], {each["name"]: false}, "")
    signed = b64encode(key.signer.sign(handing.said(unsigned))).decode()
    of = town.kept.of[2]
    assert of.name == "court"
    taken = await HandingOn(town.openings).take(structs.replace(unsigned, signature=signed), of.key)
    assert taken == 1
    town.now += timedelta(minutes=1)
    opening = await town.opening("police", "ombud")
    with pytest.raises(Wrong, match="was handed on to you"):
        await town.release("ombud", opening)
