"""What opens sealed footage, put together: where it lies, its keys of hours, and its proofs."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from townsquare.context.broker import Broker
from townsquare.trust.log import Log
from townsquare.vision.sealed import hour_keys, openings, shelf
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.openings import Openings
from townsquare.vision.sealed.proofs import Proofs
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.unwrapping import Unwrapping


def opened(
    broker: Broker,
    data: Path,
    log: Callable[[], Log],
    settle: Callable[[], Awaitable[None]] = openings.nothing,
) -> Openings:
    kept = Shelf(data / shelf.FOLDER)
    keys = HourKeys(data / hour_keys.FOLDER)
    proofs = Proofs(broker, log)
    return Openings(broker, kept, Unwrapping(kept, keys), proofs, data / openings.FOLDER, settle)
