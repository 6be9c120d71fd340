"""Entities as the JSON of NGSI-LD and back: normalized, concise, simplified, GeoJSON."""
