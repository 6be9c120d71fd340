"""`geoQ` of a subscription (clauses 4.10 and 5.2.13) as a condition on places."""

import json

from townsquare.context.subscriptions.wire import GeoQuery
from townsquare.model import geometry
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Near


def read_geo_query(given: GeoQuery) -> Near:
    """Raises Invalid."""
    reference = json.dumps({"type": given.geometry, "coordinates": _coordinates(given)})
    geometry.geometry(json.loads(reference))
    name = given.geoproperty or "location"
    relation, _, modifier = given.georel.partition(";")
    if relation == "near":
        bound, distance_m = distance(modifier)
        return Near(bound, reference, distance_m, name)
    if modifier or relation not in geometry.RELATIONS:
        raise Invalid(f"georel {given.georel[:80]!r} is not known")
    return Near(geometry.RELATIONS[relation], reference, 0, name)


def distance(modifier: str) -> tuple[geometry.Relation, float]:
    bound, _, text = modifier.partition("==")
    if bound not in ("maxDistance", "minDistance"):
        raise Invalid("georel=near needs ;maxDistance==METRES or ;minDistance==METRES")
    try:
        distance_m = float(text)
    except ValueError as error:
        raise Invalid(f"{bound} must be metres, is {text[:80]!r}") from error
    if not 0 <= distance_m <= geometry.LONGEST_M:
        raise Invalid(f"{bound} must be from 0 to {geometry.LONGEST_M} m, is {text[:80]}")
    return ("near" if bound == "maxDistance" else "beyond"), distance_m


def _coordinates(given: GeoQuery) -> object:
    """A list, or its text (clause 4.7.1)."""
    if not isinstance(given.coordinates, str):
        return given.coordinates
    try:
        return json.loads(given.coordinates)
    except (ValueError, RecursionError) as error:
        text = given.coordinates[:80]
        raise Invalid(f"coordinates must be a JSON list, is {text!r}") from error
