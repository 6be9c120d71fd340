"""Exact geometry on GeoJSON, WGS 84. Distances are metres along the ellipsoid.

Source of the relations: ETSI GS CIM 009, clause 4.10.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import shapely
from pyproj import Geod
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
LONGEST_M = 20_037_509  # half of the equator
EARTH = Geod(ellps="WGS84")


def geometry(geojson: Json) -> BaseGeometry:
    """Raises Invalid for what is not a GeoJSON geometry on Earth."""
    try:
        shape = shapely.from_geojson(json.dumps(geojson))
    except (GEOSException, TypeError, ValueError) as error:
        raise Invalid(f"not a GeoJSON geometry: {json.dumps(geojson)[:120]}") from error
    west, south, east, north = shape.bounds if not shape.is_empty else (999.0,) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid(f"geometry is empty or not on Earth: {json.dumps(geojson)[:120]}")
    return shape


def distance_m(a: BaseGeometry, b: BaseGeometry) -> float:
    """0 where they touch. The nearest points are sought in the plane of degrees."""
    p, q = nearest_points(a, b)
    return float(EARTH.inv(p.x, p.y, q.x, q.y)[2])


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


@lru_cache(maxsize=4096)
def _parsed(geojson: str) -> BaseGeometry:
    return geometry(json.loads(geojson))
