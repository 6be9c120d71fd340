"""Attempts on sealed footage: abuse cases A07, A08 and A17 of tests/abuse.py."""

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import footage
from tests.abuse import Attempts
from tests.contract.sealed.vault import Vault
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.trust import approvals
from townsquare.trust.seal import segment, sharing, terms
from townsquare.vision.sealed import holds, retention
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.web.timekeeper import Timekeeper

ATTEMPTS: Attempts = Attempts()
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ALL = ("police", "data-protection", "court")


async def opened(scene: Any) -> Vault:
    return await Vault(scene.city(), data=Path(scene.folder) / "data").open()


def longest(hours: int) -> Mapping[str, Any]:
    return {"keep_hours": hours, "reason": "just so", "until": date(2099, 1, 1)}


# --- A07: retention is extended silently


def longer_is_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(terms, "wider", lambda *_: [])


@ATTEMPTS.of("A07", "settings that keep longer wait for two approvers", longer_is_nothing)
async def the_settings_say_a_month(scene: Any) -> None:
    vault = await opened(scene)
    await vault.open(footage.terms(vault.of, **longest(720)))
    (line,) = await vault.record("market")
    await vault.later(73)
    with pytest.raises(NotFound):
        vault.town.opened("market", line, ALL)


def the_ceiling_is_far(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retention, "CEILING_HOURS", 1_000_000)


@ATTEMPTS.of("A07", "nothing is kept beyond 30 days, whatever was written", the_ceiling_is_far)
async def the_database_says_a_year(scene: Any) -> None:
    vault = await opened(scene)
    vault.agreed.now = footage.terms(vault.of, **longest(8760))
    (line,) = await vault.record("market")
    await vault.later(721)
    with pytest.raises(NotFound):
        vault.town.opened("market", line, ALL)


def the_machine_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Timekeeper, "passed", lambda self: self._wall())


@ATTEMPTS.of("A07", "a clock that is set back keeps nothing", the_machine_is_believed)
async def the_clock_stands_still(scene: Any) -> None:
    vault = await opened(scene)
    (line,) = await vault.record("market")
    ticks = [0.0]
    keeper = Timekeeper(lambda: NOON, lambda: ticks[0])
    await keeper.step(vault.broker)
    vault.retention.passed = keeper.passed
    for hour in range(1, 74):
        ticks[0] = 3600.0 * hour
        await keeper.step(vault.broker)
    await vault.retention.step()
    with pytest.raises(NotFound):
        vault.town.opened("market", line, ALL)


# --- A08: a legal hold is used as mass retention


def much_is_little(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds.Holds, "_many", lambda *_: False)


@ATTEMPTS.of("A08", "a hold on more than an hour takes three custodians", much_is_little)
async def one_custodian_agrees_to_all(scene: Any) -> None:
    vault = await opened(scene)
    who = await vault.staff()
    lines = await vault.record("market", 400, NOON - timedelta(hours=2))
    wish = vault.wish(NOON - timedelta(hours=2), minutes=120)
    _, approval = await vault.holds.ask(wish, who["prosecutor"].actor)
    await vault.agree(approval, who["court"])
    await vault.later(73)
    with pytest.raises(NotFound):
        vault.town.opened("market", lines[0], ALL)


def for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "LONGEST", timedelta(days=36_500))


@ATTEMPTS.of("A08", "none lasts longer than a year", for_ever)
async def a_hold_without_end(scene: Any) -> None:
    vault = await opened(scene)
    who = await vault.staff()
    await vault.record("market")
    with pytest.raises(Invalid, match="within a year"):
        await vault.holds.ask(
            vault.wish(NOON, until=NOON + timedelta(days=9000)), who["prosecutor"].actor
        )


def every_signature_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals, "_of_signature", lambda *_: [])


@ATTEMPTS.of("A08", "nobody agrees to a hold of their own organisation", every_signature_counts)
async def the_police_agree_with_themselves(scene: Any) -> None:
    vault = await opened(scene)
    who = await vault.staff()
    await vault.record("market")
    detective = await vault.member("Dana", "Police", "investigator")
    _, approval = await vault.holds.ask(vault.wish(NOON), detective.actor)
    with pytest.raises(Denied, match="another organisation"):
        await vault.agree(approval, who["police"])


# --- A17: a custodian is coerced or a key stolen


def each_has_it_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(segment, "split", lambda key: (key, key, key))
    patch.setattr(sharing, "combine", lambda shares, _: next(iter(shares.values())))


@ATTEMPTS.of("A17", "one stolen key opens nothing", each_has_it_all)
async def a_key_is_stolen(scene: Any) -> None:
    vault = await opened(scene)
    (line,) = await vault.record("market")
    for name in ALL:
        with pytest.raises(Invalid, match="of 2 shares"):
            vault.town.opened("market", line, (name,))


def keys_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HourKeys, "destroy", lambda *_: None)


@ATTEMPTS.of("A17", "nor do all three, of a copy, once the hour has ended", keys_stay)
async def all_keys_are_stolen_too_late(scene: Any) -> None:
    vault = await opened(scene)
    (line,) = await vault.record("market")
    copied = Path(scene.folder) / "copied"
    shutil.copytree(vault.shelf.folder, copied)
    await vault.later(73)
    shutil.copytree(copied, vault.shelf.folder, dirs_exist_ok=True)
    with pytest.raises(NotFound):
        vault.town.opened("market", line, ALL)
