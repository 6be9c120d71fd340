"""Geoqueries (ETSI GS CIM 009, clauses 4.10 and 5.2.13)."""

import json
import math
from dataclasses import dataclass

from townsquare.context.form.read import read_name
from townsquare.context.jsonld import Terms
from townsquare.model import geometry
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, TooComplex
from townsquare.store.conditions import Near

LONGEST = 250_000  # characters: some 10,000 positions, which take a tenth of a second to read


@dataclass(frozen=True, slots=True)
class Geo:
    """A geoquery as it was said; `coordinates` is JSON, or text that is."""

    georel: Json
    geometry: Json
    coordinates: Json
    geoproperty: Json = "location"


def read_near(geo: Geo, terms: Terms) -> Near:
    """`georel=near;maxDistance==100` and its kin (clause 4.10). Raises Invalid."""
    texts = (geo.georel, geo.geometry, geo.geoproperty)
    if not all(isinstance(text, str) for text in texts):
        raise Invalid("georel, geometry and geoproperty must be text")
    relation, _, modifier = geo.georel.partition(";")
    reference = read_geometry(geo.geometry, geo.coordinates)
    name = terms.expand(read_name(geo.geoproperty))
    if relation == "near":
        bound, distance_m = distance(modifier)
        return Near(bound, reference, distance_m, name)
    if modifier or relation not in geometry.RELATIONS:
        raise Invalid(f"georel {geo.georel[:80]!r} is not known")
    return Near(geometry.RELATIONS[relation], reference, 0, name)


def read_geometry(kind: str, coordinates: Json) -> str:
    """GeoJSON text. Raises Invalid or TooComplex."""
    try:
        given = json.loads(coordinates) if isinstance(coordinates, str) else coordinates
    except (ValueError, RecursionError) as error:
        raise Invalid(f"coordinates must be a JSON list, is {coordinates[:80]!r}") from error
    reference = {"type": kind, "coordinates": given}
    text = json.dumps(reference)
    if len(text) > LONGEST:
        raise TooComplex(f"a geometry to compare with has at most {LONGEST} characters")
    geometry.geometry(reference)
    return text


def distance(modifier: str) -> tuple[geometry.Relation, float]:
    bound, _, text = modifier.partition("==")
    if bound not in ("maxDistance", "minDistance"):
        raise Invalid("georel=near needs ;maxDistance==METRES or ;minDistance==METRES")
    try:
        distance_m = float(text)
    except ValueError as error:
        raise Invalid(f"{bound} must be metres, is {text[:80]!r}") from error
    if not 0 < distance_m < math.inf:
        raise Invalid(f"{bound} must be over 0 m, is {text[:80]}")
    return ("near" if bound == "maxDistance" else "beyond"), min(distance_m, geometry.LONGEST_M)
