"""Sealed recording, put together: what records, what ends footage, what holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.routing import Route

from townsquare.app.rooms import Run
from townsquare.app.settings import Place, Settings
from townsquare.context.broker import Broker
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed import drills, hour_keys, recording, shelf
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.doors import SealedDoors
from townsquare.vision.sealed.drills import Drills
from townsquare.vision.sealed.holds import Holds
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.recording import Recording
from townsquare.vision.sealed.retention import Retention
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.unwrapping import Unwrapping
from townsquare.web import notary
from townsquare.web.approvals import sealed, warnings
from townsquare.web.approvals.book import Act, Book
from townsquare.web.timekeeper import Timekeeper

FLOORS = 2  # recording stops at twice the room that the log needs
MB, GB = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sealed:
    recording: Recording
    retention: Retention
    doors: SealedDoors
    drills: Drills
    acts: tuple[Act, ...]

    def rooms(self) -> Mapping[str, Run]:
        return {
            "recording": self.recording.run,
            "retention": self.retention.run,
            "drills": self.drills.run,
        }

    def routes(self) -> list[Route]:
        return self.doors.routes()


def opened(
    settings: Settings, place: Place, broker: Broker, clock: Timekeeper, book: Callable[[], Book]
) -> Sealed:
    """Raises Invalid for what is wrong with [recording]."""
    kept = Shelf(place.data / shelf.FOLDER)
    keys = HourKeys(place.data / hour_keys.FOLDER)
    agreed = Agreed(broker, settings.recording.terms(place.settings))
    holds = Holds(broker, kept, keys, warnings.asking(book))
    where = recording.Place(
        place.data,
        place.settings,
        lambda: notary.free_at(place.data),
        FLOORS * settings.log.floor_mb * MB,
        settings.recording.most_gb * GB,
    )
    cameras = [camera for camera in settings.camera if camera.record]
    films = Recording(broker, settings.town, cameras, where, kept, keys, agreed)

    async def in_force() -> Terms:
        return agreed.require()

    tried = Drills(broker, in_force, Unwrapping(kept, keys), place.data / drills.FOLDER)
    return Sealed(
        films,
        Retention(broker, kept, keys, agreed, holds, clock.passed, films.free),
        SealedDoors(agreed, holds, sealed.asking(book), tried),
        tried,
        sealed.acts(agreed, holds, book, films.renew),
    )
