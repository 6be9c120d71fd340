"""The log's tree as files: tiles of 256 hashes, and bundles of the entries (C2SP tlog-tiles).

    tile/<L>/<N>            hashes of 256**L entries each, of which 256 are a tile
    tile/entries/<N>        entries: the commitments, each behind its length
    .../<N>.p/<W>           the first W of one that is not full

Always holds: a full tile is written once and whole. What is not full lies in memory, and on disk
as it was when it was last kept: for a checkpoint, which needs the partial tiles of its size. All
of it can be made again from the store's log.
"""

import os
import shutil
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from townsquare.trust.tlog import above, leaf

WIDTH = 256  # hashes a tile
HASH = 32  # bytes
PAIR = 2 * HASH
LENGTH = HASH.to_bytes(2, "big")  # in front of each entry
ENTRY = len(LENGTH) + HASH
MOST_CACHED = 128  # tiles with the rows above them, 2 MiB
MOST_KNOWN = 1024  # hashes over what is not full


class Torn(Exception):
    """The files are not those of a tree of that size: they must be made again."""


class Tiles:
    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder = folder / "tile"
        self._edge: list[bytearray] = [bytearray()]  # of each level, what is not full
        self._entries = bytearray()
        self._new: set[Path] = set()  # folders and files that may not be on the disk yet
        self._turn = threading.RLock()  # it grows in a thread, and is proven from in others
        self._cached = lru_cache(MOST_CACHED)(self._full)
        self._known = lru_cache(MOST_KNOWN)(self._of_edge)  # a complete subtree stays as it is

    def append(self, commitments: Iterable[bytes]) -> None:
        with self._turn:
            for commitment in commitments:
                self._append(commitment)

    def _append(self, commitment: bytes) -> None:
        self._entries += LENGTH + commitment
        if len(self._entries) == WIDTH * ENTRY:
            self._write("entries", self.size // WIDTH, self._entries)
            self._entries = bytearray()
        self._push(0, leaf(commitment))
        self.size += 1

    def _push(self, level: int, hash: bytes) -> None:
        if level == len(self._edge):
            self._edge.append(bytearray())
        edge = self._edge[level]
        edge += hash
        if len(edge) == WIDTH * HASH:
            self._write(str(level), self.size // WIDTH ** (level + 1), edge)
            self._edge[level] = bytearray()
            self._push(level + 1, _top(bytes(edge)))

    def keep(self) -> None:
        """What is not full, and everything written before it, is on the disk when this returns."""
        for level, edge in enumerate(self._edge):
            if edge:
                self._write(str(level), self.size // WIDTH ** (level + 1), edge, HASH)
        if self._entries:
            self._write("entries", self.size // WIDTH, self._entries, ENTRY)
        for path in self._new:
            _sync(path)
        self._new.clear()

    def load(self, size: int) -> None:
        """The tree as it was kept at `size`. Raises Torn."""
        self.size, self._edge = size, []
        level = 0
        while level == 0 or size >> 8 * level:
            number, width = divmod(size >> 8 * level, WIDTH)
            self._edge.append(bytearray(self._kept(str(level), number, width, HASH)))
            level += 1
        number, width = divmod(size, WIDTH)
        self._entries = bytearray(self._kept("entries", number, width, ENTRY))
        self._cached.cache_clear()
        self._known.cache_clear()

    def move(self, folder: Path) -> None:
        """To be the tree of this folder, whose own was damaged."""
        there = folder / "tile"
        shutil.rmtree(there, ignore_errors=True)
        self._folder.rename(there)
        self._folder = there

    def hashes(self, height: int, index: int) -> bytes:
        """Of a complete subtree, as `tlog.Hashes`. Raises Torn."""
        level, rest = divmod(height, 8)
        number, place = divmod(index << rest, WIDTH)
        with self._turn:
            if number == (self.size >> 8 * level) // WIDTH:
                return self._known(height, index)
            at = (place >> rest) * HASH
            return self._cached(level, number)[rest][at : at + HASH]

    def _of_edge(self, height: int, index: int) -> bytes:
        level, rest = divmod(height, 8)
        place = (index << rest) % WIDTH
        part = bytes(self._edge[level][place * HASH : (place + (1 << rest)) * HASH])
        if len(part) != HASH << rest:
            raise Torn(f"the tree has no subtree {index} of height {height} yet")
        return _top(part)

    def commitments(self, start: int, end: int) -> list[bytes]:
        """Of entries, from `start` until before `end`. Raises Torn."""
        found: list[bytes] = []
        for number in range(start // WIDTH, -(-end // WIDTH)):
            known = number == self.size // WIDTH
            bundle = self._entries if known else self._kept("entries", number, WIDTH, ENTRY)
            found += [
                bytes(bundle[at + len(LENGTH) : at + ENTRY]) for at in range(0, len(bundle), ENTRY)
            ]
        first = start // WIDTH * WIDTH
        return found[start - first : end - first]

    def _full(self, level: int, number: int) -> list[bytes]:
        return _rows(self._kept(str(level), number, WIDTH, HASH))

    def _kept(self, kind: str, number: int, width: int, each: int) -> bytes:
        """The first `width` of a tile, from what there is of it."""
        if not width:
            return b""
        full = self._folder / kind / path_of(number)
        found = _read(full) or _read(partial(full, width))
        if found is None or len(found) < width * each or len(found) % each:
            raise Torn(f"{full} is missing or too short")
        return found[: width * each]

    def _write(self, kind: str, number: int, edge: bytes | bytearray, each: int = 0) -> None:
        """A full tile, or with `each` bytes a hash what there is of it."""
        full = self._folder / kind / path_of(number)
        path = partial(full, len(edge) // each) if each else full
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_bytes(edge)
        unfinished.replace(path)
        self._new |= {path, path.parent}
        before = partial(full, 0).parent
        if not each and before.exists():  # what was kept of it then is needed no more
            shutil.rmtree(before)
            self._new = {p for p in self._new if before not in (p, p.parent)}


def path_of(number: int) -> str:
    """1234067 as x001/x234/067."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    return "/".join(reversed(parts))


def partial(full: Path, width: int) -> Path:
    return full.with_name(f"{full.name}.p") / str(width)


def _top(hashes: bytes) -> bytes:
    """Root of the complete subtree over a power of two of hashes."""
    return _rows(hashes)[-1]


def _rows(hashes: bytes) -> list[bytes]:
    """Of that subtree, from the hashes up to the root."""
    rows = [hashes]
    while len(rows[-1]) > HASH:
        row = rows[-1]
        rows.append(b"".join(above(row[at : at + PAIR]) for at in range(0, len(row), PAIR)))
    return rows


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
