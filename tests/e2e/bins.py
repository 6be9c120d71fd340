"""Bins that tell how full they are, for towns whose alarms come from no camera."""

import httpx

from tests.e2e.town import Town

FULL = """
[[rule]]
name = "full"
title = "Bin is full"
type = "Bin"
attribute = "level"
above = 80
clear_below = 70
severity = "low"
scope = ""
"""


def full(name: str, lon: float, lat: float) -> dict[str, object]:
    """WGS 84, degrees."""
    place = {"type": "Point", "coordinates": [lon, lat]}
    return {"id": f"urn:ngsi-ld:Bin:{name}", "type": "Bin", "level": 90, "location": place}


def tell(town: Town, *bins: dict[str, object]) -> None:
    url = f"{town.url}/ngsi-ld/v1/entityOperations/upsert"
    assert httpx.post(url, json=bins, timeout=60).status_code == 201
