"""Attempts on the log: abuse cases A05, A06 and A21 of tests/abuse.py."""

import hashlib
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import notary as made
from tests.abuse import Attempts
from tests.contract.test_ledger import OFFICER, OPERATOR, WHY
from tests.contract.test_log import deletes, edits_and_commits_anew, noted, signed
from tests.contract.test_verifier import KEY, Kept
from tests.contract.test_witness import FORKED, SIGNER, request
from townsquare import app
from townsquare.cli import verifier
from townsquare.cli.verifier import Wrong
from townsquare.cli.witness import Refused, Witness
from townsquare.context.broker import Broker
from townsquare.context.ledger import LogSearch
from townsquare.context.query import Query
from townsquare.model.errors import Denied
from townsquare.store import tables
from townsquare.trust import audit, log
from townsquare.trust.policy import Grant
from townsquare.web.outdated import Outdated

ATTEMPTS: Attempts = Attempts()
FLOWS = Query(types=("CrowdFlowObserved",))
WITNESS = sys.modules[Witness.__module__]


async def tampered(scene: Any, tamper: Callable[[sqlite3.Connection], None]) -> Broker:
    """A town whose database somebody had in their hands, started again."""
    broker: Broker = scene.open_broker(*app.TYPES, url="sqlite:town.db")
    await signed(broker, scene.folder)
    with sqlite3.connect(scene.folder / "town.db") as db:
        tamper(db)
    keeper = made.notary(broker, scene.folder)
    await keeper.open()
    return broker


async def nothing_compared(*_: object) -> None:
    pass


def entries_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(log.Log, "_compare", nothing_compared)


@ATTEMPTS.of("A05", "an entry is edited, with its commitment", entries_not_compared)
async def an_entry_is_edited(scene: Any) -> None:
    broker = await tampered(scene, edits_and_commits_anew)
    with pytest.raises(Denied, match="not the one that was signed"):
        await broker.find(FLOWS, OPERATOR, WHY)


async def remembers_nothing(*_: object) -> str:
    return ""


def nothing_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(log, "_read", lambda _: "")
    patch.setattr(log.Log, "_noted", remembers_nothing)


@ATTEMPTS.of("A05", "the last entries are deleted", nothing_remembered)
async def the_last_are_deleted(scene: Any) -> None:
    broker = await tampered(scene, deletes)
    with pytest.raises(Denied, match="entries were deleted"):
        await broker.find(FLOWS, OPERATOR, WHY)


def records_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verifier, "require_entry", lambda *_: None)


@ATTEMPTS.of("A05", "a record is edited; the verifier names it", records_not_looked_at)
async def a_record_is_edited(scene: Any) -> None:
    kept = Kept(19, scene.folder)
    kept.entries[7] = kept.entries[7]._replace(record=b'{"subject":"urn:other"}')
    with pytest.raises(Wrong, match="entry 7 "):
        kept.verify()


def all_is_consistent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WITNESS, "consistent", lambda *_: True)


@ATTEMPTS.of("A06", "a second log gets no cosignature", all_is_consistent)
async def a_fork_is_shown_to_a_witness(scene: Any) -> None:
    witness = Witness("paper.example", [str(SIGNER.key)], scene.folder / "witness")
    witness.add(request(0, 20))
    with pytest.raises(Refused):
        witness.add(request(20, 21, FORKED))


def any_signature_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verifier, "signed", lambda *_: 1)


@ATTEMPTS.of("A06", "an auditor wants two of three cosignatures", any_signature_counts)
async def a_log_that_few_have_seen(scene: Any) -> None:
    kept = Kept(19, scene.folder / "log")
    known = [Witness(f"w{n}", [KEY], scene.folder / str(n)) for n in range(3)]
    cosigned = kept.note + known[0].add(f"old 0\n\n{kept.note.decode()}").encode()
    with pytest.raises(Wrong, match="1 of 2 cosignatures"):
        verifier.head(cosigned, KEY, [witness.key for witness in known], 2)


def everything_allowed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("townsquare.context.grants.decide", lambda *_: Grant(True))


@ATTEMPTS.of("A21", "an operator looks who did what", everything_allowed)
async def an_operator_reads_the_log(scene: Any) -> None:
    broker = scene.city()
    await noted(broker)
    with pytest.raises(Denied):
        await broker.ledger.read(LogSearch(), OPERATOR, WHY)


def nothing_goes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tables, "UNLOG", "update log set salt = salt where row = ?")


@ATTEMPTS.of("A21", "an erased record is gone, and its proof stays", nothing_goes)
async def an_erased_record_is_looked_for(scene: Any) -> None:
    broker = scene.city()
    await noted(broker)
    (before,) = await broker.store.log(0, 1)
    await broker.ledger.erase([0], OFFICER, WHY, "request 12")
    (after,) = await broker.store.log(0, 1)
    assert (after.salt, after.record, after.commitment) == (b"", b"", before.commitment)


def never_daily(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outdated, "erase", nothing_compared)


@ATTEMPTS.of("A21", "records are hoarded for longer than the town says", never_daily)
async def an_old_record_is_looked_for(scene: Any) -> None:
    broker, now = scene.city(), datetime(2030, 6, 1, tzinfo=UTC)
    broker.clock = lambda: now
    await noted(broker)
    broker.clock = lambda: now + timedelta(days=made.KEEP_DAYS + 1)
    await made.notary(broker, scene.folder).step()
    assert await broker.ledger.read(LogSearch(until=now + timedelta(1)), OFFICER, WHY) == []


def no_salt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(audit, "SALT_BYTES", 0)


@ATTEMPTS.of("A21", "who guesses a record cannot tell from what is public", no_salt)
async def a_record_is_guessed(scene: Any) -> None:
    broker = scene.city()
    await noted(broker)
    (entry,) = await broker.store.log(0, 1)
    assert hashlib.sha256(entry.record).digest() != entry.commitment
