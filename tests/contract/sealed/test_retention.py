"""Footage ends in time: whatever the clock, the settings, a backup or a hold on all say."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests import footage
from tests.conftest import OpenBroker
from tests.contract.sealed.vault import Vault
from townsquare import app
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.store.logged import LogSearch
from townsquare.trust.seal import terms
from townsquare.vision.sealed.agreed import id_of
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.types import FOOTAGE, TERMS
from townsquare.web.timekeeper import Timekeeper

ALL = ("police", "data-protection", "court")
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def vault(open_broker: OpenBroker, store_url: str, tmp_path: Path) -> Vault:
    return await Vault(open_broker(*app.TYPES, url=store_url), data=tmp_path / "data").open()


async def test_73_hours_later_not_even_three_custodians_open_anything(vault: Vault) -> None:
    (line,) = await vault.record("market")
    await vault.later(72.9)
    assert vault.town.opened("market", line) == b"clip 0"
    await vault.later(0.1)
    with pytest.raises(NotFound, match="was destroyed"):
        vault.town.opened("market", line, ALL)
    assert vault.shelf.hours("market") == []
    assert vault.keys.hours() == []


async def test_the_end_is_an_entry_of_the_log_with_the_key_and_why(vault: Vault) -> None:
    await vault.record("market", 3)
    before = await vault.hour("market", NOON)
    key = vault.keys.public("2030-06-01T12").thumbprint
    await vault.later(73)
    after = await vault.hour("market", NOON)
    assert (before.value("status"), after.value("status")) == ("recording", "destroyed")
    assert after.value("keyThumbprint") == key
    assert after.value("destroyedAt") == "2030-06-04T13:00:00Z"
    assert after.value("reason") == "its time is over"
    assert after.value("listRoot") == before.value("listRoot")
    entries = await vault.broker.store.log_found(LogSearch(subject=after.id))
    assert len(entries) == 2


async def test_a_clock_that_is_set_back_keeps_nothing(vault: Vault) -> None:
    (line,) = await vault.record("market")
    wall, ticks = [NOON], [0.0]
    keeper = Timekeeper(lambda: wall[0], lambda: ticks[0])
    await keeper.step(vault.broker)
    vault.retention.passed = keeper.passed
    for hour in range(1, 74):  # the machine is told that it is noon, again and again
        ticks[0] = 3600.0 * hour
        wall[0] = NOON
        await keeper.step(vault.broker)
    assert keeper.trouble
    await vault.retention.step()
    with pytest.raises(NotFound, match="was destroyed"):
        vault.town.opened("market", line, ALL)


async def test_a_clock_that_jumped_ahead_ends_nothing_early(vault: Vault) -> None:
    (line,) = await vault.record("market")
    wall, ticks = [NOON], [0.0]
    keeper = Timekeeper(lambda: wall[0], lambda: ticks[0])
    await keeper.step(vault.broker)
    vault.retention.passed = keeper.passed
    wall[0] += timedelta(days=30)
    await keeper.step(vault.broker)
    await vault.retention.step()
    assert vault.town.opened("market", line) == b"clip 0"


async def test_terms_that_keep_longer_wait_for_two_and_keep_nothing_older(vault: Vault) -> None:
    who = await vault.staff()
    (line,) = await vault.record("market")
    longer = footage.terms(vault.of, 200, reason="a trial", until=date(2030, 12, 31))
    await vault.open(longer)
    assert vault.agreed.now == footage.terms(vault.of)
    changes = await vault.agreed.changes()
    assert changes == ["footage is kept for 200 hours instead of 72: a trial"]
    asked = await vault.book.ask(
        "recordingTerms", id_of(longer), {"changes": changes}, who["prosecutor"].actor
    )
    await vault.agree(asked, who["mayor"])
    assert vault.agreed.now != longer
    await vault.agree(asked, who["security"])
    assert (vault.agreed.now, vault.renewed) == (longer, 1)
    statuses = {one.value("status") for one in await vault.entities(TERMS)}
    assert statuses == {"in force", "replaced"}
    await vault.later(73)
    with pytest.raises(NotFound, match="was destroyed"):
        vault.town.opened("market", line, ALL)


async def test_terms_that_nobody_approved_are_not_adopted(vault: Vault) -> None:
    longer = footage.terms(vault.of, 200, reason="a trial", until=date(2030, 12, 31))
    await vault.open(longer)

    async def nobody(*_: object) -> list[str]:
        return ["nobody has asked for its approval"]

    with pytest.raises(Denied, match="nobody has asked"):
        await vault.agreed.adopt(id_of(longer), nobody)


async def test_narrower_terms_hold_at_once_and_for_what_there_is(vault: Vault) -> None:
    (line,) = await vault.record("market")
    shorter = footage.terms(vault.of, 24)
    await vault.open(shorter)
    assert vault.agreed.now == shorter
    await vault.later(25)
    with pytest.raises(NotFound, match="was destroyed"):
        vault.town.opened("market", line, ALL)


async def test_another_custodian_takes_approval(vault: Vault) -> None:
    others = [*vault.of[:2], footage.Custodian("court")]
    await vault.open(footage.terms(others))
    assert vault.agreed.now == footage.terms(vault.of)
    (change,) = await vault.agreed.changes()
    assert "becomes custodian instead of court" in change


async def test_nothing_is_kept_beyond_30_days_whatever_is_written(vault: Vault) -> None:
    with pytest.raises(Invalid, match="which is 30 days"):
        terms.require(footage.terms(vault.of, 721, reason="x", until=date(2031, 1, 1)))
    forged = footage.terms(vault.of, 9000, reason="x", until=date(2032, 1, 1))
    vault.agreed.now = forged  # as somebody would who writes into the database
    (line,) = await vault.record("market")
    await vault.later(721)
    with pytest.raises(NotFound, match="was destroyed"):
        vault.town.opened("market", line, ALL)


async def test_an_hour_whose_key_is_gone_is_told_after_a_power_cut(vault: Vault) -> None:
    await vault.record("market")
    vault.now += timedelta(hours=73)
    vault.keys.destroy("2030-06-01T12")  # and then the power went
    await vault.retention.step()
    assert (await vault.hour("market", NOON)).value("status") == "destroyed"
    assert vault.shelf.hours("market") == []


async def test_what_was_proposed_and_taken_back_waits_no_more(vault: Vault) -> None:
    longer = footage.terms(vault.of, 200, reason="a trial", until=date(2030, 12, 31))
    await vault.open(longer)
    await vault.open()
    statuses = sorted(one.value("status") for one in await vault.entities(TERMS))
    assert statuses == ["in force", "replaced"]
    with pytest.raises(Conflict, match="in force already"):
        await vault.agreed.changes()


async def test_a_clock_that_jumped_fills_the_log_with_three_days_at_most(vault: Vault) -> None:
    await vault.record("market")
    await vault.books.seal(NOON + timedelta(days=60))
    assert 72 <= len(await vault.entities(FOOTAGE)) <= 75


async def test_hours_in_which_the_town_did_not_run_are_told(vault: Vault) -> None:
    await vault.record("market")
    vault.now += timedelta(hours=3)
    await vault.open()
    await vault.books.open(["market"])
    hour = await vault.hour("market", NOON + timedelta(hours=1))
    assert (hour.value("status"), hour.value("segmentCount")) == ("sealed", 0)
    assert [gap["why"] for gap in hour.value("gaps")] == ["off"]
    first = await vault.hour("market", NOON)
    assert (first.value("status"), first.value("segmentCount")) == ("sealed", 1)


async def test_what_ended_long_ago_is_only_in_the_log_unless_it_is_held(vault: Vault) -> None:
    people = await vault.staff()
    await vault.record("market", since=vault.now - timedelta(hours=4))
    (held,) = await vault.record("market", since=vault.now - timedelta(hours=2))
    await vault.held(held.since, people["defender"].actor, people["police"])
    await vault.later(80)
    assert {one.value("status") for one in await vault.entities(FOOTAGE)} == {"destroyed"}
    number = len(await vault.entities(FOOTAGE))
    await vault.later(24 * 91)
    (left,) = await vault.entities(FOOTAGE)
    assert left.value("held") == 1
    assert left.id.endswith(hour_of(held.since))
    assert number > 1
    await vault.later(24 * 20)  # the hold has ended
    await vault.later(1)
    assert await vault.entities(FOOTAGE) == []
