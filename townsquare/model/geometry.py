"""Exact geometry on GeoJSON, WGS 84. Distances are metres along the ellipsoid.

Source of the relations: ETSI GS CIM 009, clause 4.10.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import cos, radians
from typing import Literal, NamedTuple

import shapely
from pyproj import Geod
from shapely.affinity import scale
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

Relation = Literal[
    "near", "within", "contains", "intersects", "equals", "disjoint", "overlaps", "beyond"
]
# As clause 4.10 names them.
RELATIONS: Mapping[str, Relation] = {
    "within": "within",
    "contains": "contains",
    "intersects": "intersects",
    "equals": "equals",
    "disjoint": "disjoint",
    "overlaps": "overlaps",
}
TYPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)  # all of GeoJSON but collections (clause 4.7.1)
LONGEST_M = 20_037_509  # half of the equator
EARTH = Geod(ellps="WGS84")
GLOBE = Geod(ellps="sphere")
USUAL = 4096  # characters of a geometry; of longer ones only few are remembered


class Bounds(NamedTuple):
    """WGS 84 degrees."""

    west: float
    east: float
    south: float
    north: float


def is_geometry(json: Json) -> bool:
    """Whether an object says that it is one; it may still be a bad one."""
    if not isinstance(json, dict):
        return False
    type = json.get("type")
    return isinstance(type, str) and type in TYPES


def bounds(geojson: Json) -> Bounds:
    """Raises Invalid for what is not a GeoJSON geometry on Earth."""
    if isinstance(geojson, dict) and geojson.get("type") == "Point":
        # Nearly every location is a point, and this is ten times faster than to parse it.
        lon, lat = _numbers(geojson.get("coordinates")) or (999.0, 999.0)
        if _on_earth(lon, lat):
            return Bounds(lon, lon, lat, lat)
    west, south, east, north = geometry(geojson).bounds
    return Bounds(west, east, south, north)


def around(places: Sequence[Bounds]) -> Bounds:
    west, east, south, north = zip(*places, strict=True)
    return Bounds(min(west), max(east), min(south), max(north))


def _numbers(coordinates: Json) -> tuple[float, float] | None:
    if not isinstance(coordinates, list) or len(coordinates) not in (2, 3):
        return None
    if not all(type(number) in (int, float) for number in coordinates):
        return None
    return coordinates[0], coordinates[1]


def _on_earth(lon: float, lat: float) -> bool:
    return -180 <= lon <= 180 and -90 <= lat <= 90


def geometry(geojson: Json) -> BaseGeometry:
    """Raises Invalid for what is not a GeoJSON geometry on Earth."""
    if not is_geometry(geojson):
        raise Invalid(f"not a GeoJSON geometry: {json.dumps(geojson)[:120]}")
    try:
        shape = shapely.from_geojson(json.dumps(geojson))
    except (GEOSException, TypeError, ValueError) as error:
        raise Invalid(f"not a GeoJSON geometry: {json.dumps(geojson)[:120]}") from error
    west, south, east, north = shape.bounds if not shape.is_empty else (999.0,) * 4
    if not (_on_earth(west, south) and _on_earth(east, north)):
        raise Invalid(f"geometry is empty or not on Earth: {json.dumps(geojson)[:120]}")
    return shape


def distance_m(a: BaseGeometry, b: BaseGeometry) -> float:
    """0 where they touch. The nearest points are sought in the plane of degrees, and again with
    degrees of longitude as short as they are there.
    """
    p, q = nearest_points(a, b)
    shrunk = cos(radians(min(89.9, max(abs(p.y), abs(q.y)))))
    r, s = nearest_points(_shrunk(a, shrunk), _shrunk(b, shrunk))
    apart = EARTH.inv([p.x, r.x / shrunk], [p.y, r.y], [q.x, s.x / shrunk], [q.y, s.y])[2]
    return float(min(apart))


def _shrunk(shape: BaseGeometry, by: float) -> BaseGeometry:
    return scale(shape, xfact=by, yfact=1, origin=(0, 0))


def apart_m(stored: str, reference: str) -> float | None:
    """Great-circle metres between the nearest points (clause 4.23.1); None if not a geometry."""
    try:
        p, q = nearest_points(_parsed(stored), _parsed(reference))
    except Invalid:
        return None
    return float(GLOBE.inv(p.x, p.y, q.x, q.y)[2])


def geometry_of(text: str) -> BaseGeometry:
    """Raises Invalid for text that is not a GeoJSON geometry on Earth."""
    try:
        return _parsed(text)
    except ValueError as error:  # of JSON
        raise Invalid(f"not GeoJSON: {error}") from error
    except RecursionError as error:
        raise Invalid("not GeoJSON: its lists are too deep in each other") from error


def matches(stored: str, relation: Relation, reference: str, distance: float) -> bool:
    """Does the geometry `stored` stand in `relation` to `reference` (both GeoJSON text)?

    `distance` in metres is the most for `near`, the least for `beyond`, unused otherwise.
    """
    try:
        a, b = _parsed(stored), _parsed(reference)
    except Invalid:
        return False  # an attribute that is no geometry is nowhere
    if relation == "near":
        return distance_m(a, b) <= distance
    if relation == "beyond":
        return distance_m(a, b) >= distance
    return bool(getattr(a, relation)(b))


def _parsed(geojson: str) -> BaseGeometry:
    return (_usual if len(geojson) <= USUAL else _long)(geojson)


def _shaped(geojson: str) -> BaseGeometry:
    """A shape that crosses itself is taken for the areas that it goes around."""
    shape = geometry(json.loads(geojson))
    return shape if shape.is_valid else shapely.make_valid(shape)


_usual = lru_cache(maxsize=4096)(_shaped)
_long = lru_cache(maxsize=16)(_shaped)
