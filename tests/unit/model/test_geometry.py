"""Geometry on the ellipsoid, against figures that can be looked up."""

import json

import pytest

from townsquare.model.errors import Invalid
from townsquare.model.geometry import Relation, distance_m, geometry, matches

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


def point(lon: float, lat: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


def test_a_degree_of_latitude_at_the_equator_is_110_574_m() -> None:
    metres = distance_m(geometry(point(0, 0)), geometry(point(0, 1)))
    assert metres == pytest.approx(110_574.4, abs=0.1)


@pytest.mark.parametrize(
    ("a", "relation", "b", "expected"),
    [
        (point(1, 1), "within", SQUARE, True),
        (point(3, 1), "within", SQUARE, False),
        (SQUARE, "contains", point(1, 1), True),
        (point(3, 1), "disjoint", SQUARE, True),
        (point(2, 2), "intersects", SQUARE, True),
        (SQUARE, "equals", SQUARE, True),
    ],
)
def test_relations(
    a: dict[str, object], relation: Relation, b: dict[str, object], expected: bool
) -> None:
    assert matches(json.dumps(a), relation, json.dumps(b), 0) is expected


@pytest.mark.parametrize(
    "wrong", [None, {}, {"type": "Point"}, point(181, 0), point(0, 91), {"type": "Spot"}]
)
def test_what_is_no_place_on_earth_is_refused(wrong: object) -> None:
    with pytest.raises(Invalid):
        geometry(wrong)
