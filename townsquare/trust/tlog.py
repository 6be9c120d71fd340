"""A Merkle tree of RFC 6962 and its proofs, from hashes of complete subtrees that are kept.

Pure: `Hashes` gives the hash of the complete subtree `index` at `height`, over the entries from
index * 2**height on. All else is put together of those, in a number of steps that grows with the
logarithm of the tree's size.
"""

import hashlib
from collections.abc import Callable

Hashes = Callable[[int, int], bytes]  # height, index

EMPTY = hashlib.sha256().digest()


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return above(left + right)


def above(pair: bytes) -> bytes:
    """The hash over two that lie side by side."""
    return hashlib.sha256(b"\x01" + pair).digest()


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(size: int, hashes: Hashes) -> bytes:
    return _range(0, size, hashes) if size else EMPTY


def _range(start: int, end: int, hashes: Hashes) -> bytes:
    """Merkle tree hash of entries `start` to `end`, where `start` is where a subtree begins."""
    size = end - start
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return hashes(height, start >> height)
    middle = start + _split(size)
    return node(_range(start, middle, hashes), _range(middle, end, hashes))


def inclusion(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962, 2.1.1: from the leaf's sibling up."""
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range(middle, end, hashes))
            end = middle
        else:
            path.append(_range(start, middle, hashes))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, hashes: Hashes) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962, 2.1.2; empty where either says nothing of the other."""
    if old in {0, new}:
        return []
    start, end, whole, path = 0, new, True, list[bytes]()
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range(middle, end, hashes))
            end = middle
        else:
            path.append(_range(start, middle, hashes))
            start, whole = middle, False
    if not whole:
        path.append(_range(start, end, hashes))
    return path[::-1]
