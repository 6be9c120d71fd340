"""Attempts on footage that is to be opened: cases A02, A03, A18 and A19 of tests/abuse.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.abuse import Attempts
from tests.contract.sealed.opened import Town
from townsquare import app
from townsquare.cli import custodian, unsealing
from townsquare.cli.custodian import Wrong
from townsquare.model.errors import Denied
from townsquare.trust import approvals
from townsquare.trust.policy import Grant
from townsquare.trust.seal import sharing
from townsquare.vision.sealed import opening, openings
from townsquare.vision.sealed.challenge import Challenges

ATTEMPTS: Attempts = Attempts()
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def recorded(scene: Any) -> AsyncIterator[Town]:
    town = await Town(scene.open_broker(*app.TYPES), scene.folder).open()
    await town.notary.open()
    async with town.serving():
        await town.record(1)
        yield town


# --- A02, A03: who opens


def everybody_may(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("townsquare.context.grants.decide", lambda *_: Grant(True))


@ATTEMPTS.of("A02", "an operator asks for footage", everybody_may)
async def an_operator_asks(scene: Any) -> None:
    async with recorded(scene) as town:
        eve = await town.member("Evan", "Public order", "operator")
        with pytest.raises(Denied):
            await town.asked(town.wish(), eve)


def one_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(opening, "QUORUM", 1)
    patch.setattr(unsealing, "QUORUM", 1)
    patch.setattr(sharing, "QUORUM", 1)


@ATTEMPTS.of("A02", "one custodian's release opens it", one_is_enough)
async def one_custodian_releases(scene: Any) -> None:
    async with recorded(scene) as town:
        id = await town.opening("police", "court")
        await town.release("police", id)
        with pytest.raises(Denied, match="1 of 2"):
            await asyncio.to_thread(
                unsealing.export, town.keys["asker"], id, scene.folder / "export"
            )


def any_signature(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Challenges, "require", lambda *_: None)


@ATTEMPTS.of("A03", "a vendor fetches it with a key of their own", any_signature)
async def a_vendor_fetches(scene: Any) -> None:
    async with recorded(scene) as town:
        id = await town.opening("police", "court")
        key = custodian.keygen("vendor", scene.folder / "vendor.key")
        vendor = key._replace(town=town.url, log=town.keys["police"].log)
        with pytest.raises(Wrong, match="not of this key"):
            await asyncio.to_thread(custodian.ask, vendor, f"/custody/openings/{id}/footage")


# --- A18, A19: approvals


def any_organisation_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals, "_among", lambda *_, **__: [])
    patch.setattr(opening, "agreeing", lambda *_: ["police", "court"])


@ATTEMPTS.of("A18", "two accounts of one custodian's organisation agree", any_organisation_counts)
async def two_accounts_of_one_agree(scene: Any) -> None:
    async with recorded(scene) as town:
        town.own["second"] = await town.member("Second", "Police", "custodian")
        id = await town.asked(town.wish())
        await town.agreed(id, "police")
        with pytest.raises(Denied, match="approved twice"):
            await town.agreed(id, "second")


def what_is_kept_is_believed(patch: pytest.MonkeyPatch) -> None:
    async def believed(self: openings.Openings, approval: Any) -> Any:
        raw = self._asked(approval.id).read_bytes()
        return msgspec.json.decode(raw, type=opening.Wish)

    patch.setattr(openings.Openings, "_wish", believed)
    patch.setattr(approvals, "same", lambda *_: True)


@ATTEMPTS.of("A19", "the window is widened between the signatures", what_is_kept_is_believed)
async def the_window_is_widened(scene: Any) -> None:
    async with recorded(scene) as town:
        wish = town.wish()
        id = await town.asked(wish)
        await town.agreed(id, "police")
        wider = structs.replace(wish, until=wish.until + timedelta(minutes=50))
        town.openings._asked(id).write_bytes(msgspec.json.encode(wider))
        with pytest.raises(Denied, match="not what was signed"):
            await town.agreed(id, "court")


def the_log_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(custodian, "require_opening", lambda *_: None)


@ATTEMPTS.of("A19", "a custodian's client is shown another key", the_log_is_not_compared)
async def another_key_is_put_in(scene: Any) -> None:
    async with recorded(scene) as town:
        id = await town.opening("police", "court")
        key = town.keys["police"]
        told = await asyncio.to_thread(custodian.fetched, key, id)
        other = custodian.keygen("other", scene.folder / "other.key")
        with pytest.raises(Wrong, match="not in the signed log"):
            custodian.release(key, {**told, "key": other.line})
