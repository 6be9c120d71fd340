"""The three sealed shares of a segment, while its hour or a hold on it lasts."""

from dataclasses import dataclass

from msgspec import structs

from townsquare.model.errors import NotFound
from townsquare.trust.seal import segment
from townsquare.trust.seal.listing import Line
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Unwrapping:
    shelf: Shelf
    keys: HourKeys

    def sealed_shares(self, camera: str, hour: str, line: Line) -> list[bytes]:
        """Shares 1 to 3, each sealed to its custodian, or to who follows (`handing`). Raises
        NotFound once nothing opens them, and NotOpened for what is not as it was sealed.
        """
        found = self.shelf.head(camera, hour, line.file)
        if self.keys.has(hour):
            if handed := self.shelf.handed(camera, hour, line.file):
                found = structs.replace(found, envelope=handed)
            return segment.shares_of(found, self.keys.opening(hour))
        for hold, envelope in self.shelf.held(camera, hour, line.file).items():
            if self.keys.has(hold):
                held = structs.replace(found, envelope=envelope)
                return segment.shares_of(held, self.keys.opening(hold))
        raise NotFound(
            f"footage of camera {camera!r}, {hour}, was destroyed: its key is gone, and no legal"
            " hold is on it"
        )
