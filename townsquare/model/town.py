"""The town that runs this."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from townsquare.model.errors import Invalid
from townsquare.model.position import Position

NOWHERE = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Town:
    """[town] in townsquare.toml: what people read as its name, and where and when it is."""

    name: str = "Town"
    timezone: str = "UTC"  # as the IANA database names it, such as Europe/Berlin
    centre: Position = NOWHERE
    zoom: float = 15  # of the map at first sight: 10 shows a region, 18 a house

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Invalid(
                f"timezone {self.timezone!r} is not known; write one such as Europe/Berlin"
            ) from error
        if not 1 <= self.zoom <= 22:
            raise Invalid(f"zoom {self.zoom} is not between 1 and 22")

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.timezone))

    def midnight(self, at: datetime) -> datetime:
        """Start of the town's day that `at` is in, UTC."""
        start = self.local(at).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return start.astimezone(UTC)

    def day_end(self, at: datetime) -> datetime:
        """Start of the next day, UTC; a day has 23 to 25 hours."""
        return self.midnight(self.midnight(at) + timedelta(hours=26))
