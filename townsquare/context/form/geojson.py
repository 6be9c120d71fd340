"""Entities as GeoJSON (clauses 4.5.16 and 4.5.17)."""

from collections.abc import Sequence

from townsquare.context.form.view import View, of_datasets
from townsquare.model.entity import Entity, Json


def feature(json: dict[str, Json], entity: Entity, view: View) -> dict[str, Json]:
    """Of an entity that is written already; its geometry comes from the entity itself."""
    properties = {name: value for name, value in json.items() if name != "id"}
    places = of_datasets(entity.attributes.get(view.place, ()), view.datasets)
    geometry = places[0].value if places and places[0].kind == "GeoProperty" else None
    return {"id": entity.id, "type": "Feature", "geometry": geometry, "properties": properties}


def collection(features: Sequence[Json]) -> dict[str, Json]:
    return {"type": "FeatureCollection", "features": list(features)}
