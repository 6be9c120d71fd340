"""Drills of custodians: their clients answer, and the record says what was seen."""

import asyncio
import os
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.contract.sealed.opened import Town
from tests.contract.sealed.opened import town as town
from townsquare.cli import custodian
from townsquare.cli.custodian import Key, Wrong
from townsquare.model.actor import ANYONE, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.trust.seal import drill, rehearsal, segment
from townsquare.trust.seal.keys import custodian_key
from townsquare.vision.sealed.drill_record import Step
from townsquare.vision.sealed.drills import STATE_ID, YEAR
from townsquare.vision.sealed.openings import ROOM

NAMES = ("police", "data-protection", "court")


def answered(town: Town, name: str, **other: Any) -> Any:
    return asyncio.to_thread(custodian.answer, town.keys[name]._replace(**other))


async def begun(town: Town) -> Entity:
    return await town.drills.start(town.own["police"].actor)


def answers(found: Entity) -> dict[str, str]:
    return {one["name"]: one["answer"] for one in found.value("custodians")}


async def test_all_three_answer_and_each_two_open_it(town: Town) -> None:
    await town.record()
    made = await begun(town)
    assert answers(made) == dict.fromkeys(NAMES, "missing")
    assert made.value("shelf") == [{"camera": "square", "state": "whole"}]
    for name in NAMES:
        assert "answered drill" in await answered(town, name)
        assert "No drill waits" in await answered(town, name)
    ended = await town.drills.of(made.id)
    assert (ended.value("status"), ended.value("result")) == ("ended", "passed")
    assert answers(ended) == dict.fromkeys(NAMES, "opened")
    assert len(ended.value("pairs")) == 3
    assert not any((town.folder / "data" / "drills").iterdir())


async def test_one_key_that_is_lost_leaves_one_pair_and_is_named(town: Town) -> None:
    made = await begun(town)
    await answered(town, "police")
    await answered(town, "court")
    with pytest.raises(Wrong, match="another key"):
        await answered(town, "data-protection", sealing=os.urandom(96))
    ended = await town.drills.end(made.id, town.own["police"].actor)
    assert ended.value("result") == "partly"
    assert answers(ended) == {"police": "opened", "court": "opened", "data-protection": "missing"}
    assert ended.value("pairs") == [["police", "court"]]


async def test_one_custodian_opens_nothing(town: Town) -> None:
    made = await begun(town)
    await answered(town, "police")
    now = await town.drills.of(made.id)
    assert now.value("pairs") == []
    town.now += timedelta(days=15)
    await town.drills.step()
    ended = await town.drills.of(made.id)
    assert ended.value("result") == "failed"
    with pytest.raises(Conflict, match="has ended"):
        await town.drills.end(made.id, town.own["police"].actor)


async def test_a_false_answer_is_told_from_a_missing_one(town: Town) -> None:
    made = await begun(town)
    told = await town.drills.told("police")
    assert isinstance(told, dict)
    name = str(told["drill"])
    to = custodian_key(str(told["key"])).sealing
    sealed = to.seal(bytes(32), drill.answer_info(name, "police"))
    unsigned = drill.Answer(name, "police", b64encode(sealed).decode(), "")
    key = town.keys["police"]
    signed = b64encode(key.signer.sign(drill.said(unsigned))).decode()
    of = next(one for one in town.kept.of if one.name == "police")
    with pytest.raises(Invalid, match="not signed"):
        await town.drills.answer(unsigned, of.key)
    await town.drills.answer(structs.replace(unsigned, signature=signed), of.key)
    assert answers(await town.drills.of(made.id))["police"] == "false"
    with pytest.raises(Conflict, match="answered already"):
        await town.drills.answer(structs.replace(unsigned, signature=signed), of.key)
    with pytest.raises(NotFound):
        await town.drills.answer(structs.replace(unsigned, drill="0" * 32), of.key)


async def test_no_share_of_footage_passes_for_one_of_a_drill(town: Town) -> None:
    """A town that would have a custodian open a share of footage in the name of a drill."""
    found = town.kept.made("square", town.now, b"a street")
    shares = segment.shares_of(found, town.kept.keys.opening(found.header.hour))
    asked = {
        "drill": "0" * 32,
        "share": b64encode(shares[0]).decode(),
        "commitment": found.header.commitments[0],
        "index": 1,
        "key": town.keys["asker"].line,
    }

    def lying(key: Key, path: str, body: bytes | None = None) -> Any:
        return asked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custodian, "ask", lying)
        with pytest.raises(Wrong, match="another key"):
            custodian.answer(town.keys["police"])


async def test_one_drill_at_a_time_and_not_by_just_anybody(town: Town) -> None:
    await begun(town)
    with pytest.raises(Conflict, match="runs already"):
        await begun(town)
    operator = await town.member("Olga", "City", "operator")
    with pytest.raises(Denied):
        await town.drills.start(operator.actor)
    with pytest.raises(Denied):
        await town.drills.rehearsed("lost", [Step("told", "yes")], operator.actor)


@pytest.mark.parametrize("kind", ["change", "lost", "stolen"])
async def test_what_was_walked_through_is_recorded(town: Town, kind: str) -> None:
    by = town.own["police"].actor
    done = [Step("the others were told", "yes"), Step("a new key was made", "skipped", "no time")]
    made = await town.drills.rehearsed(kind, done, by)
    assert made.value("result") == "partly"
    tried = sum(len(tell()) for name, tell in rehearsal.REHEARSALS.items() if name == kind)
    assert [one["done"] for one in made.value("steps")] == ["yes"] * (tried + 1) + ["skipped"]
    failed = await town.drills.rehearsed(kind, [Step("a new key was made", "no")], by)
    assert failed.value("result") == "failed"
    for wrong in ([], [Step("x", "yes")] * 31):
        with pytest.raises(Invalid, match="1 to 30 steps"):
            await town.drills.rehearsed(kind, wrong, by)
    with pytest.raises(Invalid, match="change, lost or stolen"):
        await town.drills.rehearsed("other", done, by)


async def test_after_a_year_it_is_overdue_until_one_opened_something(town: Town) -> None:
    async def overdue() -> int:
        await town.drills.step()
        state = await town.broker.read(STATE_ID, ROOM, Why("operations"))
        return int(state.value("drillOverdue"))

    assert await overdue() == 0
    town.now += YEAR + timedelta(days=1)
    assert await overdue() == 1
    made = await begun(town)
    await town.drills.end(made.id, town.own["police"].actor)  # nobody answered
    assert await overdue() == 1
    await begun(town)
    for name in NAMES:
        await answered(town, name)
    assert await overdue() == 0


async def test_everyone_may_know_that_there_was_one_and_not_who_took_part(town: Town) -> None:
    made = await begun(town)
    seen = await town.broker.read(made.id, ANYONE, Why("public information"))
    assert {"kind", "status", "startedAt"} <= set(seen.attributes)
    assert not {"custodians", "startedBy", "shelf"} & set(seen.attributes)
