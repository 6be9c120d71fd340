"""Make the base map from a SUMO street network: make_basemap.py NET.xml.gz OUT.geojson

The network itself is made from OpenStreetMap, so the result is © OpenStreetMap contributors (ODbL)
and says so. One feature per class and name of street, WGS 84; opposite lanes become one line.
"""

import gzip
import json
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pyproj
from shapely import LineString, MultiLineString
from shapely.ops import linemerge

CLASS_OF_TYPE = {
    "highway.primary": "main",
    "highway.secondary": "main",
    "highway.tertiary": "main",
    "highway.residential": "side",
    "highway.unclassified": "side",
    "highway.living_street": "side",
    "highway.service": "service",
    "highway.footway": "path",
    "highway.path": "path",
    "highway.steps": "path",
    "highway.track": "path",
    "railway.light_rail": "rail",
    "railway.rail": "rail",
    "railway.tram": "tram",
    "highway.service|railway.tram": "tram",
}

SIMPLIFY_M = 0.8  # below what a line of the map is wide
DIGITS = 6  # 0.1 m
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, by way of an Eclipse SUMO network"

Street = tuple[str, str]  # class, name


@dataclass(frozen=True, slots=True)
class Ground:
    """How the network's metres lie on Earth."""

    offset_x_m: float
    offset_y_m: float
    projection: pyproj.Proj

    def lon_lat(self, x_m: float, y_m: float) -> tuple[float, float]:
        east, north = x_m - self.offset_x_m, y_m - self.offset_y_m
        lon, lat = self.projection(east, north, inverse=True)
        return round(lon, DIGITS), round(lat, DIGITS)


def read_net(path: Path) -> ET.Element:
    with gzip.open(path) as file:
        # The file comes with SUMO's own package or from the person who runs this.
        return ET.parse(file).getroot()  # noqa: S314 - a file of ours


def ground(net: ET.Element) -> Ground:
    location = net.find("location")
    if location is None:
        raise SystemExit("the network says no location: was it made without a projection?")
    x, y = points(location.attrib["netOffset"])[0]
    return Ground(x, y, pyproj.Proj(location.attrib["projParameter"]))


def points(shape: str) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in shape.split())
    return [(float(pair[0]), float(pair[1])) for pair in pairs]


def streets(net: ET.Element) -> dict[Street, set[LineString]]:
    """The middle lines by class and name, in the network's metres, each once."""
    crossings = {j.attrib["id"]: f"{j.attrib['x']},{j.attrib['y']}" for j in net.iter("junction")}
    found: dict[Street, set[LineString]] = defaultdict(set)
    for edge in net.iter("edge"):
        kind = CLASS_OF_TYPE.get(edge.get("type", ""))
        if kind:
            # A shape stops short of junctions that were joined from several: go to their middle.
            ends = crossings[edge.attrib["from"]], crossings[edge.attrib["to"]]
            line = points(f"{ends[0]} {edge.get('shape', '')} {ends[1]}")
            found[kind, edge.get("name", "")].add(LineString(min(line, line[::-1])))
    return found


def feature(street: Street, lines: set[LineString], earth: Ground) -> dict[str, object]:
    kind, name = street
    ordered = sorted((list(line.coords) for line in lines), key=str)
    merged = linemerge(MultiLineString(ordered)).simplify(SIMPLIFY_M)
    parts = merged.geoms if isinstance(merged, MultiLineString) else [merged]
    placed = [[earth.lon_lat(x, y) for x, y in part.coords] for part in parts]
    properties = {"class": kind} | ({"name": name} if name else {})
    geometry = {"type": "MultiLineString", "coordinates": placed}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def basemap(net: ET.Element) -> dict[str, object]:
    earth = ground(net)
    found = sorted(streets(net).items())
    features = [feature(street, lines, earth) for street, lines in found]
    return {"type": "FeatureCollection", "attribution": ATTRIBUTION, "features": features}


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: make_basemap.py NET.xml.gz OUT.geojson", file=sys.stderr)
        return 2
    net, out = Path(sys.argv[1]), Path(sys.argv[2])
    text = json.dumps(basemap(read_net(net)), ensure_ascii=False, separators=(",", ":"))
    out.write_text(text + "\n", encoding="utf-8")
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
