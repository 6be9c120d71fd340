"""Checks a log of Townsquare without the town: signatures, witnesses, the tree and every entry.

    python verifier.py FOLDER 'square.example.org/log+0f1e2d3c+AQ…' 'paper.example/w+…' …

FOLDER is an export of "Who looked", unpacked. The keys of log and witnesses must come from somebody
you trust. Needs Python 3.11 and the package `cryptography`, no network and no other file.

Always holds: what is not said to be wrong was looked at, and `Wrong` names the first bad entry.
"""

import hashlib
import json
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BODY = re.compile(r"([^\n]+)\n(0|[1-9]\d{0,18})\n([A-Za-z0-9+/]{43}=)\n")
LINE = re.compile(r"— (\S+) ((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\n")
Read = Callable[[str], bytes]  # a file of the log by its path in it; empty where there is none


class Wrong(Exception):
    pass


class Entry(NamedTuple):
    """Salt and record are empty once it is erased."""

    number: int
    salt: bytes
    record: bytes
    commitment: bytes
    proof: Sequence[bytes] = ()


class Head(NamedTuple):
    size: int
    root: bytes
    witnessed: dict[str, int]  # when, in seconds since 1970


def head(note: bytes, log: str, witnesses: Sequence[str], quorum: int) -> Head:
    """Of a checkpoint that is signed and cosigned as it must be. Raises Wrong."""
    text, _, lines = note.decode(errors="replace").rpartition("\n\n")
    found = BODY.fullmatch(f"{text}\n")
    if not found or found[1] != log.split("+")[0] or LINE.sub("", lines):
        raise Wrong("there is no checkpoint of this log")
    if signed(lines, log, f"{text}\n") is None:
        raise Wrong(f"the checkpoint of {found[2]} entries is not signed by the log")
    times = {key.split("+")[0]: signed(lines, key, f"{text}\n") for key in witnesses}
    seen = {name: at for name, at in times.items() if at}
    if len(seen) < quorum:
        raise Wrong(f"the checkpoint of {found[2]} entries: {len(seen)} of {quorum} cosignatures")
    return Head(int(found[2]), b64decode(found[3]), seen)


def signed(lines: str, key: str, text: str) -> int | None:
    """Whether a line of this key verifies: when, of a witness, in seconds since 1970."""
    name, id, told = key.split("+", 2)
    kind, public = b64decode(told)[0], b64decode(told)[1:]
    for signer, line in LINE.findall(lines):
        raw = b64decode(line)
        if (signer, raw[:4].hex(), b64encode(raw).decode()) == (name, id, line):
            at = int.from_bytes(raw[4:-64], "big")
            stamp = f"cosignature/v1\ntime {at}\n" if kind == 4 else ""
            with suppress(InvalidSignature):
                Ed25519PublicKey.from_public_bytes(public).verify(
                    raw[-64:] if stamp else raw[4:], f"{stamp}{text}".encode()
                )
                return at
    return None


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def apex(row: list[bytes]) -> list[bytes]:
    """Of the tree over these hashes; of none, none. One without a neighbour goes up as it is."""
    while len(row) > 1:
        pairs = [row[at : at + 2] for at in range(0, len(row), 2)]
        row = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return row


def require_entry(entry: Entry, commitment: bytes) -> None:
    """Raises Wrong where it is not what was committed to; an erased one has nothing to compare."""
    whole = not entry.record or hashlib.sha256(entry.salt + entry.record).digest() == commitment
    if entry.commitment != commitment or not whole:
        raise Wrong(f"entry {entry.number} is not what was committed to")


def require_included(entry: Entry, top: Head) -> None:
    """By its proof. Raises Wrong."""
    require_entry(entry, entry.commitment)
    proof, found = list(entry.proof), hashlib.sha256(b"\x00" + entry.commitment).digest()
    with suppress(IndexError):  # the proof is too short
        here = 0 <= entry.number < top.size
        if here and root(entry.number, top.size, proof, found) == top.root and not proof:
            return
    raise Wrong(f"entry {entry.number} is not in the tree that was signed")


def root(place: int, size: int, proof: list[bytes], leaf: bytes) -> bytes:
    """As the proof is made, from its end (RFC 9162, 2.1.3.1)."""
    if size == 1:
        return leaf
    split, beside = 1 << (size - 1).bit_length() - 1, proof.pop()
    if place < split:
        return node(root(place, split, proof, leaf), beside)
    return node(beside, root(place - split, size - split, proof, leaf))


def tile(read: Read, kind: str, number: int, width: int, each: int) -> bytes:
    """The first `width` of a tile. Raises Wrong."""
    digits = f"{number:0{-(-len(str(number)) // 3) * 3}}"
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["tile", kind, *(f"x{part}" for part in parts[:-1]), parts[-1]])
    found = (width < 256 and read(f"{path}.p/{width}")) or read(path)
    if len(found) not in (width * each, 256 * each):
        raise Wrong(f"{path} is missing, or has not the length of {width} entries")
    return found[: width * each]


