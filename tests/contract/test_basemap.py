"""The town's own map: what is asked of its file, and how browsers read a part of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pmtiles.reader import MemorySource, Reader
from pmtiles.tile import Compression, TileType
from starlette.applications import Starlette

from tests.tiles import BOX, PROTOMAPS, Layers, written
from townsquare.model.errors import Invalid
from townsquare.model.position import Position
from townsquare.model.town import NOWHERE
from townsquare.web.basemap import ADDRESS, Settings, opened

HERE = Position(13.52, 52.40)
FILE = Settings(pmtiles="town.pmtiles")
OPENMAPTILES = {"transportation": PROTOMAPS["roads"]}


def of(settings: Settings, folder: Path, centre: Position = HERE) -> str:
    with pytest.raises(Invalid) as refused:
        opened(settings, folder, centre)
    return str(refused.value)


def test_a_town_without_a_file_has_the_streets_of_the_demo(tmp_path: Path) -> None:
    assert opened(Settings(), tmp_path, HERE) is None


@pytest.mark.parametrize(
    ("layers", "schema"), [(PROTOMAPS, "protomaps"), (OPENMAPTILES, "openmaptiles")]
)
def test_a_page_is_told_the_schema_and_whom_the_map_comes_from(
    tmp_path: Path, layers: Layers, schema: str
) -> None:
    written(tmp_path / "town.pmtiles", layers)
    ground = opened(FILE, tmp_path, HERE)
    assert ground
    assert ground.described() == {
        "tiles": "/map/town.pmtiles",
        "schema": schema,
        "credit": "© Town & survey 2030",  # words, and no markup of a stranger
    }


def test_the_settings_can_say_whom_it_comes_from(tmp_path: Path) -> None:
    written(tmp_path / "town.pmtiles", attribution="")
    assert "[map] credit" in of(FILE, tmp_path)
    said = opened(Settings("town.pmtiles", "© Survey"), tmp_path, HERE)
    assert said
    assert said.credit == "© Survey"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def spoilt(at: int, value: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at] = value
        path.write_bytes(content)

    return spoil


def with_garbled_description(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = int.from_bytes(content[24:32], "little")
    content[at : at + 6] = b"garble"
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "was cut off"),
        (lambda path: path.write_bytes(b""), "is no PMTiles file"),
        (lambda path: path.write_bytes(b"PK\3\4" * 100), "is no PMTiles file"),
        (spoilt(7, 2), "has version 2 of PMTiles"),
        (spoilt(97, 77), "has a header that cannot be read"),
        (spoilt(62, 255), "was cut off"),  # tiles that would begin far behind the end
        (with_garbled_description, "has a description that cannot be read"),
        (lambda path: path.unlink(), "cannot read"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_name_and_the_reason(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    path = written(tmp_path / "town.pmtiles")
    spoil(path)
    refused = of(FILE, tmp_path)
    assert said in refused
    assert str(path) in refused


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"tile_type": TileType.PNG}, "tiles of the type png; vector tiles"),
        ({"tile_compression": Compression.BROTLI}, "not packed with gzip"),
        ({"min_lon_e7": 140_000_000, "max_lon_e7": 150_000_000}, "not the centre of the town"),
        ({"vector_layers": [{"id": "parcels"}]}, "has the layers parcels"),
        ({"vector_layers": "many"}, "has the layers none"),
    ],
)
def test_a_map_that_cannot_be_drawn_here_is_refused(
    tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    written(tmp_path / "town.pmtiles", **other)
    assert said in of(FILE, tmp_path)


def test_a_town_without_a_centre_takes_any_place(tmp_path: Path) -> None:
    written(tmp_path / "town.pmtiles")
    assert opened(FILE, tmp_path, NOWHERE)
    assert "not the centre" in of(FILE, tmp_path, Position(2.35, 48.85))


async def test_browsers_read_the_parts_that_they_show(tmp_path: Path) -> None:
    content = written(tmp_path / "town.pmtiles").read_bytes()
    ground = opened(FILE, tmp_path, HERE)
    assert ground
    transport = httpx.ASGITransport(app=Starlette(routes=ground.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://town.test") as http:
        part = await http.get(ADDRESS, headers={"range": "bytes=0-126"})
        assert part.status_code == 206
        assert part.content == content[:127]
        assert part.headers["content-range"] == f"bytes 0-126/{len(content)}"
        assert part.headers["etag"]
        header = Reader(MemorySource(content)).header()
        start, size = header["tile_data_offset"], 50
        asked = {"range": f"bytes={start}-{start + size - 1}", "if-range": part.headers["etag"]}
        tile = await http.get(ADDRESS, headers=asked)
        assert tile.content == content[start : start + size]
        # The file was replaced: the whole new one, and not a part of something else.
        changed = await http.get(ADDRESS, headers={**asked, "if-range": '"another"'})
        assert changed.status_code == 200
        assert changed.content == content
        beyond = await http.get(ADDRESS, headers={"range": f"bytes={len(content)}-"})
        assert beyond.status_code == 416
        assert beyond.headers["content-range"].endswith(f"/{len(content)}")
        garbled = await http.get(ADDRESS, headers={"range": "bytes=a-b"})
        assert garbled.status_code in (200, 400, 416)


def test_the_box_of_the_example_holds_the_town() -> None:
    west, south, east, north = BOX
    assert west < HERE.lon < east
    assert south < HERE.lat < north
