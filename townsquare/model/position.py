"""A place on Earth."""

from dataclasses import dataclass

from townsquare.model.entity import Attribute
from townsquare.model.errors import Invalid


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise Invalid(f"position lon {self.lon}, lat {self.lat} is not on Earth")

    def attribute(self) -> Attribute:
        """A GeoProperty, to be used as `location`."""
        point = {"type": "Point", "coordinates": [self.lon, self.lat]}
        return Attribute(point, kind="GeoProperty")
