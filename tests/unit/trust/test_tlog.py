"""The tree against RFC 6962, with roots and proofs of the reference implementations' tests."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from townsquare.trust import tlog
from townsquare.trust.tiles import Tiles, Torn, path_of

# Leaves, roots of the first n of them and proofs: test data of Certificate Transparency.
INPUTS = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
# (index, size) -> path
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def of(leaves: Sequence[bytes]) -> tlog.Hashes:
    """Hashes of complete subtrees, straight from the definition."""

    @lru_cache(None)
    def hashes(height: int, index: int) -> bytes:
        if height == 0:
            return leaves[index]
        return tlog.node(hashes(height - 1, 2 * index), hashes(height - 1, 2 * index + 1))

    return hashes


HASHES = of([tlog.leaf(data) for data in INPUTS])


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_the_reference(size: int) -> None:
    assert tlog.root(size, HASHES).hex() == ROOTS[size]


@pytest.mark.parametrize("of", PATHS)
def test_inclusion_proofs_are_those_of_the_reference(of: tuple[int, int]) -> None:
    assert [hash.hex() for hash in tlog.inclusion(*of, HASHES)] == PATHS[of]


@pytest.mark.parametrize("of", CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(of: tuple[int, int]) -> None:
    assert [hash.hex() for hash in tlog.consistency(*of, HASHES)] == CONSISTENCY[of]


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (5, "005"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_tiles_lie_where_the_specification_says(number: int, path: str) -> None:
    assert path_of(number) == path


def commitments(size: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % n).digest() for n in range(size)]


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts(tmp_path: Path) -> None:
    """Its own example: 273 full tiles at level 0, partial ones 112, 17 and 1 wide."""
    tiles = Tiles(tmp_path)
    data = commitments(70_000)
    tiles.append(data)
    tiles.keep()
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    full = {f"tile/{kind}/{n:03}" for n in range(273) for kind in ("0", "entries")}
    rest = {"tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert found == full | rest | {"tile/1/000"}
    assert tlog.root(70_000, tiles.hashes) == tlog.root(70_000, of([*map(tlog.leaf, data)]))
    assert tiles.commitments(69_990, 70_000) == data[69_990:]
    assert tiles.commitments(250, 520) == data[250:520]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 769])
def test_a_tree_goes_on_where_it_was_kept(tmp_path: Path, size: int) -> None:
    data = commitments(size + 600)
    whole = of([*map(tlog.leaf, data)])
    first = Tiles(tmp_path)
    first.append(data[:size])
    first.keep()
    first.append(data[size:])  # and the program ends before it is kept
    again = Tiles(tmp_path)
    again.load(size)
    assert tlog.root(size, again.hashes) == tlog.root(size, whole)
    again.append(data[size:])
    assert tlog.root(size + 600, again.hashes) == tlog.root(size + 600, whole)


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/0/000"])
def test_a_tile_that_is_missing_or_cut_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(commitments(300))
    tiles.keep()
    (tmp_path / name).write_bytes(b"x" * 31)
    with pytest.raises(Torn, match="missing or too short"):
        _proven(tmp_path)


def _proven(folder: Path) -> None:
    tiles = Tiles(folder)
    tiles.load(300)
    tlog.inclusion(0, 300, tiles.hashes)


def test_proofs_of_a_tree_that_grows_are_those_of_the_tree_as_it_is(tmp_path: Path) -> None:
    """What was proven from a tile that was not full must not be believed of what came since."""
    data = commitments(1300)
    whole, tiles = of([*map(tlog.leaf, data)]), Tiles(tmp_path)
    for size in range(100, 1301, 100):
        tiles.append(data[size - 100 : size])
        for index in range(0, size, 7):
            proof = tlog.inclusion(index, size, tiles.hashes)
            assert proof == tlog.inclusion(index, size, whole), (index, size)
    with pytest.raises(Torn, match="no subtree"):
        tiles.hashes(0, 1300)