def commitments(read: Read, size: int) -> Iterator[bytes]:
    """Raises Wrong."""
    for index in range(size):
        if index % 256 == 0:
            bundle = tile(read, "entries", index // 256, min(256, size - index), 34)
        told = bundle[index % 256 * 34 : index % 256 * 34 + 34]
        if told[:2] != b"\x00\x20":
            raise Wrong(f"entry {index} has not the length of a commitment")
        yield told[2:]


class Tree:
    """Grows leaf by leaf, and compares every hash that is kept."""

    def __init__(self, read: Read) -> None:
        self.size, self._read = 0, read
        self.rows: list[list[bytes]] = [[]]  # of each level, the tile that is being filled

    def append(self, commitment: bytes) -> None:
        self.size += 1
        self._push(0, hashlib.sha256(b"\x00" + commitment).digest())

    def root(self) -> bytes:
        """What is not full of a level is the last of the level above."""
        rest: list[bytes] = []
        for row in self.rows:
            rest = apex([*row, *rest])
        return rest[0] if rest else hashlib.sha256().digest()

    def _push(self, level: int, hash: bytes) -> None:
        self.rows += [[]] if level == len(self.rows) else []
        row = self.rows[level]
        row.append(hash)
        if len(row) == 256:
            self.compare(level)
            self.rows[level] = []
            self._push(level + 1, *apex(row))

    def compare(self, level: int) -> None:
        """With what is kept of the tile that is being filled. Raises Wrong."""
        row, span = self.rows[level], 256**level
        number = (self.size // span - 1) // 256
        kept = tile(self._read, str(level), number, len(row), 32) if row else b""
        for at, hash in enumerate(row):
            if kept[at * 32 : at * 32 + 32] != hash:
                first = (number * 256 + at) * span
                raise Wrong(f"the hash of entry {first} and {span - 1} after it does not fit")


def require_tree(read: Read, entries: Iterable[Entry], heads: Sequence[Head]) -> None:
    """Every entry, every hash, and the trees of all checkpoints in this one. Raises Wrong."""
    roots = {top.size: top.root for top in heads}
    if len(roots) != len({(top.size, top.root) for top in heads}):
        raise Wrong("two checkpoints have one size and different roots: the log was forked")
    tree, rest, since = Tree(read), iter(entries), 0
    for index, commitment in enumerate(commitments(read, max(roots))):
        if (entry := next(rest, None)) is None or entry.number != index:
            raise Wrong(f"entry {index} is missing")
        require_entry(entry, commitment)
        tree.append(commitment)
        if tree.size in roots and roots[tree.size] != tree.root():
            raise Wrong(f"of the entries {since} to {index} one is not what was signed")
        since = tree.size if tree.size in roots else since
    for level in range(len(tree.rows)):
        tree.compare(level)


def exported(folder: Path) -> list[Entry]:
    """What somebody searched for, as asked.json says. Raises Wrong for what is there twice."""
    found: list[Entry] = []
    for line in map(json.loads, (folder / "records.jsonl").read_bytes().splitlines()):
        if found and line["index"] <= found[-1].number:
            raise Wrong(f"entry {line['index']} stands behind entry {found[-1].number}")
        salt, commitment, *proof = map(
            b64decode, (line["salt"], line["commitment"], *line["proof"])
        )
        found.append(Entry(line["index"], salt, line["record"].encode(), commitment, proof))
    asked = json.loads((folder / "asked.json").read_bytes())
    wanted = range(asked["first"], asked["last"] + 1) if "last" in asked else ()
    if missing := sorted(set(wanted).difference(entry.number for entry in found)):
        raise Wrong(f"entry {missing[0]} is missing")
    return found


def listed(file: Path, size: int) -> Iterator[Entry]:
    """All entries in their order, as `townsquare export` writes them."""
    with file.open("rb") as lines:
        for number, line in enumerate(map(json.loads, lines)):
            if number == size:
                return
            if line["index"] != number:
                raise Wrong(f"entry {number} is missing")
            salt, commitment = b64decode(line["salt"]), b64decode(line["commitment"])
            yield Entry(number, salt, line["record"].encode(), commitment)


def main(folder: Path, log: str, *witnesses: str) -> None:
    top = head((folder / "checkpoint").read_bytes(), log, witnesses, len(witnesses) // 2 + 1)
    for entry in exported(folder):
        require_included(entry, top)
    print(f"Every entry is in the tree of {top.size} that was signed. Cosigned: {top.witnessed}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
