"""The room "log" for tests: over any broker, with a folder of its own and no witnesses to call."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import httpx

from townsquare.context.broker import Broker
from townsquare.trust import note, secret
from townsquare.trust.log import Log
from townsquare.web.notary import Notary
from townsquare.web.outdated import Outdated
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
) -> Notary:
    kept = log(broker, folder)
    asked = Witnesses(kept, client or httpx.AsyncClient(), witnesses)
    return Notary(kept, asked, broker, spare, Outdated(broker, KEEP_DAYS, nothing_is_proven))
