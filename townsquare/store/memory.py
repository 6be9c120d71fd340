"""What was worked out lately, so that it is not worked out again.

Always holds: what is kept has at most twice the size `most`, and nothing in it takes more than an
eighth of that. Safe for several threads: a lost race costs one more working out, nothing else.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Two generations; the older one goes as a whole, so that no look has to note who was last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._size = 0

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self.put(key, *found)
        return found[0]

    def __contains__(self, key: K) -> bool:
        return key in self._young or key in self._old

    def put(self, key: K, value: V, size: int = 1) -> V:
        """`value`, kept. `size` is in the unit of `most`."""
        if 8 * size > self._most:
            self.drop(key)
            return value
        earlier = self._young.get(key)
        self._young[key] = (value, size)
        self._size += size - (earlier[1] if earlier else 0)
        if self._size > self._most:
            self._old, self._young, self._size = self._young, {}, 0
        return value

    def drop(self, key: K) -> None:
        if earlier := self._young.pop(key, None):
            self._size -= earlier[1]
        self._old.pop(key, None)
