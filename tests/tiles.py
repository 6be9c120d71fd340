"""A PMTiles file as a town would have it, made here out of a few ways and waters."""

import gzip
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mapbox_vector_tile
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

Point = tuple[float, float]  # longitude, latitude
BOX = (13.49, 52.39, 13.56, 52.42)  # west, south, east, north
ATTRIBUTION = '<a href="https://example.org">© Town &amp; survey</a> 2030'
Layers = Mapping[str, Sequence[tuple[Mapping[str, str], Sequence[Point]]]]
PROTOMAPS: Layers = {
    "roads": [
        ({"kind": "major_road", "name": "Long Street"}, ((13.490, 52.405), (13.560, 52.405))),
        ({"kind": "minor_road"}, ((13.520, 52.390), (13.520, 52.420))),
    ],
    "water": [
        (
            {"kind": "lake"},
            ((13.50, 52.392), (13.55, 52.392), (13.55, 52.399), (13.50, 52.399), (13.50, 52.392)),
        )
    ],
}


def tile_of(point: Point, zoom: int) -> tuple[float, float]:
    """Where it lies among the tiles of this zoom (Web Mercator), in tiles from the north-west."""
    lon, lat = point
    y = math.asinh(math.tan(math.radians(lat))) / math.pi
    return (lon + 180) / 360 * 2**zoom, (1 - y) / 2 * 2**zoom


def written(path: Path, layers: Layers = PROTOMAPS, **other: Any) -> Path:
    """Tiles of zoom 12 that cover BOX. `other` replaces parts of the header or the description."""
    west, south, east, north = BOX
    zoom = 12
    corners = tile_of((west, north), zoom), tile_of((east, south), zoom)
    with path.open("wb") as file:
        writer = Writer(file)
        cells = [
            (x, y)
            for x in range(int(corners[0][0]), int(corners[1][0]) + 1)
            for y in range(int(corners[0][1]), int(corners[1][1]) + 1)
        ]
        for x, y in sorted(cells, key=lambda cell: zxy_to_tileid(zoom, *cell)):
            content = gzip.compress(encoded(layers, zoom, x, y), mtime=0)
            writer.write_tile(zxy_to_tileid(zoom, x, y), content)
        e7 = [round(degrees * 1e7) for degrees in BOX]
        header = {
            "tile_type": TileType.MVT,
            "tile_compression": Compression.GZIP,
            **dict(zip(("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"), e7, strict=True)),
            **{key: other[key] for key in other if key in HEADER},
        }
        description = {
            "attribution": ATTRIBUTION,
            "vector_layers": [{"id": name, "fields": {}} for name in layers],
            **{key: other[key] for key in other if key not in HEADER},
        }
        writer.finalize(header, description)
    return path


HEADER = ("tile_type", "tile_compression", "min_lon_e7", "max_lon_e7")


def encoded(layers: Layers, zoom: int, x: int, y: int) -> bytes:
    def inside(point: Point) -> tuple[int, int]:
        across, down = tile_of(point, zoom)
        return round((across - x) * 4096), round((down - y) * 4096)

    def shape(points: Sequence[Point]) -> str:
        said = ", ".join(f"{a} {b}" for a, b in map(inside, points))
        return f"POLYGON (({said}))" if points[0] == points[-1] else f"LINESTRING ({said})"

    return bytes(
        mapbox_vector_tile.encode(
            [
                {
                    "name": name,
                    "features": [
                        {"geometry": shape(points), "properties": dict(properties)}
                        for properties, points in ways
                    ],
                }
                for name, ways in layers.items()
            ],
            default_options={"y_coord_down": True},
        )
    )
