"""The room "log" for tests: over any broker, with a folder of its own and no witnesses to call."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import httpx

from townsquare.context.broker import Broker
from townsquare.trust import note, secret
from townsquare.trust.log import Log
from townsquare.web.notary import Notary, Upkeep
from townsquare.web.outdated import Outdated
from townsquare.web.timekeeper import Timekeeper
from townsquare.web.witnesses import Witness, Witnesses

ORIGIN = "example.org/log"
KEEP_DAYS = 1100


async def nothing_is_proven() -> Collection[str]:
    return ()


def signer(folder: Path) -> note.Signer:
    return note.signer(secret.kept(folder / "secrets" / "log-key", lambda: note.made(ORIGIN)))


def signing(folder: Path) -> note.Key:
    return signer(folder).key


def log(broker: Broker, folder: Path) -> Log:
    return Log(folder / "log", signer(folder), broker.store, lambda: broker.clock())


def notary(
    broker: Broker,
    folder: Path,
    *,
    witnesses: Sequence[Witness] = (),
    client: httpx.AsyncClient | None = None,
    spare: Callable[[], int] = lambda: 1,
    clock: Timekeeper | None = None,
) -> Notary:
    kept = log(broker, folder)
    asked = Witnesses(kept, client or httpx.AsyncClient(), witnesses)
    outdated = Outdated(broker, KEEP_DAYS, nothing_is_proven)
    return Notary(kept, asked, broker, spare, Upkeep(clock or even(broker), outdated))


def even(broker: Broker) -> Timekeeper:
    """Of a machine whose clock is never set."""
    return Timekeeper(lambda: broker.clock(), lambda: broker.clock().timestamp())


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes, straight from the definition (RFC 6962, 2.1)."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_head(leaves[:split]) + tree_head(leaves[split:])).digest()
