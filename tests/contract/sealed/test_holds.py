"""Legal holds: by either party, agreed to by others, outliving the hour, ended with their key."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import OpenBroker
from tests.contract.sealed.vault import Vault
from tests.footage import TEN
from townsquare import app
from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.vision.sealed import holds as holding
from townsquare.vision.sealed.types import FOOTAGE, HOLD, HOLD_HIDES

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ALL = ("police", "data-protection", "court")


@pytest.fixture
async def vault(open_broker: OpenBroker, tmp_path: Path) -> Vault:
    return await Vault(open_broker(*app.TYPES), data=tmp_path / "data").open()


@pytest.mark.parametrize("party", ["prosecutor", "defender"])
async def test_what_either_party_holds_opens_after_the_rest_is_gone(
    vault: Vault, party: str
) -> None:
    who = await vault.staff()
    lines = await vault.record("market", 12)
    await vault.held(NOON, who[party].actor, who["court"])
    assert (await vault.hour("market", NOON)).value("held") == 1
    await vault.later(73)
    assert vault.town.opened("market", lines[0]) == b"clip 0"
    with pytest.raises(NotFound):
        vault.town.opened("market", lines[11], ALL)
    hour = await vault.hour("market", NOON)
    assert (hour.value("status"), hour.value("held")) == ("destroyed", 1)


async def test_it_ends_with_its_time_and_then_nobody_opens_it(vault: Vault) -> None:
    who = await vault.staff()
    lines = await vault.record("market", 12)
    id = await vault.held(NOON, who["defender"].actor, who["court"])
    await vault.later(73)
    await vault.later(24 * 100 - 72)
    with pytest.raises(NotFound, match="destroyed"):
        vault.town.opened("market", lines[0], ALL)
    hold = (await vault.entities())[0]
    assert (hold.id, hold.value("status")) == (id, "ended")
    assert vault.shelf.hours("market") == []
    assert (await vault.hour("market", NOON)).value("held") == 0


async def test_who_asked_ends_it_early_and_nobody_else(vault: Vault) -> None:
    who = await vault.staff()
    await vault.record("market", 12)
    id = await vault.held(NOON, who["defender"].actor, who["court"])
    with pytest.raises(Denied, match="who asked"):
        await vault.holds.end(id, who["prosecutor"].actor)
    await vault.holds.end(id, who["defender"].actor)
    assert not vault.keys.has(holding.name_of(id))
    with pytest.raises(Conflict, match="ended"):
        await vault.holds.end(id, who["defender"].actor)


async def test_nothing_is_held_before_a_custodian_of_another_organisation_agreed(
    vault: Vault,
) -> None:
    who = await vault.staff()
    lines = await vault.record("market", 12)
    own = await vault.member("Carla", "Chambers", "custodian")
    id, approval = await vault.holds.ask(vault.wish(NOON), who["defender"].actor)
    with pytest.raises(Denied, match="somebody of another organisation"):
        await vault.agree(approval, own)
    with pytest.raises(Denied, match="approved by custodian"):
        await vault.agree(approval, who["mayor"])
    assert not vault.keys.has(holding.name_of(id))
    await vault.later(73)
    with pytest.raises(NotFound):
        vault.town.opened("market", lines[0], ALL)
    assert (await vault.entities())[0].value("status") == "refused"


async def test_nobody_else_asks_and_nobody_without_a_case(vault: Vault) -> None:
    who = await vault.staff()
    await vault.record("market", 12)
    strangers = [who["mayor"].actor, who["security"].actor, ANYONE]
    vendor = Actor("machine:v", "machine", "Vendor", frozenset({"integrator", "operator"}))
    for by in (*strangers, vendor):
        with pytest.raises(Denied):
            await vault.holds.ask(vault.wish(NOON), by)
    for case in ("", "  "):
        with pytest.raises(Denied, match="number of its case"):
            await vault.holds.ask(vault.wish(NOON, case=case), who["defender"].actor)
    assert await vault.entities() == []


async def test_a_hold_on_much_takes_three_custodians(vault: Vault) -> None:
    who = await vault.staff()
    at = NOON - timedelta(hours=2)
    await vault.record("market", 400, at)
    wish = vault.wish(at, minutes=66)
    _, approval = await vault.holds.ask(wish, who["prosecutor"].actor)
    assert (await vault.book.of(approval)).needed == 3
    for name in ("police", "privacy"):
        await vault.agree(approval, who[name])
        assert (await vault.entities())[0].value("status") == "asked"
    await vault.agree(approval, who["court"])
    hold = (await vault.entities())[0]
    assert (hold.value("status"), hold.value("segmentCount")) == ("running", 396)


async def test_an_hour_at_the_most_takes_one(vault: Vault) -> None:
    who = await vault.staff()
    at = NOON - timedelta(hours=2)
    await vault.record("market", 400, at)
    _, approval = await vault.holds.ask(vault.wish(at, minutes=60), who["prosecutor"].actor)
    assert (await vault.book.of(approval)).needed == 1


async def test_an_organisation_has_twenty_at_most(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "MOST_RUNNING", 2)
    who = await vault.staff()
    await vault.record("market", 12)
    await vault.held(NOON, who["defender"].actor, who["court"])
    await vault.holds.ask(vault.wish(NOON), who["defender"].actor)
    with pytest.raises(Conflict, match="2 holds of Chambers"):
        await vault.holds.ask(vault.wish(NOON), who["defender"].actor)
    await vault.holds.ask(vault.wish(NOON), who["prosecutor"].actor)


async def test_it_is_of_a_time_and_for_a_year_at_most(vault: Vault) -> None:
    who = (await vault.staff())["defender"].actor
    await vault.record("market", 12)
    for wrong in (
        vault.wish(NOON, minutes=-1),
        vault.wish(NOON, until=NOON + timedelta(days=367)),
        vault.wish(NOON, until=NOON),
        vault.wish(NOON, until=NOON.replace(tzinfo=None, year=2031, month=1)),
    ):
        with pytest.raises(Invalid):
            await vault.holds.ask(wrong, who)
    for nothing in (vault.wish(NOON, camera="other"), vault.wish(NOON - 600 * TEN)):
        with pytest.raises(NotFound):
            await vault.holds.ask(nothing, who)


async def test_two_holds_on_one_segment_end_apart(vault: Vault) -> None:
    who = await vault.staff()
    (line,) = await vault.record("market")
    first = await vault.held(NOON, who["defender"].actor, who["court"])
    await vault.held(NOON, who["prosecutor"].actor, who["court"])
    await vault.later(73)
    assert (await vault.hour("market", NOON)).value("held") == 2
    await vault.holds.end(first, who["defender"].actor)
    assert vault.town.opened("market", line) == b"clip 0"


async def test_a_hold_can_be_renewed_from_a_hold(vault: Vault) -> None:
    who = await vault.staff()
    (line,) = await vault.record("market")
    first = await vault.held(NOON, who["defender"].actor, who["court"])
    await vault.later(73)
    await vault.held(NOON, who["defender"].actor, who["court"])
    await vault.holds.end(first, who["defender"].actor)
    assert vault.town.opened("market", line) == b"clip 0"


async def test_everyone_counts_holds_and_nobody_reads_whose_they_are(vault: Vault) -> None:
    who = await vault.staff()
    await vault.record("market", 12)
    id = await vault.held(NOON, who["defender"].actor, who["court"])
    seen = await vault.broker.read(id, ANYONE, Why("public information"))
    assert seen.value("status") == "running"
    assert (seen.value("party"), seen.value("minutes")) == ("defence", 1)
    assert not set(HOLD_HIDES) & set(seen.attributes)
    for type in (HOLD, FOOTAGE):
        found = vault.broker.grant(
            who["defender"].actor, Why("investigation", "12 Js"), "read", type
        )
        assert not found.allowed or found.attributes is not None
