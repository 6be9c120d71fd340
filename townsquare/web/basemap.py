"""The ground of the map: the town's own PMTiles file, checked when the town starts.

Always holds: what is offered to browsers is a whole file of vector tiles of a known schema that
shows the town, with the words of those whom it comes from.
Source: PMTiles specification 3; Protomaps basemap layers 4; OpenMapTiles schema 3.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

from pmtiles.tile import Compression, HeaderDict, TileType, deserialize_header
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.model.position import Position
from townsquare.model.town import NOWHERE

ADDRESS = "/map/town.pmtiles"
KEPT = {"cache-control": "public, max-age=3600"}
HEADER = 127  # bytes
MOST_METADATA = 4_000_000  # bytes, unpacked
MOST_CREDIT = 300  # characters
GZIPPED = 16 + zlib.MAX_WBITS

Schema = Literal["protomaps", "openmaptiles"]
# By a layer that only one of them has.
SCHEMAS: dict[str, Schema] = {"roads": "protomaps", "transportation": "openmaptiles"}


@dataclass(frozen=True, slots=True)
class Settings:
    """[map] in townsquare.toml. Without `pmtiles` the map has the demo's streets."""

    pmtiles: str = ""  # a file, relative to the folder of the settings
    credit: str = ""  # whom the map comes from, where the file does not say it

    def __post_init__(self) -> None:
        if len(self.credit) > MOST_CREDIT:
            raise Invalid(f"credit has {len(self.credit)} characters, more than {MOST_CREDIT}")


@dataclass(frozen=True, slots=True)
class Ground:
    """`credit` stands on the map."""

    path: Path
    schema: Schema
    credit: str

    def described(self) -> dict[str, Json]:
        return {"tiles": ADDRESS, "schema": self.schema, "credit": self.credit}

    def routes(self) -> list[Route]:
        return [Route(ADDRESS, self.file)]

    async def file(self, _: Request) -> Response:
        """All of it or the range that is asked for: a browser reads the tiles that it shows."""
        return FileResponse(self.path, headers=KEPT, media_type="application/vnd.pmtiles")


def opened(settings: Settings, folder: Path, centre: Position) -> Ground | None:
    """None where the town has no file. Raises Invalid, naming file and reason."""
    if not settings.pmtiles:
        return None
    path = folder / settings.pmtiles
    try:
        with path.open("rb") as file:
            return _checked(path, file.read(HEADER), settings, centre)
    except OSError as error:
        raise Invalid(f"[map] pmtiles: cannot read {path}: {error.strerror}") from error


def _checked(path: Path, start: bytes, settings: Settings, centre: Position) -> Ground:
    header = _header(path, start)
    if header["tile_type"] != TileType.MVT:
        kind = header["tile_type"].name.lower()
        raise _wrong(path, f"has tiles of the type {kind}; vector tiles (mvt) are needed")
    if header["tile_compression"] not in (Compression.NONE, Compression.GZIP):
        raise _wrong(path, "has tiles that are not packed with gzip, which is what browsers unpack")
    # Everything starts behind the header and ends within the file.
    parts = ("root", "metadata", "leaf_directory", "tile_data")
    told: dict[str, Any] = dict(header)
    end = max(told[f"{part}_offset"] + told[f"{part}_length"] for part in parts)
    size = path.stat().st_size
    if end > size:
        raise _wrong(path, f"was cut off: it has {size} bytes of {end}; copy it anew")
    if centre != NOWHERE and not _shows(header, centre):
        west, south, east, north = _bounds(header)
        raise _wrong(
            path,
            f"shows {west:g}, {south:g} to {east:g}, {north:g}, and not the centre of the town"
            f" ({centre.lon:g}, {centre.lat:g})",
        )
    metadata = _metadata(path, header)
    credit = settings.credit or _plain(str(metadata.get("attribution") or ""))
    if not credit:
        raise _wrong(
            path,
            "does not say whom the map comes from; write it as"
            ' [map] credit = "© OpenStreetMap contributors"',
        )
    return Ground(path, _schema(path, metadata), credit[:MOST_CREDIT])


def _header(path: Path, start: bytes) -> HeaderDict:
    if len(start) < HEADER or not start.startswith(b"PMTiles"):
        raise _wrong(path, "is no PMTiles file")
    if start[7] != 3:
        raise _wrong(path, f"has version {start[7]} of PMTiles; `pmtiles convert` makes it 3")
    try:
        return deserialize_header(start)
    except ValueError as error:  # a number that stands for nothing
        raise _wrong(path, f"has a header that cannot be read: {error}") from error


def _bounds(header: HeaderDict) -> tuple[float, float, float, float]:
    """West, south, east and north in degrees."""
    west, south = header["min_lon_e7"] / 1e7, header["min_lat_e7"] / 1e7
    return west, south, header["max_lon_e7"] / 1e7, header["max_lat_e7"] / 1e7


def _shows(header: HeaderDict, at: Position) -> bool:
    west, south, east, north = _bounds(header)
    return west <= at.lon <= east and south <= at.lat <= north


def _metadata(path: Path, header: HeaderDict) -> dict[str, Any]:
    with path.open("rb") as file:
        file.seek(header["metadata_offset"])
        packed = file.read(min(header["metadata_length"], MOST_METADATA))
    try:
        if header["internal_compression"] == Compression.GZIP:
            packed = zlib.decompressobj(GZIPPED).decompress(packed, MOST_METADATA)
        found = json.loads(packed or b"{}")
    except (zlib.error, ValueError) as error:
        raise _wrong(path, f"has a description that cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _schema(path: Path, metadata: dict[str, Any]) -> Schema:
    layers = [str(layer.get("id")) for layer in _layers(metadata)]
    for layer in layers:
        if layer in SCHEMAS:
            return SCHEMAS[layer]
    raise _wrong(
        path,
        f"has the layers {', '.join(layers) or 'none'}; the schemas of Protomaps (roads) and"
        " OpenMapTiles (transportation) are known",
    )


def _layers(metadata: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found = metadata.get("vector_layers")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _plain(attribution: str) -> str:
    """Files say it in HTML, of which only the words are taken."""
    words = _Words()
    words.feed(attribution[: 10 * MOST_CREDIT])
    words.close()
    return " ".join("".join(words.found).split())


def _wrong(path: Path, why: str) -> Invalid:
    return Invalid(f"[map] pmtiles: {path} {why}")
